"""Acts on money: what they do is said before, they are done once, and above a limit by two operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from bot.web.late_console import ConsoleResources
from bot.web.operator.access import MAY
from bot.web.operator.money_act_pages import CHANGED, OTHER_NOW
from marketplace_api.accounts import api_keys, operators
from marketplace_api.models import LedgerEntry, OperatorAct
from marketplace_api.orders import direct_payments
from marketplace_api.payments import audit
from tests.actors import TESTER
from tests.bot.fixtures import JOY, POT, execute_sql, products_titled, received_order
from tests.bot.web.operator.visitor import Visitor, console_of, logged_in, words
from tests.service import Service

MONEY = "/operator/money"
ACTS = f"{MONEY}/acts"


def four_eyes(service: Service, above: int) -> None:
    """Set FOUR_EYES_ABOVE for the console of the service."""
    app = console_of(service)
    resources: ConsoleResources = app.extensions["console"]
    settings = resources.settings.model_copy(update={"four_eyes_above": above})
    app.extensions["console"] = replace(resources, settings=settings)


def payout(service: Service, status: str, hold: str | None = None) -> str:
    """A payout of KES 1,620 in this status; its id."""
    order = received_order(service)
    kept = f"'{hold}'" if hold else "NULL"
    execute_sql(service, f"UPDATE payout SET status = '{status}', hold = {kept} WHERE order_id = '{order['id']}'")
    (found,) = service.api("GET", f"/payouts?order={order['id']}")["data"]
    return str(found["id"])


def paid_by_phone(service: Service) -> Any:
    """An order of KES 1,800 whose buyer is asked to pay."""
    (pot,) = products_titled(service, POT)
    order = service.order(pot["id"], 1, JOY, by_mpesa=True)
    service.work()
    return order


def failed_refund(service: Service) -> str:
    """A refund of KES 1,800 that has failed; its id."""
    order = paid_by_phone(service)
    service.answer_prompt(JOY, "1234")
    service.work()
    service.api("POST", f"/orders/{order['id']}/cancel")
    execute_sql(service, "UPDATE refund SET status = 'failed', failure = 'no float'")
    (refund,) = service.api("GET", f"/refunds?order={order['id']}")["data"]
    return str(refund["id"])


def undecided(service: Service) -> str:
    """A payment of which the collector reports KES 1,500 in place of 1,800; its id."""
    order = paid_by_phone(service)
    execute_sql(
        service,
        "UPDATE buyer_payment SET status = 'unknown', failure = 'other_amount', detail = '1500 KES, SG632NMUAB'",
    )
    (payment,) = service.api("GET", f"/orders/{order['id']}/payments")["data"]
    return str(payment["id"])


def storefront(service: Service) -> str:
    """A storefront that owes us KES 1,800; the id of its key."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        key = api_keys.create(shop, "Bazaar", "storefront")
        caller = api_keys.find(session, key, shop.now)
        assert caller
    (pot,) = products_titled(service, POT)
    body = {
        "product_id": pot["id"],
        "quantity": 1,
        "buyer": {"name": "Joy", "phone": JOY, "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 High St", "city": "Leeds", "country": "GB"},
    }
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": service.new_id()}
    service.api("POST", "/orders", body, **headers)
    return caller.id


def status(service: Service, kind: str, id: str) -> Any:
    return service.api("GET", f"/{kind}/{id}")["status"]


def entries(service: Service) -> int:
    with service.services.database.reading() as session:
        return len(session.scalars(select(LedgerEntry.id)).all())


def log(service: Service) -> list[OperatorAct]:
    with service.services.database.reading() as session:
        return list(session.scalars(select(OperatorAct).where(OperatorAct.act.startswith("money.")).order_by("id")))


def books_balance(service: Service) -> bool:
    with service.services.database.snapshot() as session:
        return not list(audit.inconsistencies(service.services.shop(session, TESTER)))


def filled_in(visitor: Visitor, act: str, about: str, **typed: str) -> str:
    """What the page says that an act does, with this typed into its form."""
    visitor.get(f"{ACTS}/{act}/{about}")
    return words(visitor.submit("/check", **typed) if typed else visitor.page)  # type: ignore[arg-type]


# Acts


def test_a_held_payout_is_released_after_it_was_said_and_once(service: Service) -> None:
    id, visitor = payout(service, "held", "large"), logged_in(service, "money")
    assert f"{ACTS}/release-payout/{id}" in visitor.get(MONEY).text
    said = filled_in(visitor, "release-payout", id)
    assert "It goes from held to pending." in said
    assert "of KES 1,620 to the artisan is paid out now." in said
    assert (status(service, "payouts", id), log(service)) == ("held", []), "nothing is done before"
    checked = visitor.page

    assert visitor.submit(f"/release-payout/{id}").headers["Location"] == f"{MONEY}?done=release-payout"
    assert status(service, "payouts", id) == "pending"
    (act,) = log(service)
    assert (act.by, act.act, act.about, act.before) == ("operator:Grace", "money.release-payout", id, {"state": "held"})
    assert "Done: Release." in words(visitor.get(f"{MONEY}?done=release-payout"))
    visitor.page = checked
    again = visitor.submit(f"/release-payout/{id}")
    assert (again.status_code, "only a held one" in words(again) or "held" in words(again)) == (409, True)
    assert len(log(service)) == 1


def test_a_failed_payout_is_sent_again_or_was_paid_elsewhere(embedded: Service) -> None:
    first, second, visitor = payout(embedded, "failed"), payout(embedded, "failed"), logged_in(embedded)
    assert "is sent to the artisan again" in filled_in(visitor, "retry-payout", first)
    assert visitor.submit(f"/retry-payout/{first}").status_code == 303
    assert status(embedded, "payouts", first) == "pending"

    said = filled_in(visitor, "payout-paid-elsewhere", second, reference="FT-77")
    assert "KES 1,620 less is owed to the artisan. KES 1,620 was paid by other means." in said
    assert visitor.submit(f"/payout-paid-elsewhere/{second}").status_code == 303
    found = embedded.api("GET", f"/payouts/{second}")
    assert (found["status"], found["provider_reference"]) == ("paid", "FT-77")
    assert books_balance(embedded)


def test_a_failed_refund_is_given_back_again_or_was_elsewhere(embedded: Service) -> None:
    id, visitor = failed_refund(embedded), logged_in(embedded, "money")
    assert "KES 1,800 is sent back to the buyer." in filled_in(visitor, "retry-refund", id)
    said = filled_in(visitor, "refund-paid-elsewhere", id, reference="FT-78")
    assert "KES 1,800 leaves our bank account." in said
    assert visitor.submit(f"/refund-paid-elsewhere/{id}").status_code == 303
    assert status(embedded, "refunds", id) == "done"
    assert books_balance(embedded)


def test_an_undecided_payment_is_decided_or_dismissed_and_no_phone_is_logged(embedded: Service) -> None:
    id, visitor = undecided(embedded), logged_in(embedded)
    assert "1500 KES, SG632NMUAB" in words(visitor.get(MONEY))
    assert "lapsed" in filled_in(visitor, "dismiss-payment", id, why="not in the statement")
    assert "is no phone number" in filled_in(
        visitor, "decide-payment", id, amount="1500", receipt="SG632NMUAB", phone="12"
    )
    assert "is no amount of KES" in filled_in(visitor, "decide-payment", id, amount="1,500", receipt="SG632NMUAB")
    said = filled_in(visitor, "decide-payment", id, amount="1500", receipt="SG632NMUAB", phone="0733 000444")
    assert "KES 1,500 more is to go back to buyers." in said
    assert visitor.submit(f"/decide-payment/{id}").status_code == 303
    assert (status(embedded, "payments", id), books_balance(embedded)) == ("captured", True)
    (act,) = log(embedded)
    assert act.after is not None
    assert (act.after["receipt"], act.after["phone"]) == ("SG632NMUAB", "+25473***444")


def test_money_that_belongs_to_no_order_is_assigned_or_was_given_back(embedded: Service) -> None:
    order, visitor = paid_by_phone(embedded), logged_in(embedded)
    ids = []
    for receipt in ("SGA", "SGB"):
        with embedded.services.database.writing.begin() as session:
            shop = embedded.services.shop(session, TESTER)
            money = direct_payments.notice(shop, "simulator", receipt, "POTS")
            assert money
            ids.append(direct_payments.settle(shop, money.id, 700_00, msisdn=JOY, name="Joy").id)
    assert "simulator SGA KES 700" in words(visitor.get(MONEY))
    assert "There is nothing with the code 0000." in filled_in(visitor, "assign-money", ids[0], code="0000")
    assert "KES 700 more is to go back to buyers." in filled_in(visitor, "assign-money", ids[0], code=order["code"])
    assert visitor.submit(f"/assign-money/{ids[0]}").status_code == 303
    assert "KES 700 less is at the collector" in filled_in(visitor, "return-money", ids[1], reference="SGC")
    assert visitor.submit(f"/return-money/{ids[1]}").status_code == 303
    assert "SGA" not in words(visitor.get(MONEY))
    assert books_balance(embedded)


def test_a_storefront_settles_once_and_its_statement_shows_it(embedded: Service) -> None:
    key_id, visitor = storefront(embedded), logged_in(embedded)
    page = f"{MONEY}/storefronts/{key_id}"
    assert "It owes us KES 1,800" in words(visitor.get(page))
    assert "It vouched for an order" in words(visitor.get(page))
    said = filled_in(visitor, "settle-storefront", key_id, amount="800", reference="FT-9")
    assert "It owes KES 1,800 now, and owes KES 1,000 then." in said
    assert visitor.submit(f"/settle-storefront/{key_id}").headers["Location"] == f"{page}?done=settle-storefront"
    said = words(visitor.get(page))
    assert "It owes us KES 1,000" in said
    assert "It paid FT-9" in said
    assert "FT-9" in filled_in(visitor, "settle-storefront", key_id, amount="5", reference="FT-9"), "known already"
    assert visitor.get(f"{page}?since=2026-12-01&until=2026-11-01").status_code == 422
    assert books_balance(embedded)


def test_cash_of_a_kiosk_is_put_in_once_by_one_form_and_taken_out(embedded: Service) -> None:
    visitor = logged_in(embedded, "money")
    kiosk = embedded.api("GET", "/kiosks")["data"][0]["id"]
    assert "It holds KES 0 of our cash now, and holds KES 5,000 of our cash then." in filled_in(
        visitor, "top-up-kiosk", kiosk, amount="5000", note="by Amos"
    )
    checked = visitor.page
    assert visitor.submit(f"/top-up-kiosk/{kiosk}").status_code == 303
    visitor.page = checked
    again = visitor.submit(f"/top-up-kiosk/{kiosk}")
    assert (again.status_code, CHANGED in words(again)) == (409, True)
    refused = filled_in(visitor, "withdraw-from-kiosk", kiosk, amount="6000", note="too much")
    assert "no more can be taken out" in refused
    assert visitor.page is not None
    assert visitor.page.status_code == 409
    filled_in(visitor, "withdraw-from-kiosk", kiosk, amount="1000", note="back")
    assert visitor.submit(f"/withdraw-from-kiosk/{kiosk}").status_code == 303
    assert embedded.api("GET", f"/kiosks/{kiosk}/float")["float"]["amount"] == 4000_00
    assert visitor.send(f"{ACTS}/top-up-kiosk/{kiosk}/check", amount="5").status_code == 422, "no note"


# Four eyes


def test_above_the_limit_a_second_operator_approves_what_the_first_proposed(service: Service) -> None:
    four_eyes(service, above=1000)
    id = payout(service, "held", "large")
    grace, mary = logged_in(service, "all", "Grace"), logged_in(service, "money", "Mary")
    reader = logged_in(service, "read", "Ruth")
    assert "a second operator has to approve it" in filled_in(grace, "release-payout", id)
    before = entries(service)
    proposal = grace.submit(f"/release-payout/{id}").headers["Location"]
    assert proposal.startswith(f"{MONEY}/proposals/")
    assert (status(service, "payouts", id), entries(service)) == ("held", before), "nothing is done"

    assert "Approve" not in grace.get(proposal).text
    assert grace.send(f"{proposal}/approve").status_code == 403
    assert reader.send(f"{proposal}/approve").status_code == 403
    assert "Approve" not in reader.get(proposal).text
    assert f"payout {code(service, id)} of KES 1,620" in words(mary.get(MONEY))
    said = words(mary.get(proposal))
    assert "Proposed by Grace" in said
    assert "It goes from held to pending." in said
    assert mary.submit("/approve").headers["Location"] == f"{MONEY}?done=release-payout"
    assert status(service, "payouts", id) == "pending"
    proposed, done = log(service)
    assert (proposed.act, proposed.by, done.act, done.by) == (
        *("money.proposed", "operator:Grace"),
        *("money.release-payout", "operator:Mary"),
    )
    assert done.after is not None
    assert done.after["proposed_by"] == "operator:Grace"
    assert mary.send(f"{proposal}/approve").status_code == 409, "once"


def code(service: Service, payout_id: str) -> Any:
    return service.api("GET", f"/payouts/{payout_id}")["code"]


def test_up_to_the_limit_one_operator_is_enough(embedded: Service) -> None:
    four_eyes(embedded, above=1620)
    id, visitor = payout(embedded, "held", "large"), logged_in(embedded, "money")
    assert "second operator" not in filled_in(visitor, "release-payout", id)
    assert visitor.submit(f"/release-payout/{id}").headers["Location"] == f"{MONEY}?done=release-payout"


@pytest.mark.parametrize("why", ["refused", "withdrawn", "expired", "changed", "revoked"])
def test_a_proposal_that_cannot_be_approved_does_nothing(embedded: Service, why: str) -> None:
    four_eyes(embedded, above=0)
    id = payout(embedded, "failed")
    grace, mary = logged_in(embedded, "all", "Grace"), logged_in(embedded, "all", "Mary")
    filled_in(grace, "payout-paid-elsewhere", id, reference="FT-77")
    proposal = grace.submit(f"/payout-paid-elsewhere/{id}").headers["Location"]
    before = entries(embedded)
    if why == "refused":
        assert mary.send(f"{proposal}/refuse").status_code == 303
    elif why == "withdrawn":
        assert grace.send(f"{proposal}/refuse").status_code == 303
    elif why == "expired":
        embedded.clock.advance(24 * 3600)
        mary = logged_in(embedded, "all", "Mary Two")
    elif why == "changed":
        embedded.api("POST", f"/payouts/{id}/retry")
    else:
        with embedded.services.database.writing.begin() as session:
            operators.revoke(embedded.services.shop(session, TESTER), "Grace")
    answer = mary.send(f"{proposal}/approve")
    assert answer.status_code == 409
    assert (OTHER_NOW in words(answer)) == (why == "changed")
    assert (entries(embedded), status(embedded, "payouts", id) == "paid") == (before, False)


def test_the_same_is_proposed_once_and_waits_for_24_hours(embedded: Service) -> None:
    four_eyes(embedded, above=0)
    id, grace = payout(embedded, "held", "large"), logged_in(embedded, "money")
    filled_in(grace, "release-payout", id)
    checked = grace.page
    first = grace.submit(f"/release-payout/{id}").headers["Location"]
    grace.page = checked
    assert grace.submit(f"/release-payout/{id}").headers["Location"] == first
    assert "Proposals that wait" in words(grace.get(MONEY))
    embedded.clock.advance(24 * 3600)
    assert "Proposals that wait" not in words(logged_in(embedded, "money", "Mary").get(MONEY))


def test_only_roles_of_money_act_and_readers_see(embedded: Service) -> None:
    acting = {endpoint for endpoint in MAY if endpoint.startswith("money_acts.")} - {"money_acts.proposal"}
    assert {MAY[endpoint] for endpoint in acting} == {frozenset({"all", "money"})}
    id = payout(embedded, "held", "large")
    assert "Release" not in logged_in(embedded, "read").get(MONEY).text
    assert logged_in(embedded, "desk", "Amos").get(f"{ACTS}/release-payout/{id}").status_code == 403


def test_an_unknown_act_or_subject_is_404(embedded: Service) -> None:
    visitor = logged_in(embedded)
    for path in ("acts/burn/x", "acts/release-payout/x", "acts/top-up-kiosk/x", "proposals/x", "storefronts/x"):
        assert visitor.get(f"{MONEY}/{path}").status_code == 404, path
