"""How large a test run is and which seed its random choices begin with.

@settings(max_examples=cases(60))       12 examples in a usual run, 60 with --full
chance = Random(seed())                 a different one in each run; `--seed N` repeats run N
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

Option = TypeVar("Option")

SHARE = 10
"""A usual run tries one of this many cases of the long tests."""

PARTS = 4
"""A usual run plays one of this many parts of the long tests."""
DEALT_AS_A_WHOLE = (
    "tests/collecting/test_fault_run.py",
    "tests/flows/dialogues/test_all_dialogues.py",
    "tests/chaos/test_chaos.py",
    "tests/bot/conversation/test_statement_bounds.py",
    "tests/bot/photos/test_memory.py",
    "tests/collecting/test_any_order.py",
    "tests/bot/demo/test_demo.py",
    "tests/payouts/test_fault_run.py",
    "tests/payouts/test_any_order.py",
    "tests/marketplace/rest/test_constant_queries.py",
    "tests/marketplace/rest/test_no_phone_leaks.py",
    "tests/bot/test_rolling_restart.py",
    "tests/bot/test_self_dealing.py",
    "tests/marketplace/rest/test_payout_filters.py",
    "tests/repository/test_runs.py",
)
"""Files whose tests take long together, because they share something large. In this order the parts are even."""
DEALT_ONE_BY_ONE = (
    "tests/bot/cli/test_money.py",
    "tests/bot/cli/test_statements.py",
    "tests/bot/conversation/test_calls.py::test_a_hop_that",
    "tests/bot/conversation/test_calls.py::test_a_session_lost",
    "tests/bot/conversation/test_calls.py::test_stars_in",
    "tests/bot/conversation/test_ids_of_calls.py",
    "tests/bot/conversation/test_interleavings.py",
    "tests/bot/conversation/test_one_time_codes.py",
    "tests/bot/conversation/test_pins.py",
    "tests/bot/conversation/test_remote_shop.py",
    "tests/bot/conversation/test_texts.py",
    "tests/bot/db/test_replica.py",
    "tests/bot/db/test_start_checks.py::test_a_process",
    "tests/bot/installation/",
    "tests/bot/jobs/test_audit.py",
    "tests/bot/jobs/test_scheduler.py",
    "tests/bot/marketplace/test_port.py",
    "tests/bot/messaging/test_dispatcher.py",
    "tests/bot/messaging/test_still_true.py",
    "tests/bot/migrations/",
    "tests/bot/notifications/test_closing_is_told.py",
    "tests/bot/notifications/test_notifier.py",
    "tests/bot/notifications/test_strangers.py",
    "tests/bot/persons/",
    "tests/bot/photos/test_mms.py",
    "tests/bot/runtime/test_settings.py::test_a_process",
    "tests/bot/runtime/test_settings.py::test_web_processes",
    "tests/bot/simulator/",
    "tests/bot/test_an_hour_of_a_sick_provider.py",
    "tests/bot/test_forged.py",
    "tests/bot/test_frozen_stores.py",
    "tests/bot/test_imports.py",
    "tests/bot/test_redis_failover.py",
    "tests/bot/test_slow_clients.py",
    "tests/bot/test_worker.py",
    "tests/bot/villages/",
    "tests/bot/web/artisan/test_me.py",
    "tests/bot/web/operator/",
    "tests/bot/web/test_control_characters.py",
    "tests/bot/web/test_door.py",
    "tests/bot/web/test_metrics.py",
    "tests/bot/web/test_order_page.py",
    "tests/bot/web/test_photo_page.py",
    "tests/bot/web/test_privacy_page.py",
    "tests/bot/web/test_shop_window.py",
    "tests/bot/webhooks/test_dispatcher.py",
    "tests/browser/",
    "tests/collecting/test_collections.py",
    "tests/collecting/test_collector_callbacks.py",
    "tests/collecting/test_crashes.py",
    "tests/collecting/test_deciding.py",
    "tests/collecting/test_refunding.py",
    "tests/flows/dialogues/test_invariants.py",
    "tests/flows/dialogues/test_random_talk.py",
    "tests/marketplace/events/test_order.py",
    "tests/marketplace/kiosks/test_cash_float.py",
    "tests/marketplace/orders/test_concurrent_buyers.py",
    "tests/marketplace/orders/test_corrections.py",
    "tests/marketplace/orders/test_every_reversal.py",
    "tests/marketplace/payments/test_payouts.py",
    "tests/marketplace/payments/test_statements.py",
    "tests/marketplace/races/",
    "tests/marketplace/rest/test_openapi.py",
    "tests/payouts/test_payouts.py",
    "tests/providers/test_any_body.py",
    "tests/providers/test_odd_fields.py",
    "tests/repository/test_first_steps.py",
    "tests/repository/test_howto.py",
    "tests/repository/test_scripts.py",
    "tests/repository/test_walks.py",
    "tests/state/test_redis_groups.py",
    "tests/test_transcripts.py",
)
"""Files, folders and tests of which each takes long by itself."""


@dataclass
class _Run:
    full: bool = False
    seed: int = 0


_run = _Run()


def begin(*, full: bool, seed: int) -> None:
    """Called once, before any test module is imported."""
    _run.full, _run.seed = full, seed


def cases(full: int, least: int = 1) -> int:
    """How many cases to try: `full` with --full, else a tenth of it and never fewer than `least`."""
    return full if _run.full else max(full // SHARE, least)


def some_of(options: Iterable[Option], least: int = 1) -> Sequence[Option]:
    """All options in a full run, else as many as `cases` says, others with another seed."""
    all_options = list(options)
    return all_options if _run.full else Random(_run.seed).sample(all_options, cases(len(all_options), least))


def left_out(tests: Iterable[str]) -> set[str]:
    """Of these tests, by their ids, the long ones that belong to the parts which this run does not play.

    Together the parts have every long test, and which part a run plays depends on its seed.
    """
    shared: defaultdict[str, list[str]] = defaultdict(list)
    single = []
    for test in sorted(tests):
        if place := next((place for place in DEALT_AS_A_WHOLE if test.startswith(place)), None):
            shared[place].append(test)
        elif test.startswith(DEALT_ONE_BY_ONE):
            single.append([test])
    dealt = [shared[place] for place in DEALT_AS_A_WHOLE] + single
    played = Random(_run.seed).randrange(PARTS)
    return {test for number, group in enumerate(dealt) if number % PARTS != played for test in group}


def is_full() -> bool:
    """True with --full."""
    return _run.full


def seed() -> int:
    """The seed of this run, which pytest prints in its header and with every failure."""
    return _run.seed
