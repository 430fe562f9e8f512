"""A flow: its states, the machine that moves a conversation between them, and the keywords that open it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from transitions import Machine, State

from flows.commands import RejectionReason
from flows.market import SummaryStatus
from flows.reading.keywords import is_polite

from .edges import Edge, Enter, Go, Guard, Then, event_name, targets
from .state_kinds.base import StateKind
from .state_kinds.lists import ListQuestion
from .turn import Place, Turn

logging.getLogger("transitions").setLevel(logging.WARNING)

SOURCE_LANGUAGE = "en"
"""The language of the messages in the source, and of keywords without another one."""
START, RETURN = "start", "@return"
"""States that a conversation only passes: before the first state of a flow, and on the way back out of the flow."""
FLOW_ENTRY = "@"
"""The prefix of machine states that lead into another flow."""

Fill = Callable[[str, Place], Mapping[str, str] | None]
"""Reads what follows a keyword: answers by the name of their state, or None if the text does not use the keyword."""
Fact = Callable[[Turn], object]
Move = tuple[tuple[Guard, ...], str | None]
"""The guards that must hold, and the machine's state that is entered; None if the conversation stays where it is."""


def nothing(rest: str, _place: Place) -> Mapping[str, str] | None:
    """For a keyword after which only polite words may follow."""
    return {} if is_polite(rest) else None


def always(**answers: str) -> Fill:
    """For a keyword that alone gives these answers."""
    return lambda rest, _place: answers if is_polite(rest) else None


@dataclass(frozen=True, slots=True, init=False)
class Keyword:
    """Words that open a flow by text, the canonical one first; `fill` reads the text after them.

    `Keyword("JOIN", sw="JIUNGE", fr="INSCRIRE")` has an English, a Swahili and a French word. Several words of one
    language are separated by commas. A word under `shared` belongs to several languages, so it tells none.
    """

    words: tuple[str, ...]
    fill: Fill
    languages: Mapping[str, str]
    """The language of each word, without the words that are shared."""

    def __init__(self, *english: str, fill: Fill = nothing, shared: str = "", **others: str) -> None:
        by_language = {SOURCE_LANGUAGE: english, **{code: _listed(written) for code, written in others.items()}}
        of_several = _listed(shared)
        languages = {word: code for code, words in by_language.items() for word in words if word not in of_several}
        object.__setattr__(self, "words", tuple(dict.fromkeys((*english, *of_several, *languages))))
        object.__setattr__(self, "fill", fill)
        object.__setattr__(self, "languages", languages)


def _listed(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


# Guards


def came_from(name: str) -> Guard:
    """The state before this one was `name`."""

    def guard(turn: Turn) -> bool:
        return turn.conversation.trail[-1:] == [name]

    return guard


def given(name: str) -> Guard:
    """An answer to this question was given ahead."""
    return lambda turn: name in turn.conversation.prefill


def known(name: str) -> Guard:
    """This answer is known, for example carried over from the flow that entered this one."""
    return lambda turn: turn.get(name) is not None


def because(*reasons: RejectionReason) -> Guard:
    """The command was rejected for one of these reasons."""
    return lambda turn: turn.outcome is not None and turn.outcome.reason in reasons


def stands(*statuses: SummaryStatus) -> Guard:
    """The command was rejected because its subject has one of these statuses: perhaps it was done before."""
    return lambda turn: turn.outcome is not None and turn.outcome.values.get("current") in statuses


def at_first(turn: Turn) -> bool:
    """This is the first screen of the flow, so *back* leaves the flow."""
    return not turn.conversation.trail


class Flow:
    """States in the order a person meets them. The flow starts at the first, unless `start` says otherwise.

    `facts` are values that its words may use beside the answers: by name, a function of the turn. Raise `version` when
    the answers of stored conversations no longer fit the states: those conversations then start again.
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
        self.moves = _moves(self.machine)

    def trigger(self, name: str, turn: Turn) -> bool:
        """Moves the turn's conversation; False if no edge may be taken from its state.

        It does what the machine's event does, in a tenth of the time.
        """
        conversation = turn.conversation
        moves = self.moves.get((event_name(name, turn.answer), conversation.state))
        for guards, dest in moves if moves is not None else self.moves.get((name, conversation.state), ()):
            if not guards or all(guard(turn) for guard in guards):
                if dest is not None:
                    conversation.state = dest
                    if entered := self.states.get(dest):
                        entered.prepare(turn)
                return True
        return False

    def _rows(self) -> Iterator[tuple[str, Edge]]:
        """The transition table: the state that each forward edge leaves, and the edge."""
        for go in targets(self.start):
            yield START, Edge("begin", go)
        for name, state in self.states.items():
            for edge in state.edges():
                yield name, edge

    def _machine(self) -> Machine:
        machine = Machine(
            model=None,
            states=[State(START), State(RETURN), *self.states.values(), *map(State, self._flow_entries())],
            initial=None,
            auto_transitions=False,
            send_event=False,
        )
        for source, edge in self.rows:
            machine.add_transition(edge.event, source, machine_state(edge.go), conditions=edge.go.when)
        for source, dest in self.ways_back():
            machine.add_transition("back", source, dest, conditions=[came_from(dest)])
        for name, state in self.states.items():
            if state.has_screen:
                machine.add_transition("back", name, RETURN, conditions=[at_first])
            if isinstance(state, ListQuestion):
                machine.add_transition("more", name, None, conditions=[state.more])
        return machine

    def _flow_entries(self) -> Iterable[str]:
        return sorted({machine_state(edge.go) for _, edge in self.rows if isinstance(edge.go.to, Enter)})

    def ways_back(self) -> list[tuple[str, str]]:
        """The forward edges between states with a screen, reversed, also across a list that was skipped."""
        onward = [
            (edge.go.to, source, edge.trigger == "skip")
            for source, edge in self.rows
            if isinstance(edge.go.to, str) and self._has_screen(source) and self._has_screen(edge.go.to)
        ]
        steps = {(dest, source) for dest, source, _ in onward}
        for dest, source, skips in onward:
            if skips:
                steps |= {(dest, before) for after, before in steps if after == source}
        return sorted(steps)

    def _has_screen(self, name: str) -> bool:
        return name in self.states and self.states[name].has_screen


def _moves(machine: Machine) -> Mapping[tuple[str, str], Sequence[Move]]:
    """The moves of each event from each state, in the order in which the machine tries them."""
    return {
        (event.name, source): tuple(
            (tuple(cast(Guard, condition.func) for condition in move.conditions), move.dest) for move in moves
        )
        for event in machine.events.values()
        for source, moves in event.transitions.items()
    }


def machine_state(go: Go) -> str:
    """The machine's name for a target: a state of the flow, or `@flow:carried:answers` for another flow."""
    return FLOW_ENTRY + ":".join((go.to.flow, *go.to.carry)) if isinstance(go.to, Enter) else go.to
