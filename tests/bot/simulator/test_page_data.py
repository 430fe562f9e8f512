"""What the simulator's page asks: what is new, texts with their size and answers, a screen in all languages, people."""

from __future__ import annotations

from typing import Any

import pytest

from bot.simulator import replies, sizes
from bot.simulator.replies import Part
from flows.dialogues import ENGINE
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO, POT, add_artisan, products_titled
from tests.service import Service

MWENDE = "+254711000201"


def get(service: Service, path: str, **query: Any) -> Any:
    answer = service.http.get(f"/simulator/{path}", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def order_pot(service: Service, **how: Any) -> Any:
    return service.order(products_titled(service, POT)[0]["id"], 1, JOY, **how)


def call(service: Service, *answers: str) -> str:
    """The screen after Akinyi has called and given these answers."""
    shown = service.gateway.dial(AKINYI)
    for answer in answers:
        shown = service.gateway.answer(AKINYI, answer)
    return shown


ENGLISH, SELL = "1", "1"


def test_a_screen_is_counted_as_it_is_rendered() -> None:
    assert sizes.of_screen("CON 1. Kuuza") == {"units": 12, "most": 160, "encoding": "GSM-7", "outside": ""}
    assert sizes.of_screen("CON ^") == {"units": 6, "most": 160, "encoding": "GSM-7", "outside": ""}
    assert sizes.of_screen("CON ሰላም ፍቅር") == {"units": 11, "most": 80, "encoding": "UCS-2", "outside": "ሰ"}


def test_a_text_is_counted_in_segments_and_cents() -> None:
    assert sizes.of_text("a" * 161) == {"units": 161, "segments": 2, "encoding": "GSM-7", "outside": "", "cents": 160}
    assert sizes.of_text("a ₣") == {"units": 3, "segments": 1, "encoding": "UCS-2", "outside": "₣", "cents": 80}


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("Soko: new order K7P4: 2 x Pot. Reply YES K7P4 or NO K7P4.", ["type K7P4", "send YES K7P4", "send NO K7P4"]),
        ("To make 5, reply YES K7P4 5. If not, NO K7P4.", ["send YES K7P4 5", "send NO K7P4"]),
        ("Jibu NDIYO K7P4.", ["send NDIYO K7P4"]),
        ("Questions? Reply CALL.", ["send CALL"]),
        ("Photo of K7P4: http://127.0.0.1:8000/p/K7P4.aw72qQ.2yI_ZHXMn", ["type K7P4"]),
        ("You can say yes, or no. I am at 12 Hill Road, PO BOX 7.", []),
    ],
)
def test_what_a_text_asks_to_answer_is_found(service_place: Any, text: str, answers: list[str]) -> None:
    found = replies.parts(text, lambda words: ENGINE.match_keyword(words, service_place) is not None)
    assert [f"{part.answer} {part.text}" for part in found if part.answer] == answers
    assert "".join(part.text for part in found) == text
    assert Part("") not in found


@pytest.fixture
def service_place(embedded: Service) -> Any:
    return embedded.services.conversation.runner.place


def test_news_is_not_repeated_until_something_is_new(embedded: Service) -> None:
    def ask(etag: str = "") -> Any:
        headers = {"If-None-Match": etag} if etag else {}
        return embedded.http.get("/simulator/news", query_string={"msisdn": [AKINYI, JOY]}, headers=headers)

    first = ask()
    etag = first.headers["ETag"]
    assert ask(etag).status_code == 304

    embedded.gateway.text(JOY, "HELP")
    embedded.work()
    second = ask(etag)
    assert second.status_code == 200
    changed = [msisdn for msisdn, phone in second.json["phones"].items() if phone != first.json["phones"][msisdn]]
    assert changed == [JOY]

    order_pot(embedded)
    third = ask(second.headers["ETag"])
    assert third.json["shop"] > second.json["shop"]
    embedded.http.post("/simulator/clock", json={"advance_seconds": 60})
    assert ask(third.headers["ETag"]).json["clock"] == {"runs": True, "ahead_s": 60}


def test_news_says_who_has_a_phone(embedded: Service) -> None:
    def owner(msisdn: str) -> Any:
        phone = get(embedded, "news", msisdn=msisdn)["phones"][msisdn]
        return phone["name"], phone["roles"], phone["language"]

    assert owner(AKINYI) == ("Akinyi Ouma", ["artisan"], "en")
    assert owner(OTIENO) == ("Otieno", ["agent"], None)
    assert owner(NEW_PHONE) == ("", [], None)
    embedded.gateway.dial(NEW_PHONE)
    embedded.gateway.answer(NEW_PHONE, "2")
    assert owner(NEW_PHONE) == ("", [], "sw")
    order_pot(embedded)
    assert owner(JOY)[1] == ["buyer"]


def test_a_prompt_is_news(embedded: Service) -> None:
    assert get(embedded, "news", msisdn=JOY)["phones"][JOY]["prompt"] is None
    order = order_pot(embedded, by_mpesa=True)
    embedded.work()
    prompt = get(embedded, "news", msisdn=JOY)["phones"][JOY]["prompt"]
    assert (prompt["account"], prompt["amount"]) == (order["code"], 1800)


def test_only_texts_that_are_newer_are_sent_again(embedded: Service) -> None:
    embedded.gateway.text(JOY, "HELP")
    embedded.work()
    texts = get(embedded, "texts", msisdn=JOY)["data"]
    assert [text["size"] for text in texts] == [sizes.of_text(text["text"]) for text in texts]
    assert "".join(part["text"] for part in texts[0]["parts"]) == texts[0]["text"]

    embedded.clock.advance(60)
    embedded.gateway.text(JOY, "TRACK")
    embedded.work()
    (newer,) = get(embedded, "texts", msisdn=JOY, since=texts[-1]["number"])["data"]
    assert newer["number"] > texts[-1]["number"]


def test_a_screen_is_shown_in_every_language_and_nothing_is_changed(embedded: Service) -> None:
    shown = call(embedded, ENGLISH)
    screens = {each["language"]: each for each in get(embedded, "screens", msisdn=AKINYI)["data"]}
    assert list(screens) == ["en", "sw", "fr", "am"]
    assert screens["en"]["screen"] == shown
    assert len({each["screen"] for each in screens.values()}) == len(screens)
    assert all(each["size"] == sizes.of_screen(each["screen"]) for each in screens.values())
    assert (screens["sw"]["size"]["encoding"], screens["am"]["size"]["encoding"]) == ("GSM-7", "UCS-2")
    assert embedded.gateway.repeat() == shown


def test_a_list_is_offered_in_every_language(embedded: Service) -> None:
    call(embedded, ENGLISH, SELL, "Water jar")
    screens = {each["language"]: each["screen"] for each in get(embedded, "screens", msisdn=AKINYI)["data"]}
    assert "Jewellery" in screens["en"]
    assert "Bijoux" in screens["fr"]


def test_a_refused_answer_is_said_in_the_language_of_the_person_only(embedded: Service) -> None:
    shown = call(embedded, ENGLISH, "none of these")
    screens = {each["language"]: each["screen"] for each in get(embedded, "screens", msisdn=AKINYI)["data"]}
    assert screens["en"] == shown
    assert shown.startswith("CON Please answer with a number")
    assert screens["sw"].startswith("CON Soko: Akinyi Ouma")


def test_a_dialogue_by_text_is_shown_in_every_language(embedded: Service) -> None:
    embedded.gateway.text(AKINYI, "SELL")
    (shown,) = embedded.inbox(AKINYI)
    screens = get(embedded, "screens", msisdn=AKINYI, by="text")["data"]
    assert screens[0]["screen"] == shown
    assert [each["size"] for each in screens] == [sizes.of_text(each["screen"]) for each in screens]


def test_a_phone_without_a_conversation_has_no_screens(embedded: Service) -> None:
    assert get(embedded, "screens", msisdn=NEW_PHONE) == {"data": []}
    assert embedded.http.get("/simulator/screens?by=pigeon").status_code == 400


def test_people_with_phones_are_listed_with_role_craft_and_language(embedded: Service) -> None:
    add_artisan(embedded, MWENDE, "Mwende", embedded.api("GET", "/kiosks")["data"][0]["id"], language="sw")
    found = get(embedded, "people")["data"]
    assert [(each["msisdn"], each["role"]) for each in found] == [
        (AKINYI, "artisan"),
        (MWENDE, "artisan"),
        (OTIENO, "agent"),
    ]
    assert (found[1]["language"], found[1]["craft"]) == ("sw", "pottery")
