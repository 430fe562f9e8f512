"""One hop, by call: answered alike however often it is posted, done once whatever breaks, and never lost."""

from __future__ import annotations

from itertools import accumulate

import pytest

from bot.simulator.gateway import Gateway
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
from tests.state.together import together

LAMP = "Oil lamp"
SELLING = ("1", LAMP, "6", "900", "5", "1")
JOINING = ("1", "1", "Beatrice", "2", "1", "1")
"""By somebody new, who is asked her language first."""


class Call:
    """One call whose requests can be posted in any order, as often as one likes, at any door."""

    def __init__(self, service: Service, msisdn: str, session_id: str = "ATUid_1") -> None:
        self._gateway, self._code = service.gateway, service.settings.ussd_code
        self._msisdn, self._session_id = msisdn, session_id

    def hop(self, text: str, at: Gateway | None = None) -> str:
        return (at or self._gateway).post_ussd(self._session_id, self._msisdn, self._code, text)


def cumulative(answers: tuple[str, ...]) -> list[str]:
    """What the gateway posts hop by hop: nothing at first, then all that was typed."""
    return ["", *accumulate(answers, "{}*{}".format)]


def six_at_once(call: Call, text: str) -> list[str]:
    return together(6, lambda _: call.hop(text))


# -- the story


def test_wares_are_sold_by_call_and_the_money_comes(service: Service) -> None:
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


def test_wares_are_sold_by_text(service: Service) -> None:
    for said in ("JOIN Beatrice", "2", "1", "1", f"SELL {LAMP} 900 x5", "6", "yes"):
        service.gateway.text(NEW_PHONE, said)
    lamps = place_order(service, 5, title=LAMP)
    service.gateway.text(NEW_PHONE, f"yes {lamps['code'].lower()} 3")

    assert order_status(service, lamps) == "accepted"
    assert any("is yours: 3 x Oil lamp" in text for text in service.inbox(NEW_PHONE))


# -- the same request again


def test_every_request_posted_again_is_answered_word_for_word_alike_and_sells_once(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call, heard = Call(service, AKINYI), dict[str, str]()
    for text in cumulative(SELLING):
        heard[text] = call.hop(text)
        assert {said: call.hop(said) for said in heard} == heard

    elsewhere = second_process(service)
    assert {said: call.hop(said, elsewhere) for said in heard} == heard
    assert len(products_titled(service, LAMP)) == 1


def test_an_earlier_request_posted_again_leaves_the_next_call_where_it_stands(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    earlier, later = Call(service, AKINYI), Call(service, AKINYI, "ATUid_2")
    heard = {text: earlier.hop(text) for text in cumulative(SELLING)}
    later.hop("")
    asked = later.hop("1")

    assert {text: earlier.hop(text) for text in heard} == heard
    assert later.hop("1") == asked
    assert "What kind of ware" in later.hop("1*Vase")


def test_six_that_post_the_same_request_at_once_hear_the_same_and_sell_once(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call = Call(service, AKINYI)
    heard = [six_at_once(call, text) for text in cumulative(SELLING)]

    assert [len(set(answers)) for answers in heard] == [1] * len(heard)
    assert len(products_titled(service, LAMP)) == 1


@pytest.mark.parametrize("n", range(len(SELLING)))
def test_a_hop_that_died_before_it_saved_is_taken_up_by_its_repetition(service: Service, n: int) -> None:
    choose_language(service, "en", AKINYI)
    call = Call(service, AKINYI)
    *before, last = cumulative(SELLING)[: n + 1]
    for text in before:
        call.hop(text)

    assert call.hop(last, crashing_process(service)).startswith("END Sorry")
    for text in cumulative(SELLING)[n:]:
        screen = call.hop(text)
    assert "is on sale" in screen
    assert len(products_titled(service, LAMP)) == 1


def test_what_is_done_is_told_even_if_the_session_cannot_be_saved_and_selling_again_on_it_sells_once(
    service: Service,
) -> None:
    choose_language(service, "en", AKINYI)
    call = Call(service, AKINYI)
    *before, last = cumulative(SELLING)
    for text in before:
        call.hop(text)

    told = call.hop(last, crashing_process(service))
    assert "is on sale" in told
    assert "cut off" in dial(service, AKINYI)
    assert [service.gateway.answer(AKINYI, "1") for _ in range(3)][-1] == told
    assert len(products_titled(service, LAMP)) == 1


# -- a session store that forgets


@pytest.mark.parametrize(
    ("msisdn", "answers", "done"),
    [(AKINYI, SELLING, "product.listed"), (NEW_PHONE, JOINING, "artisan.registered")],
    ids=["selling", "joining"],
)
def test_a_store_emptied_again_and_again_leaves_her_where_she_stands_and_does_nothing_twice(
    service: Service, msisdn: str, answers: tuple[str, ...], done: str
) -> None:
    choose_language(service, "en", AKINYI)
    call, before = Call(service, msisdn), service.events()
    for text in cumulative(answers):
        screen = call.hop(text)
        delete_session(service, msisdn)
        assert call.hop(text) == screen
        delete_session(service, msisdn)

    assert screen.startswith("END")
    assert service.events()[len(before) :] == [done]


# -- what a hop hears


def test_digits_typed_ahead_walk_the_menus_and_the_call_goes_on_from_there(service: Service) -> None:
    choose_language(service, "en", AKINYI)

    assert "What kind of ware" in service.gateway.dial(AKINYI, f"*384*22*1*{LAMP}#")
    assert "Price of one" in service.gateway.answer(AKINYI, "6")


def test_free_text_with_stars_in_it_is_one_answer(service: Service) -> None:
    choose_language(service, "en", AKINYI)

    assert "Sell 5 x Lamp 3*4*1 at" in dial(service, AKINYI, "1", "Lamp 3*4*1", "6", "900", "5")


@pytest.mark.parametrize("stray", ["", "1", "2", "1*Something else", f"1*{LAMP}s", f"1*{LAMP}", "9*9*9*9"])
def test_a_request_that_does_not_go_on_from_what_was_heard_moves_nothing(service: Service, stray: str) -> None:
    choose_language(service, "en", AKINYI)
    call = Call(service, AKINYI)
    heard = {text: call.hop(text) for text in ("", "1", f"1*{LAMP}")}
    asked = heard[f"1*{LAMP}"]

    assert call.hop(stray) == heard.get(stray, asked)
    assert call.hop(f"1*{LAMP}") == asked
    assert "Price of one" in call.hop(f"1*{LAMP}*6")


# -- calls that drop


def test_a_dropped_call_is_continued_with_everything_typed(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    asked = dial(service, AKINYI, "1", LAMP, "6")
    service.gateway.hang_up(AKINYI)

    assert dial(service, AKINYI).split("\n")[1:] == ["1. Continue", "2. Start again"]
    assert service.gateway.answer(AKINYI, "1") == asked
    assert f"Sell 5 x {LAMP} at KSh 900" in [service.gateway.answer(AKINYI, said) for said in ("900", "5")][-1]


def test_or_begun_again(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6")
    service.gateway.hang_up(AKINYI)

    assert dial(service, AKINYI, "2") == dial(service, AKINYI)
    assert "1. Sell something" in dial(service, AKINYI)


def test_or_continued_by_text(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6")
    service.gateway.hang_up(AKINYI)
    for said in ("more", "900", "5", "1"):
        service.gateway.text(AKINYI, said)

    assert "is on sale" in service.inbox(AKINYI)[-1]
    assert "1. Sell something" in dial(service, AKINYI)


def test_a_call_whose_conversation_went_on_by_text_goes_on_from_home(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    menu = dial(service, AKINYI)
    dial(service, AKINYI, "1", LAMP)
    service.gateway.text(AKINYI, "MORE")

    assert service.gateway.answer(AKINYI, "6") == menu


def test_or_forgotten_after_a_day(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP)
    service.gateway.hang_up(AKINYI)
    service.later(hours=24)

    assert "1. Sell something" in dial(service, AKINYI)


def test_nor_can_it_be_continued_by_text_then(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP)
    service.gateway.hang_up(AKINYI)
    service.later(hours=24)
    service.gateway.text(AKINYI, "MORE")

    assert service.inbox(AKINYI)[-1].startswith("There is nothing to continue.")


def test_a_menu_alone_is_not_worth_the_question(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    menu = dial(service, AKINYI)
    service.gateway.hang_up(AKINYI)

    assert dial(service, AKINYI) == menu


def test_what_was_to_be_confirmed_is_asked_from_one_question_before(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6", "900", "5")
    service.gateway.hang_up(AKINYI)

    assert "How many do you have?" in dial(service, AKINYI, "1")


def test_a_continued_call_performs_once_too(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    dial(service, AKINYI, "1", LAMP, "6")
    call = Call(service, AKINYI)
    heard = [call.hop(text) for text in cumulative(("1", "900", "5", "1"))]

    assert "is on sale" in heard[-1]
    assert [call.hop(text) for text in cumulative(("1", "900", "5", "1"))] == heard
    assert len(products_titled(service, LAMP)) == 1


# -- trouble


def test_a_shop_that_breaks_ends_the_call_calmly_and_the_next_dial_works(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    menu = dial(service, AKINYI)
    execute_sql(service, "ALTER TABLE product RENAME TO away")
    assert service.gateway.answer(AKINYI, "2") == "END Sorry, something went wrong on our side. Please dial again."

    execute_sql(service, "ALTER TABLE away RENAME TO product")
    assert dial(service, AKINYI) == menu
    assert "Your products" in service.gateway.answer(AKINYI, "2")


def test_a_refusal_by_the_shop_is_an_answer(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    placed = place_order(service)
    dial(service, AKINYI, "3", "1")
    service.api("POST", f"/orders/{placed['id']}/cancel")

    assert service.gateway.answer(AKINYI, "1") == f"END Order {placed['code']} is no longer open."
    assert accepted_order(service)["status"] == "accepted"
