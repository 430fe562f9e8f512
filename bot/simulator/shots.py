"""Every screen of every dialogue with the longest data, rendered by the dialogues themselves.

taken(ENGINE, place, "sw", 10)    [Shot("home", "visitor", "", "CON Karibu Soko…"), …]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from msgspec import structs

from bot.messaging import rendering
from bot.simulator import worst_case
from flows.kit import SMS, USSD, Channel, Conversation, DialogueEngine, Flow, Place, Turn, versions
from flows.kit.checks import RejectedAnswer
from flows.kit.conversation import Guess
from flows.kit.fields import Fields, Values
from flows.kit.prompts import PROMPTS
from flows.kit.state_kinds.base import StateKind
from flows.kit.state_kinds.lists import ListQuestion
from flows.kit.state_kinds.questions import Question
from flows.market import Market

REFUSED = "refused"
"""The variant of a question after the answer whose refusal is longest."""
SIDE_PROMPTS = "prompts"
"""The name under which the side prompts are listed, which stand in no dialogue."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One screen: of which dialogue and state, which variant of it (a further page, a refusal), and its text.

    `is_text` if it is read by text only, because no call carries as much.
    """

    flow: str
    state: str
    variant: str
    text: str
    is_text: bool = False

    @property
    def name(self) -> str:
        return f"{self.flow}.{self.state} {self.variant}".strip()


@dataclass(frozen=True)
class Album:
    """The shots of all dialogues of an engine in one language."""

    engine: DialogueEngine
    place: Place
    language: str
    commission_percent: int

    @cached_property
    def by_flow(self) -> Mapping[str, list[Shot]]:
        """The shots of each dialogue in the order of its states; the side prompts last."""
        found = {flow.name: list(self._of_flow(flow)) for flow in self.engine.flows.values()}
        return {**found, SIDE_PROMPTS: list(self._side_prompts())}

    def _of_flow(self, flow: Flow) -> Iterator[Shot]:
        for name, state in flow.states.items():
            if state.has_screen:
                yield from self._of_state(flow, name, state)

    def _of_state(self, flow: Flow, name: str, state: StateKind) -> Iterator[Shot]:
        turn = self._turn(flow.name, name)
        state.prepare(turn)
        yield self._shot(turn, "")
        if isinstance(state, Question) and (refusals := list(self._refusals(turn, flow, state))):
            shots = []
            for turn.conversation.problem in refusals:
                shots.append(self._shot(turn, REFUSED))
            yield max(shots, key=lambda shot: len(shot.text))
            turn.conversation.problem = []
        page = 2
        while isinstance(state, ListQuestion) and state.more(turn):
            yield self._shot(turn, f"page {page}")
            page += 1

    def _refusals(self, turn: Turn, flow: Flow, state: Question) -> Iterator[list[str]]:
        """What may be wrong with an answer, each in its versions."""
        refused, check = [RejectedAnswer(state.example)] if state.example else [], state.check
        while check:
            refused.append(check.rejection(turn))
            check = check.then
        digits = {"digits": getattr(state, "digits", "")}
        for one in refused:
            values = Values(Fields(turn, flow), digits | dict(one.values))
            yield [turn.say_with(version, values) for version in versions(one.problem)]

    def _side_prompts(self) -> Iterator[Shot]:
        for name in PROMPTS:
            turn = self._turn(self.engine.home, "artisan")
            if name == "guess":
                turn.conversation.guess = Guess(worst_case.TITLE, worst_case.TITLE)
            else:
                turn.conversation.side_prompt = name
            shot = self._shot(turn, "")
            yield Shot(SIDE_PROMPTS, name, "", shot.text, shot.is_text)

    def _turn(self, flow: str, state: str) -> Turn:
        conversation = Conversation("album", flow, state, trail=[state], answers=dict(worst_case.ANSWERS))
        conversation.labels = {"kiosk": f"{worst_case.KIOSK}, {worst_case.TOWN}", "town": worst_case.TOWN}
        person = structs.replace(worst_case.PERSON, language=self.language)
        market = cast("Market", worst_case.WorstMarket(self.commission_percent))
        turn = Turn(conversation, person, self.place, market, rendering.words(self.language), USSD)
        turn.fields = Fields(turn, self.engine.flows[flow])
        return turn

    def _shot(self, turn: Turn, variant: str) -> Shot:
        conversation, channel = turn.conversation, USSD
        screen = self.engine.screen(turn)
        if not screen.fits(USSD):
            turn.channel = channel = self.engine.state(conversation).channel(SMS)
            screen = self.engine.screen(turn)
        text = _unprefixed(screen.render(channel), channel)
        turn.channel = USSD
        return Shot(conversation.flow, conversation.state, variant, text, channel is not USSD)


def _unprefixed(text: str, channel: Channel) -> str:
    return text.removeprefix(channel.continue_prefix).removeprefix(channel.end_prefix)
