"""Finds faults of the dialogues by reading them, without a phone, a shop or a clock.

    find_faults(engine)               where a dialogue gets stuck, has no words or cannot be reached
    find_wording_faults(engine, …)    what is wrong in one language on one channel

The values of facts and outcomes are not known here, so they count as empty. The tests in `tests/flows/dialogues` play
all dialogues against a fake marketplace and measure those too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import chain
from string import Formatter
from typing import TYPE_CHECKING, cast, get_args

from flows.commands import OutcomeKind
from flows.reading.folding import fold

from . import navigation, prompts
from .conversation import Choice, Conversation
from .edges import NOTED, SUGGESTED, Edge, Enter
from .engine import DialogueEngine
from .flow import START, Flow
from .screen import Channel, Screen
from .state_kinds.act import Act
from .state_kinds.base import StateKind
from .state_kinds.lists import ListQuestion, PagedList
from .state_kinds.notice import Notice
from .state_kinds.questions import Question
from .turn import SERVICE_CODE, Person, Place, Turn
from .words import Wording, Words, versions

if TYPE_CHECKING:
    from flows.market import Market

ALWAYS_KNOWN = {*Person.__struct_fields__, *(field.name for field in fields(Place))}
ANY_FIELD = "*"
"""Represents the values of an outcome, whose names are not known here."""
OUTCOMES: set[str] = {*get_args(OutcomeKind)}
LONG_LINE = "W" * 40
"""A line as long as a title may be, for lists that are looked up."""
LONG_NAMED = Person("+" + "9" * 15, name=LONG_LINE, kiosk="W" * 100)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of a dialogue, and where it is."""

    flow: str
    state: str
    problem: str

    def __str__(self) -> str:
        return f"{self.flow}.{self.state}: {self.problem}" if self.state else f"{self.flow}: {self.problem}"


def find_faults(engine: DialogueEngine) -> list[Fault]:
    """The faults that do not depend on the language; empty if there are none."""
    return sorted({*_in_flows(engine), *_never_opened(engine), *_keywords_twice(engine)})


def find_wording_faults(engine: DialogueEngine, place: Place, words: Words, channel: Channel) -> list[Fault]:
    """Translations whose fields differ from the English, and screens that are too long for the channel."""
    market = cast("Market", None)  # not used, because no list is looked up
    turn = Turn(Conversation("validation"), LONG_NAMED, place, market, words, channel)
    flows = engine.flows.values()
    in_flows = (fault for flow in flows for fault in (*_fields_altered(flow, turn), *_too_long(flow, turn)))
    return sorted({*in_flows, *_fields_altered_beside(turn)})


# In every language.


def _in_flows(engine: DialogueEngine) -> Iterator[Fault]:
    for flow in engine.flows.values():
        for state, problem in _problems(engine, flow):
            yield Fault(flow.name, state, problem)


def _problems(engine: DialogueEngine, flow: Flow) -> Iterator[tuple[str, str]]:
    yield from _leading_nowhere(engine, flow)
    yield from ((name, "nothing leads here") for name in flow.states if name not in _answered(flow))
    yield from _without_a_way_on(flow)
    yield from ((name, "it has no text") for name, state in flow.states.items() if _wordless(state))
    yield from _with_unknown_fields(engine, flow)
    yield from (
        (name, "it has no words without the service code") for name in flow.states if _needs_dialling(flow, name)
    )


def _leading_nowhere(engine: DialogueEngine, flow: Flow) -> Iterator[tuple[str, str]]:
    for source, edge in flow.rows:
        match edge.go.to:
            case Enter(name) if name not in (*engine.flows, SUGGESTED):
                yield source, f"leads to the flow {name}, which does not exist"
            case str(name) if name not in flow.states:
                yield source, f"leads to {name}, which does not exist"


def _without_a_way_on(flow: Flow) -> Iterator[tuple[str, str]]:
    """States that a conversation may not be able to leave. The edge past an empty list does not count."""
    last = {(source, edge.trigger, edge.picked): edge.go for source, edge in flow.rows if edge.trigger != "skip"}
    for (source, trigger, _), go in last.items():
        if go.when:
            yield source, f"there may be no way on by {trigger}: the last has a guard"
    for name, state in flow.states.items():
        present: set[str] = {trigger for source, trigger, _ in last if source == name}
        yield from ((name, f"there is no way on by {missing}") for missing in _triggers(state) - present)


def _triggers(state: StateKind) -> set[str]:
    """The triggers by which a conversation leaves a state."""
    if isinstance(state, Act):
        return OUTCOMES
    return set() if isinstance(state, Notice) else {"answer"}


def _needs_dialling(flow: Flow, name: str) -> bool:
    """True if every version of a text names the service code, so that nothing can be said where USSD is off."""
    return any(all(SERVICE_CODE in one for one in versions(text)) for text in flow.states[name].messages())


def _wordless(state: StateKind) -> bool:
    words = (state.text, *state.messages()) if state.has_screen else ()
    return not all(text and all(versions(text)) for text in words)


def _with_unknown_fields(engine: DialogueEngine, flow: Flow) -> Iterator[tuple[str, str]]:
    """States whose words use a field that may have no value yet, because some way there does not pass its question."""
    carried = {name for enter in _flow_entries(engine) if enter.flow == flow.name for name in enter.carry}
    always = {*ALWAYS_KNOWN, *flow.facts, *carried}
    for name, answered in _answered(flow).items():
        if name in flow.states and ANY_FIELD not in answered:
            for field in _fields_of(flow.states[name].text) - always - answered:
                yield name, f"{{{field}}} may not be known here"


def _answered(flow: Flow) -> dict[str, set[str]]:
    """For each reachable state, the questions answered on every way there; repeated until nothing changes."""
    found: dict[str, set[str]] = {START: set()}
    waiting = [START]
    while waiting:
        state = waiting.pop()
        for edge in (edge for source, edge in flow.rows if source == state):
            target, answers = str(edge.go.to), found[state] | _added(flow, state, edge)
            if found.get(target) != (answers := answers & found.get(target, answers)):
                found[target] = answers
                waiting.append(target)
    return found


def _added(flow: Flow, source: str, edge: Edge) -> set[str]:
    """The fields that an edge adds: an answer, or whatever the outcome of a command holds."""
    state = flow.states.get(source)
    if isinstance(state, Act):
        return {*flow.states, ANY_FIELD}
    return {source} if state and state.is_question and edge.trigger == "answer" else set()


def _flow_entries(engine: DialogueEngine) -> Iterator[Enter]:
    for flow in engine.flows.values():
        yield from (edge.go.to for _, edge in flow.rows if isinstance(edge.go.to, Enter))


def _never_opened(engine: DialogueEngine) -> Iterator[Fault]:
    opened = {engine.home, engine.callback, engine.unknown_keyword, NOTED}
    opened |= {enter.flow for enter in _flow_entries(engine)}
    for flow in engine.flows.values():
        if flow.name not in opened and not flow.keywords:
            yield Fault(flow.name, "", "no other flow and no keyword leads here")


def _keywords_twice(engine: DialogueEngine) -> Iterator[Fault]:
    written = [
        (fold(word), flow.name) for flow in engine.flows.values() for keyword in flow.keywords for word in keyword.words
    ]
    times = Counter(word for word, _ in written)
    for word, flow_name in written:
        if times[word] > 1:
            yield Fault(flow_name, "", f"{word} is listed twice as a keyword")


def _fields_of(text: Wording) -> set[str]:
    """The {fields} of a text in all its versions."""
    return {name for version in versions(text) for _, name, _, _ in Formatter().parse(version) if name}


# In one language.


def _fields_altered(flow: Flow, turn: Turn) -> Iterator[Fault]:
    for name, state in flow.states.items():
        messages = (version for text in state.messages() for version in versions(text))
        yield from (Fault(flow.name, name, problem) for problem in _altered(messages, turn.words))


def _fields_altered_beside(turn: Turn) -> Iterator[Fault]:
    """The same for side prompts and navigation."""
    messages = chain(navigation.LABELS.values(), *prompts.PROMPTS.values())
    return (Fault("beside the flows", "", problem) for problem in _altered(messages, turn.words))


def _altered(messages: Iterable[str], words: Words) -> Iterator[str]:
    for message in messages:
        if _fields_of(words.text(message)) != _fields_of(message):
            yield f"in {words.language} other fields than in: {message}"


def _too_long(flow: Flow, turn: Turn) -> Iterator[Fault]:
    for name, state in flow.states.items():
        channel = state.channel(turn.channel)
        screens = _screens(flow, state, turn) if state.has_screen else ()
        if any(not screen.fits(channel) or _cuts(screen, state, turn) for screen in screens):
            yield Fault(flow.name, name, f"in {turn.words.language} too long for {channel.name}")


def _cuts(screen: Screen, state: StateKind, turn: Turn) -> bool:
    """True if a fixed line is not shown in full; a line that is looked up may be cut."""
    offered = {turn.words.sendable(choice.label) for choice in _lines(state, turn)}
    return not isinstance(state, PagedList) and not offered.issuperset(label for _, label in screen.options)


def _screens(flow: Flow, state: StateKind, turn: Turn) -> Iterator[Screen]:
    """The first screen of a state, and its screen after every rejection, page by page."""
    for problem in [[], *_rejections(state, turn)]:
        shown = replace(turn, conversation=Conversation("validation", flow.name, state.name, problem=problem))
        shown.conversation.choices = _lines(state, turn)
        shown.fields = _LongestFields(flow, turn)
        yield state.screen(shown)
        while isinstance(state, ListQuestion) and state.more(shown):
            yield state.screen(shown)


def _rejections(state: StateKind, turn: Turn) -> Iterator[list[str]]:
    if isinstance(state, Question):
        yield [turn.words.text(text).format_map(_EmptyFields()) for text in versions(state.example)]
        check = state.check
        while check:
            rejected = check.rejection(turn)
            values = _EmptyFields(rejected.values)
            yield [turn.say_with(text, values) for text in versions(rejected.problem)]
            check = check.then


def _lines(state: StateKind, turn: Turn) -> list[Choice]:
    """The lines of a list; two long ones for a list that is looked up."""
    if isinstance(state, PagedList):
        return [Choice("", LONG_LINE)] * 2
    return list(state.offer(turn)) if isinstance(state, ListQuestion) else []


class _EmptyFields(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return ""


class _LongestFields(_EmptyFields):
    """The longest known value of each field: answers as long as their checks allow, the person and the place."""

    def __init__(self, flow: Flow, turn: Turn) -> None:
        known = {name: getattr(turn.person, name, getattr(turn.place, name, "")) for name in ALWAYS_KNOWN}
        answers = {
            name: state.display(turn, state.check.longest)
            for name, state in flow.states.items()
            if isinstance(state, Question) and state.check
        }
        super().__init__({name: value for name, value in (known | answers).items() if name not in flow.facts})
