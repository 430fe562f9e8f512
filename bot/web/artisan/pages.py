"""What an artisan sees and does at `/me`.

    GET  /me        money, orders and goods; for strangers the log-in
    POST /me        act=accept|decline|ready and code=…: the same page, with what came of it
    GET  /me/new    the form for something to sell, with a photo
    POST /me/new    puts it on sale; the page `/me`, or the form with the refusal

Each form is answered by the dialogue that answers calls and texts, with its checks and in its words. A form that is
sent twice, such as by loading the page again, does nothing the second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from bot.db.unit_of_work import UnitOfWork
from bot.messaging import rendering
from bot.messaging.form_replies import FormReply
from bot.photos import images
from bot.photos.images import UnusableImageError
from bot.web import formats
from bot.web.artisan import log_in
from bot.web.artisan.access import LoggedInArtisan, MeResources
from bot.web.order_forms import InvalidFormError
from bot.web.order_page import NOT_OUR_FORM
from bot.web.photo_page import LARGEST_REQUEST
from bot.web.preferences import translated
from marketplace_api.actors import Actor
from marketplace_api.catalogue import shown
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.models import Product
from marketplace_api.refused import Refused

NEW = "/me/new"
MOST_ORDERS, MOST_WARES = 20, 40
"""How many are shown, so that the page stays small; a call shows all."""
ANSWERS: Mapping[str, tuple[str, ...]] = {
    "accept": ("code", "part", "days"),
    "decline": ("code",),
    "ready": ("code",),
}
"""The questions that each form about an order answers, by the name of its flow."""
QUESTIONS = ("title", "category", "price", "quantity")
"""Those of the form for something to sell, in its flow."""
DEAR = "dear"
"""The question whether a high price is right."""
PLACED = "placed"


def routes(me: MeResources) -> Blueprint:
    """`/me` and `/me/new`."""
    pages = Blueprint("me", __name__)

    @pages.get("/me")
    def page() -> str:
        artisan = me.logged_in()
        return _home(artisan) if artisan else log_in.page(me)

    @pages.post("/me")
    def act() -> Response | tuple[str, int]:
        artisan, flow = me.logged_in(), request.form.get("act", "")
        if artisan is None or flow not in ANSWERS:
            return redirect(url_for(".page"), 303)
        reply = _send(artisan, flow, {name: request.form.get(name, "") for name in ANSWERS[flow]})
        return _home(artisan, reply), _status(reply)

    @pages.get(NEW)
    def form() -> Response | str:
        artisan = me.logged_in()
        return _new(artisan, {}) if artisan else redirect(url_for(".page"), 303)

    @pages.post(NEW)
    def add() -> Response | tuple[str, int]:
        artisan = me.logged_in()
        if artisan is None:
            return redirect(url_for(".page"), 303)
        request.max_content_length = LARGEST_REQUEST
        try:
            typed = request.form.to_dict()
        except RequestEntityTooLarge:
            return _new(artisan, {}, FormReply(translated(images.ImageTooLargeError.words), is_done=False)), 413
        reply = _send(artisan, "sell", _offer(typed))
        if not reply.is_done:
            return _new(artisan, typed, reply), _status(reply)
        return _home(artisan, reply, _add_photo(reply.code)), 200

    def _send(artisan: LoggedInArtisan, flow: str, answers: Mapping[str, str]) -> FormReply:
        try:
            key = me.form_key(artisan)
        except InvalidFormError:
            return FormReply(translated(NOT_OUR_FORM), is_done=False)
        return me.send(artisan.msisdn, artisan.language, key, flow, answers)

    def _add_photo(code: str) -> str:
        """Add the photo of the form to a new product; why it was refused, or nothing."""
        file = request.files.get("photo")
        sent = file.read() if file else b""
        try:
            if sent:
                me.uploads.add(code, sent)
        except UnusableImageError as unusable:
            return translated(unusable.words)
        except Refused:  # it was withdrawn meanwhile
            return ""
        return ""

    def _home(artisan: LoggedInArtisan, reply: FormReply | None = None, photo_refused: str = "") -> str:
        now, words = me.clock(), rendering.words(artisan.language)
        with closing(UnitOfWork(me.database)) as work:
            market = me.marketplace.session(work, artisan.msisdn, now)
            orders, earnings, cash = market.orders(), market.earnings(), market.cash()
            shop = me.open_shop(work.session, Actor.with_phone("phone", artisan.msisdn))
            own = Product.artisan_id == artisan.id, Product.status != "withdrawn"
            wares = [each.schema for each in shown.newest_of(shop, MOST_WARES + 1, *own)]
        return render_template(
            "me/home.html",
            me=artisan,
            reply=reply,
            photo_refused=photo_refused,
            offered=[order for order in orders if order.status == PLACED][:MOST_ORDERS],
            accepted=[order for order in orders if order.status != PLACED][:MOST_ORDERS],
            is_cut=len(orders) > MOST_ORDERS or len(wares) > MOST_WARES,
            earnings=earnings,
            cash=cash,
            wares=wares[:MOST_WARES],
            money=lambda amount: words.money(amount, me.place.currency),
            day=words.day,
            photo_page=lambda code: formats.path(me.photo_link(code, now)),
            token=me.form_token(artisan),
            place=me.place,
        )

    def _new(artisan: LoggedInArtisan, typed: Mapping[str, str], reply: FormReply | None = None) -> str:
        return render_template(
            "me/new.html",
            me=artisan,
            reply=reply,
            typed=defaultdict(str, typed),
            is_dear=reply is not None and reply.question == DEAR,
            categories=CATEGORIES,
            currency=me.place.currency,
            token=me.form_token(artisan),
        )

    return pages


def _offer(typed: Mapping[str, str]) -> Mapping[str, str]:
    """The answers of the form for something to sell. A category is answered by its number in the list."""
    answers = {name: typed.get(name, "") for name in QUESTIONS}
    numbers = {slug: str(number) for number, slug in enumerate(CATEGORIES, 1)}
    answers["category"] = numbers.get(answers["category"], "")
    return answers | {DEAR: "1" if typed.get(DEAR) else "", "review": "1"}


def _status(reply: FormReply) -> int:
    return 200 if reply.is_done else 422
