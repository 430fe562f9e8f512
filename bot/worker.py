"""A delivery worker: follows the shop's events and sends what is due, until it is told to stop.

python -m bot.worker
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from flask import Flask

from bot import mms, simulator, webhooks
from bot.app import create_app
from bot.delivery import Call, Delivery, Route
from bot.following import Follower
from bot.house import House, build
from bot.payouts import SimulatedPayouts
from bot.providers import Sender, africastalking, twilio
from bot.settings import load

log = logging.getLogger(__name__)

IDLE_S = 0.25
"""How long a worker that found nothing waits before it looks again."""
AFTER_TROUBLE_S = 2.0
HANDS = 8


def run(work: Callable[[], bool], stop: threading.Event) -> None:
    """Works until `stop` is set, resting when there was nothing; what is in hand is finished first."""
    while not stop.is_set():
        try:
            busy = work()
        except Exception:
            log.exception("the worker goes on after trouble")
            stop.wait(AFTER_TROUBLE_S)
        else:
            if not busy:
                stop.wait(IDLE_S)


def step(follower: Follower, delivery: Delivery) -> bool:
    """One look at what is new and what is due; whether there was anything."""
    told = follower.follow() if follower.anything() else 0
    return bool(told + delivery.deliver())


def delivery(app: Flask, house: House, pool: ThreadPoolExecutor) -> Delivery:
    """A worker's hands."""
    settings = house.settings
    named = {settings.sms_provider, *settings.sms_routes.values()}
    senders = {name: _sender(name, app, house) for name in named}
    return Delivery(
        house.database,
        house.clock,
        house.ids,
        house.terms,
        Route(senders, settings.sms_routes, settings.sms_provider),
        SimulatedPayouts(),
        _calls(app, house),
        pool,
    )


def _calls(app: Flask, house: House) -> dict[str, Call]:
    """The jobs that are a single call each."""
    settings = house.settings
    simulated = settings.development and settings.twilio_account_sid is None
    keeper = simulator.twilio(app, house) if simulated else _twilio(house)
    fetcher = mms.Fetcher(keeper.fetch, house.gallery, house.database, house.clock, house.ids)
    calls: dict[str, Call] = {mms.JOB: fetcher}
    if settings.development:
        calls[simulator.REPORT] = simulator.reporter(app, house)
    return calls


def _sender(name: str, app: Flask, house: House) -> Sender:
    settings = house.settings
    if name == "twilio":
        return _twilio(house)
    if name == "africastalking":
        return africastalking.AfricasTalking(
            settings.at_username or "",
            settings.at_api_key or "",
            sender_id=settings.at_sender_id,
            base_url=settings.at_base_url,
        )
    return simulator.sender(app, house)


def _twilio(house: House) -> twilio.Twilio:
    settings = house.settings
    return twilio.Twilio(
        settings.twilio_account_sid or "",
        settings.twilio_auth_token or "",
        settings.twilio_from or "",
        status_callback=f"{settings.url}/webhooks/twilio/status",
        base_url=settings.twilio_base_url,
    )


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    house = build(load())
    app = create_app(house=house)
    with ThreadPoolExecutor(HANDS) as pool, ThreadPoolExecutor(1 + webhooks.HANDS) as pushers:
        pushers.submit(run, webhooks.Hands(webhooks.build(house), pushers, stop).look, stop)
        run(partial(step, house.follower, delivery(app, house, pool)), stop)


if __name__ == "__main__":
    main()
