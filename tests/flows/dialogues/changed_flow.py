"""All dialogues with one of them changed, so that something is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from flows.dialogues import ENGINE, sell
from flows.kit import DialogueEngine, Flow, Keyword
from flows.kit.flow import Fact
from flows.kit.state_kinds.base import StateKind


def with_sell_changed(
    *changed: StateKind,
    keywords: Sequence[Keyword] = sell.flow.keywords,
    facts: Mapping[str, Fact] = MappingProxyType({}),
) -> DialogueEngine:
    """All dialogues, with states of the flow `sell` replaced by name, or added at its end."""
    states = {**sell.flow.states, **{state.name: state for state in changed}}
    flow = Flow("sell", *states.values(), start=sell.flow.start, facts={**sell.flow.facts, **facts}, keywords=keywords)
    return DialogueEngine(*(flow if other.name == "sell" else other for other in ENGINE.flows.values()))
