"""The simulator before any application that speaks the protocols of the providers. In development only."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

import click
from flask import Flask
from flask.cli import with_appcontext
from werkzeug.serving import WSGIRequestHandler, make_server

from bot.cli.context import current_services
from bot.runtime.clock import MovableClock
from bot.runtime.settings import SIMULATOR, Settings
from bot.services import build

HOST = "127.0.0.1"
IDLE_S = 0.25
CALLBACKS = {
    "africastalking/ussd": ("--ussd", "/ussd", "hops of calls"),
    "africastalking/ussd-events": ("--ussd-events", "", "ends of calls"),
    "africastalking/sms": ("--sms", "/sms", "texts by Africa's Talking"),
    "africastalking/delivery": ("--delivery", "", "delivery reports of Africa's Talking"),
    "twilio/sms": ("--twilio-sms", "", "texts by Twilio"),
    "twilio/status": ("--twilio-status", "", "delivery reports of Twilio, unless a request names its own"),
    "daraja/c2b/confirmation": ("--paybill", "", "notices of payments to the paybill number"),
    "stripe": ("--stripe", "", "events of Stripe"),
}
"""The callbacks of the simulator: their option, the path if it is not given, and what is posted there."""


class QuietHandler(WSGIRequestHandler):
    """Writes no line for each request: an open page asks every few seconds."""

    def log_request(self, *_: object) -> None:
        pass


def _with_paths(command: click.Command) -> click.Command:
    for option, path, about in CALLBACKS.values():
        words = f"Its path for {about}." + ("" if path else " Without it, they are not posted.")
        command.params.append(click.Option([option], default=path, show_default=bool(path), help=words))
    return command


@_with_paths
@click.command("simulator")
@click.option("--to", required=True, metavar="URL", help="Where the application is, such as http://127.0.0.1:5000.")
@click.option("--port", default=9000, show_default=True, help="Where the simulator is, on this machine.")
@click.option("--public-url", metavar="URL", help="The address that it verifies signatures by, if it is another one.")
@with_appcontext
def simulator(to: str, port: int, public_url: str | None, **options: str) -> None:
    """Phones, carriers and payment networks before any application that speaks the providers' protocols.

    Its callbacks are called at the address --to, and its SDKs are pointed at the addresses that this prints. Codes and
    keys come from the environment, as of Soko: USSD_CODE, SMS_SHORT_CODE, AT_API_KEY, TWILIO_AUTH_TOKEN …
    """
    url = f"http://{HOST}:{port}"
    paths = {name: options[option[2:].replace("-", "_")] for name, (option, _, _) in CALLBACKS.items()}
    with tempfile.TemporaryDirectory(prefix="soko-simulator-") as folder:
        settings = settings_for(current_services().settings, Path(folder), public_url or to)
        with running(settings, Path(folder), to.rstrip("/"), paths, url) as app:
            click.echo(welcome(url, to))
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it ends like by Ctrl-C
            try:
                make_server(HOST, port, app, threaded=True, request_handler=QuietHandler).serve_forever()
            except KeyboardInterrupt:
                sys.stdout.write("\n")


def settings_for(settings: Settings, folder: Path, public_url: str) -> Settings:
    """The settings with stores in `folder`, and with the address of the other application."""
    own: dict[str, object] = {
        "public_url": public_url.rstrip("/"),
        "database_url": f"sqlite:///{folder}/simulator.db",
        "database_replica_url": None,
        "redis_url": None,
        "photos_dir": str(folder / "photos"),
        "sms_provider": SIMULATOR,
        "marketplace_url": None,
        "marketplace_api_key": None,
    }
    return settings.model_copy(update=own)


@contextmanager
def running(settings: Settings, folder: Path, to: str, paths: Mapping[str, str], url: str) -> Iterator[Flask]:
    """The simulator before the application at `to`; what is posted later is posted until the block ends."""
    # imported here, because no other command needs them
    from bot.migrations import upgrade
    from bot.simulator import standalone
    from bot.worker import run

    upgrade.upgrade(settings)
    services = build(settings, clock=MovableClock(folder / "clock"))
    target, stop = standalone.forward(services, to, paths), Event()
    with ThreadPoolExecutor(max_workers=2) as pool:
        step = standalone.runner(services, target, pool).step
        jobs = Thread(target=partial(run, step, stop, IDLE_S), daemon=True)
        jobs.start()
        try:
            yield standalone.create(services, target, url)
        finally:
            stop.set()
            jobs.join()
            services.close()


def welcome(url: str, to: str) -> str:
    """What is printed at the start: the page, and the addresses for SDKs."""
    rows = {
        "Phones": f"{url}/simulator",
        "Africa's Talking": f"{url}/simulator/africastalking/version1",
        "Twilio": f"{url}/simulator/twilio",
        "Daraja": f"{url}/simulator/daraja",
        "Stripe": f"{url}/simulator/stripe",
    }
    lines = "".join(f"  {name:<18}{address}\n" for name, address in rows.items())
    return f"The simulator stands before {to}. Ctrl-C ends it.\n\n{lines}"
