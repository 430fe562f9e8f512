"""The whole book, walked from end to end: in every language, with the longest data the checks allow, and by people
who type anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache

import msgspec
import pytest
from msgspec.structs import replace

import locales
from bot.messaging import consent, rendering
from flows.commands import Command, Outcome, SayReady, ShopCommand
from flows.dialogues import ENGINE
from flows.kit import (
    SMS,
    USSD,
    Ask,
    AskCode,
    AskDigits,
    AskMoney,
    AskPhone,
    AskPin,
    AskQuantity,
    Channel,
    Flow,
    Person,
    Place,
)
from flows.kit.conversation import Guess
from flows.kit.state_kinds.lists import ListQuestion
from flows.reading import numbers
from flows.reading.answers import yes_no

from . import laws
from .conftest import Phone
from .market import Village

LANGUAGES = locales.available()
PLACE = Place("KE", "KES", rendering.language_names(LANGUAGES), "*384*22#", "22384")
CHANNELS = [USSD, SMS]

WIDEST = "W" * 40
"""As long as names and titles may be."""
LINE = "W" * 100
"""As long as operators may name a kiosk or a town."""
DEAREST, MOST = 500_000_00, 999
CASH = "246810"
PIN = "2468"
CODES = {
    "K7P4": "placed",
    "M2W3": "placed",
    "W4M5": "accepted",
    "N3P4": "accepted",
    "T5U6": "accepted",
    "R5S6": "accepted",
    "P6K7": "at_kiosk",
    "Q8T9": "at_kiosk",
    "A2B3": "shipped",
    "C4D5": "delivered",
    "E6F7": "declined",
    "G8H9": "expired",
    "J2K3": "cancelled",
}
BRIEF, DUE = "B2N3", date(2026, 12, 28)
NOBODYS = "Z9Z9"
NEIGHBOUR = "+254711000222"


# Everybody, and what there is for them.


def people(language: str) -> Iterator[Person]:
    yield Person("+254711000111")
    yield Person("+254711000111", language)
    yield Person("+254711000111", language, pin=True)
    somebody = Person("+254711000111", language, name=WIDEST, kiosk=LINE)
    yield replace(somebody, artisan=True)
    yield replace(somebody, artisan=True, pin=True)
    yield replace(somebody, agent=True)
    yield replace(somebody, artisan=True, agent=True)


def full(person: Person) -> Village:
    """A village that has as much of everything as there can be."""
    village = Village(
        person, purse={CASH: DEAREST * MOST}, neighbours={NEIGHBOUR: WIDEST}, pin=PIN if person.pin else ""
    )
    for _ in range(3):
        village.build(LINE, LINE)
    for _ in range(7):
        village.stock(WIDEST, DEAREST, MOST)
    for code, status in CODES.items():
        village.order(code, WIDEST, MOST, DEAREST * MOST, status)
    village.order("T5U6", WIDEST, MOST, DEAREST * MOST, "accepted")
    village.order("N5P6", WIDEST, MOST, DEAREST * MOST, "accepted", due_on=DUE)
    village.order(BRIEF, WIDEST, MOST, DEAREST * MOST, brief=True, due_on=DUE)
    village.perform(SayReady("R5S6"))
    return village


def shut(village: Village) -> None:
    village.shut = True


def let_time_pass(village: Village) -> None:
    """All that was ordered lies at the kiosk, a right PIN was right too long ago, and a code has run out."""
    village.proven, village.reset = False, ""
    for code, order in village.parcels.items():
        village.parcels[code] = replace(order, status="at_kiosk")


def take_most(village: Village) -> None:
    """Of everything ordered there is one left to be made or brought."""
    for part, order in village.parcels.items():
        village.parcels[part] = replace(order, quantity=1)


def lose_its_orders(village: Village) -> None:
    for code, order in village.parcels.items():
        village.parcels[code] = replace(order, status="cancelled")


def lock_its_secrets(village: Village) -> None:
    village.wrong_digits = village.wrong_pins = 3


def meanwhile(happens: Callable[[Village], None]) -> Callable[[Village, Command], Outcome]:
    """The village performs a command just after something happened that nobody on the phone could know."""

    def perform(village: Village, command: Command) -> Outcome:
        happens(village)
        return village.perform(command)

    return perform


def put_off(_village: Village, _command: Command) -> Outcome:
    return Outcome("queued")


def written_down(village: Village, command: Command) -> Outcome:
    """As a shop elsewhere performs it; with bounds that are too narrow, this would not be read."""
    if isinstance(command, ShopCommand):
        command = msgspec.json.decode(msgspec.json.encode(command), type=ShopCommand)  # type: ignore[assignment]
    return village.perform(command)


PERFORMANCES = [
    written_down,
    put_off,
    meanwhile(shut),
    meanwhile(lose_its_orders),
    meanwhile(take_most),
    meanwhile(lock_its_secrets),
    meanwhile(let_time_pass),
]


# The walk.


def answers(phone: Phone) -> list[str]:
    """What is worth saying where a phone stands: every line, the longest answer, a wrong one, and the ways out."""
    always = ["0", "00", "98", "1", "2", "?", "99999"]
    match phone.engine.state(phone.conversation):
        case ListQuestion():
            return [*always, *(str(n) for n, _ in enumerate(phone.conversation.choices, 1))]
        case AskMoney(check=check) if check:
            return [*always, numbers.format_money(check.longest)]
        case AskQuantity(check=check) if check:
            return [*always, str(check.longest), str(MOST)]
        case Ask(check=check) if check:
            return [*always, str(check.longest)]
        case AskPhone():
            return [*always, "0711000222", "0711000333"]
        case AskCode():
            return [*always, *CODES, NOBODYS, BRIEF]
        case AskPin():
            return [*always, PIN, "1357"]
        case AskDigits():
            return [*always, CASH, "135791"]
    return always


def beginnings(language: str, channel: Channel) -> Iterator[Phone]:
    for person in people(language):
        for village in (full(person), Village(person)):
            yield from (opened(Phone(ENGINE, village.twin(), channel, PLACE), text) for text in ["", *texts()])


def texts() -> Iterator[str]:
    """A text for every flow that can be opened by one, and for every way to fill it."""
    yield from (flow.keywords[0].words[0] for flow in ENGINE.flows.values() if flow.keywords)
    for code in ("K7P4", "W4M5", NOBODYS):
        yield from (
            f"YES {code}",
            f"YES {code} 9999",
            f"YES {code} {MOST} 60",
            f"YES {code} many",
            f"NO {code}",
            f"TRACK {code}",
        )
        yield from (f"READY {code}", f"RECEIVED {code}", f"DROP {code}")
    yield from ("RECEIVED A2B3", f"YES {BRIEF} 2 60", f"YES {BRIEF} 2 90")
    for code in ("A7P4", NOBODYS):
        yield from (f"PRICE {code} 500000", f"PRICE {code} cheap", f"PRICE {code}", f"REMOVE {code}")
        yield from (f"STOCK {code} 999", f"STOCK {code} many", f"STOCK {code} 0", f"PHOTO {code}")
    yield from (f"SELL {WIDEST} 500000 x999", f"JOIN {WIDEST}")
    yield from (f"{max(ENGINE.keywords, key=len)}x", "not a word of it")


def opened(phone: Phone, text: str) -> Phone:
    phone.texts(text) if text else phone.dials()
    return phone


def onward(phone: Phone) -> Iterator[Phone]:
    """Where a phone can stand one hop later."""
    for said in answers(phone):
        for performs in PERFORMANCES:
            other = phone.twin()
            other.performs = performs
            other.says(said)
            yield other
            if other.conversation.commands_done == phone.conversation.commands_done:
                break  # nothing was performed, so nothing else could have come of it


@cache
def walk(language: str, channel: Channel) -> list[Phone]:
    """A phone for every screen that anybody can come to in a language."""
    return list(explored(beginnings(language, channel), lambda phone: in_language(phone, language)))


def explored(beginnings: Iterable[Phone], continue_prefix: Callable[[Phone], bool]) -> Iterator[Phone]:
    """A phone for every screen that can be come to from these; from some it is gone no further."""
    met: set[tuple[Person, bool, str, str]] = set()
    waiting = list(beginnings)
    while waiting:
        phone = waiting.pop()
        place = phone.village.person, bool(phone.village.street), phone.stands, phone.shown
        if place not in met:
            met.add(place)
            yield phone
            if not phone.conversation.over and continue_prefix(phone):
                waiting += onward(phone)


def in_language(phone: Phone, language: str) -> bool:
    """Not so once somebody has chosen another; that is another walk."""
    return phone.village.person.language in (None, language)


every_language = pytest.mark.parametrize("language", LANGUAGES)
every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)


# The laws.


def test_every_state_is_come_to() -> None:
    assert laws.never_come_to(ENGINE, [phone for channel in CHANNELS for phone in walk("en", channel)]) == []


@every_channel
@every_language
def test_every_screen_fits_with_the_longest_data_there_can_be(language: str, channel: Channel) -> None:
    assert laws.cut_short(walk(language, channel)) == []


@every_channel
@pytest.mark.parametrize("language", [code for code in LANGUAGES if rendering.words(code).latin])
def test_a_language_in_latin_letters_stays_gsm7(language: str, channel: Channel) -> None:
    heard = [phone for phone in walk(language, channel) if in_language(phone, language)]
    assert laws.outside_gsm7(heard) == []


@every_channel
def test_home_is_one_step_from_everywhere_and_back_and_back_again_leads_there(channel: Channel) -> None:
    assert laws.without_a_way_home(walk("en", channel)) == []


@every_channel
@every_language
def test_whatever_is_said_is_answered_in_words_that_fit(language: str, channel: Channel) -> None:
    assert laws.struck_dumb(walk(language, channel)) == []


@every_channel
def test_two_wrong_answers_running_offer_a_person_everywhere(channel: Channel) -> None:
    assert laws.stuck_without_a_person(walk("en", channel)) == []


def test_hostile_replies_are_many() -> None:
    assert len(set(laws.HOSTILE)) > 40


@every_channel
@every_language
def test_a_break_anywhere_is_gone_on_from_by_call_and_by_text_with_nothing_lost(
    language: str, channel: Channel
) -> None:
    assert laws.lost_by_a_break(walk(language, channel)) == []


@every_language
def test_a_guess_of_anything_on_offer_can_be_asked_back(language: str) -> None:
    for phone in walk(language, USSD):
        for choice in phone.conversation.choices:
            turn = phone.turn()
            turn.conversation.guess = Guess(choice.value, choice.label)
            assert ENGINE.screen(turn).fits(USSD), choice.label


@every_language
def test_yes_and_no_are_understood_as_they_are_written(language: str) -> None:
    words = rendering.words(language)
    assert yes_no(words.text("Yes")).value is True
    assert yes_no(words.text("No")).value is False


def test_what_vanishes_while_she_looks_at_it_ends_no_conversation() -> None:
    for phone in [phone for phone in walk("en", USSD) if not phone.conversation.over]:
        for said in ("1", "2", "3", "?", "98", "0"):
            assert laws.fits(laws.after(deserted(phone), said)), phone.stands
        dialled = deserted(phone)
        dialled.drops_and_dials()
        assert laws.fits(laws.after(dialled, "1")), phone.stands


def deserted(phone: Phone) -> Phone:
    """The same phone, after everything there was has been sold, cancelled and closed."""
    other = phone.twin()
    other.village = Village(phone.village.person)
    return other


# Keywords.


def test_no_keyword_is_a_word_that_ends_or_begins_texting() -> None:
    assert [word for word in ENGINE.keywords if consent.requested(word)] == []


@pytest.mark.parametrize("word", ENGINE.keywords)
def test_every_keyword_alone_opens_its_flow(word: str) -> None:
    flow, _ = ENGINE.keywords[word]
    for written in (word, word.lower(), f" {word}: ", word.replace(" ", "  ")):
        asked = ENGINE.match_keyword(written, PLACE)
        assert asked, written
        assert asked[0] == flow.name


@pytest.mark.parametrize("flow", ENGINE.flows.values(), ids=lambda flow: flow.name)
def test_every_question_in_her_own_words_knows_how_long_an_answer_may_be(flow: Flow) -> None:
    assert [state.name for state in flow.states.values() if isinstance(state, Ask) and not state.check] == []
