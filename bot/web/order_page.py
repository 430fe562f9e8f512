"""The secret page of an order: what happened, what is next, what was paid, and what to pay.

    GET  /o/<token>           the page; it looks again by itself while a payment is open
    POST /o/<token>/pay       the buyer is asked to pay; 303 to the page, or the page with the refusal
    POST /o/<token>/again     ends the open payment by card, so that another way can be chosen; 303 to the page
    POST /o/<token>/cancel    cancels the order; 303 to the page, or the page with the refusal
    POST /o/<token>/received  the buyer says that it has come; 303 to the page, or the page with the refusal
    POST /o/<token>/report    the buyer reports a problem, for which somebody calls; 303, or the page with the refusal

A wrong token is 404, a form that is not ours 403. The page needs no JavaScript.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import ceil

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from bot.runtime.clock import Clock
from bot.web import formats, order_problems, payment_form, preferences
from bot.web.buyer_orders import BuyerOrders, BuyersView
from bot.web.door import Door, Stranger
from bot.web.order_forms import InvalidFormError, OrderForms
from bot.web.order_links import InvalidOrderLinkError, OrderLinks
from bot.web.preferences import translated
from flows.kit import N_
from marketplace_api.problems import Problem
from marketplace_api.schemas.buyer_payments import BuyerPayment
from marketplace_api.statuses import RefundReason

# Translators: these stand on a page, not in a text; they may be a little longer.
NOT_OUR_FORM = N_("This form did not come from this page, or the page is too old. Please try it again.")
LOOK_AGAIN_S = 5
"""How often the page looks again while a payment is open."""
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
FAILURES: Mapping[str, str] = {
    "cancelled": N_("The payment was cancelled on the phone or on the card page. To pay after all, try again below."),
    "unreachable": N_(
        "The phone could not be reached, or nobody answered the prompt in time. Switch the phone on, keep "
        "it near and unlocked, and try again below."
    ),
    "no_balance": N_("There was not enough money on the phone. Top it up, use another phone, or pay in another way."),
    "wrong_pin": N_("The PIN was wrong. Try again below, with the PIN of the phone that gets the prompt."),
    "invalid_phone": N_("This phone cannot pay: it has no mobile money, or it is blocked. Name another phone below."),
    "declined": N_("The payment was declined. Ask your bank or network why, or pay in another way."),
    "expired": N_("The time to pay was over before it was paid. Try again below."),
    "try_later": N_(
        "The network did not ask you, because another payment was open on this phone. Wait two minutes, then "
        "try again below."
    ),
    "misconfigured": N_("We could not ask you to pay, and the fault is ours. Pay in another way, or try again later."),
}
"""What happened and what to do, by the `failure` of a payment."""
REFUND_REASONS: Mapping[RefundReason, str] = {
    "reduced": N_("Fewer pieces"),
    "ended": N_("Not made"),
    "late": N_("Paid too late"),
    "second": N_("Paid twice"),
    "operator": N_("Given back"),
}


def routes(
    orders: BuyerOrders,
    links: OrderLinks,
    forms: OrderForms,
    door: Door,
    clock: Clock,
    short_code: str,
    languages: Sequence[str],
) -> Blueprint:
    """`/o/<token>`. `short_code` is the number to which a buyer texts the order's code."""
    pages = Blueprint("orders", __name__)
    pages.before_request(lambda: preferences.read(languages))

    @pages.after_request
    def keep_private(response: Response) -> Response:
        response.headers.update(PRIVATE)
        return response

    @pages.get("/o/<token>")
    def page(token: str) -> tuple[str, int]:
        return _page(token, _view(token), {})

    @pages.post("/o/<token>/pay")
    def pay(token: str) -> AnyResponse | tuple[str, int]:
        view = _view(token)
        if not _is_ours(view.order.id):
            return _page(token, view, request.form, Problem.of(403, translated(NOT_OUR_FORM)))
        body = payment_form.payment_body(request.form, view.ways, view.order.buyer.phone, links.link(view.order.id))
        return _done(token, orders.pay(view.order.id, body, request.remote_addr or ""))

    @pages.post("/o/<token>/again")
    def choose_again(token: str) -> AnyResponse | tuple[str, int]:
        return _act(token, orders.choose_again)

    @pages.post("/o/<token>/cancel")
    def cancel(token: str) -> AnyResponse | tuple[str, int]:
        return _act(token, orders.cancel)

    @pages.post("/o/<token>/received")
    def received(token: str) -> AnyResponse | tuple[str, int]:
        return _act(token, orders.receive)

    @pages.post("/o/<token>/report")
    def report(token: str) -> AnyResponse | tuple[str, int]:
        reported = order_problems.read(request.form)
        if isinstance(reported, Problem):
            return _act(token, lambda _: reported)
        return _act(token, lambda order_id: orders.report(order_id, reported.kind, reported.words))

    def _act(token: str, perform: Callable[[str], Problem | None]) -> AnyResponse | tuple[str, int]:
        view = _view(token)
        if not _is_ours(view.order.id):
            return _page(token, view, {}, Problem.of(403, translated(NOT_OUR_FORM)))
        return _done(token, perform(view.order.id))

    def _done(token: str, problem: Problem | None) -> AnyResponse | tuple[str, int]:
        if problem is None:
            return redirect(url_for(".page", token=token), 303)
        return _page(token, _view(token), request.form, problem)

    def _view(token: str) -> BuyersView:
        """The order of a link; answers 404 for one that is not ours."""
        try:
            view = orders.find(links.order_id(token))
        except InvalidOrderLinkError:
            view = None
        if view is None:
            abort(Response(render_template("shop/no_order.html"), 404))
        return view

    def _is_ours(order_id: str) -> bool:
        """True if the form that was sent is of this order's page.

        Because of our own Referrer-Policy, a browser sends `Origin: null` with it.
        """
        origin = request.headers.get("Origin")
        try:
            forms.key(request.form.get("token", ""), order_id, clock())
            is_ours = origin == "null" or forms.is_ours(origin, request.host)
        except InvalidFormError:
            is_ours = False
        if not is_ours:
            door.count("wrong_form", Stranger(request.remote_addr or ""))
        return is_ours

    def _page(
        token: str, view: BuyersView, typed: Mapping[str, str], problem: Problem | None = None
    ) -> tuple[str, int]:
        html = render_template(
            "shop/order.html",
            token=token,
            view=view,
            order=view.order,
            ways=view.ways,
            failure=failure_of(view.newest),
            minutes_left=minutes_left(view, clock()),
            is_ending=view.asked and view.asked.expires_at <= clock(),
            typed=defaultdict(str, typed),
            refused=problem and problem.detail,
            refusals=payment_form.refusals_by_field(problem, typed, view.ways),
            kinds=order_problems.KINDS,
            longest=order_problems.LONGEST,
            form_token=forms.token(view.order.id, "", clock()),
            look_again_s=LOOK_AGAIN_S,
            short_code=short_code,
            country=formats.country_name(view.order.ship_to.country),
            refund_reasons=REFUND_REASONS,
        )
        return html, problem.status if problem else 200

    return pages


def failure_of(payment: BuyerPayment | None) -> str | None:
    """Why the newest payment was not paid and what to do, in words; None if it did not fail."""
    if payment is None or payment.status not in ("failed", "lapsed"):
        return None
    return FAILURES.get(payment.failure or "expired", FAILURES["declined"])


def minutes_left(view: BuyersView, now: datetime) -> int:
    """For how many minutes, rounded up, an unpaid order is still held."""
    return max(0, ceil((view.order.expires_at - now).total_seconds() / 60))
