"""The metrics: the same from every process, and each changes with what it counts."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from bot.app import create_app
from marketplace_api.payments import ledger, settlement
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, JOY, choose_language, received_order
from tests.bot.messaging.fakes import FINAL, OUTCOME_UNKNOWN, RETRYABLE, FakeProvider, deliver, queue_message
from tests.command_line import run_command
from tests.repository.architecture import ROOT
from tests.service import Service

RULES = ROOT / "docs/alerts.yml"


def metrics_of(service: Service) -> dict[str, float]:
    """The metrics of another process over the same database: `name[label]` and value."""
    page = create_app(services=service.services).test_client().get("/metrics")
    assert page.status_code == 200
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def test_the_outbox_and_unknown_texts_are_counted(service: Service) -> None:
    provider = FakeProvider(service.clock, [FINAL, OUTCOME_UNKNOWN, RETRYABLE])
    for n in range(3):
        queue_message(service, f"+25473300100{n}", "hello")
    service.clock.advance(30)
    assert metrics_of(service)["soko_outbox_oldest_seconds"] == 30
    assert metrics_of(service)["soko_outbox_due_jobs"] == 3
    deliver(service, provider)

    metrics = metrics_of(service)
    assert (metrics["soko_outbox_jobs"], metrics["soko_outbox_due_jobs"], metrics["soko_outbox_dead_jobs"]) == (1, 0, 1)
    assert (metrics["soko_texts_unknown"], metrics["soko_texts_unconfirmed"]) == (1, 0)
    refused = {name: value for name, value in metrics.items() if name.startswith("soko_texts_refused_total")}
    assert refused == {
        f"soko_texts_refused_total[africastalking][{reason}]": 1
        for reason in ("busy", "invalid_recipient", "no_answer")
    }
    service.later(hours=2)
    assert metrics_of(service)["soko_texts_unconfirmed"] == 1


def test_sent_texts_and_their_waiting_time_are_counted(service: Service) -> None:
    queue_message(service, JOY, "hello")
    deliver(service, FakeProvider(service.clock))
    queue_message(service, JOY, "hello again")
    service.clock.advance(10)
    deliver(service, FakeProvider(service.clock, name="twilio"))

    metrics = metrics_of(service)
    assert metrics["soko_texts_sent_total[africastalking]"] == metrics["soko_texts_sent_total[twilio]"] == 1
    assert (metrics["soko_text_wait_seconds_bucket[1]"], metrics["soko_text_wait_seconds_bucket[15]"]) == (1, 2)
    assert metrics["soko_text_wait_seconds_count"] == 2
    assert 10 <= metrics["soko_text_wait_seconds_sum"] < 11


def test_duplicates_opt_outs_and_suppressed_texts_are_counted(service: Service) -> None:
    for _ in range(2):
        service.gateway.text(JOY, "STOP", id="first")
    queue_message(service, JOY, "news")
    for _ in range(2):
        service.gateway.text(AKINYI, "SELL Oil lamp 900")
    service.work()

    metrics = metrics_of(service)
    assert (metrics["soko_duplicates_total[id]"], metrics["soko_duplicates_total[text]"]) == (1, 1)
    assert metrics["soko_consents_total[opt_out]"] == 1
    assert metrics["soko_texts_suppressed_total[opted out]"] == 1


def test_periodic_tasks_report_when_they_were_done(embedded: Service) -> None:
    embedded.later(days=1)
    metrics = metrics_of(embedded)
    assert metrics["soko_chore_done_timestamp_seconds[outbox.sweep]"] == embedded.clock().timestamp()
    assert metrics["soko_chore_failing[outbox.sweep]"] == 0


def test_payouts_are_counted_by_status_and_age(service: Service) -> None:
    run_command(service.app, "payouts", "pause", "the float is low")
    received_order(service)
    service.later(minutes=10)
    waiting = metrics_of(service)
    assert (waiting["soko_payouts[pending]"], waiting["soko_payouts[paid]"]) == (1, 0)
    assert waiting["soko_payouts_oldest_seconds[pending]"] == 600
    assert waiting["soko_payouts_paused"] == 1

    run_command(service.app, "payouts", "resume")
    service.later(minutes=10)
    paid = metrics_of(service)
    assert (paid["soko_payouts[pending]"], paid["soko_payouts[paid]"]) == (0, 1)
    assert paid["soko_payouts_oldest_seconds[pending]"] == 0
    assert paid["soko_payouts_paused"] == 0


def test_money_in_flight_is_reported_from_the_payouts_and_from_the_ledger(embedded: Service) -> None:
    received_order(embedded)
    (payout,) = embedded.api("GET", "/payouts")["data"]
    with embedded.services.database.writing.begin() as session:
        settlement.begin_sending(embedded.services.shop(session, TESTER), payout["id"])
    metrics = metrics_of(embedded)
    assert metrics["soko_payouts_in_flight"] == metrics["soko_payouts_clearing"] == payout["amount"]["amount"] > 0

    with embedded.services.database.writing.begin() as session:
        ledger.reverse(embedded.services.shop(session, TESTER), f"sent:{payout['id']}:1", "a slip")
    assert (metrics_of(embedded)["soko_payouts_in_flight"], metrics_of(embedded)["soko_payouts_clearing"]) == (
        1620_00,
        0,
    )


def test_every_metric_that_an_alert_reads_exists(embedded: Service) -> None:
    named = set(re.findall(r"\bsoko_\w+", RULES.read_text()))
    page = embedded.http.get("/metrics").text
    known = set(re.findall(r"^# HELP (\w+)", page, re.MULTILINE))

    assert len(named) > 5
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in named} <= known


def test_a_loop_is_counted_in_the_metric_of_its_alert(embedded: Service) -> None:
    choose_language(embedded, "en", JOY)
    for _ in range(7):
        embedded.gateway.text(JOY, "this is an automatic answer")  # not understood, as from another machine
        embedded.work()

    assert metrics_of(embedded)["soko_texts_suppressed_total[loop]"] == 2
    assert 'reason="loop"' in RULES.read_text()
