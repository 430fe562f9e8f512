"""Two neighbours press and write whatever comes to mind, in one village; some things stay true all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flows.dialogues import BOOK
from flows.kit import SMS, USSD, Channel, Conversation, Person
from flows.market import Command, ListProduct, Outcome

from .conftest import Phone
from .market import Village
from .test_book import CASH, HOSTILE, LANGUAGES, PLACE, answers, fits, texts

Hop = Callable[[Phone], object]

AMINA = Person("+254711000111", "en", name="Amina", artisan=True)
JUMA = Person("+254711000222")
STOCKED = 1

who = st.integers(0, 1)
junk = st.sampled_from(HOSTILE) | st.text(max_size=200)


class Talk(RuleBasedStateMachine):
    """Every hop is first made on a twin of phone and village: what is sent again has to go the same way."""

    phones: list[Phone]
    done: list[list[Command]]
    """What each phone has brought about, in order."""

    @initialize(language=st.sampled_from(LANGUAGES), other=st.sampled_from([*LANGUAGES, None]), agent=st.booleans())
    def two_neighbours(self, language: str, other: str | None, agent: bool) -> None:
        amina = msgspec.structs.replace(AMINA, language=language, agent=agent)
        juma = msgspec.structs.replace(JUMA, language=other)
        village = Village(amina, purse={CASH: 2700_00})
        village.build("Kibera Kiosk", "Nairobi")
        village.stock("Kiondo", 1500_00, 3)
        village.order("K7P4", "Kiondo", 2, 2700_00)
        village.order("W4M5", "Kiondo", 1, 1350_00, "accepted")
        self.done = [[], []]
        self.phones = [self.phone(0, village), self.phone(1, replace(village, person=juma))]
        for one in (0, 1):
            self.dial(one)

    def phone(self, one: int, village: Village) -> Phone:
        kept = msgspec.json.encode(Conversation(f"call-{one}"))
        return Phone(BOOK, village, place=PLACE, kept=kept, performs=noted(self.done[one]))

    # -- what they do

    @rule(one=who)
    def dial(self, one: int) -> None:
        self.hop(one, Phone.dials, USSD)

    @rule(one=who)
    def drop_and_dial(self, one: int) -> None:
        resumes = BOOK.worth_resuming(self.phones[one].conversation)
        self.hop(one, Phone.drops_and_dials if resumes else Phone.dials, USSD)

    @rule(one=who)
    def go_on_by_text(self, one: int) -> None:
        if BOOK.worth_resuming(self.phones[one].conversation):
            self.hop(one, Phone.goes_on_by_text, SMS)

    @rule(one=who, text=st.sampled_from([*texts()]))
    def text(self, one: int, text: str) -> None:
        self.hop(one, lambda phone: phone.texts(text), SMS)

    @rule(one=who, picks=st.lists(st.integers(0, 9), min_size=1, max_size=8))
    def answer(self, one: int, picks: list[int]) -> None:
        """With something that is worth saying there."""
        for pick in picks:
            offered = answers(self.phones[one])
            self.say(one, offered[-1 - pick % len(offered)])

    @rule(one=who, times=st.integers(1, 4))
    def agree(self, one: int, times: int) -> None:
        for _ in range(times):
            self.say(one, "1")

    @rule(one=who)
    def sell(self, one: int) -> None:
        self.text(one, "SELL Kiondo 1500 x3")
        self.agree(one, 2)

    @rule(one=who, said=st.sampled_from(["0", "00", "98"]))
    def turn_around(self, one: int, said: str) -> None:
        self.say(one, said)

    @rule(one=who, said=junk)
    def talk_nonsense(self, one: int, said: str) -> None:
        self.say(one, said)

    @rule(shut=st.booleans())
    def close_or_open_the_shop(self, shut: bool) -> None:
        for phone in self.phones:
            phone.village.shut = shut

    def say(self, one: int, said: str) -> None:
        if not self.phones[one].conversation.over:
            self.hop(one, lambda phone: phone.says(said))

    def hop(self, one: int, step: Hop, channel: Channel | None = None) -> None:
        phone, again = self.phones[one], self.phones[one].twin()
        done: list[Command] = []
        again.performs = noted(done)
        before = len(self.done[one])
        for each in (again, phone):
            each.channel = channel or phone.channel
            step(each)
        assert (again.kept, again.shown, again.village) == (phone.kept, phone.shown, phone.village)
        assert done == self.done[one][before:]
        assert phone.shown
        assert fits(phone), phone.shown

    # -- what stays true

    @invariant()
    def every_command_has_a_key_of_its_own(self) -> None:
        for phone, done in zip(self.phones, self.done, strict=True):
            assert phone.conversation.visits == len(done)

    @invariant()
    def nothing_is_worth_less_than_nothing(self) -> None:
        village = self.phones[0].village
        sums = village.earnings()
        amounts = [sums.owed, sums.paid, *village.purse.values(), *(order.earns for order in village.parcels.values())]
        assert min(amounts) >= 0
        assert all(ware.price > 0 and ware.quantity >= 0 for ware in village.shelf.values())

    @invariant()
    def nothing_is_on_sale_that_nobody_listed(self) -> None:
        listings = [command for done in self.done for command in done if isinstance(command, ListProduct)]
        assert len(self.phones[0].village.shelf) <= STOCKED + len(listings)


def noted(done: list[Command]) -> Callable[[Village, Command], Outcome]:
    """Performs as the village does, and writes down what."""

    def perform(village: Village, command: Command) -> Outcome:
        done.append(command)
        return village.perform(command)

    return perform


TestTalk = Talk.TestCase
TestTalk.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
