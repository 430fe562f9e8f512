"""Who may open what: every route of the console, for strangers, for each role, and for forms without a token."""

from __future__ import annotations

from typing import get_args

import pytest
from werkzeug.routing import Rule

from bot.web.operator.access import EVERY, MAY, OPEN
from marketplace_api.statuses import OperatorRole
from tests.bot.web.operator.visitor import console_of, logged_in, stranger
from tests.service import Service

ROUTES = {
    "/log-out": "log_in.leave",
    "/today": "today.page",
    "/today/<name>": "today.part",
    "/orders": "orders.page",
    "/orders/<order_id>": "orders.order",
    "/orders/<order_id>/<act>": "orders.check orders.act",
    "/log": "log.page",
    "/log.csv": "log.as_csv",
    "/money": "money.page",
    "/money/books": "money.books",
    "/money/acts/<act>/<about>": "money_acts.form money_acts.act",
    "/money/acts/<act>/<about>/check": "money_acts.check",
    "/money/proposals/<id>": "money_acts.proposal",
    "/money/proposals/<id>/approve": "money_acts.approve",
    "/money/proposals/<id>/refuse": "money_acts.refuse",
    "/money/storefronts/<key_id>": "storefronts.page",
    "/money/reconcile": "reconciling.page reconciling.compare",
    "/desk": "desk.page",
    "/desk/find": "desk.find",
    "/desk/size": "desk.size",
    "/desk/people/<id>": "desk.person",
    "/desk/people/<id>/number": "desk.number",
    "/desk/people/<id>/check": "desk.check",
    "/desk/people/<id>/send": "desk.send",
    "/desk/requests/<id>/close": "desk.close",
    "/desk/requests/<id>/called": "desk.called",
    "/desk/requests/<id>/hand": "desk.hand",
    "/artisans": "artisans.page",
    "/artisans/find": "artisans.find",
    "/artisans/<id>": "artisans.artisan",
    "/artisans/<id>/name": "artisans.rename",
    "/artisans/<id>/language": "artisans.language",
    "/artisans/<id>/kiosk": "artisans.kiosk",
    "/artisans/<id>/payout/check": "artisans.payout_check",
    "/artisans/<id>/payout": "artisans.payout",
    "/kiosks": "kiosks.page",
    "/kiosks/<id>": "kiosks.kiosk kiosks.correct",
    "/products": "products.page",
    "/products/<id>": "products.product",
    "/products/<id>/words": "products.words",
    "/products/<id>/price/check": "products.price_check",
    "/products/<id>/price": "products.price",
    "/products/<id>/withdraw": "products.withdraw_check products.withdraw",
    "/products/<id>/photo": "products.photo",
    "/dialogues": "dialogues.page",
    "/dialogues/<name>": "dialogues.dialogue",
    "/settings": "settings.page",
    "/settings/keys": "keys.page keys.create",
    "/settings/keys/<id>/revoke": "keys.revoke_check keys.revoke",
    "/settings/webhooks": "webhooks.page",
    "/settings/webhooks/<id>": "webhooks.endpoint",
    "/settings/webhooks/<id>/test": "webhooks.test",
    "/settings/webhooks/<id>/deliveries/<delivery_id>/replay": "webhooks.replay",
    "/broadcasts": "broadcasts.page",
    "/broadcasts/check": "broadcasts.check",
    "/broadcasts/test": "broadcasts.test",
    "/broadcasts/start": "broadcasts.start",
    "/broadcasts/<id>": "broadcasts.broadcast",
    "/broadcasts/<id>/progress": "broadcasts.progress",
    "/broadcasts/<id>/stop": "broadcasts.stop",
}
"""Each route that needs a log-in: a page that vanishes or appears has to be named here."""


def rules(service: Service) -> list[Rule]:
    return [rule for rule in console_of(service).url_map.iter_rules() if rule.endpoint not in OPEN]


def address(rule: Rule) -> str:
    """The path of a rule, with something in place of its arguments."""
    _, path = rule.build(dict.fromkeys(rule.arguments, "x")) or ("", "")
    return f"/operator{path}"


def method(rule: Rule) -> str:
    return "POST" if "POST" in (rule.methods or ()) else "GET"


def test_no_route_vanishes_or_appears_unnoticed(embedded: Service) -> None:
    found: dict[str, list[str]] = {}
    for rule in rules(embedded):
        found.setdefault(rule.rule, []).append(rule.endpoint)
    assert {path: " ".join(endpoints) for path, endpoints in found.items()} == ROUTES
    assert set(MAY) == {endpoint for endpoints in ROUTES.values() for endpoint in endpoints.split()}
    assert frozenset(get_args(OperatorRole)) == EVERY


def test_strangers_are_led_to_the_log_in(embedded: Service) -> None:
    visitor = stranger(embedded)
    page = visitor.get("/operator")
    assert page.status_code == 200
    assert "Log in" in page.text
    for rule in rules(embedded):
        answer = visitor.client.open(address(rule), method=method(rule))
        assert (answer.status_code, answer.headers["Location"]) == (303, "/operator/"), rule
    assert visitor.get("/operator/nothing").status_code == 303


def test_a_role_opens_its_routes_alone_and_no_form_without_its_token(embedded: Service) -> None:
    for role in get_args(OperatorRole):
        visitor = logged_in(embedded, role, name=f"Grace {role}")
        for rule in rules(embedded):
            status = visitor.client.open(address(rule), method=method(rule)).status_code
            if role not in MAY[rule.endpoint]:
                assert status == 403, (role, rule)
            elif method(rule) == "POST":
                assert status == 400, (role, rule)
            else:
                assert status in (200, 404), (role, rule)


def test_a_page_that_is_not_in_the_table_is_open_to_nobody(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = logged_in(embedded)
    monkeypatch.delitem(MAY, "log_in.leave")  # type: ignore[arg-type]
    assert visitor.send("/operator/log-out").status_code == 403


def test_pages_have_no_inline_script_and_are_stored_by_nobody(embedded: Service) -> None:
    page = stranger(embedded).get("/operator")
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert page.headers["Cache-Control"] == "no-store"
    assert "onclick" not in page.text
    assert "style=" not in page.text
