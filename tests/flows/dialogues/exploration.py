"""All screens that a person can reach, found by a search that tries every useful input at every screen.

    all_screens("en", USSD)      [FakePhone, …]      a phone at each screen, in English, on a call

The data is the longest that the checks allow, so a text that fits here always fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import msgspec
from msgspec.structs import replace

import locales
from bot.messaging import rendering
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
    Person,
    Place,
)
from flows.kit.navigation import MORE
from flows.kit.state_kinds.lists import ListQuestion
from flows.market import OrderStatus, PurchaseSummary
from flows.reading.numbers import format_money
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import FakePhone

Performs = Callable[[FakeMarketplace, Command], Outcome]

LANGUAGES = locales.available()
CHANNELS = [USSD, SMS]
PLACE = Place("KE", "KES", rendering.language_names(LANGUAGES), "*384*22#", "22384")

WIDEST = "W" * 40
"""As long as names and titles may be."""
LONG_NAME = "W" * 100
"""As long as operators may name a kiosk or a town."""
MAX_PRICE, MAX_QUANTITY = 500_000_00, 999
CASH_CODE = "246810"
PIN = "2468"
CODES: dict[str, OrderStatus] = {
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
    "H2M4": "unpaid",
    "P4Q5": "unpaid",
}
PAYS = "USD"
PURCHASES = {
    "H2M4": PurchaseSummary(False, "KES", paybill="600638"),
    "P4Q5": PurchaseSummary(False, "KES"),
    "M2W3": PurchaseSummary(True, PAYS),
    "C4D5": PurchaseSummary(True, PAYS, MAX_PRICE, is_back=True),
    "E6F7": PurchaseSummary(True, PAYS, MAX_PRICE),
}
"""The money of the orders that their buyers pay; a storefront holds that of all others."""
BRIEF, DUE = "B2N3", date(2026, 12, 28)
UNKNOWN_CODE = "Z9Z9"
FOREIGN_PHONE = "+447400123456"
"""A phone that the payout network cannot pay."""
KIOSK_ARTISAN = "+254711000222"
LANGUAGE_QUESTION = "language.language"


# People and their data.


def people(language: str) -> list[Person]:
    """One person of each kind that dialogues distinguish."""
    known_person = Person("+254711000111", language, name=WIDEST, kiosk=LONG_NAME)
    return [
        Person("+254711000111"),
        Person("+254711000111", language),
        Person(FOREIGN_PHONE, language, pin=True, locale=language),
        replace(known_person, artisan=True),
        replace(known_person, artisan=True, pin=True, locale=language),
        replace(known_person, agent=True),
        replace(known_person, msisdn=FOREIGN_PHONE, artisan=True, agent=True),
    ]


def full_marketplace(person: Person) -> FakeMarketplace:
    """A marketplace with orders in every status, and with names and amounts as large as possible."""
    marketplace = FakeMarketplace(
        person,
        # no cash waits for one of the artisans, who then sees the figures alone
        cash_by_code={CASH_CODE: MAX_PRICE * MAX_QUANTITY} if person.pin or not person.artisan or person.agent else {},
        kiosk_artisans={KIOSK_ARTISAN: WIDEST},
        pin=PIN if person.pin else "",
        purchases=dict(PURCHASES),
        holds_payouts=person.artisan and not person.agent and not person.pin,
        owns_goods=person.agent and person.artisan,
    )
    earns = MAX_PRICE * MAX_QUANTITY
    for _ in range(10 if person.pin else 3):  # so many that the town is asked first
        marketplace.add_kiosk(LONG_NAME, LONG_NAME)
    marketplace.add_kiosk(LONG_NAME, "Kisumu")
    for _ in range(7):
        marketplace.add_product(WIDEST, MAX_PRICE, MAX_QUANTITY)
    marketplace.reserve("A7P4", MAX_QUANTITY)
    for code, status in CODES.items():
        marketplace.add_order(code, WIDEST, MAX_QUANTITY, earns, status)
    marketplace.add_order("T5U6", WIDEST, MAX_QUANTITY, earns, "accepted")
    marketplace.add_order("N5P6", WIDEST, MAX_QUANTITY, earns, "accepted", due_on=DUE)
    marketplace.add_order(BRIEF, WIDEST, MAX_QUANTITY, earns, brief=True, due_on=DUE)
    marketplace.perform(SayReady("R5S6"))
    return marketplace


# What may happen while a command is performed.


def reject_all(marketplace: FakeMarketplace) -> None:
    marketplace.rejects_all = True


def let_time_pass(marketplace: FakeMarketplace) -> None:
    """All ordered goods are at the kiosk, and the PIN check and the reset code have expired."""
    marketplace.pin_verified, marketplace.reset_code = False, ""
    for number, part in marketplace.parts.items():
        marketplace.parts[number] = replace(part, status="at_kiosk")


def leave_one_piece(marketplace: FakeMarketplace) -> None:
    """One piece of every order is left to be made or brought."""
    for number, part in marketplace.parts.items():
        marketplace.parts[number] = replace(part, quantity=1)


def cancel_all_orders(marketplace: FakeMarketplace) -> None:
    for number, part in marketplace.parts.items():
        marketplace.parts[number] = replace(part, status="cancelled")


def lock_secrets(marketplace: FakeMarketplace) -> None:
    marketplace.wrong_codes = marketplace.wrong_pins = 3


def after_event(event: Callable[[FakeMarketplace], None]) -> Performs:
    """Performs a command just after an event that the screen of the phone did not show yet."""

    def perform(marketplace: FakeMarketplace, command: Command) -> Outcome:
        event(marketplace)
        return marketplace.perform(command)

    return perform


def queue(_marketplace: FakeMarketplace, _command: Command) -> Outcome:
    return Outcome("queued")


def perform_from_json(marketplace: FakeMarketplace, command: Command) -> Outcome:
    """Performs a command as a remote shop does; one that breaks the bounds of `flows/commands.py` cannot be read."""
    if isinstance(command, ShopCommand):
        command = msgspec.json.decode(msgspec.json.encode(command), type=ShopCommand)  # type: ignore[assignment]
    return marketplace.perform(command)


PERFORMANCES = [
    perform_from_json,
    queue,
    after_event(reject_all),
    after_event(cancel_all_orders),
    after_event(leave_one_piece),
    after_event(lock_secrets),
    after_event(let_time_pass),
]


# What is typed and texted.


def inputs_to_try(phone: FakePhone) -> list[str]:
    """Every line, the longest answer, a wrong answer, and the keys for navigation; each once."""
    return [*dict.fromkeys(("0", "00", "98", "1", "2", "?", "99999", *_answers(phone)))]


def _answers(phone: FakePhone) -> Sequence[str]:
    match phone.engine.state(phone.conversation):
        case ListQuestion():
            return [str(n) for n, _ in enumerate(phone.conversation.choices, 1)]
        case AskMoney(check=check) if check:
            return [format_money(check.longest)]
        case AskQuantity(check=check) if check:
            return [str(check.longest), str(MAX_QUANTITY)]
        case Ask(check=check) if check:
            return [str(check.longest)]
        case AskPhone():
            return ["0711000222", "0711000333"]
        case AskCode():
            return [*CODES, UNKNOWN_CODE, BRIEF]
        case AskPin():
            return [PIN, "1357"]
        case AskDigits():
            return [CASH_CODE, "135791"]
    return []


def texts() -> Iterator[str]:
    """A text for every flow that a text can open, and for every way to fill it."""
    yield from (flow.keywords[0].words[0] for flow in ENGINE.flows.values() if flow.keywords)
    for code in ("K7P4", "W4M5", UNKNOWN_CODE):
        yield from (
            f"YES {code}",
            f"YES {code} 9999",
            f"YES {code} {MAX_QUANTITY} 60",
            f"YES {code} many",
            f"NO {code}",
            f"TRACK {code}",
        )
        yield from (f"READY {code}", f"RECEIVED {code}", f"DROP {code}")
    yield from ("RECEIVED A2B3", f"YES {BRIEF}", f"YES {BRIEF} ALL", f"YES {BRIEF} 2 60", f"YES {BRIEF} 2 90")
    for code in ("A7P4", UNKNOWN_CODE):
        yield from (
            f"PRICE {code} 500000",
            f"PRICE {code} 10",
            f"PRICE {code} cheap",
            f"PRICE {code}",
            f"REMOVE {code}",
        )
        yield from (f"TITLE {code} {WIDEST}", f"DESCRIBE {code} {WIDEST}")
        yield from (f"STOCK {code} 999", f"STOCK {code} many", f"STOCK {code} 0", f"PHOTO {code}")
    yield from (f"SELL {WIDEST} 500000 x999", f"JOIN {WIDEST}")
    yield from (f"{max(ENGINE.keywords, key=len)}x", "not a word of it")


def beginnings(persons: Iterable[Person], channel: Channel) -> Iterator[FakePhone]:
    """A phone after its first hop, for each person, with a full and an empty marketplace, for every text and a call."""
    for person in persons:
        for marketplace in (full_marketplace(person), FakeMarketplace(person)):
            for text in ("", *texts()):
                phone = FakePhone(ENGINE, marketplace.copy(), channel, PLACE)
                phone.texts(text) if text else phone.dials()
                yield phone


# Searching.


@dataclass(frozen=True, slots=True)
class Found:
    """A phone at a screen that was not found before, and the hop that led there."""

    phone: FakePhone
    source: Found | int
    """The screen before, or the number of the beginning."""
    typed: str = ""
    performs: Performs = FakeMarketplace.perform


def screen_key(phone: FakePhone) -> tuple[object, ...]:
    """The key that two equal screens share: the person, the state, and all texts of all versions of the screen."""
    screen = phone.screen
    texts_shown = (tuple(screen.bodies), tuple(screen.options), screen.more, tuple(screen.navigation))
    return phone.marketplace.person, bool(phone.marketplace.kiosk_list), phone.position, *texts_shown


def hops(found: Found) -> Iterator[Found]:
    """All phones that one hop can lead to."""
    phone = found.phone
    for typed in inputs_to_try(phone):
        for performs in PERFORMANCES:
            other = hop(phone, typed, performs)
            yield Found(other, found, typed, performs)
            if other.conversation.commands_done == phone.conversation.commands_done:
                break  # no command was performed, so the other performances would make no difference


def hop(phone: FakePhone, typed: str, performs: Performs = FakeMarketplace.perform) -> FakePhone:
    """A copy of the phone, one hop later."""
    other = phone.copy()
    other.performs = performs
    other.says(typed)
    return other


def search(
    waiting: list[Found], continues: Callable[[FakePhone], bool], known: Iterable[FakePhone] = ()
) -> Iterator[Found]:
    """All screens that can be reached from these, each once and after its source, except the known ones."""
    seen = {screen_key(phone) for phone in known}
    while waiting:
        found = waiting.pop()
        if (here := screen_key(found.phone)) not in seen:
            seen.add(here)
            yield found
            if not found.phone.conversation.over and continues(found.phone):
                waiting += hops(found)


def screens_from(phones: Iterable[FakePhone], continues: Callable[[FakePhone], bool]) -> list[FakePhone]:
    """A phone for every screen that can be reached from these."""
    return [found.phone for found in search([Found(phone, 0) for phone in phones], continues)]


def uses_language(phone: FakePhone, language: str) -> bool:
    """False once another language was chosen; what follows then belongs to that language."""
    return phone.marketplace.person.language in (None, language)


def search_all(language: str, channel: Channel, persons: Iterable[Person]) -> list[Found]:
    """Searches from every beginning, with every input of `inputs_to_try` at every screen."""
    begun = [Found(phone, number) for number, phone in enumerate(beginnings(persons, channel))]
    return list(search(begun, lambda phone: uses_language(phone, language)))


SEARCHED = (locales.SOURCE, USSD)
"""The only language and channel in which every input is tried at every screen."""


@cache
def _searched() -> Sequence[Found]:
    language, channel = SEARCHED
    return search_all(language, channel, people(language))


@cache
def all_screens(language: str, channel: Channel) -> list[FakePhone]:
    """A phone for every screen that a person can reach in a language."""
    if (language, channel) == SEARCHED:
        return [found.phone for found in _searched()]
    return repeat_search(_searched(), people(language), language, channel)


# In another language, or by text, the same keys lead to the same screens: only the hops that found a screen are made.


def repeat_search(
    searched: Sequence[Found], persons: Iterable[Person], language: str, channel: Channel
) -> list[FakePhone]:
    """The screens of a search that was made in `SEARCHED`, and those that exist here only.

    `persons` are those of the search, except for the language.
    """
    begun, made = list(beginnings(persons, channel)), dict[int, FakePhone]()
    for found in searched:
        if isinstance(found.source, int):
            made[id(found)] = begun[found.source]
        else:
            source = made[id(found.source)]
            made[id(found)] = hop(source, _typed_in(language, source, found.typed), found.performs)
    return [*made.values(), *_only_here([*made.values()], begun, language)]


def _typed_in(language: str, phone: FakePhone, typed: str) -> str:
    """The same key, except that the key for English becomes the key for this language."""
    numbers = {code: str(number) for number, (code, _) in enumerate(PLACE.languages, 1)}
    swapped = {numbers[locales.SOURCE]: numbers[language], numbers[language]: numbers[locales.SOURCE]}
    return swapped.get(typed, typed) if phone.position == LANGUAGE_QUESTION else typed


def _only_here(phones: Sequence[FakePhone], begun: Iterable[FakePhone], language: str) -> list[FakePhone]:
    """The screens behind a first screen, or behind a page of a list, that only this language or channel has."""
    turned = [hop(phone, MORE) for phone in phones if phone.screen.more and uses_language(phone, language)]
    waiting = [Found(phone, 0) for phone in (*begun, *turned)]
    return [found.phone for found in search(waiting, lambda phone: uses_language(phone, language), phones)]
