"""A bank at the end of a bad road: the real client, the simulated Daraja, and what befalls between them by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from random import Random
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from sqlalchemy import Connection

from bot.providers.daraja import Daraja
from bot.simulator import daraja as simulated
from bot.simulator.gateway import WsgiAdapter
from bot.simulator.wallet import PaymentScript
from tests.service import Service

ROOT = "http://daraja"
BAD_LUCK = 0.3
"""The part of all exchanges that something befalls."""

PAYMENTS: Mapping[str, PaymentScript] = {
    "refused": PaymentScript(http_status=400, accepted=False),
    "broke and had taken it": PaymentScript(http_status=500),
    "broke, had taken it and never said so": PaymentScript(http_status=500, results_after_s=()),
    "broke and had not taken it": PaymentScript(http_status=500, accepted=False),
    "too many requests": PaymentScript(http_status=429, accepted=False),
    "said early": PaymentScript(result_before_answer=True, results_after_s=()),
    "never said": PaymentScript(results_after_s=()),
    "said twice": PaymentScript(results_after_s=(1.0, 2.0)),
    "said an hour late": PaymentScript(results_after_s=(3600.0,)),
    "said to be late": PaymentScript(timeout_notice=True, results_after_s=()),
    "another amount said": PaymentScript(short_by=100),
    "said to be broken inside, and paid": PaymentScript(reported_code="17"),
    "said to be busy": PaymentScript(result_code="26"),
    "over the day's limit": PaymentScript(result_code="4"),
    "no float": PaymentScript(result_code="1"),
    "credential wrong": PaymentScript(result_code="2001"),
    "wallet full": PaymentScript(result_code="8"),
    "not registered": PaymentScript(result_code="2040"),
}
QUESTIONS: Mapping[str, PaymentScript] = {
    "question broke": PaymentScript(query_status=500),
    "question never answered": PaymentScript(query_answers_after_s=()),
    "question answered twice": PaymentScript(query_answers_after_s=(1.0, 2.0)),
    "question answered an hour late": PaymentScript(query_answers_after_s=(3600.0,)),
}
ROAD = (
    *("hung before", "hung after", "cut before", "cut after", "nobody there", "token ended"),
    *("a stranger answered", "worker died before", "worker died after"),
)
FORGED = ("forged: unknown", "forged: less", "forged: wrong secret", "forged: unreadable")
DUPLICATE = "duplicate"
KINDS = frozenset({*PAYMENTS, *QUESTIONS, *ROAD, *FORGED, DUPLICATE})


class DiedError(BaseException):
    """The worker is no more; nothing that it would have done next is done."""


class Road(WsgiAdapter):
    """The way to the bank; `befell` counts what happened on it."""

    def __init__(self, app: Flask, random: Random, befell: Counter[str]) -> None:
        super().__init__(app)
        self._random, self._befell = random, befell
        self.fate = PaymentScript()

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        kind, self.fate = self._draw(request.path_url)
        if kind == "token ended":
            request.headers["Authorization"] = "Bearer simulated-0-ended"
        if lost := _BEFORE.get(kind):
            self._befell[kind] += 1
            raise lost()
        answer = super().send(request)
        self._befell[DUPLICATE if b"Duplicate" in answer.content else kind] += 1
        if lost := _AFTER.get(kind):
            raise lost()
        return _page_of_a_stranger() if kind == "a stranger answered" else answer

    def _draw(self, path: str) -> tuple[str, PaymentScript]:
        known = PAYMENTS if "b2c" in path else QUESTIONS if "transactionstatus" in path else {}
        if not known or self._random.random() >= BAD_LUCK:
            return "well", PaymentScript()
        kind = self._random.choice([*known, *ROAD])
        return kind, known.get(kind, PaymentScript())


_BEFORE: Mapping[str, Callable[[], BaseException]] = {
    "hung before": requests.ReadTimeout,
    "cut before": requests.ConnectionError,
    "nobody there": requests.ConnectTimeout,
    "worker died before": DiedError,
}
_AFTER: Mapping[str, Callable[[], BaseException]] = {
    "hung after": requests.ReadTimeout,
    "cut after": requests.ConnectionError,
    "worker died after": DiedError,
}


def _page_of_a_stranger() -> requests.Response:
    """A box on the way speaks for the provider, which has heard us all the same."""
    answer = requests.Response()
    answer.status_code, answer.raw = 403, BytesIO(b"<html>Request unsuccessful</html>")
    return answer


@dataclass
class UnluckyBank:
    """The simulated Daraja, and everything that it still has to say to the service."""

    service: Service
    random: Random
    befell: Counter[str] = field(default_factory=Counter)
    owed: list[tuple[datetime, str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        app = Flask("daraja")
        bank = simulated.DarajaSimulator(
            transaction=self._book,
            post_later=self._owe,
            post=self._post,
            clock=self.service.clock,
            new_id=self.service.new_id,
            script_for=lambda _: self.road.fate,
        )
        app.register_blueprint(simulated.routes(bank))
        self.road = Road(app, self.random, self.befell)
        self._door = f"/webhooks/daraja/{self.service.settings.webhook_secret}"

    def client(self) -> Daraja:
        """What a worker pays with."""
        session = requests.Session()
        session.mount(ROOT, self.road)
        return Daraja(
            f"{ROOT}/simulator/daraja",
            "key",
            "secret",
            shortcode="600997",
            initiator="testapi",
            credential="c3Jl",
            callbacks=f"https://soko.example{self._door}",
            clock=self.service.clock,
            session=session,
        )

    def speak(self) -> None:
        """Says what is due by now, and now and then somebody else says something too."""
        now = self.service.clock()
        due = sorted((owed for owed in self.owed if owed[0] <= now), key=lambda owed: owed[0])
        self.owed = [owed for owed in self.owed if owed[0] > now]
        for _, url, body in due:
            self._post(url, body)

    def forge(self, payment_id: str) -> None:
        """A stranger claims that somebody was paid."""
        kind = self.random.choice(FORGED)
        path, body, expected = {
            "forged: unknown": (self._door, _claim("pay_of_nobody", 1500), 200),
            "forged: less": (self._door, _claim(payment_id, 1), 200),
            "forged: wrong secret": ("/webhooks/daraja/guess", _claim(payment_id, 1500), 404),
            "forged: unreadable": (self._door, {"Result": "paid"}, 400),
        }[kind]
        assert self.service.http.post(f"{path}/result", json=body).status_code == expected
        self.befell[kind] += 1

    @contextmanager
    def _book(self) -> Iterator[Connection]:
        with self.service.services.database.writing.begin() as session:
            yield session.connection()

    def _owe(self, url: str, body: dict[str, Any], seconds: float) -> None:
        self.owed.append((self.service.clock() + timedelta(seconds=seconds), url, body))

    def _post(self, url: str, body: dict[str, Any]) -> None:
        assert self.service.http.post(urlsplit(url).path, json=body).status_code == 200


def _claim(payment_id: str, shillings: int) -> dict[str, Any]:
    said = [{"Key": "TransactionAmount", "Value": shillings}, {"Key": "TransactionReceipt", "Value": "FORGED"}]
    names = {"OriginatorConversationID": payment_id, "ConversationID": "AG_FORGED", "TransactionID": "FORGED"}
    return {"Result": {"ResultCode": 0, **names, "ResultParameters": {"ResultParameter": said}}}
