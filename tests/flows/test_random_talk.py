"""Two neighbours press and write whatever comes to mind, in one village; some things stay true all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flows.commands import Command, Leave, ListProduct, Outcome, PayCash, ReceiveGoods, ShipOrder
from flows.dialogues import ENGINE, sell
from flows.kit import SMS, USSD, Channel, Confirm, Conversation, DialogueEngine, Person

from .conftest import Phone
from .laws import HOSTILE, fits
from .market import Village
from .test_book import CASH, LANGUAGES, MOST, PLACE, answers, texts

Hop = Callable[[Phone], object]

AMINA = Person("+254711000111", "en", name="Amina", artisan=True)
JUMA = Person("+254711000222")
NEIGHBOURS = [
    JUMA,
    *(msgspec.structs.replace(JUMA, language=language) for language in LANGUAGES),
    msgspec.structs.replace(JUMA, language="sw", name="Juma", artisan=True),
    msgspec.structs.replace(JUMA, language="fr", name="Juma", agent=True),
]
STOCKED = 1
CONFIRMED = (ListProduct, PayCash, ShipOrder, Leave)
RECEIVED_FROM = ("receive.review", "receive.rest", "receive.sum")
"""Where goods are taken in: after their count was shown, and found good or not."""
ONWARD = {
    "placed": {"accepted", "declined", "cancelled"},
    "accepted": {"at_kiosk", "declined"},
    "at_kiosk": {"shipped"},
    "shipped": {"delivered"},
}

who = st.integers(0, 1)
junk = st.sampled_from(HOSTILE) | st.text(max_size=200)


class Talk(RuleBasedStateMachine):
    """Every hop is first made on a twin of phone and village: what is sent again has to go the same way."""

    engine: ClassVar[DialogueEngine] = ENGINE
    phones: list[Phone]
    done: list[list[Command]]
    """What each phone has brought about, in order."""

    @initialize(language=st.sampled_from(LANGUAGES), agent=st.booleans(), juma=st.sampled_from(NEIGHBOURS))
    def two_neighbours(self, language: str, agent: bool, juma: Person) -> None:
        """An artisan, who may keep the kiosk too, and a buyer, another artisan or the agent."""
        amina = msgspec.structs.replace(AMINA, language=language, agent=agent)
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
        return Phone(self.engine, village, place=PLACE, kept=kept, performs=noted(self.done[one]))

    # -- what they do

    @rule(one=who)
    def dial(self, one: int) -> None:
        self.hop(one, Phone.dials, USSD)

    @rule(one=who)
    def drop_and_dial(self, one: int) -> None:
        resumes = self.engine.worth_resuming(self.phones[one].conversation)
        self.hop(one, Phone.drops_and_dials if resumes else Phone.dials, USSD)

    @rule(one=who)
    def go_on_by_text(self, one: int) -> None:
        if self.engine.worth_resuming(self.phones[one].conversation):
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
        before, old = len(self.done[one]), phone.twin()
        for each in (again, phone):
            each.channel = channel or phone.channel
            step(each)
        assert (again.kept, again.shown, again.village) == (phone.kept, phone.shown, phone.village)
        assert done == self.done[one][before:]
        assert phone.shown
        assert fits(phone), phone.shown
        self.only_what_was_confirmed_is_done(old, done)
        self.orders_move_onward_and_only_when_told(old.village, phone.village, done)

    def only_what_was_confirmed_is_done(self, before: Phone, done: list[Command]) -> None:
        """What cannot be undone was shown first, and asked."""
        for command in done:
            if isinstance(command, CONFIRMED):
                assert isinstance(self.engine.state(before.conversation), Confirm)
            if isinstance(command, ReceiveGoods):
                assert before.stands in RECEIVED_FROM
            if isinstance(command, ListProduct):
                assert before.turn().money(command.price) in before.shown
                assert str(command.quantity) in before.shown
                assert sell.PRICE.passes(before.turn(), command.price)
                assert 1 <= command.quantity <= MOST

    def orders_move_onward_and_only_when_told(self, before: Village, now: Village, done: list[Command]) -> None:
        named = {getattr(command, "code", getattr(command, "part", None)) for command in done}
        for part, order in before.parcels.items():
            status = now.parcels[part].status
            assert status == order.status or (status in ONWARD[order.status] and named & {part, order.code})

    # -- what stays true

    @invariant()
    def every_command_has_a_key_of_its_own(self) -> None:
        for phone, done in zip(self.phones, self.done, strict=True):
            assert phone.conversation.commands_done == len(done)

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
TestTalk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
