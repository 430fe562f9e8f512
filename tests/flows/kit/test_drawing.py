"""Flows as Mermaid diagrams."""

from __future__ import annotations

from flows.dialogues import ENGINE, home, sell
from flows.kit import Act, Confirm, Enter, Flow, Go, Menu, Notice, Option
from flows.kit.drawing import mermaid, name_of
from flows.kit.flow import because


def test_a_flow_is_drawn_with_its_kinds_guards_and_other_flows() -> None:
    flow = Flow(
        "sample",
        Confirm("sure", "Sure?", yes="asking", no=Enter("home")),
        Act(
            "asking", command=sell.list_product, done="told", rejected=[Go("sure", when=because("a", "b")), Go("told")]
        ),
        Notice("told", "Told."),
        start=[Go("sure", when=home.is_artisan), Go("told")],
    )
    assert mermaid(flow).splitlines() == [
        "stateDiagram-v2",
        '    state "sure (Confirm)" as sure',
        '    state "asking (Act)" as asking',
        '    state "told (Notice)" as told',
        '    state "to home" as to_home',
        '    state "to noted" as to_noted',
        "    [*] --> sure: if is_artisan",
        "    [*] --> told",
        "    sure --> asking: yes",
        "    sure --> to_home: no",
        "    asking --> told: done, rejected",
        "    asking --> sure: rejected if because(a, b)",
        "    asking --> to_noted: queued",
        "    told --> [*]",
    ]


def test_a_label_has_no_character_that_would_end_it() -> None:
    flow = Flow("sample", Menu("pick", "Pick.", Option("This: one; or two", "told")), Notice("told", "Told."))
    assert "    pick --> told: This, one, or two" in mermaid(flow).splitlines()


def test_every_guard_has_a_name_in_its_source() -> None:
    guards = [edge.go.when for flow in ENGINE.flows.values() for _, edge in flow.rows if edge.go.when]
    assert [guard for guard in guards if "<" in name_of(guard)] == []
