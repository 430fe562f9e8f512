"""How an artisan logs in at `/me`: with a one-time code that is texted to the phone with which the artisan sells.

    POST /me/code      asks for a code; the same answer whether the phone is an artisan's or not
    POST /me/log-in    the code; 303 to `/me` with a session, or the form again
    POST /me/log-out   ends this session, or with `everywhere` all of the artisan's; 303 to `/me`

Both are limited for each phone and each address.
"""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot.messaging import queue, rendering
from bot.messaging.queue import NewMessage, Priority
from bot.messaging.still_true import TrueWhile
from bot.web import preferences
from bot.web.artisan.access import COOKIE, MeResources
from bot.web.door import Act, Stranger
from bot.web.order_forms import InvalidFormError
from bot.web.order_page import NOT_OUR_FORM
from bot.web.preferences import translated
from flows import msisdn
from flows.kit import N_
from marketplace_api.accounts import artisan_sessions, artisans
from marketplace_api.accounts.artisan_sessions import CODE_HOLDS, LONGEST
from marketplace_api.actors import Actor
from marketplace_api.models import Artisan
from marketplace_api.shop import Shop

CODE = N_(
    "Soko: your code for the web page is {code}. It is good for 10 minutes. Tell nobody.",
    "Soko: your code for the web page is {code}. Tell nobody.",
)
# Translators: these stand on a page, not in a text; they may be a little longer.
NO_PHONE = N_("Please type a mobile number, such as {example}; from another country with + and its code.")
WRONG_CODE = N_("This code is wrong or too old. Type it again, or ask for another one.")
TOO_MANY = N_("There were too many tries. Please try again in {minutes} minutes.")


def routes(me: MeResources) -> Blueprint:
    """`/me/code`, `/me/log-in` and `/me/log-out`."""
    pages = Blueprint("me_log_in", __name__)
    languages = [code for code, _ in me.place.languages]
    pages.before_request(lambda: preferences.read(languages))

    @pages.post("/me/code")
    def code() -> str | tuple[str, int]:
        phone = _phone()
        if phone is None or not _is_ours():
            words = NOT_OUR_FORM if phone else NO_PHONE
            refused = translated(words, example=msisdn.example(me.place.country))
            return page(me, request.form.get("phone", ""), refused), 422 if phone is None else 403
        if refused := _too_many("artisan_code", phone):
            return page(me, phone, refused), 429
        with me.database.writing.begin() as session:
            shop = me.open_shop(session, Actor.with_phone("phone", phone))
            if artisan := artisans.by_msisdn(shop, phone):
                _text_code(shop, artisan)
        return code_page(phone)

    @pages.post("/me/log-in")
    def log_in() -> Response | tuple[str, int]:
        phone = _phone()
        if phone is None or not _is_ours():
            return page(me, request.form.get("phone", ""), translated(NOT_OUR_FORM)), 403
        if refused := _too_many("artisan_log_in", phone):
            return code_page(phone, refused), 429
        typed = "".join(filter(str.isdecimal, request.form.get("code", "")))
        token = None
        with me.database.writing.begin() as session:
            shop = me.open_shop(session, Actor.with_phone("phone", phone))
            artisan = artisans.by_msisdn(shop, phone)
            if artisan and artisan_sessions.redeem_code(shop, artisan, typed):
                token = artisan_sessions.open_session(shop, artisan)
        return _enter(token) if token else (code_page(phone, translated(WRONG_CODE)), 422)

    @pages.post("/me/log-out")
    def log_out() -> Response:
        artisan = me.logged_in()
        response = redirect(url_for("me.page"), 303)
        if artisan is None:
            return response
        try:
            me.form_key(artisan)
        except InvalidFormError:
            return response
        with me.database.writing.begin() as session:
            shop = me.open_shop(session, Actor.with_phone("phone", artisan.msisdn))
            if request.form.get("everywhere"):
                artisan_sessions.end_all(shop, artisan.id)
            else:
                artisan_sessions.end_session(shop, artisan.token)
        response.delete_cookie(COOKIE, path=url_for("me.page"))
        return response

    def _phone() -> str | None:
        """The phone in the form, as an MSISDN; None if there is none."""
        try:
            return msisdn.parse(request.form.get("phone", ""), me.place.country)
        except ValueError:
            return None

    def _is_ours() -> bool:
        return me.forms.is_ours(request.headers.get("Origin"), request.host)

    def _too_many(act: Act, phone: str) -> str:
        """Count an attempt; the words of a refusal if there were too many, else nothing."""
        seconds = me.door.count(act, Stranger(request.remote_addr or "", phone=phone))
        return translated(TOO_MANY, minutes=-(-seconds // 60)) if seconds else ""

    def _text_code(shop: Shop, artisan: Artisan) -> None:
        code, conn = artisan_sessions.offer_code(shop, artisan), shop.session.connection()
        words, id = rendering.words_for(conn, artisan.msisdn, artisan.language), shop.ids.new_id("msg")
        message = NewMessage(
            f"log-in:{id}",
            artisan.msisdn,
            rendering.render_sms(words, CODE, {"code": code}),
            words.language,
            topic="reply",
            priority=Priority.REPLY,
            true_while=TrueWhile(until=shop.now + CODE_HOLDS),
        )
        queue.add(conn, queue.without_codes(message, [code], me.seal), id, shop.now)

    def _enter(token: str) -> Response:
        home = url_for("me.page")
        response = make_response(redirect(home, 303))
        response.set_cookie(
            COOKIE,
            token,
            int(LONGEST.total_seconds()),
            path=home,
            secure=me.forms.url.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
        return response

    return pages


def page(me: MeResources, phone: str = "", refused: str = "") -> str:
    """The page that asks for the phone."""
    example = msisdn.example(me.place.country)
    return render_template("me/log_in.html", phone=phone, refused=refused, example=example, place=me.place)


def code_page(phone: str, refused: str = "") -> str:
    """The page that asks for the code."""
    return render_template("me/code.html", phone=phone, refused=refused)
