"""The list of event types is complete, and the contract names what others may rely on."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import marketplace_api
from marketplace_api.event_types import EventType
from marketplace_api.schemas.events import DATA_SCHEMAS

TYPES = set(get_args(EventType))
NOT_PROMISED = {"payment.created", "payout.rerouted", "payouts.paused", "payouts.resumed"}
"""Recorded for our own use; the contract does not name them."""


def test_the_contract_names_every_event_type_that_is_promised() -> None:
    contract = (Path(__file__).parents[3] / "docs" / "contract.md").read_text()
    (promised,) = re.findall(r"^Events: `([^`]+)`", contract, re.MULTILINE)
    assert set(promised.split(", ")) == TYPES - NOT_PROMISED


def test_every_event_type_is_recorded_somewhere() -> None:
    package = Path(marketplace_api.__file__).parent
    words = {
        node.value
        for source in package.rglob("*.py")
        if source.name != "event_types.py"
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert words >= TYPES


def test_the_data_of_every_event_type_has_a_schema() -> None:
    assert {type.partition(".")[0] for type in TYPES} == DATA_SCHEMAS.keys()
