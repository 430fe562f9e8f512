"""The faults between the service and Daraja, each with a name, and a simulated Daraja in which all of them occur.

The real client talks to the simulated API over a connection that fails in three of ten requests to pay and in six of
ten status queries, which are fewer. The cases are drawn from a shuffled deck, so each of them comes up before any of
them comes up again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from bot.providers.daraja_client import DarajaClient
from bot.simulator import daraja as simulated
from bot.simulator.wallet import PaymentScript
from bot.simulator.wsgi_adapter import WsgiAdapter
from tests.service import Service

ROOT = "http://daraja"
PAYMENT_FAULTS, QUERY_FAULTS = 0.3, 0.6
"""The shares of the requests to pay and of the status queries that have a fault."""

PAYMENT_CASES: Mapping[str, PaymentScript] = {
    "refused": PaymentScript(http_status=400, accepted=False),
    "500, accepted": PaymentScript(http_status=500),
    "500, accepted, no callback": PaymentScript(http_status=500, results_after_s=()),
    "500, not accepted": PaymentScript(http_status=500, accepted=False),
    "too many requests": PaymentScript(http_status=429, accepted=False),
    "callback before the answer": PaymentScript(result_before_answer=True, results_after_s=()),
    "no callback": PaymentScript(results_after_s=()),
    "callback twice": PaymentScript(results_after_s=(1.0, 2.0)),
    "callback an hour late": PaymentScript(results_after_s=(3600.0,)),
    "notice of a time-out": PaymentScript(timeout_notice=True, results_after_s=()),
    "another amount": PaymentScript(short_by=100),
    "paid, reported as an internal failure": PaymentScript(reported_code="17"),
    "busy": PaymentScript(result_code="26"),
    "over the daily limit": PaymentScript(result_code="4"),
    "no float": PaymentScript(result_code="1"),
    "wrong credential": PaymentScript(result_code="2001"),
    "recipient's balance too high": PaymentScript(result_code="8"),
    "recipient not registered": PaymentScript(result_code="2040"),
}
QUERY_CASES: Mapping[str, PaymentScript] = {
    "query refused": PaymentScript(query_status=500),
    "query not answered": PaymentScript(query_answers_after_s=()),
    "query answered twice": PaymentScript(query_answers_after_s=(1.0, 2.0)),
    "query answered an hour late": PaymentScript(query_answers_after_s=(3600.0,)),
}
CONNECTION_CASES = (
    *("time-out before", "time-out after", "cut before", "cut after", "no connection", "token expired"),
    *("a proxy answers", "worker dies before", "worker dies after"),
)
"""Faults of the connection: before the request arrives, or after."""
FORGED_CASES = (
    *("forged: unknown", "forged: less", "forged: right", "forged: guessed token"),
    *("forged: wrong secret", "forged: unreadable"),
)
DUPLICATE = "duplicate"
ALL_CASES = frozenset({*PAYMENT_CASES, *QUERY_CASES, *CONNECTION_CASES, *FORGED_CASES, DUPLICATE})


class WorkerDiedError(BaseException):
    """The worker has died and does nothing more."""


class Deck:
    """Cases in random order; when all were drawn, they are shuffled again."""

    def __init__(self, cases: Sequence[str], random: Random, share: float = 1) -> None:
        self._cases, self._random, self.share = list(cases), random, share
        self._left: list[str] = []

    def draw(self) -> str:
        if not self._left:
            self._left = self._random.sample(self._cases, len(self._cases))
        return self._left.pop()

    def put_back(self, case: str) -> None:
        """Puts back a case that was drawn and did not occur."""
        self._left.insert(0, case)


class FaultyConnection(WsgiAdapter):
    """The connection to the simulated Daraja; `met` counts the cases that occurred."""

    def __init__(self, app: Flask, random: Random, met: Counter[str]) -> None:
        super().__init__(app)
        self._random, self._met = random, met
        self._payments = Deck([*PAYMENT_CASES, *CONNECTION_CASES], random, PAYMENT_FAULTS)
        self._queries = Deck([*QUERY_CASES, *CONNECTION_CASES], random, QUERY_FAULTS)
        self.script = PaymentScript()

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        deck = self._deck(request.path_url)
        if deck is None or self._random.random() >= deck.share:
            self.script = PaymentScript()
            answer = super().send(request)
            self._met[DUPLICATE] += _is_duplicate(answer)
            return answer
        case = deck.draw()
        self.script = PAYMENT_CASES.get(case) or QUERY_CASES.get(case) or PaymentScript()
        answer = self._send_with(case, request)
        if _is_duplicate(answer):
            self._met[DUPLICATE] += 1
            deck.put_back(case)
        else:
            self._met[case] += 1
        if error := _AFTER.get(case):
            raise error()
        return _page_of_a_proxy() if case == "a proxy answers" else answer

    def _send_with(self, case: str, request: requests.PreparedRequest) -> requests.Response:
        if case == "token expired":
            request.headers["Authorization"] = "Bearer simulated-0-ended"
        if error := _BEFORE.get(case):
            self._met[case] += 1
            raise error()
        return super().send(request)

    def _deck(self, path: str) -> Deck | None:
        if "b2c" in path:
            return self._payments
        return self._queries if "transactionstatus" in path else None


_BEFORE: Mapping[str, Callable[[], BaseException]] = {
    "time-out before": requests.ReadTimeout,
    "cut before": requests.ConnectionError,
    "no connection": requests.ConnectTimeout,
    "worker dies before": WorkerDiedError,
}
_AFTER: Mapping[str, Callable[[], BaseException]] = {
    "time-out after": requests.ReadTimeout,
    "cut after": requests.ConnectionError,
    "worker dies after": WorkerDiedError,
}


def _is_duplicate(answer: requests.Response) -> bool:
    return b"Duplicate" in answer.content


def _page_of_a_proxy() -> requests.Response:
    """The answer of a proxy in place of Daraja, although Daraja received the request."""
    answer = requests.Response()
    answer.status_code, answer.raw = 403, BytesIO(b"<html>Request unsuccessful</html>")
    return answer


@dataclass
class FaultyDaraja:
    """The simulated Daraja behind the faulty connection, and the callbacks that it has not posted yet."""

    service: Service
    random: Random
    met: Counter[str] = field(default_factory=Counter)
    unposted: list[tuple[datetime, str, Mapping[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        app = Flask("daraja")
        simulator = simulated.DarajaSimulator(
            transaction=self._transaction,
            post_later=self._post_later,
            post=self._post,
            clock=self.service.clock,
            new_id=self.service.new_id,
            script_for=lambda _: self.connection.script,
        )
        app.register_blueprint(simulated.routes(simulator))
        self.connection = FaultyConnection(app, self.random, self.met)
        self._forgeries = Deck(FORGED_CASES, self.random)
        self._callbacks = f"/webhooks/daraja/{self.service.settings.webhook_secret}"

    def client(self) -> Daraja:
        """The Daraja client of a worker."""
        session = requests.Session()
        session.mount(ROOT, self.connection)
        return Daraja(
            DarajaClient(f"{ROOT}/simulator/daraja", "key", "secret", clock=self.service.clock, session=session),
            shortcode="600997",
            initiator="testapi",
            credential="c3Jl",
            callbacks=f"https://soko.example{self._callbacks}",
        )

    def post_due_callbacks(self) -> None:
        now = self.service.clock()
        due = sorted((callback for callback in self.unposted if callback[0] <= now), key=lambda callback: callback[0])
        self.unposted = [callback for callback in self.unposted if callback[0] > now]
        for _, url, body in due:
            self._post(url, body)

    def post_forged_callback(self, payment_id: str, shillings: int) -> None:
        """Posts a forged callback that says that a payment of so many shillings was made."""
        case, result = self._forgeries.draw(), f"{self._callbacks}/result"
        path, body, expected = {
            "forged: unknown": (result, _forged("pay_of_nobody", shillings), 200),
            "forged: less": (result, _forged(payment_id, 1), 200),
            "forged: right": (result, _forged(payment_id, shillings), 200),
            "forged: guessed token": (f"{result}/guess", _forged(payment_id, shillings), 200),
            "forged: wrong secret": ("/webhooks/daraja/guess/result", _forged(payment_id, shillings), 404),
            "forged: unreadable": (result, {"Result": "paid"}, 400),
        }[case]
        assert self.service.http.post(path, json=body).status_code == expected
        self.met[case] += 1

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self.service.services.database.writing.begin() as session:
            yield session.connection()

    def _post_later(self, url: str, body: Mapping[str, Any], seconds: float) -> None:
        self.unposted.append((self.service.clock() + timedelta(seconds=seconds), url, body))

    def _post(self, url: str, body: Mapping[str, Any]) -> None:
        assert self.service.http.post(urlsplit(url).path, json=body).status_code == 200


def _forged(payment_id: str, shillings: int) -> dict[str, Any]:
    parameters = [{"Key": "TransactionAmount", "Value": shillings}, {"Key": "TransactionReceipt", "Value": "FORGED"}]
    names = {"OriginatorConversationID": payment_id, "ConversationID": "AG_FORGED", "TransactionID": "FORGED"}
    return {"Result": {"ResultCode": 0, **names, "ResultParameters": {"ResultParameter": parameters}}}
