"""The table by which a flow moves says what its machine says, and moving by it does what the machine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from unittest.mock import Mock

import pytest
from transitions import Transition

from flows.dialogues import ENGINE
from flows.kit import Ask, Conversation, Flow, Go, Notice
from flows.kit.turn import Turn

Move = Callable[[str, Turn], object]


def transitions_of(flow: Flow) -> Iterator[tuple[tuple[str, str], list[Transition]]]:
    for name, event in flow.machine.events.items():
        for source, moves in event.transitions.items():
            yield (name, source), moves


@pytest.mark.parametrize("flow", ENGINE.flows.values(), ids=lambda flow: flow.name)
def test_the_table_has_every_move_of_the_machine_in_its_order_and_no_other(flow: Flow) -> None:
    of_machine = {
        key: [([condition.func for condition in move.conditions], move.dest) for move in moves]
        for key, moves in transitions_of(flow)
    }
    assert {key: [(list(guards), dest) for guards, dest in moves] for key, moves in flow.moves.items()} == of_machine


@pytest.mark.parametrize("flow", ENGINE.flows.values(), ids=lambda flow: flow.name)
def test_a_machine_has_nothing_that_the_table_leaves_out(flow: Flow) -> None:
    moves = [move for _, moves in transitions_of(flow) for move in moves]
    assert not any(move.prepare or move.before or move.after for move in moves)
    assert all(condition.target is True for move in moves for condition in move.conditions)
    assert not any(state.on_enter or state.on_exit or state.final for state in flow.machine.states.values())


@pytest.mark.parametrize("holds", list(product([False, True], repeat=2)))
@pytest.mark.parametrize(("event", "state"), [("begin", "start"), ("answer", "a"), ("answer", "b"), ("back", "b")])
def test_moving_by_the_table_ends_where_the_machine_ends(holds: tuple[bool, bool], event: str, state: str) -> None:
    first, second = (lambda _turn, holds=held: holds for held in holds)
    flow = Flow("sample", Ask("a", "A?", then=[Go("b", when=first), Go("c", when=second)]), Ask("b", "B?", then="c"),
                Notice("c", "C."), start=[Go("a", when=first), Go("b", when=second)])  # fmt: skip

    def by_machine(name: str, turn: Turn) -> object:
        found = flow.machine.events[name]
        return state in found.transitions and found.trigger(turn.conversation, turn)

    moves: list[Move] = [flow.trigger, by_machine]
    assert len({end_of(move, event, state) for move in moves}) == 1


def end_of(move: Move, event: str, state: str) -> tuple[bool, str, bool, str]:
    """Whether the conversation moved, where it is then, whether it is over, and what was forgotten on the way."""
    conversation = Conversation("moves", "sample", state, trail=["a"], problem=["wrong"])
    is_moved = bool(move(event, Mock(conversation=conversation, answer=None)))
    return is_moved, conversation.state, conversation.over, ",".join(conversation.problem)
