"""Broadcasts in the console: checked, tried on one phone, sent once when the number is typed, followed and stopped."""

from __future__ import annotations

from bot.playground.harness import Harness
from tests.bot.fixtures import AKINYI, NEW_PHONE, outgoing_messages
from tests.bot.messaging.test_broadcasts import BROADCAST, EVENING, add_artisans
from tests.bot.web.operator.visitor import Visitor, logged_in, words

BROADCASTS = "/operator/broadcasts"


def checked(service: Harness, visitor: Visitor, **audience: str) -> str:
    visitor.get(BROADCASTS)
    return words(visitor.submit("/check", text=BROADCAST, **audience))


def broadcast_texts(service: Harness) -> list[tuple[str, str | None]]:
    return [(text.status, text.error) for text in outgoing_messages(service) if text.topic == "broadcast"]


def test_the_check_says_who_gets_it_what_it_costs_and_what_holds_it_up(embedded: Harness) -> None:
    add_artisans(embedded, 2, language="sw")
    embedded.gateway.text(AKINYI, "STOP")
    embedded.work()
    visitor = logged_in(embedded, "desk")
    said = checked(embedded, visitor)
    assert "All artisans" in said
    assert "English 1 Kiswahili 2 People 3 Segments 3 Cost, about KES 2.40" in said
    assert "1 of them sent STOP" in said
    assert "when quiet hours begin (18:00-08:00)" in said
    said = checked(embedded, visitor, town="Kisumu", language="sw", craft="pottery")
    assert "Artisans of pottery, in Kisumu, who read Kiswahili" in said
    assert "People 2" in said
    assert "sent STOP" not in said
    embedded.clock.advance(EVENING)
    assert "It is quiet now (18:00-08:00): the texts leave from 08:00 on" in checked(embedded, logged_in(embedded))
    visitor = logged_in(embedded, "desk", "Amos")
    for wrong in ({"text": " "}, {"text": "x" * 460}, {"town": "Nowhere"}, {"craft": "baskets"}):
        assert visitor.send(f"{BROADCASTS}/check", **{"text": BROADCAST, **wrong}).status_code == 422, wrong


def test_it_is_tried_on_one_phone_and_sent_once_when_the_number_is_typed(embedded: Harness) -> None:
    visitor = logged_in(embedded, "desk")
    checked(embedded, visitor)
    page = visitor.submit("/test", phone="0799 000999")
    assert "A test text is on its way to +25479***999" in words(page)
    assert "+254799000999" not in page.text
    assert visitor.submit("/start", people="2").status_code == 409
    visitor.page = page
    started = visitor.submit("/start", people="1")
    visitor.page = page
    assert visitor.submit("/start", people="1").headers["Location"] == started.headers["Location"]
    embedded.work()
    assert (embedded.inbox(NEW_PHONE), embedded.inbox(AKINYI)) == ([BROADCAST], [BROADCAST])

    said = words(visitor.get(started.headers["Location"]))
    assert "To all artisans" in said
    assert "People when it began 1" in said
    assert "broadcast started by operator:Grace" in said
    listed = logged_in(embedded, "read", "Rose")
    assert f"{BROADCAST} all artisans 1 operator:Grace all queued" in words(listed.get(BROADCASTS))
    assert "One text to many" not in words(listed.get(BROADCASTS))
    assert listed.get(f"{BROADCASTS}/bct_none").status_code == 404


def test_a_broadcast_that_waits_is_stopped_for_ever(embedded: Harness) -> None:
    embedded.clock.advance(EVENING)
    visitor = logged_in(embedded, "desk")
    checked(embedded, visitor)
    path = visitor.submit("/start", people="1").headers["Location"]
    assert "Not yet queued 1" in words(visitor.get(path))
    embedded.work()
    page = visitor.get(path)
    assert "On its way" in words(page)
    assert "because: quiet hours 1" in words(page)
    assert "data-refresh" in visitor.get(f"{path}/progress").text
    visitor.page = page
    assert visitor.submit("/stop").status_code == 303
    visitor.page = page
    assert visitor.submit("/stop").status_code == 303
    assert "will not leave" in words(visitor.get(path))
    embedded.clock.advance(12 * 3600)
    embedded.work()
    assert broadcast_texts(embedded) == [("suppressed", "stopped")]
    said = words(logged_in(embedded, "read", "Rose").get(path))
    assert "Stopped at" in said
    assert said.count("broadcast stopped by operator:Grace") == 1
    assert "Stop it now" not in said
