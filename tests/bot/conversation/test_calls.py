"""USSD hops: a repeated request gets the same screen, a command is performed once, and no answer is lost."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest

from bot.conversation import calls
from bot.messaging.rendering import words
from bot.simulator.gateway import Gateway
from flows import gsm7
from flows.kit import USSD
from state.sessions import Sessions
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    NEW_PHONE,
    OTIENO,
    accepted_order,
    choose_language,
    crashing_process,
    delete_session,
    dial,
    execute_sql,
    order_status,
    place_order,
    products_titled,
    second_process,
)
from tests.service import Service
from tests.threads import together

LAMP = "Oil lamp"
SELLING = ("1", LAMP, "6", "900", "5", "1")
JOINING = ("1", "1", "Beatrice", "2", "1", "1")
"""From a phone that is not registered, which is asked for a language first."""


class PostedCall:
    """A call whose requests are posted one by one, in any order and to any process."""

    def __init__(self, service: Service, msisdn: str, session_id: str = "ATUid_1") -> None:
        self._gateway, self._code = service.gateway, service.settings.ussd_code
        self._msisdn, self._session_id = msisdn, session_id

    def hop(self, text: str, at: Gateway | None = None) -> str:
        return (at or self._gateway).post_ussd(self._session_id, self._msisdn, self._code, text)


def cumulative(answers: tuple[str, ...]) -> list[str]:
    """The texts that the gateway posts hop by hop: empty at first, then all answers so far."""
    return ["", *accumulate(answers, "{}*{}".format)]


def hop_six_times_at_once(call: PostedCall, text: str) -> list[str]:
    return together(6, lambda _: call.hop(text))


# -- from joining to being paid


def test_a_new_artisan_sells_by_call_and_is_paid(service: Service) -> None:
    choose_language(service, "en", OTIENO)
    assert dial(service, NEW_PHONE, *JOINING).startswith("END Welcome to Soko, Beatrice!")
    assert "is on sale" in dial(service, NEW_PHONE, *SELLING)
    lamps = place_order(service, 2, title=LAMP)

    assert "is yours" in dial(service, NEW_PHONE, "3", "1", "1")
    assert "Received: 2" in dial(service, OTIENO, "1", lamps["code"], "2", "1")
    assert "is shipped" in dial(service, OTIENO, "3", "1", "Posta", "RB1", "1")

    assert order_status(service, lamps) == "shipped"
    assert any("Soko sent you" in text for text in service.inbox(NEW_PHONE))
    assert "RB1" in service.inbox(JOY)[-1]


def test_a_new_artisan_sells_by_text(service: Service) -> None:
    for body in ("JOIN Beatrice", "2", "1", "1", f"SELL {LAMP} 900 x5", "6", "yes"):
        service.gateway.text(NEW_PHONE, body)
    lamps = place_order(service, 5, title=LAMP)
    service.gateway.text(NEW_PHONE, f"yes {lamps['code'].lower()} 3")

    assert order_status(service, lamps) == "accepted"
    assert any("is yours: 3 x Oil lamp" in text for text in service.inbox(NEW_PHONE))


# -- repeated requests


@pytest.mark.every_store
def test_repeated_requests_get_the_same_screens_and_list_one_product(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call, screens = PostedCall(service, AKINYI), dict[str, str]()
    for text in cumulative(SELLING):
        screens[text] = call.hop(text)
        assert {text: call.hop(text) for text in screens} == screens

    other_process = second_process(service)
    assert {text: call.hop(text, other_process) for text in screens} == screens
    assert len(products_titled(service, LAMP)) == 1


def test_a_repeated_request_of_an_earlier_call_does_not_move_the_open_call(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    earlier, later = PostedCall(service, AKINYI), PostedCall(service, AKINYI, "ATUid_2")
    screens = {text: earlier.hop(text) for text in cumulative(SELLING)}
    later.hop("")
    asked = later.hop("1")

    assert {text: earlier.hop(text) for text in screens} == screens
    assert later.hop("1") == asked
    assert "What kind of product" in later.hop("1*Vase")


@pytest.mark.every_store
def test_the_same_request_six_times_at_once_gets_one_screen_and_lists_one_product(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    screens = [hop_six_times_at_once(call, text) for text in cumulative(SELLING)]

    assert [len(set(answers)) for answers in screens] == [1] * len(screens)
    assert len(products_titled(service, LAMP)) == 1


@pytest.mark.every_store
@pytest.mark.parametrize("n", range(len(SELLING)))
def test_a_hop_that_crashed_before_it_saved_is_done_by_its_repetition(service: Service, n: int) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    *before, last = cumulative(SELLING)[: n + 1]
    for text in before:
        call.hop(text)

    assert call.hop(last, crashing_process(service)).startswith("END Sorry")
    for text in cumulative(SELLING)[n:]:
        screen = call.hop(text)
    assert "is on sale" in screen
    assert len(products_titled(service, LAMP)) == 1


@pytest.mark.every_store
def test_the_last_screen_is_shown_although_the_session_cannot_be_saved_and_one_product_is_listed(
    service: Service,
) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    *before, last = cumulative(SELLING)
    for text in before:
        call.hop(text)

    shown = call.hop(last, crashing_process(service))
    assert "is on sale" in shown
    assert call.hop(last) == shown
    assert "1. Sell something" in dial(service, AKINYI)
    assert len(products_titled(service, LAMP)) == 1


# -- a session store that loses sessions


@pytest.mark.every_store
@pytest.mark.parametrize(
    ("msisdn", "answers", "done"),
    [
        (AKINYI, SELLING, "product.listed"),
        (AKINYI, ("1", "Lamp 3*4", "6", "900", "5", "1"), "product.listed"),
        (NEW_PHONE, JOINING, "artisan.registered"),
    ],
    ids=["selling", "selling what has a star", "joining"],
)
def test_a_session_lost_after_every_hop_changes_no_screen_and_repeats_no_command(
    service: Service, msisdn: str, answers: tuple[str, ...], done: str
) -> None:
    choose_language(service, "en", AKINYI)
    call, before = PostedCall(service, msisdn), service.events()
    for text in cumulative(answers):
        screen = call.hop(text)
        delete_session(service, msisdn)
        assert call.hop(text) == screen
        delete_session(service, msisdn)

    assert screen.startswith("END")
    assert service.events()[len(before) :] == [done]


STARRED = "Lamp 3*4*1"
SELLING_STARRED = ("1", STARRED, "6", "900", "5", "1")


@pytest.mark.every_store
@pytest.mark.parametrize("lost_before", range(1, len(SELLING_STARRED) + 1))
def test_stars_in_an_answer_survive_the_loss_of_the_session_at_any_hop(service: Service, lost_before: int) -> None:
    """From the loss on, another process answers."""
    choose_language(service, "en", AKINYI)
    call, another = PostedCall(service, AKINYI), second_process(service)
    for n, text in enumerate(cumulative(SELLING_STARRED)):
        if n == lost_before:
            delete_session(service, AKINYI)
        screen = call.hop(text, service.gateway if n < lost_before else another)

    assert screen.startswith(f"END {STARRED} is on sale at KSh 900.")
    assert len(products_titled(service, STARRED)) == 1


def test_stars_survive_in_one_process_although_the_gateway_brings_no_metadata_back(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    for text in cumulative(SELLING_STARRED):
        service.gateway.metadata.clear()
        screen = call.hop(text)
        delete_session(service, AKINYI)

    assert screen.startswith(f"END {STARRED} is on sale at KSh 900.")


def test_stars_in_answers_survive_although_another_process_answers_after_each_loss(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    for text in cumulative(SELLING_STARRED):
        screen = call.hop(text, second_process(service))
        delete_session(service, AKINYI)

    assert screen.startswith(f"END {STARRED} is on sale at KSh 900.")
    assert len(products_titled(service, STARRED)) == 1


# -- the cumulative text


def test_answers_in_the_dialled_code_are_given_one_by_one_and_the_call_continues(service: Service) -> None:
    choose_language(service, "en", AKINYI)

    assert "What kind of product" in service.gateway.dial(AKINYI, f"*384*22*1*{LAMP}#")
    assert "Price of one" in service.gateway.answer(AKINYI, "6")


def test_free_text_with_stars_in_it_is_one_answer(service: Service) -> None:
    choose_language(service, "en", AKINYI)

    assert "Sell 5 x Lamp 3*4*1 at" in dial(service, AKINYI, "1", "Lamp 3*4*1", "6", "900", "5")


@pytest.mark.parametrize("stray", ["", "1", "2", "1*Something else", f"1*{LAMP}s", f"1*{LAMP}", "9*9*9*9"])
def test_a_request_out_of_order_changes_nothing(service: Service, stray: str) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    screens = {text: call.hop(text) for text in ("", "1", f"1*{LAMP}")}
    asked = screens[f"1*{LAMP}"]

    assert call.hop(stray) == screens.get(stray, asked)
    assert call.hop(f"1*{LAMP}") == asked
    assert "Price of one" in call.hop(f"1*{LAMP}*6")


# -- back


def test_back_does_not_lead_to_a_question_that_had_one_possible_answer(embedded: Service) -> None:
    choose_language(embedded, "en", OTIENO)
    code = accepted_order(embedded, 2)["code"]

    assert "How many came?" in dial(embedded, OTIENO, "1", code)
    assert embedded.gateway.answer(OTIENO, "0").startswith("CON Receive goods. What is the order's code?")


# -- two calls of one phone

TAKEN_OVER = "END You have begun another call, so this one ends. Please go on in the other one."


def test_the_next_answer_of_an_older_call_ends_it_and_does_nothing_in_the_newer_one(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    older, newer = PostedCall(service, AKINYI), PostedCall(service, AKINYI, "ATUid_2")
    older.hop("")
    asked = newer.hop("")

    assert older.hop("6") == TAKEN_OVER
    assert older.hop("6") == TAKEN_OVER
    assert newer.hop("") == asked
    assert newer.hop("1").startswith("CON What are you selling?")
    assert "help.requested" not in service.events()


def test_an_older_call_is_ended_in_the_middle_of_a_sale_that_the_newer_one_continues(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    older, newer = PostedCall(service, AKINYI), PostedCall(service, AKINYI, "ATUid_2")
    for text in cumulative(("1", LAMP)):
        older.hop(text)
    newer.hop("")

    assert "What kind of product" in newer.hop("1")
    assert older.hop(f"1*{LAMP}*6") == TAKEN_OVER
    assert [newer.hop(text) for text in cumulative(("1", "6", "900", "5", "1"))[2:]][-1].startswith(f"END {LAMP}")
    assert len(products_titled(service, LAMP)) == 1


def test_a_third_call_ends_both_older_ones(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    *older, newest = (PostedCall(embedded, AKINYI, f"ATUid_{number}") for number in range(3))
    for call in (*older, newest):
        call.hop("")

    assert [call.hop("1") for call in older] == [TAKEN_OVER] * 2
    assert newest.hop("1").startswith("CON What are you selling?")


@pytest.mark.parametrize("language", ["en", "sw", "fr", "am"])
def test_an_older_call_ends_in_the_callers_language_on_one_screen(embedded: Service, language: str) -> None:
    choose_language(embedded, language, AKINYI)
    older, newer = PostedCall(embedded, AKINYI), PostedCall(embedded, AKINYI, "ATUid_2")
    older.hop("")
    newer.hop("")
    screen = older.hop("1")

    assert screen == USSD.end_prefix + words(language).text(calls.TAKEN_OVER)
    assert (screen == TAKEN_OVER) == (language == "en")
    septets = gsm7.septets(screen)
    assert septets <= 160 if septets is not None else gsm7.units(screen) <= 80


# -- dropped calls


def test_a_dropped_call_is_continued_with_everything_that_was_typed(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    asked = dial(service, AKINYI, "1", LAMP, "6")
    service.gateway.hang_up(AKINYI)

    assert dial(service, AKINYI).split("\n")[1:] == ["1. Continue", "2. Start again"]
    assert service.gateway.answer(AKINYI, "1") == asked
    assert f"Sell 5 x {LAMP} at KSh 900" in [service.gateway.answer(AKINYI, answer) for answer in ("900", "5")][-1]


def test_a_dropped_call_can_be_started_again(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6")
    service.gateway.hang_up(AKINYI)

    assert dial(service, AKINYI, "2") == dial(service, AKINYI)
    assert "1. Sell something" in dial(service, AKINYI)


def test_a_dropped_call_can_be_continued_by_text(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6")
    service.gateway.hang_up(AKINYI)
    for body in ("more", "900", "5", "1"):
        service.gateway.text(AKINYI, body)

    assert "is on sale" in service.inbox(AKINYI)[-1]
    assert "1. Sell something" in dial(service, AKINYI)


def test_a_call_goes_home_if_its_conversation_was_continued_by_text(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    menu = dial(service, AKINYI)
    dial(service, AKINYI, "1", LAMP)
    service.gateway.text(AKINYI, "MORE")

    assert service.gateway.answer(AKINYI, "6") == menu


def test_a_dropped_call_is_forgotten_after_a_day(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP)
    service.gateway.hang_up(AKINYI)
    service.later(hours=24)

    assert "1. Sell something" in dial(service, AKINYI)


def test_a_dropped_call_cannot_be_continued_by_text_after_a_day(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP)
    service.gateway.hang_up(AKINYI)
    service.later(hours=24)
    service.gateway.text(AKINYI, "MORE")

    assert service.inbox(AKINYI)[-1].startswith("There is nothing to continue.")


def test_a_call_that_dropped_at_a_menu_is_not_offered_for_continuation(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    menu = dial(service, AKINYI)
    service.gateway.hang_up(AKINYI)

    assert dial(service, AKINYI) == menu


def test_a_call_that_dropped_at_a_confirmation_continues_one_question_before(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6", "900", "5")
    service.gateway.hang_up(AKINYI)

    assert "How many do you have?" in dial(service, AKINYI, "1")


def test_a_continued_call_performs_its_command_once(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6")
    call = PostedCall(service, AKINYI)
    screens = [call.hop(text) for text in cumulative(("1", "900", "5", "1"))]

    assert "is on sale" in screens[-1]
    assert [call.hop(text) for text in cumulative(("1", "900", "5", "1"))] == screens
    assert len(products_titled(service, LAMP)) == 1


# -- errors


def test_an_error_ends_the_call_with_an_apology_and_the_next_call_works(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    menu = dial(service, AKINYI)
    execute_sql(service, "ALTER TABLE product RENAME TO away")
    assert service.gateway.answer(AKINYI, "2") == "END Sorry, something went wrong on our side. Please dial again."

    execute_sql(service, "ALTER TABLE away RENAME TO product")
    assert dial(service, AKINYI) == menu
    assert "Your products" in service.gateway.answer(AKINYI, "2")


class FailingSessions:
    """A session store that fails at one of its methods, and records which were called."""

    def __init__(self, store: Sessions, method: str) -> None:
        self._store, self._method = store, method
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **values: Any) -> Any:
            self.calls.append(name)
            if name == self._method:
                raise ConnectionError("frozen")
            return getattr(self._store, name)(*arguments, **values)

        return call


@pytest.mark.parametrize(
    ("method", "calls", "apology"),
    [("look", ["look"], "END Sorry"), ("replace", ["look", "replace"], "END Samahani")],
)
def test_the_apology_asks_no_store(embedded: Service, method: str, calls: list[str], apology: str) -> None:
    choose_language(embedded, "sw", AKINYI)
    dial(embedded, AKINYI)
    sessions = FailingSessions(embedded.services.sessions, method)

    assert second_process(embedded, sessions=sessions).dial(AKINYI).startswith(apology)
    assert sessions.calls == calls


def test_a_refusal_by_the_shop_is_shown(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    placed = place_order(service)
    dial(service, AKINYI, "3", "1")
    service.api("POST", f"/orders/{placed['id']}/cancel")

    assert service.gateway.answer(AKINYI, "1") == f"END Order {placed['code']}: the buyer cancelled it."
    assert accepted_order(service)["status"] == "accepted"


def test_an_id_that_the_gateway_gives_to_a_second_call_begins_a_new_one(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    call = PostedCall(embedded, AKINYI)
    for text in cumulative(SELLING):
        call.hop(text)
    embedded.clock.advance(86_400)
    home, settings, home_again, *_, listed = [call.hop(text) for text in cumulative(("5", "00", *SELLING))]

    assert "1. Sell something" in home
    assert "3. My kiosk" in settings
    assert home_again == home
    assert listed.startswith(f"END {LAMP} is on sale")
    assert len(products_titled(embedded, LAMP)) == 2


def test_an_id_of_an_earlier_call_begins_a_new_one_too(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    call, newer = PostedCall(embedded, AKINYI), PostedCall(embedded, AKINYI, "ATUid_2")
    home = call.hop("")
    newer.hop("")
    embedded.clock.advance(86_400)

    assert call.hop("") == home
    assert "3. My kiosk" in call.hop("5")


def test_a_first_request_that_is_repeated_within_ten_minutes_begins_no_new_call(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    call = PostedCall(embedded, AKINYI)
    screens = [call.hop(text) for text in ("", "1")]
    embedded.clock.advance(9 * 60)

    assert [call.hop(text) for text in ("", "1")] == screens
