"""A payment and its refund, with a crash between any two statements, commits and calls; each is tried in turn."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event

from bot.jobs.handlers import LEASE
from marketplace_api.payments import ledger
from tests.collecting.crashing import CrashingCollector
from tests.collecting.till import PRICE, Till, open_till
from tests.databases import migrated_sqlite
from tests.payouts.crashing import CrashingPayer, CrashPoint, ProcessCrashedError
from tests.runs import some_of

STEPS = 90
"""More statements, commits and calls than one phase has."""
PHASES = ("asks", "settles", "is called back", "gives back")


def play(till: Till, phase: str, after: int, *, asks_once: bool) -> int:
    """Plays a payment and its refund; the process crashes once in this phase. Returns the crashes: 0 or 1."""
    crash_point = CrashPoint()
    services = till.services
    collector = CrashingCollector(crash_point, asks_once)
    payer = CrashingPayer(
        crash_point, lambda token, callback: services.payer_callbacks.on_result("bank", token, callback)
    )
    till.work_with(collector, payer)
    for name in ("before_cursor_execute", "commit"):
        event.listen(services.engine, name, crash_point.step)

    def work(name: str) -> None:
        if name == phase:
            crash_point.restart(after)
            with suppress(ProcessCrashedError):
                till.work()
            crash_point.restart()
        till.pass_time(LEASE.total_seconds() + 1)
        till.work()

    order_id, payment_id = till.order(method="mpesa" if asks_once else "card")
    work("asks")
    if not collector.requests:  # it crashed before it asked, or after it said that it would
        till.pass_time(600)
        till.work()
        assert till.payment(payment_id).status in ("lapsed", "asked")
        return crash_point.crashes
    [request] = collector.requests
    collector.pay(request)
    if phase == "is called back":
        crash_point.restart(after)
        with suppress(ProcessCrashedError):
            collector.unposted[0](services.collector_callbacks)  # type: ignore[arg-type]
        crash_point.restart()
    work("settles")
    while collector.unposted:
        collector.unposted.pop(0)(services.collector_callbacks)  # type: ignore[arg-type]
    work("")
    assert till.payment(payment_id).status == "captured"
    if till.order_status(order_id) == "placed":
        till.cancel(order_id)
    work("gives back")
    for _ in range(3):
        till.pass_time(4000)
        till.work()
    assert till.refund().status == "done"
    assert len(collector.requests) == 1
    assert collector.given_back + payer.total_paid == PRICE
    assert till.balance(ledger.purse(order_id)) == 0
    till.check()
    return crash_point.crashes


@pytest.mark.long
@pytest.mark.parametrize("asks_once", some_of([True, False]))
@pytest.mark.parametrize("phase", PHASES)
def test_a_crash_between_any_two_statements_loses_and_doubles_nothing(
    phase: str, asks_once: bool, tmp_path: Path
) -> None:
    crashed = 0
    for after in sorted({0, *some_of(range(STEPS))}):
        folder = tmp_path / str(after)
        folder.mkdir()
        with open_till(migrated_sqlite(folder / "soko.db"), folder) as till:
            crashes = play(till, phase, after, asks_once=asks_once)
        if not crashes:
            break  # the phase has no more statements
        crashed += crashes
    assert crashed
