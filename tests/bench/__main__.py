"""`script/bench`: the CPU time of a hop beside that of a minimal Flask view, in one run.

The baseline is a Flask view that only reads one form field. Both are called as WSGI applications in one process,
in turns. The report has the median CPU time of the turns and its ratio to the baseline. `--wire` measures hops through
the wire instead, beside peers, `--requests` other requests, `--soak` whole stories at random times, and `--grow` what
costs more in a shop with a million of everything; each has a `--help`.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication

from flask import Flask, request

from bot.conversation.commands import DialogueRunner
from bot.providers.contracts import Inbound
from flows.kit import USSD, Conversation, DialogueEngine, Flow
from tests.bench import (
    auditing,
    catalogue,
    collecting,
    drain,
    grow,
    growth,
    orders,
    other_requests,
    overload,
    soak,
    unresponsive,
    wire,
    writers,
)
from tests.servers import running_redis
from tests.service import Service, serving

TURNS, HOPS = 60, 20
ARTISAN = "+254711000101"
PATH = "/webhooks/africastalking/dev/ussd"
BASELINE = "baseline: a bare Flask view"

Turn = Callable[[int], float]
"""Runs one turn, given its number; returns microseconds of CPU per operation."""


def main() -> None:
    others = {"--wire": wire.main, "--requests": other_requests.main, "--soak": soak.main, "--grow": grow.main}
    for option, run in others.items():
        if option in sys.argv:
            run([argument for argument in sys.argv[1:] if argument != option])
            return
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print JSON")
    options.add_argument("--texts", type=int, default=drain.TEXTS, help="how many are drained (%(default)s)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_redis() as redis:
        rows = measure(Path(folder), redis.url)
        waits = unresponsive.measure(Path(folder))
        drained = drain.measure(Path(folder), chosen.texts)
        collected = collecting.measure(Path(folder))
        audited = auditing.measure(Path(folder))
        searched = catalogue.measure(Path(folder))
        grown = orders.measure(Path(folder))
        overloaded = overload.measure(Path(folder))
        written = writers.measure(Path(folder))
    everything = rows + waits + drained + collected + audited + searched + grown + overloaded + written
    as_json = json.dumps(everything, indent=2)
    tables = table(rows) + unresponsive.table(waits) + drain.table(drained) + growth.table(searched, catalogue.SMALL)
    tables += collecting.table(collected) + auditing.table(audited)
    tables += growth.table(grown, orders.SMALL) + overload.table(overloaded) + writers.table(written)
    sys.stdout.write(as_json + "\n" if chosen.json else tables)


def measure(folder: Path, redis_url: str) -> list[dict[str, Any]]:
    """A row for each subject: its name, microseconds of CPU, and the ratio to the baseline."""
    for name in ("sqlite", "redis"):
        (folder / name).mkdir()
    with (
        serving(folder / "sqlite", with_demo=True) as embedded,
        serving(folder / "redis", with_demo=True, redis_url=redis_url) as scaled,
    ):
        logging.getLogger().setLevel(logging.ERROR)
        freeze()
        runner = embedded.services.conversation.runner
        subjects: dict[str, Turn] = {
            BASELINE: baseline_hops(),
            "menu hop, sessions in SQLite": menu_hops(embedded),
            "menu hop, sessions in Redis": menu_hops(scaled),
            "conversation service alone, SQLite": service_hops(embedded),
            "dialogue step alone": dialogue_steps(runner),
            "the same, with ten times the flows": dialogue_steps(ten_times_the_flows(runner)),
        }
        times: dict[str, list[float]] = {name: [] for name in subjects}
        for number in range(TURNS):
            for name, turn in subjects.items():
                times[name].append(turn(number))
    baseline = median(times[BASELINE])
    return [
        {"what": name, "cpu_us": round(median(all_), 1), "ratio": round(median(all_) / baseline, 2)}
        for name, all_ in times.items()
    ]


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'':<38}{'CPU us':>9}{'x baseline':>13}"]
    lines += [f"{row['what']:<38}{row['cpu_us']:>9.1f}{row['ratio']:>13.2f}" for row in rows]
    return "\n".join(lines) + "\n"


def baseline_hops() -> Turn:
    app = Flask("baseline")

    @app.post("/")
    def view() -> str:
        return "CON " + request.form["text"]

    return lambda number: timed(app, "/", call_forms(f"y{number}"))


def menu_hops(service: Service) -> Turn:
    settle_language(service)

    def turn(number: int) -> float:
        first, *others = call_forms(f"m{number}")
        menu = call(service.app, PATH, first)
        cost = timed(service.app, PATH, iter(others))
        if call(service.app, PATH, others[-1]) != menu:
            raise RuntimeError("the call did not go through menus and back")
        return cost

    return turn


def service_hops(service: Service) -> Turn:
    def turn(number: int) -> float:
        first, *others = (
            Inbound("ussd", "africastalking", form["sessionId"], ARTISAN, form["serviceCode"], form["text"])
            for form in call_forms(f"h{number}")
        )
        service.services.conversation.ussd(first)
        begun = process_time()
        for inbound in others:
            service.services.conversation.ussd(inbound)
        return (process_time() - begun) / HOPS * 1e6

    return turn


def freeze() -> None:
    """Freeze the garbage collector as `wsgi` does; the baseline gains from it too."""
    gc.collect()
    gc.freeze()


def ten_times_the_flows(runner: DialogueRunner) -> DialogueRunner:
    """The same dialogues with nine copies of each flow behind them, each with its own machine."""
    flows = runner.engine.flows.values()
    copies = (
        Flow(f"{flow.name}_{number}", *flow.states.values(), start=flow.start, facts=flow.facts)
        for number in range(9)
        for flow in flows
    )
    return replace(runner, engine=DialogueEngine(*flows, *copies))


def dialogue_steps(runner: DialogueRunner) -> Turn:
    """Decode, step, render and encode, without a store, a request or a clock."""
    from bot.conversation.session import Session, decode, encode
    from flows.kit import Person

    person = Person(ARTISAN, "en", "Amina Yusuf", artisan=True)
    start = Session(person, by_call=Conversation("bench"))
    assert start.by_call is not None
    runner.engine.open(runner.turn(start.by_call, person, None, USSD), runner.engine.home)  # type: ignore[arg-type]

    def turn(_number: int) -> float:
        data = encode(start)
        begun = process_time()
        for typed in ("5", "0") * (HOPS // 2):
            session = decode(data)
            assert session.by_call is not None
            step = runner.turn(session.by_call, session.person, None, USSD)  # type: ignore[arg-type]
            runner.engine.handle_input(step, typed)
            runner.engine.screen(step).render(USSD)
            data = encode(session)
        return (process_time() - begun) / HOPS * 1e6

    return turn


def call_forms(session: str) -> Iterator[Mapping[str, str]]:
    """A call of `HOPS` answers that goes into the settings and back, as the provider posts it."""
    typed: list[str] = []
    for answer in (None, *("5", "0") * (HOPS // 2)):
        typed += [answer] if answer else []
        yield {
            "sessionId": f"ATUid_{session}",
            "phoneNumber": ARTISAN,
            "networkCode": "63902",
            "serviceCode": "*384*22#",
            "text": "*".join(typed),
        }


def settle_language(service: Service) -> None:
    """Make the first call, and choose a language if it is asked for; nothing is left to resume."""
    first = dict(next(call_forms("first")), sessionId="ATUid_first")
    if b"Lugha" in call(service.app, PATH, first):
        call(service.app, PATH, dict(first, text="1"))


def timed(app: WSGIApplication, path: str, forms: Iterator[Mapping[str, str]]) -> float:
    """Microseconds of CPU per request; the requests are built before the measurement."""
    requests = [environ(path, form) for form in forms]
    begun = process_time()
    for request_ in requests:
        b"".join(app(request_, lambda *_: lambda _data: None))
    return (process_time() - begun) / len(requests) * 1e6


def call(app: WSGIApplication, path: str, form: Mapping[str, str]) -> bytes:
    return b"".join(app(environ(path, form), lambda *_: lambda _data: None))


def environ(path: str, form: Mapping[str, str]) -> dict[str, Any]:
    body = urlencode(form).encode()
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


if __name__ == "__main__":
    main()
