"""A flow: its states, the machine that moves a conversation through them, and the keyword that opens it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from transitions import Machine, State

from flows.commands import RejectionReason
from flows.reading.keywords import is_polite

from .state_kinds.base import Edge, Enter, Go, ListQuestion, StateKind, Then, edges, picking
from .turn import Place, Turn

logging.getLogger("transitions").setLevel(logging.WARNING)

START, RETURN, DOOR = "start", "@return", "@"

Fill = Callable[[str, Place], Mapping[str, str] | None]
Fact = Callable[[Turn], object]


def nothing(rest: str, _place: Place) -> Mapping[str, str] | None:
    """A keyword that takes nothing after it but a please."""
    return {} if is_polite(rest) else None


def always(**answers: str) -> Fill:
    """A keyword that says its answer by itself."""
    return lambda rest, _place: answers if is_polite(rest) else None


@dataclass(frozen=True, slots=True, init=False)
class Keyword:
    """Words that open a flow by text, the canonical one first; one spelling per language and habit.

    `fill` makes answers given ahead of what follows the word; None when that is no sense of it.
    """

    words: tuple[str, ...]
    fill: Fill

    def __init__(self, *words: str, fill: Fill = nothing) -> None:
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "fill", fill)


def came_from(name: str) -> Callable[[Turn], bool]:
    def guard(turn: Turn) -> bool:
        return turn.conversation.trail[-1:] == [name]

    return guard


def given(name: str) -> Callable[[Turn], bool]:
    """Whether an answer was given ahead for this question."""
    return lambda turn: name in turn.conversation.prefill


def known(name: str) -> Callable[[Turn], bool]:
    """Whether this answer was taken along from the flow that entered this one."""
    return lambda turn: turn.get(name) is not None


def because(*reasons: RejectionReason) -> Callable[[Turn], bool]:
    """Whether the command was rejected for one of these reasons."""
    return lambda turn: turn.outcome is not None and turn.outcome.reason in reasons


def at_first(turn: Turn) -> bool:
    """The first screen of a flow: *back* leaves it."""
    return not turn.conversation.trail


class Flow:
    """States in the order a person meets them; the first is where the flow starts unless `start` says.

    `facts` are values its words may use beside the answers: name to function of the turn.
    """

    def __init__(
        self,
        name: str,
        *states: StateKind,
        start: Then | None = None,
        keywords: Sequence[Keyword] = (),
        facts: Mapping[str, Fact] | None = None,
        version: int = 1,
    ) -> None:
        self.name, self.version, self.keywords = name, version, tuple(keywords)
        self.facts = dict(facts or {})
        self.states: dict[str, StateKind] = {state.name: state for state in states}
        self.start: Then = start if start is not None else states[0].name
        self.rows = tuple(self._rows())
        self.machine = self._machine()

    def trigger(self, name: str, turn: Turn) -> bool:
        """Moves the turn's conversation; False when no edge is open here."""
        for event in (self.machine.events.get(picking(name, turn.answer)), self.machine.events.get(name)):
            if event is not None and turn.conversation.state in event.transitions:
                return bool(event.trigger(turn.conversation, turn))
        return False

    def _rows(self) -> Iterator[tuple[str, Edge]]:
        """Every forward edge: the state it leaves and the edge."""
        for go in edges(self.start):
            yield START, Edge("begin", go)
        for name, state in self.states.items():
            for edge in state.edges():
                yield name, edge

    def _machine(self) -> Machine:
        machine = Machine(
            model=None,
            states=[State(START), State(RETURN), *self.states.values(), *map(State, self._doors())],
            initial=None,
            auto_transitions=False,
            send_event=False,
        )
        for source, edge in self.rows:
            machine.add_transition(edge.event, source, target(edge.go), conditions=edge.go.when)
        for source, dest in self.ways_back():
            machine.add_transition("back", source, dest, conditions=[came_from(dest)])
        for name, state in self.states.items():
            if state.has_screen:
                machine.add_transition("back", name, RETURN, conditions=[at_first])
            if isinstance(state, ListQuestion):
                machine.add_transition("more", name, None, conditions=[state.more])
        return machine

    def _doors(self) -> Iterable[str]:
        return sorted({target(edge.go) for _, edge in self.rows if isinstance(edge.go.to, Enter)})

    def ways_back(self) -> list[tuple[str, str]]:
        """The forward edges between states that speak, reversed; from behind a skipped list to before it."""
        onward = [
            (edge.go.to, source, edge.trigger == "skip")
            for source, edge in self.rows
            if isinstance(edge.go.to, str) and self._speaks(source) and self._speaks(edge.go.to)
        ]
        steps = {(dest, source) for dest, source, _ in onward}
        for dest, source, skips in onward:
            if skips:
                steps |= {(dest, before) for after, before in steps if after == source}
        return sorted(steps)

    def _speaks(self, name: str) -> bool:
        return name in self.states and self.states[name].has_screen


def target(go: Go) -> str:
    """The machine's name for where an edge leads: a state of its own, or a door, `@flow:carried:answers`."""
    return DOOR + ":".join((go.to.flow, *go.to.carry)) if isinstance(go.to, Enter) else go.to
