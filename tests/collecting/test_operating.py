"""What operators see and do: metrics, commands, periodic tasks; and that a slow collector delays nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from bot.app import create_app
from bot.jobs import periodic
from bot.providers.collector_contracts import Captured, NotCaptured, NotCapturedReason
from bot.providers.errors import PaymentError, Reason
from bot.worker import AUDITOR, periodic_tasks
from marketplace_api.models import CollectorEvent
from marketplace_api.orders import paying
from marketplace_api.payments import buyer_payments, ledger
from tests.collecting.test_collector_callbacks import answer_receipt, money, notice
from tests.collecting.till import PRICE, Till
from tests.command_line import run_command


def metrics_of(till: Till) -> dict[str, float]:
    page = create_app(services=till.services).test_client().get("/metrics").text
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_unsettled_payments_and_refunds_are_measured_by_age(till: Till) -> None:
    till.order()
    till.work()
    till.advance(60)
    order_id, _ = till.paid()
    till.cancel(order_id)
    metrics = metrics_of(till)
    assert metrics["soko_buyer_payments[asked]"] == 1
    assert metrics["soko_buyer_payments_oldest_seconds[asked]"] == 70
    assert metrics["soko_refunds[due]"] == 1
    assert metrics["soko_refunds_oldest_seconds[due]"] == 0


def test_what_an_operator_has_to_decide_is_measured(till: Till) -> None:
    till.order()
    till.work()
    till.collector.queries.then(Captured(PRICE - 100, "KES", "SG9"))
    till.advance(10)
    notice(till, "for Ann")
    answer_receipt(till, PRICE)
    with till.shop() as shop:
        paying.pause_collecting(shop, "refunds:simulator", "no float")
    metrics = metrics_of(till)
    assert metrics["soko_buyer_payments_other_amount"] == 1
    assert metrics["soko_direct_payments[unmatched]"] == 1
    assert metrics["soko_collecting_paused[refunds:simulator]"] == 1


def test_the_audit_tells_which_check_found_something(till: Till) -> None:
    opener = till.services.opener(AUDITOR)
    periodic.audit(till.services.database, opener)
    metrics = metrics_of(till)
    assert metrics["soko_audit_ok[purses]"] == metrics["soko_audit_ok[unmatched]"] == 1
    with till.shop() as shop:
        ledger.post(shop, "a mistake", "", {ledger.UNMATCHED: -5, ledger.BANK: 5})
    periodic.audit(till.services.database, opener)
    metrics = metrics_of(till)
    assert (metrics["soko_audit_ok[purses]"], metrics["soko_audit_ok[unmatched]"]) == (1, 0)
    with till.shop() as shop:
        ledger.reverse(shop, "a mistake", "test")


def test_unmatched_money_is_listed_assigned_and_given_back(till: Till) -> None:
    app = create_app(services=till.services)
    notice(till, "for Ann")
    answer_receipt(till, PRICE)
    listed = run_command(app, "collecting", "unmatched").output
    assert "SG1" in listed
    assert "1,500.00 KES" in listed
    order_id, _ = till.order()
    assert (
        "it pays for order" in run_command(app, "collecting", "assign", money(till).id, till.row(order_id).code).output
    )
    assert till.order_status(order_id) == "placed"


def test_a_failed_refund_that_was_given_back_by_other_means_is_recorded(till: Till) -> None:
    app = create_app(services=till.services)
    till.collector.refunds.then(PaymentError(Reason.REFUSED, "no"))
    order_id, _ = till.paid()
    till.cancel(order_id)
    till.work()
    assert till.refund().status == "failed"
    assert "given back" in run_command(app, "collecting", "refunded", till.refund().id, "BANK-3").output
    assert (till.refund().status, till.refund().reference) == ("done", "BANK-3")
    assert run_command(app, "collecting", "refunded", till.refund().id, "BANK-4").exit_code == 1


def test_what_is_paused_is_listed_and_resumed(till: Till) -> None:
    app = create_app(services=till.services)
    till.collector.asks.then(NotCaptured(NotCapturedReason.MISCONFIGURED, "wrong passkey"))
    till.order()
    till.work()
    assert "wrong passkey" in run_command(app, "collecting", "paused").output
    assert "used again" in run_command(app, "collecting", "resume", "simulator").output
    assert run_command(app, "collecting", "paused").output == ""


def test_events_of_collectors_are_forgotten_after_a_month(till: Till) -> None:
    till.services.collector_callbacks.on_hint("simulator", "cs_1", "evt_1")
    with till.shop() as shop:
        assert buyer_payments.forget_events(shop) == 0
    till.advance(timedelta(days=31).total_seconds())
    with till.shop() as shop:
        assert buyer_payments.forget_events(shop) == 1
        assert shop.session.scalars(select(CollectorEvent)).all() == []


@pytest.mark.parametrize("name", ["orders.expire_unpaid", "ledger.audit", "collectors.sweep"])
def test_each_periodic_task_runs(till: Till, name: str) -> None:
    [task] = [task for task in periodic_tasks(till.services) if task.name == name]
    task.run()
