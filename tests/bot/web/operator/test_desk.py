"""The desk: who waits, what was said, a text that is checked before it is sent, a number that is shown for a reason."""

from __future__ import annotations

import re
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from bot.web.operator import text_size
from bot.web.operator.text_size import SegmentPrice
from marketplace_api.accounts import help_requests
from marketplace_api.models import OperatorAct
from marketplace_api.orders import orders
from state import lookups
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO, dial, place_order
from tests.bot.web.operator.visitor import Visitor, logged_in, words
from tests.runs import some_of
from tests.service import Service

DESK = "/operator/desk"


def found(visitor: Visitor, phone: str) -> str:
    """The address of the page of a person."""
    answer = visitor.send(f"{DESK}/find", phone=phone)
    assert answer.status_code == 303
    return urlsplit(answer.headers["Location"]).path


def acts(service: Service) -> list[tuple[str, str | None]]:
    with service.services.database.reading() as session:
        rows = session.scalars(select(OperatorAct).where(~OperatorAct.act.startswith("operator.")))
        return [(row.act, (row.after or {}).get("reason")) for row in rows]


def looked(service: Service, msisdn: str) -> list[tuple[str, str]]:
    with service.services.database.reading() as session:
        return [(each.by, each.what) for each in lookups.of_phone(session.connection(), msisdn)]


def test_who_waits_longest_is_first_and_is_gone_when_closed(embedded: Service) -> None:
    embedded.gateway.text(AKINYI, "CALL")
    embedded.later(minutes=90)
    embedded.gateway.text(NEW_PHONE, "CALL")
    visitor = logged_in(embedded, "desk")
    said = words(visitor.get(DESK))
    assert said.index("artisan Akinyi Ouma") < said.index("somebody new")
    assert "1 hour" in said
    assert AKINYI not in said

    visitor.get(found(visitor, AKINYI))
    assert visitor.submit("/close").status_code == 303
    said = words(visitor.get(DESK))
    assert said.index("somebody new") < said.index("Helped lately") < said.index("artisan Akinyi Ouma")
    assert "half of the people were helped within 1 hour" in said
    assert acts(embedded) == [("help.closed", None)]
    assert embedded.events()[-1] == "help.closed"


def test_the_desk_shows_what_a_buyer_reported(embedded: Service) -> None:
    code = place_order(embedded, 2)["code"]
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        order = orders.by_code(shop, code)
        assert order is not None
        help_requests.report(shop, order, "damaged", "The lid is broken.")
    visitor = logged_in(embedded, "desk")
    assert "It came damaged: the order “The lid is broken.”" in words(visitor.get(DESK))
    assert "It came damaged: the order “The lid is broken.”" in words(visitor.get(found(visitor, JOY)))


def test_a_person_is_found_by_phone_and_by_what_is_theirs(embedded: Service) -> None:
    order, visitor = place_order(embedded), logged_in(embedded, "desk")
    people = (AKINYI, "art_", "Artisan Akinyi"), (JOY, "ord_", "Buyer Joy"), (OTIENO, "ksk_", "Agent of")
    for phone, begin, who in people:
        path = found(visitor, phone)
        assert path.startswith(f"{DESK}/people/{begin}")
        assert who in words(visitor.get(path))
        assert phone not in visitor.get(path).text
    assert f"{DESK}/people/{order['id']}" in visitor.get(f"/operator/orders/{order['id']}").text
    assert visitor.send(f"{DESK}/find", phone=NEW_PHONE).status_code == 404
    assert visitor.send(f"{DESK}/find", phone="12").status_code == 422
    for nothing in ("hlp_1", "art_1", "ord_1", "ksk_1", "x"):
        assert visitor.get(f"{DESK}/people/{nothing}").status_code == 404


def test_the_conversation_has_texts_and_screens_and_who_looked_is_stored(embedded: Service) -> None:
    place_order(embedded)
    embedded.gateway.text(AKINYI, "ORDERS")
    dial(embedded, AKINYI, "1")
    embedded.work()
    visitor = logged_in(embedded, "read")
    (artisan,) = embedded.api("GET", "/artisans")["data"]
    said = words(visitor.get(f"{DESK}/people/{artisan['id']}"))
    assert said.index("ORDERS from them") < said.index("The last screens of their calls")
    assert "Answer by text" not in said
    assert looked(embedded, AKINYI) == [("operator:Grace", "conversation")]


def test_a_text_is_checked_and_then_sent_once(embedded: Service) -> None:
    embedded.gateway.text(AKINYI, "CALL")
    embedded.work()
    visitor = logged_in(embedded, "desk")
    path = found(visitor, AKINYI)
    visitor.get(path)
    assert visitor.submit("/check", text=" ").status_code == 422
    visitor.get(path)
    page = visitor.submit("/check", text="Hello Akinyi, “Otieno” has your basket.")
    shown = words(page).replace("&#34;", '"')
    assert 'Hello Akinyi, "Otieno" has your basket. 1 segment, 39 characters in GSM-7, about KES 0.80' in shown
    before = len(embedded.received(AKINYI))

    assert visitor.submit("/send").status_code == 303
    visitor.page = page
    assert visitor.submit("/send").status_code == 303
    embedded.work()
    assert embedded.received(AKINYI)[before:] == ['Hello Akinyi, "Otieno" has your basket.']
    assert acts(embedded) == [("person.texted", None)]


@pytest.mark.parametrize("asked", some_of([True, False]))
def test_after_stop_only_who_asked_for_help_is_answered(embedded: Service, asked: bool) -> None:
    embedded.gateway.text(AKINYI, "STOP")
    if asked:
        embedded.gateway.text(AKINYI, "CALL")
    embedded.work()
    visitor = logged_in(embedded, "desk")
    visitor.get(found(visitor, AKINYI))
    page = visitor.submit("/check", text="Hello")
    assert ("will not be sent" in words(page)) is not asked
    visitor.submit("/send")
    assert ("Hello" in embedded.inbox(AKINYI)) is asked


def test_a_request_is_taken_called_and_handed_over_and_the_first_answer_is_timed(embedded: Service) -> None:
    embedded.gateway.text(AKINYI, "CALL")
    embedded.later(minutes=30)
    visitor, colleague = logged_in(embedded, "desk"), logged_in(embedded, "desk", "Amos")
    logged_in(embedded, "read", "Rose")
    assert "nobody yet" in words(visitor.get(DESK))
    path = found(visitor, AKINYI)
    page = visitor.get(path)
    assert "Rose" not in page.text  # her role helps nobody
    assert visitor.submit("/called").status_code == 303
    assert "Grace, answered" in words(colleague.get(DESK))
    assert "had a first answer within 30 minutes" in words(colleague.get(DESK))

    (amos,) = re.findall(r'<option value="(opr_\w+)">Amos', page.text)
    assert visitor.send(request_path(page.text, "hand"), colleague="opr_none").status_code == 422
    assert visitor.send(request_path(page.text, "hand"), colleague=amos).status_code == 303
    assert "Amos has taken it; first answered" in words(visitor.get(path))
    embedded.later(minutes=20)
    colleague.get(path)
    assert colleague.submit("/close").status_code == 303
    said = words(colleague.get(DESK))
    assert "had a first answer within 30 minutes" in said
    assert "were helped within 50 minutes" in said
    assert [act for act, _ in acts(embedded)] == ["person.called", "help.handed_over", "help.closed"]
    assert colleague.send(request_path(page.text, "called")).status_code == 409


def request_path(page: str, act: str) -> str:
    """The address of an act on the request of a person's page."""
    path = re.search(rf'action="(/operator/desk/requests/\w+/{act})"', page)
    assert path
    return path[1]


def test_a_text_is_a_first_answer_and_takes_the_request(embedded: Service) -> None:
    embedded.gateway.text(AKINYI, "CALL")
    embedded.later(minutes=5)
    visitor = logged_in(embedded, "desk")
    path = found(visitor, AKINYI)
    visitor.get(path)
    visitor.submit("/check", text="We call you at three.")
    visitor.submit("/send")
    assert "Grace has taken it; first answered" in words(visitor.get(path))
    assert "first answer within 5 minutes" in words(visitor.get(DESK))


def test_a_number_is_shown_for_a_reason_which_is_logged(embedded: Service) -> None:
    visitor = logged_in(embedded, "desk")
    path = found(visitor, AKINYI)
    visitor.get(path)
    assert visitor.submit("/number", reason=" ").status_code == 422
    assert "number" not in dict.fromkeys(what for _, what in looked(embedded, AKINYI))
    page = visitor.submit("/number", reason="she asked to be called")
    assert AKINYI in page.text
    assert acts(embedded) == [("person.number_seen", "she asked to be called")]
    assert ("operator:Grace", "number") in looked(embedded, AKINYI)
    assert AKINYI not in visitor.get(path).text


PRICE = SegmentPrice(Decimal("0.80"), "KES")
SIZES = [
    ("Hello", ("GSM-7", 5, 1, 0, [], "KES 0.80")),
    ("a" * 161, ("GSM-7", 161, 2, 1, [], "KES 1.60")),
    ("Habari ✓ " + "a" * 70, ("UCS-2", 79, 2, 9, ["✓"], "KES 1.60")),
    ("“plain”", ("GSM-7", 7, 1, 0, [], "KES 0.80")),
]


@pytest.mark.parametrize(("text", "expected"), SIZES)
def test_the_size_of_a_text_says_what_makes_it_long(text: str, expected: tuple[object, ...]) -> None:
    size = text_size.of_text(text, PRICE)
    assert (size.encoding, size.units, size.segments, size.over, size.letters, size.cost) == expected
    assert size.segments_without_them <= size.segments


def test_the_size_is_shown_while_a_text_is_typed(embedded: Service) -> None:
    visitor = logged_in(embedded, "desk")
    headers = {"X-CSRFToken": visitor.token()}
    for body in ({"text": "Habari ✓ " + "a" * 70}, {"text": "<b>"}, ["nothing"]):
        answer = visitor.client.post(f"{DESK}/size", json=body, headers=headers)
        assert answer.status_code == 200
        assert "<b>" not in answer.text
    answer = visitor.client.post(f"{DESK}/size", json={"text": "Habari ✓ " + "a" * 70}, headers=headers)
    assert "2 segments, 79 characters in UCS-2. Without ✓ it would be 1." in words(answer)
