"""What is wrong with a book, found by reading it: no phone, no shop, no clock.

    faults(book)            wherever a dialogue could get stuck, say nothing or not be come to
    misspoken(book, …)      what goes wrong in one language on one channel

What a fact or an outcome will say is not known here, and counts as nothing; the walk through the model village
(`tests/flows/test_book.py`) measures that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import chain
from string import Formatter
from typing import TYPE_CHECKING, cast

from flows.reading.folding import fold

from .conversation import Choice, Conversation
from .engine import NAVIGATION, SIDE_PROMPTS, DialogueEngine
from .flow import START, Flow
from .screen import Channel, Screen
from .state_kinds.base import NOTED, SUGGESTED, Act, Edge, Enter, ListQuestion, Notice, PagedList, Question, StateKind
from .turn import Person, Place, Turn
from .words import Wording, Words, versions

if TYPE_CHECKING:
    from flows.market import Market

ALWAYS_KNOWN = {*Person.__struct_fields__, *(field.name for field in fields(Place))}
ANYTHING = "*"
"""Stands for the values of an outcome, which only the hall knows."""
OUTCOMES = {"done", "queued", "rejected"}
LONG_LINE = "W" * 40
"""As long as titles may be, in lists that are looked up."""
LONG_NAMED = Person("+" + "9" * 15, name=LONG_LINE, kiosk="W" * 100)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing to mend, and where."""

    flow: str
    state: str
    problem: str

    def __str__(self) -> str:
        return f"{self.flow}.{self.state}: {self.problem}" if self.state else f"{self.flow}: {self.problem}"


def find_faults(engine: DialogueEngine) -> list[Fault]:
    """Everything that is wrong in any language; nothing for a book that is whole."""
    return sorted({*_in_flows(engine), *_never_opened(engine), *_keywords_twice(engine)})


def find_wording_faults(engine: DialogueEngine, place: Place, words: Words, channel: Channel) -> list[Fault]:
    """What a language fills in otherwise than the source, and what it says at too great length for a channel."""
    market = cast("Market", None)  # no line that is looked up is asked for
    turn = Turn(Conversation("proof"), LONG_NAMED, place, market, words, channel)
    in_flows = (fault for flow in engine.flows.values() for fault in (*_altered_in(flow, turn), *_too_long(flow, turn)))
    return sorted({*in_flows, *_altered_beside(turn)})


# In every language.


def _in_flows(engine: DialogueEngine) -> Iterator[Fault]:
    for flow in engine.flows.values():
        for state, problem in _problems(engine, flow):
            yield Fault(flow.name, state, problem)


def _problems(engine: DialogueEngine, flow: Flow) -> Iterator[tuple[str, str]]:
    yield from _leading_nowhere(engine, flow)
    yield from ((name, "nothing leads here") for name in flow.states if name not in _answered(flow))
    yield from _without_a_way_on(flow)
    yield from (
        (name, "it has no words") for name, state in flow.states.items() if state.has_screen and _wordless(state)
    )
    yield from _with_words_unfilled(engine, flow)


def _leading_nowhere(engine: DialogueEngine, flow: Flow) -> Iterator[tuple[str, str]]:
    for source, edge in flow.rows:
        match edge.go.to:
            case Enter(name) if name not in (*engine.flows, SUGGESTED):
                yield source, f"leads to the flow {name}, which is not there"
            case str(name) if name not in flow.states:
                yield source, f"leads to {name}, which is not there"


def _without_a_way_on(flow: Flow) -> Iterator[tuple[str, str]]:
    """A list that leads past itself when it is empty does so first, so that edge may be shut."""
    last = {(source, edge.trigger, edge.picked): edge.go for source, edge in flow.rows if edge.trigger != "skip"}
    for (source, trigger, _), go in last.items():
        if go.when:
            yield source, f"there may be no way on by {trigger}: the last has a guard"
    for name, state in flow.states.items():
        for trigger in _triggers(state) - {trigger for source, trigger, _ in last if source == name}:
            yield name, f"there is no way on by {trigger}"


def _triggers(state: StateKind) -> set[str]:
    """By what a conversation leaves a state."""
    if isinstance(state, Act):
        return OUTCOMES
    return set() if isinstance(state, Notice) else {"answer"}


def _wordless(state: StateKind) -> bool:
    return not all(text and all(versions(text)) for text in (state.text, *state.messages()))


def _with_words_unfilled(engine: DialogueEngine, flow: Flow) -> Iterator[tuple[str, str]]:
    """Fields that may have no value yet, because some way here does not pass their question."""
    carried = {name for door in _doors(engine) if door.flow == flow.name for name in door.carry}
    always = {*ALWAYS_KNOWN, *flow.facts, *carried}
    for name, answered in _answered(flow).items():
        if name in flow.states and ANYTHING not in answered:
            for field in _named(flow.states[name].text) - always - answered:
                yield name, f"{{{field}}} may not be known here"


def _answered(flow: Flow) -> dict[str, set[str]]:
    """By state that can be come to, what was answered on every way there; steps are taken until they change nothing."""
    found: dict[str, set[str]] = {START: set()}
    waiting = [START]
    while waiting:
        here = waiting.pop()
        for edge in (edge for source, edge in flow.rows if source == here):
            there, known = str(edge.go.to), found[here] | _brought(flow, here, edge)
            if found.get(there) != (known := known & found.get(there, known)):
                found[there] = known
                waiting.append(there)
    return found


def _brought(flow: Flow, source: str, edge: Edge) -> set[str]:
    """What a step makes known: an answer, or whatever the outcome of a command says."""
    state = flow.states.get(source)
    if isinstance(state, Act):
        return {*flow.states, ANYTHING}
    return {source} if state and state.is_question and edge.trigger == "answer" else set()


def _doors(engine: DialogueEngine) -> Iterator[Enter]:
    for flow in engine.flows.values():
        yield from (edge.go.to for _, edge in flow.rows if isinstance(edge.go.to, Enter))


def _never_opened(engine: DialogueEngine) -> Iterator[Fault]:
    opened = {engine.home, engine.callback, engine.unknown_keyword, NOTED, *(door.flow for door in _doors(engine))}
    for flow in engine.flows.values():
        if flow.name not in opened and not flow.keywords:
            yield Fault(flow.name, "", "no door and no keyword leads here")


def _keywords_twice(engine: DialogueEngine) -> Iterator[Fault]:
    written = [(fold(word), flow.name) for flow in engine.flows.values() for key in flow.keywords for word in key.words]
    times = Counter(word for word, _ in written)
    for word, flow_name in written:
        if times[word] > 1:
            yield Fault(flow_name, "", f"{word} is a keyword twice")


def _named(text: Wording) -> set[str]:
    """The {fields} of a text in all its versions."""
    return {name for version in versions(text) for _, name, _, _ in Formatter().parse(version) if name}


# In one language.


def _altered_in(flow: Flow, turn: Turn) -> Iterator[Fault]:
    for name, state in flow.states.items():
        messages = (version for text in state.messages() for version in versions(text))
        yield from (Fault(flow.name, name, problem) for problem in _altered(messages, turn.words))


def _altered_beside(turn: Turn) -> Iterator[Fault]:
    """What is asked beside the flows, and the ways out."""
    messages = chain(NAVIGATION.values(), *SIDE_PROMPTS.values())
    return (Fault("beside the flows", "", problem) for problem in _altered(messages, turn.words))


def _altered(messages: Iterable[str], words: Words) -> Iterator[str]:
    for message in messages:
        if _named(words.text(message)) != _named(message):
            yield f"in {words.language} other fields than in: {message}"


def _too_long(flow: Flow, turn: Turn) -> Iterator[Fault]:
    for name, state in flow.states.items():
        channel = state.channel(turn.channel)
        screens = _screens(flow, state, turn) if state.has_screen else ()
        if any(not screen.fits(channel) or _cuts(screen, state, turn) for screen in screens):
            yield Fault(flow.name, name, f"in {turn.words.language} too long for {channel.name}")


def _cuts(screen: Screen, state: StateKind, turn: Turn) -> bool:
    """Whether a fixed line is not there in full; of one that is looked up, some may be lost."""
    offered = {turn.words.sendable(choice.label) for choice in _lines(state, turn)}
    return not isinstance(state, PagedList) and not offered.issuperset(label for _, label in screen.options)


def _screens(flow: Flow, state: StateKind, turn: Turn) -> Iterator[Screen]:
    """A state as it is first shown, and after every refusal, page by page."""
    for problem in [[], *_refusals(state, turn)]:
        shown = replace(turn, conversation=Conversation("proof", flow.name, state.name, problem=problem))
        shown.conversation.choices = _lines(state, turn)
        shown.fields = _Longest(flow, turn)
        yield state.screen(shown)
        while isinstance(state, ListQuestion) and state.more(shown):
            yield state.screen(shown)


def _refusals(state: StateKind, turn: Turn) -> Iterator[list[str]]:
    if isinstance(state, Question):
        yield [turn.words.text(text).format_map(_Empty()) for text in versions(state.example)]
        if state.check:
            refused = state.check.refusal(turn)
            yield [turn.say(text, **refused.values) for text in versions(refused.problem)]


def _lines(state: StateKind, turn: Turn) -> list[Choice]:
    """The lines of a list; of one that is looked up, two that are long."""
    if isinstance(state, PagedList):
        return [Choice("", LONG_LINE)] * 2
    return list(state.offer(turn)) if isinstance(state, ListQuestion) else []


class _Empty(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return ""


class _Longest(_Empty):
    """The longest that is known of every field: answers as their checks let them be, the person and the place."""

    def __init__(self, flow: Flow, turn: Turn) -> None:
        known = {name: getattr(turn.person, name, getattr(turn.place, name, "")) for name in ALWAYS_KNOWN}
        answers = {
            name: state.display(turn, state.check.longest)
            for name, state in flow.states.items()
            if isinstance(state, Question) and state.check
        }
        super().__init__({name: value for name, value in (known | answers).items() if name not in flow.facts})
