"""The worker process: sends messages, pushes webhooks, runs other jobs, consumes events, runs periodic tasks.

Each of these has its own thread, so that none waits for another.

    python -m bot.worker
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.app import create_app
from bot.conversation import deferred, kept_requests
from bot.conversation.deferred_worker import DeferredCommandWorker
from bot.db import start_checks
from bot.jobs import handlers, periodic
from bot.jobs.handlers import Handler, HandlerDispatcher, HandlerResult, with_payload
from bot.jobs.pulse import Pulse, Work
from bot.jobs.runner import JobRunner
from bot.jobs.scheduler import PeriodicTask, Scheduler
from bot.marketplace.event_consumer import EventConsumer
from bot.marketplace.port import Unreachable
from bot.marketplace.remote import RemoteMarketplace
from bot.messaging import broadcasts, reports
from bot.messaging.broadcasts import BroadcastJob
from bot.messaging.dispatcher import WORKERS, MessageDispatcher
from bot.messaging.routing import Router, SendBatch, SendResult
from bot.messaging.send_policy import SendPolicy
from bot.messaging.still_true import Truth
from bot.migrations import upgrade
from bot.payments import collections, direct_payments
from bot.payments.collections import CollectionJob
from bot.payments.direct_payments import DirectPaymentJob
from bot.payments.payouts import KIND as PAYOUT
from bot.payments.payouts import PayoutJob
from bot.payments.refunding import RefundJob
from bot.persons import retention
from bot.photos import mms
from bot.providers import registry
from bot.providers.collector_contracts import Collector
from bot.providers.declaration import Provider
from bot.providers.payment_contracts import Payer
from bot.runtime import hardening, logs
from bot.runtime.settings import Settings
from bot.services import Services, build
from bot.webhooks import deliveries
from bot.webhooks import dispatcher as webhooks
from bot.webhooks.dispatcher import DeliveryAttempt, WebhookDispatcher
from bot.webhooks.safe_http import Poster
from marketplace_api.accounts import api_keys
from marketplace_api.actors import Actor
from marketplace_api.backoff import Backoff
from marketplace_api.events import events
from marketplace_api.events import webhooks as endpoints
from marketplace_api.orders import closing, deadlines
from marketplace_api.payments import balances, buyer_payments, holds
from marketplace_api.shop import Shop
from state import outbox
from state.delivery_reports import EarlyReport
from state.outbox import Job
from state.rates import SendRates, SqlRates

log = logging.getLogger(__name__)

WEBHOOKS, AUDITOR, PULSE = Actor("job", "webhooks"), Actor("job", "ledger.audit"), Actor("job", "pulse")
SEPARATED = (PAYOUT,), (mms.KIND,), (collections.KIND,), (collections.REFUND, direct_payments.KIND)
"""The groups of kinds of jobs that have threads of their own, because a slow provider may delay them."""
IDLE_S = 0.25
"""Seconds until a thread that found nothing to do looks again."""
SCHEDULER_IDLE_S = 1.0
ERRORS = Backoff.doubling(timedelta(seconds=2), timedelta(minutes=1))
"""The gaps until a step that failed runs again."""
STEADY_S = 60.0
"""A step that has run this long was not the same failure as the one before."""
STOPS_WITHIN_S = 9.0


def message_runner(app: Flask, services: Services, pool: ThreadPoolExecutor) -> JobRunner[SendBatch, SendResult]:
    """Sends messages."""
    settings, simulated = services.settings, built_in(app, services, "messages")
    dispatcher = MessageDispatcher(
        services.clock,
        services.ids,
        Router(
            registry.senders(settings, WORKERS, simulated),
            settings.sms_routes,
            settings.sms_provider,
            settings.sms_fallover,
            registry.whatsapp_provider(settings, simulated),
        ),
        SendPolicy(settings.quiet_period, settings.hourly_cap, settings.country, ZoneInfo(settings.timezone)),
        _rates(settings.redis_url),
        settings.sms_rates,
        Truth(services.clock, services.marketplace.current),
        settings.strangers_cap,
        services.seal,
    )
    return JobRunner(dispatcher, services.database, services.clock, services.ids, pool)


def _rates(redis_url: str | None) -> SendRates:
    if not redis_url:
        return SqlRates()
    from state.redis_rates import RedisRates  # redis-py takes time to import, and without Redis nothing needs it

    return RedisRates(redis_url)


def webhook_runner(
    services: Services, pool: ThreadPoolExecutor, poster: Poster | None = None
) -> JobRunner[Job, DeliveryAttempt]:
    """Pushes events to webhook endpoints."""
    poster = poster or _poster(services)
    dispatcher = WebhookDispatcher(services.database, services.clock, services.opener(WEBHOOKS), poster)
    return JobRunner(dispatcher, services.database, services.clock, services.ids, pool)


def _poster(services: Services) -> Poster:
    if not services.settings.development:
        return Poster(anywhere=False)
    from bot.simulator import instruments  # production does not even import it

    return instruments.poster(services)


def handler_runner(
    app: Flask,
    services: Services,
    pool: ThreadPoolExecutor,
    payer: Payer | None = None,
    collectors: Sequence[Collector] | None = None,
) -> JobRunner[Job, HandlerResult]:
    """Runs all other jobs."""
    by_kind = _handlers(
        app,
        services,
        payer or _payer(app, services),
        _collectors(app, services) if collectors is None else collectors,
    )
    return _handler_runner(services, by_kind, pool)


def handler_runners(app: Flask, services: Services) -> list[JobRunner[Job, HandlerResult]]:
    """Runs all other jobs, each group of `separated` in a pool of its own."""
    groups = separated(_handlers(app, services, _payer(app, services), _collectors(app, services)))
    return [_handler_runner(services, group, ThreadPoolExecutor(handlers.WORKERS)) for group in groups]


def separated(by_kind: Mapping[str, Handler]) -> list[Mapping[str, Handler]]:
    """The handlers in groups that do not wait for each other: those of `SEPARATED`, and all others."""
    grouped = {kind for group in SEPARATED for kind in group}
    groups = [{kind: by_kind[kind] for kind in group if kind in by_kind} for group in SEPARATED]
    others = {kind: handler for kind, handler in by_kind.items() if kind not in grouped}
    return [group for group in (*groups, others) if group]


def _handler_runner(
    services: Services, by_kind: Mapping[str, Handler], pool: ThreadPoolExecutor
) -> JobRunner[Job, HandlerResult]:
    dispatcher = HandlerDispatcher(services.clock, by_kind)
    return JobRunner(dispatcher, services.database, services.clock, services.ids, pool)


def _handlers(
    app: Flask, services: Services, payer: Payer | None, collectors: Sequence[Collector]
) -> Mapping[str, Handler]:
    """The handler of each kind of job."""
    settings = services.settings
    pictures = registry.media_fetcher(settings, WORKERS, built_in(app, services))
    fetcher = mms.PictureJob(pictures.fetch, services.photo_store, services.database, services.clock, services.ids)
    to_ask = collections.by_name_and_method(collectors)
    by_kind: dict[str, Handler] = {
        PAYOUT: PayoutJob(services.payout_callbacks, payer).poll,
        collections.KIND: CollectionJob(services.collecting, to_ask).run,
        collections.REFUND: RefundJob(services.collecting, to_ask, payer).run,
        direct_payments.KIND: DirectPaymentJob(services.collecting, to_ask).run,
        mms.KIND: with_payload(fetcher),
        broadcasts.KIND: BroadcastJob(services.database, services.opener(Actor("job", "broadcasts"))),
        kept_requests.KIND: services.conversation.handle_kept,
    }
    if settings.development:
        from bot.simulator import providers

        by_kind |= {kind: with_payload(post) for kind, post in providers.job_handlers(app, services).items()}
    if isinstance(services.marketplace, RemoteMarketplace):
        deferred_commands = DeferredCommandWorker(
            services.conversation.runner, services.marketplace, services.database, services.clock, services.ids
        )
        by_kind[deferred.KIND] = deferred_commands.perform
    return by_kind


def scheduler(services: Services) -> Scheduler:
    """Runs the periodic tasks."""
    timezone = ZoneInfo(services.settings.timezone)
    return Scheduler(services.database, services.clock, services.ids, timezone, periodic_tasks(services))


def periodic_tasks(services: Services) -> tuple[PeriodicTask, ...]:
    """Every periodic task and its times."""
    database, clock, settings = services.database, services.clock, services.settings

    def in_chunks(name: str, times: str, step: Callable[[Shop], int]) -> PeriodicTask:
        by = Actor("job", name)
        return PeriodicTask(name, times, partial(periodic.in_chunks, database, services.opener(by), step))

    def follow(conn: Connection, early: Sequence[EarlyReport]) -> None:
        reports.follow(conn, early, services.ids, clock())

    def forget(name: str, times: str, days: int, *steps: retention.Step) -> PeriodicTask:
        return PeriodicTask(name, times, partial(retention.in_steps, database, clock, timedelta(days=days), *steps))

    return (
        in_chunks("orders.expire", "*/5 * * * *", deadlines.expire_offers),
        in_chunks("orders.expire_unpaid", "* * * * *", deadlines.expire_unpaid),
        in_chunks("payouts.release", "* * * * *", holds.release_due),
        in_chunks("orders.remind", "0 9 * * *", deadlines.send_reminders),
        in_chunks("orders.remind_agents", "10 9 * * *", closing.remind_to_ship),
        in_chunks("orders.give_up", "0 10 * * *", closing.give_up_late),
        in_chunks("orders.void", "10 10 * * *", closing.void_unshipped),
        in_chunks("orders.ask", "20 10 * * *", closing.ask_whether_it_came),
        in_chunks("orders.close", "30 10 * * *", closing.assume_delivered),
        PeriodicTask("texts.unknown", "* * * * *", partial(periodic.settle_unknown, database, clock, follow)),
        PeriodicTask("ledger.audit", "*/15 * * * *", partial(periodic.audit, database, services.opener(AUDITOR))),
        in_chunks("collectors.sweep", "5 4 * * *", buyer_payments.forget_events),
        in_chunks("ledger.checkpoint", "15 3 * * *", balances.store_sums),
        PeriodicTask("outbox.sweep", "30 3 * * *", partial(periodic.sweep_outbox, database, clock)),
        forget("processed.sweep", "35 3 * * *", settings.keep_conversations_days, retention.forget_conversations),
        PeriodicTask("sessions.sweep", "45 3 * * *", partial(periodic.sweep_sessions, services.sessions, clock)),
        in_chunks("keys.revoke_expired", "*/5 * * * *", api_keys.revoke_expired),
        in_chunks("webhooks.sweep", "0 4 * * *", endpoints.delete_old_deliveries),
        forget("texts.forget", "10 4 * * *", settings.keep_texts_days, *retention.WORDS),
        forget("addresses.forget", "20 4 * * *", settings.keep_addresses_days, retention.addresses(clock)),
        forget("events.forget", "30 4 * * *", settings.keep_snapshots_days, *retention.SNAPSHOTS),
    )


def event_consumers(services: Services) -> list[EventConsumer[Any]]:
    """The consumers of the shop's events, except the one for webhooks; each has its own cursor."""
    consumers = services.notification_consumer, services.payout_consumer, services.collection_consumer
    return [consumer for consumer in consumers if consumer]


def message_step(app: Flask, services: Services, pool: ThreadPoolExecutor) -> Callable[[], bool]:
    """A function that consumes new events and runs due jobs in the calling thread; it returns True if there were any.

    It does not run webhooks and periodic tasks.
    """
    messages, jobs = message_runner(app, services, pool), handler_runner(app, services, pool)
    consumers = event_consumers(services)
    return lambda: bool(sum(_consumed(consumer) for consumer in consumers) + messages.step() + jobs.step())


def _consumed(consumer: EventConsumer[Any]) -> int:
    """How many events it handled; 0 if the marketplace is unreachable."""
    with suppress(Unreachable):
        return consumer.consume()
    return 0


def webhook_step(services: Services, pool: ThreadPoolExecutor, poster: Poster | None = None) -> Callable[[], bool]:
    """A function that consumes new events for webhooks and pushes due deliveries; it returns True if there were any."""
    consumer = deliveries.event_consumer(services.database, services.opener(WEBHOOKS))
    runner = webhook_runner(services, pool, poster)
    return lambda: bool(consumer.consume() + runner.step())


def _payer(app: Flask, services: Services) -> Payer | None:
    return registry.payer(services.settings, services.clock, built_in(app, services))


def _collectors(app: Flask, services: Services) -> Sequence[Collector]:
    return registry.collectors(services.settings, services.clock, built_in(app, services, "collections"))


def built_in(
    app: Flask, services: Services, what: Literal["provider", "messages", "collections"] = "provider"
) -> Sequence[Provider[Settings]]:
    """The provider called `simulator`, or all that are simulated for messages or collections; in development only."""
    if not services.settings.development:
        return []
    from bot.simulator import providers

    match what:
        case "messages":
            return providers.of_messages(app, services)
        case "collections":
            return providers.collecting(app, services)
    return [providers.provider(app, services)]


def pulse(services: Services) -> Pulse:
    """Looks for due jobs of all kinds and for new events of the shop here."""

    def look() -> Work:
        with services.database.reading() as session:
            conn, shop = session.connection(), services.shop(session, PULSE)
            return Work(outbox.anything_due(conn, services.clock()), events.newest(shop))

    return Pulse(look)


def run(step: Callable[[], object], stop: threading.Event, idle: float | Pulse) -> None:
    """Call `step` until `stop` is set; after a call that found nothing to do, wait `idle` seconds or for its beat.

    After errors it waits ever longer.
    """
    failures = 0
    while not stop.is_set():
        beats, began = idle.beats if isinstance(idle, Pulse) else 0, time.monotonic()
        try:
            busy = step()
        except Exception as error:
            failures = failures + 1 if time.monotonic() - began < STEADY_S else 1
            if isinstance(error, Unreachable):
                log.warning("the marketplace cannot be reached: %s", error)
            else:
                log.exception("a step of the worker failed; it runs again")
            requested = error.retry_after if isinstance(error, Unreachable) else None
            stop.wait(ERRORS.gap(failures, requested=requested).total_seconds())
        else:
            failures = 0
            if busy:
                continue
            if isinstance(idle, Pulse):
                idle.wait(beats)
            else:
                stop.wait(idle)


def _check_currency(services: Services, stop: threading.Event) -> None:
    """End the process if CURRENCY is not the database's own; wait for a database that is away or not migrated yet."""
    for failures in count(1):
        if stop.is_set():
            return
        try:
            upgrade.check_currency(services.database, services.settings)
            return
        except SQLAlchemyError:
            log.warning("the currency cannot be checked; it is tried again", exc_info=True)
            stop.wait(ERRORS.gap(failures).total_seconds())


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = registry.load_settings()
    start_checks.check(settings.database_url, settings.redis_url, settings.photos_dir)
    services = build(settings)
    _check_currency(services, stop)
    app = create_app(services=services)
    services.conversation.runner.counts.begin()
    logs.log_uncaught()
    if not settings.development:
        hardening.protect_process()
    runners: list[JobRunner[Any, Any]] = [
        message_runner(app, services, ThreadPoolExecutor(WORKERS)),
        *handler_runners(app, services),
        webhook_runner(services, ThreadPoolExecutor(webhooks.WORKERS)),
    ]
    looking = pulse(services)
    until_an_event = IDLE_S if isinstance(services.marketplace, RemoteMarketplace) else looking  # it sees our events
    steps: list[tuple[Callable[[], object], float | Pulse]] = [
        *((partial(runner.run, stop, looking), 0) for runner in runners),
        *((consumer.consume, until_an_event) for consumer in event_consumers(services)),
        (deliveries.event_consumer(services.database, services.opener(WEBHOOKS)).consume, looking),
        (scheduler(services).run_due, SCHEDULER_IDLE_S),
        (looking.step, IDLE_S),
    ]
    threads = [threading.Thread(target=run, args=(step, stop, idle), daemon=True) for step, idle in steps]
    for thread in threads:
        thread.start()
    stop.wait()
    looking.beat()
    ends_at = time.monotonic() + STOPS_WITHIN_S
    for thread in threads:
        thread.join(max(0.0, ends_at - time.monotonic()))
    # a provider call that hangs would keep its thread and the process alive; its message is already settled
    os._exit(0)


if __name__ == "__main__":
    main()
