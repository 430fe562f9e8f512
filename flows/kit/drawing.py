"""A flow as a Mermaid state diagram, drawn from its transition table.

stateDiagram-v2
    state "price (AskMoney)" as price
    state "to home" as to_home
    [*] --> price
    price --> dear: if is_dear
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType

from .conversation import Answer
from .edges import Edge, Enter, Guard
from .flow import START, Flow
from .state_kinds.base import StateKind
from .state_kinds.notice import Notice

OUTSIDE = "[*]"


@dataclass(frozen=True, slots=True)
class Arrow:
    """What leads from a state to another one, or to another flow: `label` has all triggers and guards.

    The source of the first ones, and the destination of those that end the conversation, is `OUTSIDE`.
    """

    source: str
    dest: str
    label: str


def mermaid(flow: Flow) -> str:
    """The states with their kinds, the other flows that are entered, and the edges with their triggers and guards."""
    others = [f'state "to {name}" as {node}' for node, name in sorted(entered(flow).items())]
    return "\n    ".join(["stateDiagram-v2", *map(_state, flow.states.values()), *others, *map(_arrow, arrows(flow))])


def _state(state: StateKind) -> str:
    return f'state "{state.name} ({type(state).__name__})" as {state.name}'


def entered(flow: Flow) -> dict[str, str]:
    """The other flows that a flow enters, by the name of their node in the diagram."""
    return {_node(edge.go.to.flow): edge.go.to.flow for _, edge in flow.rows if isinstance(edge.go.to, Enter)}


def _node(flow: str) -> str:
    return f"to_{flow}"


def arrows(flow: Flow) -> Iterator[Arrow]:
    """One arrow for each pair of states, labelled with everything that leads from one to the other."""
    labels: dict[tuple[str, str], list[str]] = {}
    for source, edge in flow.rows:
        dest = _node(edge.go.to.flow) if isinstance(edge.go.to, Enter) else edge.go.to
        labels.setdefault((OUTSIDE if source == START else source, dest), []).append(_label(edge))
    for (source, dest), parts in labels.items():
        yield Arrow(source, dest, ", ".join(filter(None, parts)))
    yield from (Arrow(name, OUTSIDE, "") for name, state in flow.states.items() if _ends(state))


def _arrow(arrow: Arrow) -> str:
    line = f"{arrow.source} --> {arrow.dest}"
    return f"{line}: {arrow.label}" if arrow.label else line


def _ends(state: StateKind) -> bool:
    return isinstance(state, Notice) and not state.stays


def _label(edge: Edge) -> str:
    """The trigger and the guard of an edge; empty if every answer takes it."""
    match edge.trigger:
        case "skip":
            return "nothing to offer"
        case "begin" | "answer":
            trigger = _picked(edge.picked)
        case outcome:
            trigger = outcome
    guard = f"if {name_of(edge.go.when)}" if edge.go.when else ""
    return _plain(" ".join(filter(None, (trigger, guard))))


def _picked(answer: Answer) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return str(answer or "")


def name_of(guard: Guard) -> str:
    """The name of a guard in its source: `is_dear`, or `because(order_not_open)` for one that a function made."""
    if not isinstance(guard, FunctionType):
        return type(guard).__name__
    function, is_local, _ = guard.__qualname__.partition(".<locals>")
    if is_local:
        return f"{function}({', '.join(_written(cell.cell_contents) for cell in guard.__closure__ or ())})"
    return next((name for name, value in guard.__globals__.items() if value is guard), function)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_written, value))
    return name_of(value) if callable(value) else str(value)


def _plain(label: str) -> str:
    """Without the characters that end a label in Mermaid."""
    return label.replace(":", ",").replace(";", ",")
