"""One village: the whole service over an SQLite file, photos and a clock of its own, with its jobs in a thread.

The thread looks for work after each request, and every few seconds (`bot.jobs.pulse`): most villages are idle.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from bot.app import create_app
from bot.demo import seed
from bot.migrations import upgrade
from bot.runtime.clock import MovableClock
from bot.runtime.settings import SIMULATOR, Settings
from bot.services import build
from bot.worker import message_step, pulse, run, scheduler, webhook_step

JOB_THREADS = 2


def settings_of(settings: Settings, name: str, folder: Path) -> Settings:
    """The settings of a village: those of the server, with stores of its own and the simulator as every provider."""
    own: dict[str, object] = {
        "public_url": f"{settings.url}/village/{name}",
        "database_url": f"sqlite:///{folder}/soko.db",
        "database_replica_url": None,
        "redis_url": None,
        "photos_dir": str(folder / "photos"),
        "sms_provider": SIMULATOR,
        "sms_routes": {},
        "sms_fallover": None,
        "payout_provider": SIMULATOR,
        "collectors": [SIMULATOR],
        "marketplace_url": None,
        "marketplace_api_key": None,
    }
    return settings.model_copy(update=own)


def fill(settings: Settings, folder: Path) -> None:
    """Make the files of a new village: a database with the demo, unless the server has none."""
    folder.mkdir(parents=True)
    own = settings_of(settings, "", folder)
    upgrade.upgrade(own)
    if settings.demo is not False:
        seed.seed(own)


class Village:
    """An open village: a WSGI application, and a thread that does what the worker does elsewhere."""

    def __init__(self, settings: Settings, name: str, folder: Path) -> None:
        self._services = build(settings_of(settings, name, folder), clock=MovableClock(folder / "clock"))
        self._app = create_app(services=self._services)
        self._app.config["VILLAGE"] = name
        self._pulse = pulse(self._services)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"village {name}", daemon=True)
        self._thread.start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self._app(environ, start_response)
        finally:
            self._pulse.beat()

    def _work(self) -> None:
        services = self._services
        with ThreadPoolExecutor(JOB_THREADS) as pool:
            step, push = message_step(self._app, services, pool), webhook_step(services, pool)
            tasks = scheduler(services)
            run(lambda: step() or push() or tasks.run_due(), self._stop, self._pulse)

    def close(self) -> None:
        """End its jobs, each after the step that it is in, and close its connections."""
        self._stop.set()
        self._pulse.beat()
        self._thread.join()
        self._services.close()
