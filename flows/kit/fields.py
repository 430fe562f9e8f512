"""The values of the {fields} in messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .conversation import Answer
from .flow import Flow
from .turn import Turn


@dataclass(slots=True)
class Fields(Mapping[str, Any]):
    """The value of each field: a fact of the flow, an answer as it is shown, or an attribute of Person or Place."""

    turn: Turn
    flow: Flow

    def __getitem__(self, name: str) -> Any:
        if name in self.flow.facts:
            return self.flow.facts[name](self.turn)
        if name in self.turn.conversation.answers:
            return self._displayed(name, self.turn.conversation.answers[name])
        for facts in (self.turn.person, self.turn.place):
            if hasattr(facts, name):
                return getattr(facts, name)
        raise KeyError(name)

    def _displayed(self, name: str, value: Answer) -> str:
        state = self.flow.states.get(name)
        return state.display(self.turn, value) if state else str(value)

    def __iter__(self) -> Iterator[str]:
        return iter((*self.flow.facts, *self.turn.conversation.answers))

    def __len__(self) -> int:
        return len(self.flow.facts) + len(self.turn.conversation.answers)


class Values(dict[str, Any]):
    """Values of a message, and the fields of the flow for the names that are not among them."""

    def __init__(self, fields: Mapping[str, Any], values: Mapping[str, object]) -> None:
        super().__init__(values)
        self._fields = fields

    def __missing__(self, name: str) -> Any:
        return self._fields[name]
