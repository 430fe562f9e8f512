"""A worker: sends texts, runs errands, follows the shop's events and does the chores, until it is told to stop.

Each has a thread of its own, so that none waits for another.

python -m bot.worker
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask

from bot.app import create_app
from bot.conversation import deferred
from bot.conversation.deferred_worker import DeferredCommandWorker
from bot.jobs import scheduler
from bot.jobs.runner import HANDS as OTHER_HANDS
from bot.jobs.runner import Handler, JobRunner
from bot.marketplace.event_consumer import EventConsumer
from bot.marketplace.remote import RemoteMarketplace
from bot.messaging import broadcasts
from bot.messaging.dispatcher import HANDS, Dispatcher
from bot.messaging.routing import Router
from bot.messaging.send_policy import SendPolicy
from bot.payments.payouts import KIND as PAYOUT
from bot.payments.payouts import PayoutJob
from bot.photos import mms
from bot.providers import registry
from bot.providers.payment_contracts import Payer
from bot.runtime.settings import SIMULATOR
from bot.services import Services, build
from bot.simulator import providers
from bot.webhooks import dispatcher
from state.rates import RedisRates, SqlRates

log = logging.getLogger(__name__)

IDLE_S = 0.25
"""How long a worker that found nothing waits before it looks again."""
CHORES_IDLE_S = 1.0
AFTER_TROUBLE_S = 2.0
STOPS_WITHIN_S = 9.0


def run(step: Callable[[], object], stop: threading.Event, idle_s: float = IDLE_S) -> None:
    """Takes one step after another until `stop` is set, with a rest after one that found nothing to do."""
    while not stop.is_set():
        try:
            busy = step()
        except Exception:
            log.exception("the worker goes on after trouble")
            stop.wait(AFTER_TROUBLE_S)
        else:
            if not busy:
                stop.wait(idle_s)


def stepping(app: Flask, services: Services, pool: ThreadPoolExecutor) -> Callable[[], bool]:
    """A worker without threads of its own: one look at what is new and due, all of which is done; whether there was."""
    texts, others = delivery(app, services, pool), errands(app, services, pool)
    consumers = event_consumers(services)
    return lambda: bool(sum(consumer.consume() for consumer in consumers) + texts.deliver() + others.run())


def event_consumers(services: Services) -> list[EventConsumer[Any]]:
    """What takes the shop's events, each at a pace of its own."""
    return [consumer for consumer in (services.notification_consumer, services.payout_consumer) if consumer]


def delivery(app: Flask, services: Services, pool: ThreadPoolExecutor) -> Dispatcher:
    """A worker's hands for texts."""
    settings = services.settings
    senders = registry.senders(settings, HANDS, [providers.provider(app, services)])
    return Dispatcher(
        services.database,
        services.clock,
        services.ids,
        Router(senders, settings.sms_routes, settings.sms_provider, settings.sms_fallover),
        SendPolicy(settings.quiet_period, settings.hourly_cap, settings.country, ZoneInfo(settings.timezone)),
        RedisRates(settings.redis_url) if settings.redis_url else SqlRates(),
        settings.sms_rates,
        pool,
    )


def errands(app: Flask, services: Services, pool: ThreadPoolExecutor, payer: Payer | None = None) -> JobRunner:
    """A worker's hands for everything else."""
    settings = services.settings
    pictures = registry.media_fetcher(settings, HANDS, [providers.provider(app, services)])
    fetcher = mms.PictureJob(pictures.fetch, services.photo_store, services.database, services.clock, services.ids)
    handlers: dict[str, Handler] = {
        PAYOUT: PayoutJob(services.payout_callbacks, payer or _payer(app, services)).poll,
        mms.KIND: _with_payload(fetcher),
        broadcasts.KIND: partial(broadcasts.add_next_messages, services),
    }
    if settings.development:
        handlers |= {kind: _with_payload(post) for kind, post in providers.job_handlers(app, services).items()}
    if isinstance(services.marketplace, RemoteMarketplace):
        deferred_commands = DeferredCommandWorker(
            services.conversation.runner, services.marketplace, services.database, services.clock, services.ids
        )
        handlers[deferred.KIND] = deferred_commands.perform
    return JobRunner(services.database, services.clock, services.ids, handlers, pool)


def _with_payload(call: Callable[[Mapping[str, Any]], object]) -> Handler:
    """The handler of a kind of job that is a single call with the payload."""
    return lambda job: call(job.payload)


def _payer(app: Flask, services: Services) -> Payer:
    settings = services.settings
    if settings.payout_provider == SIMULATOR and not settings.development:
        log.warning("PAYOUT_PROVIDER is simulator: payouts are announced, and nobody gets money")
    return registry.payer(settings, services.clock, [providers.provider(app, services)])


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    services = build(registry.load_settings())
    app = create_app(services=services)
    posts, others, pushers = (ThreadPoolExecutor(count) for count in (HANDS, OTHER_HANDS, dispatcher.HANDS))
    steps: list[tuple[Callable[[], object], float]] = [
        (partial(delivery(app, services, posts).run, stop), 0),
        (errands(app, services, others).run, IDLE_S),
        *((consumer.consume, IDLE_S) for consumer in event_consumers(services)),
        (dispatcher.WebhookWorkers(dispatcher.build(services), pushers, stop).look, IDLE_S),
        (scheduler.build(services).do_due, CHORES_IDLE_S),
    ]
    threads = [threading.Thread(target=run, args=(step, stop, idle_s), daemon=True) for step, idle_s in steps]
    for thread in threads:
        thread.start()
    stop.wait()
    ends_at = time.monotonic() + STOPS_WITHIN_S
    for thread in threads:
        thread.join(max(0.0, ends_at - time.monotonic()))
    # a provider that hangs holds its hand for longer than anybody waits for us; what it was given is settled
    os._exit(0)


if __name__ == "__main__":
    main()
