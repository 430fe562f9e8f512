"""What Prometheus sees: the same from every process, and every figure moves when its subject does."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from bot.app import create_app
from marketplace_api.payments import ledger, settlement
from tests.bot.fixtures import AKINYI, JOY, choose_language, received_order
from tests.bot.messaging.fakes import FINAL, OUTCOME_UNKNOWN, RETRYABLE, FakeProvider, deliver, queue_message
from tests.command_line import run_command
from tests.repository.architecture import ROOT
from tests.service import Service

RULES = ROOT / "docs/alerts.yml"


def figures(service: Service) -> dict[str, float]:
    """As another process would answer: `name{label}` and its value."""
    page = create_app(services=service.services).test_client().get("/metrics")
    assert page.status_code == 200
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def test_what_waits_what_died_and_what_nobody_knows(service: Service) -> None:
    provider = FakeProvider(service.clock, [FINAL, OUTCOME_UNKNOWN, RETRYABLE])
    for n in range(3):
        queue_message(service, f"+25473300100{n}", "hello")
    service.clock.advance(30)
    assert figures(service)["soko_outbox_oldest_seconds"] == 30
    assert figures(service)["soko_outbox_due_jobs"] == 3
    deliver(service, provider)

    seen = figures(service)
    assert (seen["soko_outbox_jobs"], seen["soko_outbox_due_jobs"], seen["soko_outbox_dead_jobs"]) == (1, 0, 1)
    assert (seen["soko_texts_unknown"], seen["soko_texts_unconfirmed"]) == (1, 0)
    refused = {name: value for name, value in seen.items() if name.startswith("soko_texts_refused_total")}
    assert refused == {
        f"soko_texts_refused_total[africastalking][{reason}]": 1
        for reason in ("busy", "invalid_recipient", "no_answer")
    }
    service.later(hours=2)
    assert figures(service)["soko_texts_unconfirmed"] == 1


def test_how_many_were_sent_and_how_long_they_waited(service: Service) -> None:
    queue_message(service, JOY, "hello")
    deliver(service, FakeProvider(service.clock))
    queue_message(service, JOY, "hello again")
    service.clock.advance(10)
    deliver(service, FakeProvider(service.clock, name="twilio"))

    seen = figures(service)
    assert seen["soko_texts_sent_total[africastalking]"] == seen["soko_texts_sent_total[twilio]"] == 1
    assert (seen["soko_text_wait_seconds_bucket[1]"], seen["soko_text_wait_seconds_bucket[15]"]) == (1, 2)
    assert seen["soko_text_wait_seconds_count"] == 2
    assert 10 <= seen["soko_text_wait_seconds_sum"] < 11


def test_duplicates_opt_outs_and_what_is_held_back(service: Service) -> None:
    for _ in range(2):
        service.gateway.text(JOY, "STOP", id="first")
    queue_message(service, JOY, "news")
    for _ in range(2):
        service.gateway.text(AKINYI, "SELL Oil lamp 900")
    service.work()

    seen = figures(service)
    assert (seen["soko_duplicates_total[id]"], seen["soko_duplicates_total[text]"]) == (1, 1)
    assert seen["soko_consents_total[opt_out]"] == 1
    assert seen["soko_texts_suppressed_total[opted out]"] == 1


def test_chores_say_when_they_were_done(embedded: Service) -> None:
    embedded.later(days=1)
    seen = figures(embedded)
    assert seen["soko_chore_done_timestamp_seconds[outbox.sweep]"] == embedded.clock().timestamp()
    assert seen["soko_chore_failing[outbox.sweep]"] == 0


def test_payouts_are_counted_and_aged_until_they_are_settled(service: Service) -> None:
    run_command(service.app, "payouts", "pause", "the float is low")
    received_order(service)
    service.later(minutes=10)
    waiting = figures(service)
    assert (waiting["soko_payouts[pending]"], waiting["soko_payouts[paid]"]) == (1, 0)
    assert waiting["soko_payouts_oldest_seconds[pending]"] == 600
    assert waiting["soko_payouts_paused"] == 1

    run_command(service.app, "payouts", "resume")
    service.later(minutes=10)
    paid = figures(service)
    assert (paid["soko_payouts[pending]"], paid["soko_payouts[paid]"]) == (0, 1)
    assert paid["soko_payouts_oldest_seconds[pending]"] == 0
    assert paid["soko_payouts_paused"] == 0


def test_what_is_on_its_way_is_told_by_the_payouts_and_by_the_ledger(embedded: Service) -> None:
    received_order(embedded)
    (payout,) = embedded.api("GET", "/payouts")["data"]
    with embedded.services.database.writing.begin() as session:
        settlement.begin_sending(embedded.services.shop(session), payout["id"])
    seen = figures(embedded)
    assert seen["soko_payouts_in_flight"] == seen["soko_payouts_clearing"] == payout["amount"]["amount"] > 0

    with embedded.services.database.writing.begin() as session:
        ledger.reverse(embedded.services.shop(session), f"sent:{payout['id']}:1", "a slip")
    assert (figures(embedded)["soko_payouts_in_flight"], figures(embedded)["soko_payouts_clearing"]) == (1620_00, 0)


def test_every_figure_that_an_alert_reads_is_there(embedded: Service) -> None:
    named = set(re.findall(r"\bsoko_\w+", RULES.read_text()))
    page = embedded.http.get("/metrics").text
    known = set(re.findall(r"^# HELP (\w+)", page, re.MULTILINE))

    assert len(named) > 5
    assert named <= known


def test_a_loop_is_counted_where_the_alert_looks(embedded: Service) -> None:
    choose_language(embedded, "en", JOY)
    for _ in range(7):
        embedded.gateway.text(JOY, "MENU")
        embedded.work()

    assert figures(embedded)["soko_texts_suppressed_total[loop]"] == 2
    assert 'reason="loop"' in RULES.read_text()
