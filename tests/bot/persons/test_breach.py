"""`breach-list`: who did something in a time span, or who was stored at its end."""

from __future__ import annotations

import json
from typing import Any

from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO
from tests.command_line import run_command
from tests.service import Service


def listed(service: Service, *options: str) -> dict[str, Any]:
    result = run_command(service.app, "breach-list", *options)
    assert result.exit_code == 0, result.output
    return {person["phone"]: person for person in map(json.loads, result.output.splitlines())}


def test_who_did_something_in_the_span_is_listed_with_what(service: Service) -> None:
    fixtures.accepted_order(service)
    service.work()
    service.later(days=2)
    service.gateway.text(NEW_PHONE, "HELP")
    service.work()

    first = listed(service, "--since", "2026-11-23", "--until", "2026-11-23")
    assert first.keys() == {AKINYI, JOY, OTIENO}
    assert first[JOY]["names"] == ["Joy"]
    assert {"orders and addresses", "texts"} <= set(first[JOY]["data"])
    assert {"orders to make", "registration", "texts"} <= set(first[AKINYI]["data"])

    second = listed(service, "--since", "2026-11-25T00:00:00", "--until", "2026-11-25T23:00:00")
    assert NEW_PHONE in second
    assert JOY not in second


def test_everybody_who_was_stored_at_the_end_is_listed_when_the_whole_database_is_concerned(embedded: Service) -> None:
    fixtures.accepted_order(embedded)
    embedded.work()
    embedded.later(days=2)
    span = ("--since", "2026-11-25", "--until", "2026-11-25")
    assert JOY not in listed(embedded, *span)
    assert {AKINYI, JOY, OTIENO} <= listed(embedded, *span, "--stored").keys()


def test_erased_people_are_not_listed(embedded: Service) -> None:
    assert run_command(embedded.app, "erase-person", AKINYI, "--yes").exit_code == 0
    people = listed(embedded, "--since", "2026-11-23", "--until", "2026-11-23", "--stored")
    assert people.keys() == {OTIENO}
