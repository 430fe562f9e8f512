"""docs/alerts.yml: each alert fires when it should and not otherwise, and docs/runbook.md says what to do about it.

`promtool`, of Debian's package prometheus, runs the rules on series of values.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli.dashboards import boards_of
from bot.messaging import dispatcher
from bot.runtime.service_levels import ServiceLevel
from tests.repository.architecture import ROOT
from tests.runs import some_of
from tests.servers import program
from tests.service import Service, serving

FILE = ROOT / "docs/alerts.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["groups"][0]["rules"]
BUSY = {
    "soko_texts_sent_total": "0+100x800",
    'soko_text_wait_seconds_bucket{le="60"}': "0+100x800",
    "soko_text_wait_seconds_count": "0+100x800",
}
WELL = {
    **BUSY,
    "soko_outbox_oldest_seconds": "10x800",
    "soko_events_untold": "0x800",
    "soko_outbox_dead_jobs": "3x800",
    "soko_texts_unconfirmed": "0x800",
    "soko_texts_refused_total": "0+1x800",
    'soko_chore_failing{chore="a"}': "0x800",
    'soko_chore_done_timestamp_seconds{chore="texts.unknown"}': "0+60x800",
    "soko_backup_done_timestamp_seconds": "0x800",
    "soko_payouts_paused": "0x800",
    "soko_payouts_clearing": "5x800",
    "soko_payouts_in_flight": "5x800",
    'soko_audit_ok{check="owed"}': "1x800",
}
"""The values of a healthy shop, one a minute."""
BROKEN: dict[str, dict[str, str]] = {
    "TextsWait": {"soko_outbox_oldest_seconds": "301x800"},
    "EventsNotConsumed": {"soko_events_untold": "1x800"},
    "TextsRefused": {"soko_texts_refused_total": "0+30x800"},
    "JobsDied": {"soko_outbox_dead_jobs": "3x690 4x110"},
    "TextsUnconfirmed": {"soko_texts_unconfirmed": "1x800"},
    "LoopStopped": {'soko_texts_suppressed_total{reason="loop"}': "0x710 5x90"},
    "CredentialsGuessed": {'soko_strangers_total{act="wrong_key"}': "0+30x800"},
    "StrangersRefused": {'soko_strangers_refused_total{act="order",by="address"}': "0+3x800"},
    "ShopWindowFull": {'soko_strangers_refused_total{act="order",by="service"}': "0x715 1x85"},
    "StrangersTextsCapped": {"soko_stranger_texts": "11x800", "soko_stranger_texts_cap": "10x800"},
    "PeriodicTaskFails": {'soko_chore_failing{chore="a"}': "1x800"},
    "PayoutsPaused": {"soko_payouts_paused": "1x800"},
    "PayoutsWait": {'soko_payouts_oldest_seconds{status="unknown"}': "3601x800"},
    "PayoutsFail": {'soko_payouts_oldest_seconds{status="failed"}': "86401x800"},
    "LedgerDisagrees": {"soko_payouts_clearing": "6x800"},
    "CollectingPaused": {'soko_collecting_paused{collector="mpesa"}': "1x800"},
    "BuyerPaymentsWait": {'soko_buyer_payments_oldest_seconds{status="asked"}': "3601x800"},
    "BuyerPaymentsDiffer": {"soko_buyer_payments_other_amount": "1x800"},
    "RefundsWait": {'soko_refunds_oldest_seconds{status="due"}': "3601x800"},
    "RefundsFail": {'soko_refunds_oldest_seconds{status="failed"}': "3601x800"},
    "MoneyUnmatched": {'soko_direct_payments{status="unmatched"}': "1x800"},
    "ReceiptsUnanswered": {'soko_direct_payments_oldest_seconds{status="noticed"}': "86401x800"},
    "BooksWrong": {'soko_audit_ok{check="owed"}': "0x800"},
    "WorkerStopped": {'soko_chore_done_timestamp_seconds{chore="texts.unknown"}': "0+60x700 42000x100"},
    "BackupOld": {"soko_backup_done_timestamp_seconds": "-60000x800"},
    "TextsLate": {'soko_text_wait_seconds_bucket{le="60"}': "0+80x800"},
    "TextsNotAccepted": {"soko_texts_refused_total": "0+300x800"},
}
"""By alert: what makes it fire, in a shop that is healthy otherwise."""
TOGETHER = {"TextsNotAccepted": {"TextsRefused"}}
"""Alerts that fire with another one, because they are about the same thing."""
AT = "12h"


def cases() -> list[dict[str, Any]]:
    """A case of promtool for each alert and one for the healthy shop: which alerts fire in it."""
    names = [rule["alert"] for rule in RULES]
    return [_case("", {}, names)] + [_case(name, values, names) for name, values in some_of(BROKEN.items(), least=3)]


def _case(broken: str, values: dict[str, str], names: list[str]) -> dict[str, Any]:
    series = [{"series": name, "values": value} for name, value in {**WELL, **values}.items()]
    firing = {broken, *TOGETHER.get(broken, ())}
    counts = [
        {
            "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
            "eval_time": AT,
            "exp_samples": [{"labels": "{}", "value": int(name in firing)}],
        }
        for name in names
    ]
    return {"name": broken, "interval": "1m", "input_series": series, "promql_expr_test": counts}


def test_each_alert_fires_when_it_should_and_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "cases.yml"
    document = {"rule_files": [str(FILE)], "evaluation_interval": "5m", "tests": cases()}
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [program("promtool", "prometheus"), "test", "rules", file], capture_output=True, text=True, check=False
    )

    assert list(BROKEN) == [rule["alert"] for rule in RULES]
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bound_of_a_service_level_is_a_bucket(service: Service) -> None:
    (bound,) = set(re.findall(r'le=~"(.+?)"', dispatcher.TEXTS_LEAVE.good))
    bounds = re.findall(r'^soko_text_wait_seconds_bucket{le="(.+?)"}', service.http.get("/metrics").text, re.MULTILINE)

    assert [each for each in bounds if re.fullmatch(bound, each)] == ["60"]


def test_each_alert_has_a_section_of_the_runbook() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", runbook, re.MULTILINE | re.DOTALL))

    assert list(sections) == [rule["alert"] for rule in RULES]
    for rule in RULES:
        severity, _, text = sections[rule["alert"]].strip().partition(".** ")
        assert severity == f"**{rule['labels']['severity'].capitalize()}"
        assert len(text.split("\n\n")) >= 2, f"{rule['alert']}: what it means, and what to do"
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


LEVELS = [value for value in vars(dispatcher).values() if isinstance(value, ServiceLevel)]


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_the_alert_of_a_service_level_is_the_declared_one(level: ServiceLevel) -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == level.name]

    assert rule["expr"] == level.burn()
    assert level.promise in rule["annotations"]["summary"]
    assert f"| `{level.name}` | {level.promise} |" in (ROOT / "docs/operations.md").read_text()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("metrics")) as service:
        yield service


def test_the_dashboards_are_made_from_the_metrics(service: Service) -> None:
    """`script/soko dashboards docs/dashboards` writes them anew."""
    folder = ROOT / "docs/dashboards"

    assert {path.name: path.read_text() for path in folder.iterdir()} == boards_of(service.services)


def test_each_metric_has_one_panel(service: Service) -> None:
    page = service.http.get("/metrics").text
    families = [name.removesuffix("_total") for name in re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE)]
    boards = [json.loads(board) for board in boards_of(service.services).values()]
    shown = [panel["description"] for board in boards for panel in board["panels"]]

    assert sorted(shown) == sorted(name for name in families if not name.endswith("_created"))
