"""How long our answer to an inbound text takes when providers answer, and when every one of them hangs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

from bot.messaging.dispatcher import WORKERS
from bot.messaging.routing import Router
from bot.providers.contracts import OutgoingMessage, Receipt
from bot.worker import message_runner
from tests.service import Service, serving

TEXTS = 400
LIMIT_S = 600.0
"""Longer than the benchmark takes."""


@dataclass
class BlockingSender:
    """Accepts every message, but not before `answers` is set."""

    name: str = "africastalking"
    answers: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=count)

    def send(self, sms: OutgoingMessage) -> Receipt:
        self.answers.wait(LIMIT_S)
        return Receipt(f"ATXid_{next(self.numbers)}")


def measure(folder: Path) -> list[dict[str, Any]]:
    """A row for each case: the 99th percentile in milliseconds, and its ratio to that of providers that answer."""
    for name in ("answers", "hangs"):
        (folder / name).mkdir()
    waits: dict[str, list[float]] = {"answer": [], "hang": []}
    with (
        serving(folder / "answers") as answering,
        serving(folder / "hangs") as hanging,
        sending(answering, BlockingSender(), answers=True),
        sending(hanging, BlockingSender(), answers=False),
    ):
        for number in range(TEXTS):
            waits["answer"].append(answer_s(answering, number))
            waits["hang"].append(answer_s(hanging, number))
    p99 = {name: quantiles(all_, n=100)[-1] * 1000 for name, all_ in waits.items()}
    return [
        {"what": f"a text in, while providers {name}", "p99_ms": round(ms, 1), "ratio": round(ms / p99["answer"], 2)}
        for name, ms in p99.items()
    ]


@contextmanager
def sending(service: Service, sender: BlockingSender, *, answers: bool) -> Iterator[None]:
    """Run a worker beside the service."""
    stop = threading.Event()
    if answers:
        sender.answers.set()
    with ThreadPoolExecutor(WORKERS) as pool:
        runner = message_runner(service.app, service.services, pool)
        dispatcher = replace(runner.dispatcher, router=Router({"it": sender}, {}, "it"))
        thread = threading.Thread(target=replace(runner, dispatcher=dispatcher).run, args=(stop,))
        thread.start()
        yield
        stop.set()
        sender.answers.set()
        thread.join(LIMIT_S)


def answer_s(service: Service, number: int) -> float:
    """Seconds until a text from a new phone is acknowledged."""
    begun = perf_counter()
    service.gateway.text(f"+2547{number:08}", "MENU")
    return perf_counter() - begun


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"\n{'':<38}{'p99 ms':>9}{'x answering':>13}"]
    lines += [f"{row['what']:<38}{row['p99_ms']:>9.1f}{row['ratio']:>13.2f}" for row in rows]
    return "\n".join(lines) + "\n"
