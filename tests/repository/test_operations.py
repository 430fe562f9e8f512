"""docs/operations.md lists all alerts, metrics, periodic tasks and commands of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from flask.cli import AppGroup

from bot.cli import register
from bot.worker import periodic_tasks
from tests.repository.architecture import ROOT
from tests.service import Service, serving

PAGE = (ROOT / "docs/operations.md").read_text()
FLASKS_OWN = {"routes", "run", "shell", "spec"}


def table(chapter: str) -> list[list[str]]:
    """The rows of the table in this chapter, their cells without backticks."""
    (text,) = re.findall(rf"^## {chapter}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().replace("`", "") for cell in row] for row in rows]


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    with serving(tmp_path) as service:
        register.commands(service.app)
        yield service


def test_every_alert_is_listed_with_its_severity():
    rules = re.findall(r"alert: (\w+).*?severity: (\w+)", (ROOT / "docs/alerts.yml").read_text(), re.DOTALL)

    assert [tuple(row[:2]) for row in table("Alerts")] == rules


def test_every_metric_is_listed(service):
    page = service.http.get("/metrics").text
    families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE))

    assert {row[0] for row in table("Metrics")} == {
        name for name, kind in families.items() if not name.endswith("_created")
    }


def test_every_periodic_task_is_listed_with_its_time(service):
    assert [row[:2] for row in table("Periodic tasks")] == [
        [task.name, task.cron] for task in periodic_tasks(service.services)
    ]


def commands(group: click.Command | AppGroup, name: str = "") -> Iterator[str]:
    """The full names of the commands in a group, such as `apikey list`."""
    if not isinstance(group, click.Group):
        yield name
        return
    for part, command in group.commands.items():
        yield from commands(command, f"{name} {part}".strip())


COMMAND = r"[a-z]+(?:[ -][a-z]+)*"
"""The name of a command, without its arguments and options."""


def test_every_command_is_listed(service):
    known = {name for name in commands(service.app.cli) if name not in FLASKS_OWN}

    assert {re.match(COMMAND, row[0])[0] for row in table("Commands")} == known


def test_every_command_of_the_contract_exists(service):
    contract = (ROOT / "docs/contract.md").read_text()
    (row,) = re.findall(r"^\| `flask --app wsgi …` \| (.+) \|$", contract, re.MULTILINE)
    there, _, promised = row.partition("promised, and not there yet:")
    known = set(commands(service.app.cli))

    assert {re.match(COMMAND, code)[0] for code in re.findall(r"`([a-z][^`]*)`", there)} <= known
    assert known & set(re.findall(r"`([a-z-]+)", promised)) == set()
