"""Two people type at random in one marketplace; the invariants hold after every hop."""

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
from tests.flows.dialogues.exploration import CASH_CODE, LANGUAGES, MAX_QUANTITY, PLACE, inputs_to_try, texts
from tests.flows.dialogues.invariants import HOSTILE, fits
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import FakePhone

Hop = Callable[[FakePhone], object]

AMINA = Person("+254711000111", "en", name="Amina", artisan=True)
JUMA = Person("+254711000222")
OTHERS = [
    JUMA,
    *(msgspec.structs.replace(JUMA, language=language) for language in LANGUAGES),
    msgspec.structs.replace(JUMA, language="sw", name="Juma", artisan=True),
    msgspec.structs.replace(JUMA, language="fr", name="Juma", agent=True),
]
PRODUCTS_AT_FIRST = 1
CONFIRMED = (ListProduct, PayCash, ShipOrder, Leave)
"""Commands that come only after a confirmation."""
RECEIVED_FROM = ("receive.review", "receive.rest", "receive.sum")
"""The states that show the count of the goods before they are received."""
NEXT_STATUS = {
    "placed": {"accepted", "declined", "cancelled"},
    "accepted": {"at_kiosk", "declined"},
    "at_kiosk": {"shipped"},
    "shipped": {"delivered"},
}

people = st.integers(0, 1)
hostile = st.sampled_from(HOSTILE) | st.text(max_size=200)


class RandomTalk(RuleBasedStateMachine):
    """Every hop is first made on a copy of phone and marketplace: a repeated hop must have the same effect."""

    engine: ClassVar[DialogueEngine] = ENGINE
    phones: list[FakePhone]
    performed: list[list[Command]]
    """The commands that each phone led to, in order."""

    @initialize(language=st.sampled_from(LANGUAGES), agent=st.booleans(), other=st.sampled_from(OTHERS))
    def two_people(self, language: str, agent: bool, other: Person) -> None:
        """An artisan, who may also be the agent; and a buyer, another artisan or the agent."""
        amina = msgspec.structs.replace(AMINA, language=language, agent=agent)
        marketplace = FakeMarketplace(amina, cash_by_code={CASH_CODE: 2700_00})
        marketplace.add_kiosk("Kibera Kiosk", "Nairobi")
        marketplace.add_product("Kiondo", 1500_00, 3)
        marketplace.add_order("K7P4", "Kiondo", 2, 2700_00)
        marketplace.add_order("W4M5", "Kiondo", 1, 1350_00, "accepted")
        self.performed = [[], []]
        # the second marketplace is the first with another person: they share their data
        self.phones = [self.phone(0, marketplace), self.phone(1, replace(marketplace, person=other))]
        for one in (0, 1):
            self.dial(one)

    def phone(self, one: int, marketplace: FakeMarketplace) -> FakePhone:
        stored = msgspec.json.encode(Conversation(f"call-{one}"))
        performs = recorder(self.performed[one])
        return FakePhone(self.engine, marketplace, place=PLACE, stored=stored, performs=performs)

    # -- what the people do

    @rule(one=people)
    def dial(self, one: int) -> None:
        self.hop(one, FakePhone.dials, USSD)

    @rule(one=people)
    def drop_and_dial(self, one: int) -> None:
        resumes = self.engine.worth_resuming(self.phones[one].conversation)
        self.hop(one, FakePhone.drops_and_dials if resumes else FakePhone.dials, USSD)

    @rule(one=people)
    def resume_by_text(self, one: int) -> None:
        if self.engine.worth_resuming(self.phones[one].conversation):
            self.hop(one, FakePhone.resumes_by_text, SMS)

    @rule(one=people, text=st.sampled_from([*texts()]))
    def text(self, one: int, text: str) -> None:
        self.hop(one, lambda phone: phone.texts(text), SMS)

    @rule(one=people, picks=st.lists(st.integers(0, 9), min_size=1, max_size=8))
    def answer(self, one: int, picks: list[int]) -> None:
        """Types inputs of `inputs_to_try`."""
        for pick in picks:
            offered = inputs_to_try(self.phones[one])
            self.say(one, offered[-1 - pick % len(offered)])

    @rule(one=people, times=st.integers(1, 4))
    def agree(self, one: int, times: int) -> None:
        for _ in range(times):
            self.say(one, "1")

    @rule(one=people)
    def sell(self, one: int) -> None:
        self.text(one, "SELL Kiondo 1500 x3")
        self.agree(one, 2)

    @rule(one=people, typed=st.sampled_from(["0", "00", "98"]))
    def navigate(self, one: int, typed: str) -> None:
        self.say(one, typed)

    @rule(one=people, typed=hostile)
    def type_nonsense(self, one: int, typed: str) -> None:
        self.say(one, typed)

    @rule(rejects_all=st.booleans())
    def close_or_open_the_marketplace(self, rejects_all: bool) -> None:
        for phone in self.phones:
            phone.marketplace.rejects_all = rejects_all

    def say(self, one: int, typed: str) -> None:
        if not self.phones[one].conversation.over:
            self.hop(one, lambda phone: phone.says(typed))

    def hop(self, one: int, step: Hop, channel: Channel | None = None) -> None:
        phone, repeated = self.phones[one], self.phones[one].copy()
        commands: list[Command] = []
        repeated.performs = recorder(commands)
        count, before = len(self.performed[one]), phone.copy()
        for each in (repeated, phone):
            each.channel = channel or phone.channel
            step(each)
        assert (repeated.stored, repeated.shown, repeated.marketplace) == (
            phone.stored,
            phone.shown,
            phone.marketplace,
        )
        assert commands == self.performed[one][count:]
        assert phone.shown
        assert fits(phone), phone.shown
        self.only_what_was_confirmed_is_performed(before, commands)
        self.orders_move_forward_and_only_by_a_command(before.marketplace, phone.marketplace, commands)

    def only_what_was_confirmed_is_performed(self, before: FakePhone, commands: list[Command]) -> None:
        """A command that cannot be undone was shown and confirmed before."""
        for command in commands:
            if isinstance(command, CONFIRMED):
                assert isinstance(self.engine.state(before.conversation), Confirm)
            if isinstance(command, ReceiveGoods):
                assert before.position in RECEIVED_FROM
            if isinstance(command, ListProduct):
                assert before.turn().money(command.price) in before.shown
                assert str(command.quantity) in before.shown
                assert sell.PRICE.passes(before.turn(), command.price)
                assert 1 <= command.quantity <= MAX_QUANTITY

    def orders_move_forward_and_only_by_a_command(
        self, before: FakeMarketplace, now: FakeMarketplace, commands: list[Command]
    ) -> None:
        named = {getattr(command, "code", getattr(command, "part", None)) for command in commands}
        for number, part in before.parts.items():
            status = now.parts[number].status
            assert status == part.status or (status in NEXT_STATUS[part.status] and named & {number, part.code})

    # -- invariants

    @invariant()
    def every_command_has_its_own_key(self) -> None:
        for phone, commands in zip(self.phones, self.performed, strict=True):
            assert phone.conversation.commands_done == len(commands)

    @invariant()
    def no_amount_is_negative(self) -> None:
        marketplace = self.phones[0].marketplace
        sums, parts = marketplace.earnings(), marketplace.parts.values()
        assert min(sums.owed, sums.paid, *marketplace.cash_by_code.values(), *(part.earns for part in parts)) >= 0
        assert all(product.price > 0 and product.quantity >= 0 for product in marketplace.products())

    @invariant()
    def only_listed_products_are_on_sale(self) -> None:
        listings = [command for commands in self.performed for command in commands if isinstance(command, ListProduct)]
        assert len(self.phones[0].marketplace.products()) <= PRODUCTS_AT_FIRST + len(listings)


def recorder(commands: list[Command]) -> Callable[[FakeMarketplace, Command], Outcome]:
    """Performs as the marketplace does, and adds each command to the list."""

    def perform(marketplace: FakeMarketplace, command: Command) -> Outcome:
        commands.append(command)
        return marketplace.perform(command)

    return perform


TestRandomTalk = RandomTalk.TestCase
TestRandomTalk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
