"""The shop's pages: what is on sale, a page for each product, and an order form that needs no JavaScript.

    GET  /                     the products, by what is asked for: `window_pages`
    GET  /products/<code>      one product, and the order form; `?pieces=&to=`, the country, say what its total is for,
                               and so do the names of the form, `?quantity=&ship_to.country=`
    POST /products/<code>      places the order; 303 to its page, or the form again with the errors; 403 for a form that
                               is not ours

Form fields are named after the place of their value in the body of `POST /api/v1/orders` (`ship_to.city`). The
marketplace's errors point into that body, so each can be shown at its field.

The form carries what it shows: `price`, of one piece, and `charges`, shipping and tax together. An order that would
cost more or less than these say is not placed; the form comes back with the new total.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot.runtime.clock import Clock
from bot.web import formats, goods_list, order_words, payment_form, preferences, product_data, window_pages
from bot.web.door import Door, Stranger
from bot.web.order_forms import InvalidFormError, OrderForms
from bot.web.payment_form import COUNTRY_NAMES
from bot.web.preferences import translated
from bot.web.shop_window import KiosksPage, MakersPage, PlacedOrder, PricedProduct, ShownWindow
from flows import msisdn
from flows.kit import N_
from marketplace_api.catalogue.browsing import Browse, Start
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.problems import Problem
from marketplace_api.schemas.money import Money

FIELDS = (
    "quantity",
    "buyer.name",
    "buyer.phone",
    "ship_to.line1",
    "ship_to.line2",
    "ship_to.city",
    "ship_to.region",
    "ship_to.postal_code",
    "ship_to.country",
    "note",
)
# Translators: these stand on a page, not in a text; they may be a little longer.
NOT_OUR_FORM = N_("This form did not come from this page, or the page is too old. Please check it and send it again.")
CLOSED = N_("Ordering here is closed at the moment. Nothing was ordered.")
SENT_BEFORE = N_("This form was sent before. Nothing was ordered now: please check it, and press the button again.")
THIS_COUNTRY = N_("this country")


@dataclass(frozen=True, slots=True)
class Times:
    """How long an order takes at most: the hours until an artisan answers, the days until goods are at the kiosk after
    the day that was promised, and those until the kiosk has shipped them."""

    answer: int
    bring: int
    ship: int


_WHOLE_NUMBER = re.compile(r"\d{1,9}")
_AMOUNT = re.compile(r"\d{1,12}")
_MOST_PIECES = 1000


def routes(
    *,
    browse: Callable[[Browse, Start, int], ShownWindow],
    maker: Callable[[str, Start, int], MakersPage | None],
    kiosk: Callable[[str, Start, int], KiosksPage | None],
    offer: Callable[[str, int, str], PricedProduct | None],
    place_order: Callable[[Mapping[str, object], str, str], StoredAnswer],
    order_of_form: Callable[[str], str | None],
    link: Callable[[str], str],
    forms: OrderForms,
    door: Door,
    clock: Clock,
    new_key: Callable[[], str],
    country: str,
    phone_country: Callable[[str], str],
    times: Times,
    languages: Sequence[str],
    currency: str,
) -> Blueprint:
    """`/` and `/products/<code>`. The functions are those of `ShopWindow`; `country` is selected in an empty form.

    `link` makes the URL of an order's page. `languages` are offered in this order; `currency` is the shop's.
    """
    shop = Blueprint("shop", __name__)
    for template_filter in formats.FILTERS:
        shop.add_app_template_filter(template_filter)
    shop.add_app_template_global(preferences.translated, "_")
    shop.add_app_template_global(preferences.counted, "_n")
    shop.add_app_template_global(lambda: preferences.current().language, "language")
    shop.before_request(lambda: preferences.read(languages))
    shop.after_request(preferences.remember)
    window_pages.add(
        shop, browse=browse, maker=maker, kiosk=kiosk, languages=languages, currency=currency, url=forms.url
    )

    @shop.get("/products/<code>", endpoint="product")
    def page(code: str) -> tuple[str, int, dict[str, str]]:
        asked = {"quantity": request.args.get("pieces", "1"), "ship_to.country": request.args.get("to", country)}
        shown = {**asked, **request.args.to_dict()}
        offered = offer(code, *_asked(shown))
        html, status = _form(offered, shown) if offered else _not_on_sale()
        # kept by the browser alone: going back to a form that was sent shows it with its token, which orders once
        return html, status, {"Cache-Control": "private, max-age=0"}

    @shop.post("/products/<code>")
    def order(code: str) -> Response | tuple[str, int]:
        offered = offer(code, *_asked(request.form))
        if offered is None:
            return _not_on_sale()
        address = request.remote_addr or ""
        try:
            key = _key_of_form(offered.product.code)
        except InvalidFormError:
            door.count("wrong_form", Stranger(address))
            return _form(offered, request.form, Problem.of(403, translated(NOT_OUR_FORM)))
        if not offered.ways.methods and not order_of_form(key):
            return _form(offered, request.form, Problem.of(409, translated(CLOSED)))
        answer = place_order(order_body(offered, request.form, forms.url), key, address)
        if answer.status == 201:
            return redirect(formats.path(link(PlacedOrder.model_validate_json(answer.body).id)), 303)
        problem = Problem.model_validate_json(answer.body)
        if problem.reason == "idempotency_key_reused":
            if placed := order_of_form(key):
                return redirect(f"{formats.path(link(placed))}?is_from_before=yes", 303)
            problem = Problem.of(409, translated(SENT_BEFORE))
        # read again: perhaps the price has changed, and the form shows the one that is checked next
        return _form(offer(code, *_asked(request.form)) or offered, request.form, problem)

    def _key_of_form(code: str) -> str:
        """The key of the form that was sent; raises InvalidFormError if it is not one of our pages'."""
        if not forms.is_ours(request.headers.get("Origin"), request.host):
            raise InvalidFormError
        return forms.key(request.form.get("token", ""), code, clock())

    def _form(shown: PricedProduct, typed: Mapping[str, str], problem: Problem | None = None) -> tuple[str, int]:
        formats.use_rates(shown.rates)
        example = msisdn.example(phone_country(typed.get("ship_to.country", "")))
        by_field = payment_form.refusals_by_field(problem, typed, shown.ways)
        refusals = order_words.by_field(problem, by_field, typed, example, shown.product.quantity)
        html = render_template(
            "shop/product.html",
            product=shown.product,
            quote=shown.quote,
            ways=shown.ways,
            pieces=_asked(typed)[0],
            times=times,
            address=(address := f"{forms.url}{url_for('shop.product', code=shown.product.code)}"),
            data=product_data.of(shown.product, address),
            country=formats.country_name(_asked(typed)[1]) or translated(THIS_COUNTRY),
            example=example,
            typed=defaultdict(str, typed),
            refused=problem and order_words.whole(problem),
            changed=_changed(shown, typed) if problem and problem.reason == "price_changed" else None,
            refusals={name: refusals[name] for name in sorted(refusals, key=_place)},
            # each form has its own key, so pressing the button twice places one order
            token=forms.token(shown.product.code, new_key(), clock()),
            countries=formats.country_options,
            choices=goods_list.choices(languages, currency, shown.rates),
        )
        return html, problem.status if problem else 200

    return shop


def _asked(form: Mapping[str, str]) -> tuple[int, str]:
    """How many pieces to which country; 1 if the number is not valid, and no country if there is none of this code."""
    typed = form.get("quantity", "").strip()
    quantity = int(typed) if _WHOLE_NUMBER.fullmatch(typed) else 1
    country = form.get("ship_to.country", "")
    return (quantity if 1 <= quantity <= _MOST_PIECES else 1), country if country in COUNTRY_NAMES else ""


def _place(field: str) -> int:
    """The place of a field in the form."""
    return FIELDS.index(field) if field in FIELDS else len(FIELDS)


def _changed(shown: PricedProduct, form: Mapping[str, str]) -> tuple[str, Money, Money] | None:
    """What has changed since the buyer saw it, how much it was, and how much it is now."""
    price, quote = shown.product.price, shown.quote
    if (before := _amount(form, "price")) not in (None, price.amount):
        return "price", Money(amount=before or 0, currency=price.currency), price
    expected = _expected_total(form)
    return ("total", Money(amount=expected, currency=price.currency), quote.total) if expected and quote else None


def _expected_total(form: Mapping[str, str]) -> int | None:
    """What the buyer was shown for the pieces in the form; None if the form does not say.

    The price of more pieces is known from the page, so the goods may be more or fewer than were shown. Shipping and tax
    are those that were shown.
    """
    price, typed = _amount(form, "price"), form.get("quantity", "").strip()
    if price is None or not _WHOLE_NUMBER.fullmatch(typed):
        return None
    return price * int(typed) + (_amount(form, "charges") or 0) or None


def _amount(form: Mapping[str, str], field: str) -> int | None:
    typed = form.get(field, "")
    return int(typed) if _AMOUNT.fullmatch(typed) else None


def _not_on_sale() -> tuple[str, int]:
    return render_template("shop/missing.html"), 404


def order_body(offered: PricedProduct, form: Mapping[str, str], return_url: str) -> Mapping[str, object]:
    """The body of `POST /orders` for a form that was filled in; empty fields are left out.

    It has the total that the buyer was shown, so that nothing is ordered at another one.
    """
    buyer: dict[str, object] = {"locale": preferences.current().language}
    ship_to: dict[str, object] = {}
    body: dict[str, object] = {"product_id": offered.product.id, "buyer": buyer, "ship_to": ship_to}
    parts = {"": body, "buyer": buyer, "ship_to": ship_to}
    for name in FIELDS:
        part, _, last = name.rpartition(".")
        if typed := form.get(name, "").strip():
            parts[part][last] = _whole_number(typed) if name == "quantity" else typed
    ship_to["name"] = buyer.get("name")
    if (expected := _expected_total(form)) is not None:
        body["expected_total"] = {"amount": expected, "currency": offered.product.price.currency}
    body["payment"] = payment_form.payment_body(form, offered.ways, form.get("buyer.phone", "").strip(), return_url)
    return body


def _whole_number(typed: str) -> int | str:
    return int(typed) if _WHOLE_NUMBER.fullmatch(typed) else typed
