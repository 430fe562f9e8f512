"""Inbound texts: each is handled once and answered in the sender's language, unless the sender wants no messages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from twilio.request_validator import RequestValidator

from state import people
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    NEW_PHONE,
    choose_language,
    crashing_process,
    delete_session,
    dial,
    order_status,
    outgoing_messages,
    overtaken_process,
    place_order,
    received_order,
    second_process,
)
from tests.service import Service, serving
from tests.threads import together

STOPPED = (
    "Soko: you will get no more texts, not even about orders or money, except security codes. "
    "To get them again, text START."
)
STARTED = "Soko: you will get texts again. To end them, text STOP."


def post_from_twilio(service: Service, body: str, *, id: str, token: str | None = None, **more: str) -> int:
    """Post a text from Akinyi as Twilio does; the HTTP status of the answer."""
    form = {"From": AKINYI, "To": "+15005550006", "MessageSid": id, "Body": body} | more
    validator = RequestValidator(service.settings.twilio_auth_token)
    signature = validator.compute_signature(f"{service.settings.url}/webhooks/twilio/sms", form)
    headers = {"X-Twilio-Signature": signature} | ({"I-Twilio-Idempotency-Token": token} if token else {})
    return service.http.post("/webhooks/twilio/sms", data=form, headers=headers).status_code


def post_from_africastalking(service: Service, body: str, *, date: str, sender: str = AKINYI) -> None:
    """Post a text as Africa's Talking does; `date` is when it was sent, and may be long ago."""
    path = f"/webhooks/africastalking/{service.settings.webhook_secret}/sms"
    form = {"from": sender, "to": "22384", "id": service.new_id(), "text": body, "date": date}
    assert service.http.post(path, data=form).status_code == 200


def post_from(service: Service, msisdn: str, body: str, id: str) -> None:
    """Post a text as Africa's Talking does, under this id."""
    path = f"/webhooks/africastalking/{service.settings.webhook_secret}/sms"
    form = {"from": msisdn, "to": "22384", "id": id, "text": body}
    assert service.http.post(path, data=form).status_code == 200


def test_one_id_names_texts_of_two_phones(service: Service) -> None:
    for msisdn in (AKINYI, JOY):
        post_from(service, msisdn, "CALL", "4711")

    requests = service.api("GET", "/help-requests")["data"]
    assert {request["phone"] for request in requests} == {AKINYI, JOY}
    for msisdn in (AKINYI, JOY):
        stored = service.api("GET", f"/conversations/{msisdn}")["data"]
        assert [message["direction"] for message in stored] == ["out", "in"]


# -- texts that are delivered twice


@pytest.mark.every_store
def test_a_text_delivered_again_is_handled_and_answered_once(service: Service) -> None:
    for _ in range(2):
        service.gateway.text(AKINYI, "CALL", id="first")
    for _ in range(2):
        second_process(service).text(AKINYI, "CALL", id="first")

    assert service.events().count("help.requested") == 1
    assert len(outgoing_messages(service, AKINYI)) == 1


def test_a_text_delivered_again_after_fifty_others_is_still_recognised(service: Service) -> None:
    service.gateway.text(AKINYI, "SELL Oil lamp 900 x5", id="first")
    for _ in range(50):
        service.gateway.text(AKINYI, "MENU")
    service.gateway.text(AKINYI, "SELL Vase 500 x2")
    service.gateway.text(AKINYI, "SELL Oil lamp 900 x5", id="first")
    service.gateway.text(AKINYI, "6")

    assert len(outgoing_messages(service, AKINYI)) == 53
    assert outgoing_messages(service, AKINYI)[-1].text.startswith("Sell 2 x Vase at")


def test_several_words_delivered_twice_within_seconds_under_two_ids_are_handled_once(service: Service) -> None:
    for _ in range(2):
        service.gateway.text(AKINYI, "SELL Oil lamp 900 x5")
    assert len(outgoing_messages(service, AKINYI)) == 1


def test_a_text_with_a_known_token_is_not_handled_again_under_another_id(service: Service) -> None:
    for id, token in (("SM1", "7f3a"), ("SM1", "7f3a"), ("SM2", "7f3a"), ("SM3", "9c21")):
        assert post_from_twilio(service, "6", id=id, token=token) == 200

    assert [text.about for text in outgoing_messages(service, AKINYI)] == ["SM1", "SM3"]


def test_one_token_names_texts_of_two_phones(embedded: Service) -> None:
    for msisdn in (AKINYI, JOY):
        post_from_twilio(embedded, "HELP", id=f"SM{msisdn}", token="7f3a", From=msisdn)

    assert [len(outgoing_messages(embedded, msisdn)) for msisdn in (AKINYI, JOY)] == [1, 1]


@pytest.mark.every_store
def test_a_text_whose_hop_crashed_before_it_saved_is_not_taken_for_a_repetition_of_itself(service: Service) -> None:
    service.gateway.text(NEW_PHONE, "JOIN", provider="twilio")
    twilio = crashing_process(service)
    assert twilio.text(NEW_PHONE, "Beatrice", provider="twilio") == 500
    twilio.repeat()
    service.gateway.text(NEW_PHONE, "2", provider="twilio")

    assert outgoing_messages(service, NEW_PHONE)[-1].text.startswith("Which kiosk")
    assert len(outgoing_messages(service, NEW_PHONE)) == 3


def test_several_words_sent_again_after_their_answer_are_handled_again(service: Service) -> None:
    service.gateway.text(AKINYI, "SELL Oil lamp 900 x5")
    service.work()
    service.gateway.text(AKINYI, "SELL Oil lamp 900 x5")
    assert len(outgoing_messages(service, AKINYI)) == 2


def test_one_word_sent_twice_answers_two_questions(service: Service) -> None:
    for _ in range(2):
        service.gateway.text(AKINYI, "6")
    assert len(outgoing_messages(service, AKINYI)) == 2


@pytest.mark.parametrize(("setting", "ours"), [("twilio_from", "+15005550006"), ("at_sender_id", "+254711082000")])
def test_a_text_from_one_of_our_own_numbers_is_not_answered(tmp_path: Path, setting: str, ours: str) -> None:
    with serving(tmp_path, **{setting: ours}) as service:
        assert service.gateway.text(ours, "MENU") == 200
        assert outgoing_messages(service) == []


def test_machines_that_answer_each_other_are_stopped(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    choose_language(service, "en", NEW_PHONE)
    for _ in range(8):
        service.gateway.text(NEW_PHONE, "I am driving now and answer later")
        service.later(minutes=1)

    assert [text.status for text in outgoing_messages(service, NEW_PHONE)] == ["delivered"] * 5 + ["suppressed"] * 3
    assert "loop" in caplog.text
    service.later(minutes=30)
    service.gateway.text(NEW_PHONE, "I am driving now and answer later")
    service.work()
    assert outgoing_messages(service, NEW_PHONE)[-1].status == "sent"


def test_a_sixth_question_is_answered_in_other_words(service: Service) -> None:
    choose_language(service, "en", NEW_PHONE)
    for _ in range(8):
        service.gateway.text(NEW_PHONE, "HELP")
        service.later(minutes=1)

    answers = outgoing_messages(service, NEW_PHONE)
    assert "suppressed" not in {text.status for text in answers}
    assert [text.text == answers[0].text for text in answers] == [True] * 5 + [False] * 3
    assert answers[5].text == f"{answers[0].text}\nYou asked 6 times. To talk to us, text CALL."


def test_a_question_asked_without_end_is_answered_a_limited_number_of_times(service: Service) -> None:
    choose_language(service, "en", NEW_PHONE)
    for _ in range(30):
        service.gateway.text(NEW_PHONE, "HELP")
        service.later(seconds=30)

    assert [text.status for text in outgoing_messages(service, NEW_PHONE)].count("suppressed") == 10


def test_an_artisan_may_list_many_products_one_after_another(service: Service) -> None:
    for letter in "abcdefg":
        for said in (f"SELL Pot {letter * 3} 900 x2", "6", "yes"):
            service.gateway.text(AKINYI, said)
        service.later(minutes=1)

    assert "suppressed" not in {text.status for text in outgoing_messages(service, AKINYI)}
    assert service.events().count("product.listed") == 1 + 7


# -- keywords that interrupt a question


def test_a_keyword_that_interrupts_a_question_says_how_to_go_back(service: Service) -> None:
    for said in ("SELL Oil lamp", "6", "MONEY"):
        service.gateway.text(AKINYI, said)
    said = outgoing_messages(service, AKINYI)[-1].text
    assert said == "We owe you KSh 0. We have paid you KSh 0.\nTo go on where you were, text MORE."

    service.gateway.text(AKINYI, "MORE")
    assert outgoing_messages(service, AKINYI)[-1].text == "Price of one, in KES?"


@pytest.mark.parametrize("first", ["PRODUCTS", "MENU", "MONEY"])
def test_a_keyword_after_something_that_was_only_read_interrupts_nothing(service: Service, first: str) -> None:
    service.gateway.text(AKINYI, first)
    service.gateway.text(AKINYI, "ORDERS")
    assert outgoing_messages(service, AKINYI)[-1].text == "You have no open orders."


@pytest.mark.parametrize("language", ["en", "sw", "fr", "am"])
def test_the_way_back_is_said_after_the_longest_answers_too(service: Service, language: str) -> None:
    choose_language(service, language, AKINYI)
    for said in ("SELL Oil lamp", "HELP"):
        service.gateway.text(AKINYI, said)
    said = outgoing_messages(service, AKINYI)[-1]
    assert said.text.splitlines()[-1].split()[-1].strip("።.") in ("MORE", "ENDELEA", "SUITE", "ይላኩ")
    assert said.segments <= 2


@pytest.mark.every_store
@pytest.mark.parametrize("others", [0, 50])
def test_a_text_whose_hop_crashed_before_it_saved_is_handled_and_answered_once(service: Service, others: int) -> None:
    assert crashing_process(service).text(AKINYI, "CALL", id="first") == 500
    for _ in range(others):
        service.gateway.text(AKINYI, "MENU")

    assert service.gateway.text(AKINYI, "CALL", id="first") == 200
    assert service.events().count("help.requested") == 1
    assert len(outgoing_messages(service, AKINYI)) == 1 + others


@pytest.mark.every_store
def test_an_answer_whose_hop_crashed_before_it_saved_counts_when_it_is_delivered_again(service: Service) -> None:
    service.gateway.text(NEW_PHONE, "JOIN", id="a")
    crashing_process(service).text(NEW_PHONE, "Beatrice", id="b")
    service.gateway.text(NEW_PHONE, "Beatrice", id="b")
    service.gateway.text(NEW_PHONE, "2", id="c")

    assert [text.text.split("\n")[0] for text in outgoing_messages(service, NEW_PHONE)] == [
        "Join Soko. What is your name?",
        "What is your craft?",
        "Which kiosk will you bring your goods to?",
    ]


@pytest.mark.every_store
def test_an_answer_delivered_again_after_the_session_was_lost_answers_no_new_question(service: Service) -> None:
    service.gateway.text(AKINYI, "SELL Oil lamp")
    service.gateway.text(AKINYI, "6", id="kind of the lamp")
    delete_session(service, AKINYI)
    service.gateway.text(AKINYI, "SELL Vase")
    service.gateway.text(AKINYI, "6", id="kind of the lamp")
    service.gateway.text(AKINYI, "900")

    assert "What kind of product" in outgoing_messages(service, AKINYI)[-1].text


@pytest.mark.every_store
def test_the_answer_to_a_text_that_was_slower_than_its_lease_is_not_forgotten(service: Service) -> None:
    overtaken_process(service, lambda: service.gateway.text(NEW_PHONE, "CALL")).text(NEW_PHONE, "JOIN Beatrice")
    for body in ("MORE", "2"):
        service.gateway.text(NEW_PHONE, body)

    assert service.events().count("help.requested") == 1
    assert outgoing_messages(service, NEW_PHONE)[-1].text.startswith("Which kiosk")
    assert len(outgoing_messages(service, NEW_PHONE)) == 4


@pytest.mark.every_store
def test_several_texts_of_one_person_at_once_are_all_handled(service: Service) -> None:
    placed = [place_order(service) for _ in range(6)]
    answered = together(6, lambda n: service.gateway.text(AKINYI, f"YES {placed[n]['code']}"))

    assert answered == [200] * 6
    assert {order_status(service, one) for one in placed} == {"accepted"}
    assert len(outgoing_messages(service, AKINYI)) == 6


@pytest.mark.every_store
def test_a_text_and_a_call_of_one_person_at_once_are_both_handled(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    placed = place_order(service)
    service.gateway.dial(AKINYI)
    actions = (
        lambda: service.gateway.text(AKINYI, f"YES {placed['code']}"),
        lambda: service.gateway.answer(AKINYI, "1"),
    )
    together(2, lambda n: actions[n]())

    assert order_status(service, placed) == "accepted"
    assert "What kind of product" in service.gateway.answer(AKINYI, "Oil lamp")


# -- texts that are delivered late


def test_texts_delivered_in_another_order_than_they_were_sent_are_all_handled(service: Service) -> None:
    first, second = place_order(service), place_order(service)
    post_from_africastalking(service, f"YES {second['code']}", date="2026-11-23 07:05:00")
    post_from_africastalking(service, f"YES {first['code']}", date="2026-11-23T07:00:00Z")

    assert [order_status(service, one) for one in (first, second)] == ["accepted", "accepted"]
    assert [answer.text.split()[1] for answer in outgoing_messages(service, AKINYI)] == [second["code"], first["code"]]
    inbound = service.api("GET", "/messages?direction=in")["data"]
    assert [text["sent_at"] for text in inbound] == ["2026-11-23T07:00:00Z", "2026-11-23T07:05:00Z"]


@pytest.mark.parametrize(("earlier", "later", "becomes"), [("STOP", "START", "sent"), ("ANZA", "ACHA", "suppressed")])
def test_the_last_sent_of_stop_and_start_counts_although_it_is_delivered_first(
    service: Service, earlier: str, later: str, becomes: str
) -> None:
    post_from_africastalking(service, later, date="2026-11-23 07:05:00")
    post_from_africastalking(service, earlier, date="2026-11-23 07:00:00")
    place_order(service)
    service.work()

    (notification,) = [text for text in outgoing_messages(service, AKINYI) if text.topic == "order.placed"]
    assert notification.status == becomes


def test_a_start_that_is_dated_in_the_future_does_not_outdate_a_later_stop(embedded: Service) -> None:
    """Three hours ahead: a clock of East Africa that is read as UTC."""
    post_from_africastalking(embedded, "STOP", date="2026-11-23 08:00:00")
    embedded.clock.advance(1)
    post_from_africastalking(embedded, "START", date="2026-11-23 11:00:01")
    embedded.clock.advance(60)
    post_from_africastalking(embedded, "STOP", date="2026-11-23 08:01:01")

    assert [answer.text for answer in outgoing_messages(embedded, AKINYI)] == [STOPPED, STARTED, STOPPED]


def test_a_text_of_no_phone_that_is_dated_in_the_future_was_sent_when_it_came(embedded: Service) -> None:
    post_from_africastalking(embedded, "Confirmed", date="2026-11-24 08:00:00", sender="MPESA")

    (message, *_) = embedded.api("GET", "/messages")["data"]
    assert message["sent_at"] == message["created_at"]


def test_a_text_repeated_for_half_a_day_is_handled_once(service: Service) -> None:
    service.gateway.text(AKINYI, "CALL")
    for _ in range(12):
        service.later(hours=1)
        service.gateway.repeat()

    assert service.events().count("help.requested") == 1
    assert len(outgoing_messages(service, AKINYI)) == 1


# -- opting out and in


def test_after_stop_and_one_confirmation_only_answers_are_sent(embedded: Service) -> None:
    for body in ("STOP", "stop", " Stop. "):
        embedded.gateway.text(AKINYI, body)
    placed = place_order(embedded)
    embedded.work()
    embedded.gateway.text(AKINYI, "ORDERS")

    assert embedded.inbox(AKINYI) == [STOPPED, f"Your orders:\n1. {placed['code']} 1 x Clay water pot"]
    (held,) = [text for text in outgoing_messages(embedded, AKINYI) if text.topic == "order.placed"]
    assert (held.status, held.error) == ("suppressed", "opted out")


def test_start_is_confirmed_once_and_messages_are_sent_again(embedded: Service) -> None:
    for body in ("STOP", "START", "start"):
        embedded.gateway.text(AKINYI, body)
    place_order(embedded)

    assert embedded.inbox(AKINYI)[:2] == [STOPPED, STARTED]
    assert embedded.inbox(AKINYI)[2].startswith("Soko: new order")


def test_start_without_a_stop_is_not_answered(embedded: Service) -> None:
    embedded.gateway.text(AKINYI, "START")

    assert embedded.inbox(AKINYI) == []


def test_a_stop_that_the_provider_confirmed_is_not_confirmed_again(tmp_path: Path) -> None:
    with serving(tmp_path, twilio_auth_token="token") as service:
        answered = post_from_twilio(service, "STOP", id="SM1", OptOutType="STOP")

        assert (answered, outgoing_messages(service)) == (200, [])
        with service.services.database.reading() as session:
            stopped = people.find(session.connection(), AKINYI)
    assert stopped is not None
    assert stopped.opted_out_how == "twilio SM1"


def test_an_opt_out_reported_by_the_provider_suppresses_messages(embedded: Service) -> None:
    path = f"/webhooks/africastalking/{embedded.settings.webhook_secret}/optout"
    assert embedded.http.post(path, data={"phoneNumber": AKINYI, "senderId": "22384"}).status_code == 200
    place_order(embedded)
    embedded.work()

    assert [text.status for text in outgoing_messages(embedded, AKINYI)] == ["suppressed"]


# -- texts that begin a dialogue


def test_a_text_that_is_not_understood_is_answered_with_help(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    embedded.gateway.text(AKINYI, "habari ya asubuhi")

    assert embedded.inbox(AKINYI) == ["Sorry, we did not understand that. Text MENU to see what you can do, or HELP."]


def test_a_new_phone_is_asked_for_its_language(embedded: Service) -> None:
    embedded.gateway.text(NEW_PHONE, "habari ya asubuhi")
    embedded.gateway.text(NEW_PHONE, "2")

    asked, menu = embedded.inbox(NEW_PHONE)
    assert asked.startswith("Soko. Language / Lugha:\n1. English")
    assert menu.startswith("Karibu Soko, duka la kazi za mikono.\n1. Jiunge kama fundi")


def test_more_with_nothing_to_continue_says_so(embedded: Service) -> None:
    embedded.gateway.text(NEW_PHONE, "MORE")

    assert embedded.inbox(NEW_PHONE) == ["There is nothing to continue. Text MENU to see what you can do."]


@pytest.mark.parametrize(
    ("said", "asked"), [("JOIN", "Join Soko. What is your name?"), ("join beatrice atieno", "What is your craft?")]
)
def test_a_new_phone_can_join_by_text(embedded: Service, said: str, asked: str) -> None:
    embedded.gateway.text(NEW_PHONE, said)

    assert embedded.inbox(NEW_PHONE)[0].startswith(asked)


def test_a_message_is_in_the_language_of_its_recipient(embedded: Service) -> None:
    choose_language(embedded, "sw", AKINYI)
    embedded.gateway.text(AKINYI, "blah")
    place_order(embedded, locale="sw")

    assert [text.language for text in outgoing_messages(embedded, AKINYI)] == ["sw"]
    embedded.work()
    assert {text.msisdn: text.language for text in outgoing_messages(embedded)} == {AKINYI: "sw", JOY: "sw"}


# -- statements


def test_a_statement_asked_for_on_a_call_is_sent_once_although_the_request_is_repeated(embedded: Service) -> None:
    received_order(embedded, 2)
    choose_language(embedded, "en", AKINYI)
    embedded.work()
    before = len(outgoing_messages(embedded, AKINYI))
    shown = dial(embedded, AKINYI, "4", "1")

    assert {embedded.gateway.repeat() for _ in range(3)} == {shown} == {"END We text you your statement."}
    (statement,) = outgoing_messages(embedded, AKINYI)[before:]
    (order,) = embedded.api("GET", "/orders")["data"]
    assert statement.text.splitlines()[1:] == [f"{order['code']} KSh 3,240 paid"]


def test_a_statement_is_in_the_artisans_language_and_has_at_most_two_segments(embedded: Service) -> None:
    for _ in range(6):
        received_order(embedded, 1)
    choose_language(embedded, "am", AKINYI)
    embedded.work()
    embedded.gateway.text(AKINYI, "STATEMENT")

    statement = outgoing_messages(embedded, AKINYI)[-1]
    assert statement.text.startswith("የሶኮ መግለጫ።")
    assert (statement.segments, len(statement.text.splitlines())) == (2, 4)


# -- senders that are not a phone, or not written as an MSISDN


def texts_from(service: Service, sender: str) -> list[tuple[str, str]]:
    """Direction and text of every message of this sender, as operators see them."""
    listed = service.api("GET", "/messages?limit=100")["data"]
    return [(message["direction"], message["text"]) for message in listed if message["msisdn"] == sender]


@pytest.mark.parametrize(
    ("sender", "provider"), [("MPESA", "africastalking"), ("22384", "africastalking"), ("68849", "twilio")]
)
def test_a_text_from_a_sender_that_is_no_phone_is_kept_and_not_answered(
    service: Service, sender: str, provider: Literal["africastalking", "twilio"]
) -> None:
    for _ in range(2):
        assert (
            service.gateway.text(sender, "SFF6 Confirmed. You have received Ksh 900", id="same", provider=provider)
            == 200
        )
    assert texts_from(service, sender) == [("in", "SFF6 Confirmed. You have received Ksh 900")]


@pytest.mark.parametrize("sender", ["0711000103", "00254711000103", "254711000103"])
def test_a_sender_written_as_people_dial_it_is_answered(service: Service, sender: str) -> None:
    assert service.gateway.text(sender, "PRODUCTS") == 200
    assert [direction for direction, _ in texts_from(service, AKINYI)] == ["out", "in"]
