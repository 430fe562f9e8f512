"""Whatever a provider answers, and however often: in an hour it is asked a few times, after growing gaps.

Every row of the providers' tables is played for an hour of the clock, all of a provider at the same time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from requests.adapters import BaseAdapter

from bot.jobs.handlers import RETRIES as FETCHES
from bot.jobs.runner import JobRunner
from bot.messaging.dispatcher import RETRIES
from bot.payments import payouts as payout_jobs
from bot.payments.payouts import POLLS
from bot.photos import mms
from bot.providers import daraja as adapter
from bot.providers.africastalking import AfricasTalking
from bot.providers.contracts import Sender
from bot.providers.daraja import Daraja
from bot.providers.daraja_client import DarajaClient
from bot.providers.errors import Reason
from bot.providers.payment_contracts import NotPaid, Pending
from bot.providers.twilio import Twilio
from bot.runtime.clock import Clock
from bot.worker import handler_runner
from marketplace_api.accounts import artisans
from marketplace_api.backoff import Backoff
from marketplace_api.payments import pausing, payouts
from state import outbox
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI
from tests.bot.messaging.fakes import queue_message, route_all_to, worker
from tests.providers.rows import africastalking, daraja, twilio
from tests.providers.wire import AnswerRow, Failed
from tests.service import Service

STEP_S = 30
"""How far the clock moves between two looks of the worker; a gap may be longer by this."""


class SickProvider(BaseAdapter):
    """A provider's API that answers everything about one message or payment with the same row.

    `subject` says which message or payment a request is about; `asked` records the times of the requests.
    """

    def __init__(
        self, clock: Clock, subject: Callable[[requests.PreparedRequest], str], retry_after: str | None
    ) -> None:
        super().__init__()
        self._clock, self._subject = clock, subject
        self._headers = {"Retry-After": retry_after} if retry_after else {}
        self.rows: dict[str, AnswerRow] = {}
        self.asked: dict[str, list[datetime]] = defaultdict(list)

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", self)
        return session

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        subject = self._subject(request)
        self.asked[subject].append(self._clock())
        row = self.rows[subject]
        if row.status is None:
            raise requests.ConnectionError("reset by peer")
        answer = requests.Response()
        answer.status_code, answer.raw = row.status, BytesIO(row.body)
        answer.headers.update({"Content-Type": row.content_type, **self._headers})
        return answer

    def close(self) -> None:
        """Has nothing to close."""


def live(service: Service, runner: JobRunner[Any, Any], seconds: int = 3600) -> None:
    for _ in range(seconds // STEP_S):
        for _ in range(50):  # so many steps do all that is due at one moment
            if not runner.step():
                break
        service.clock.advance(STEP_S)


def check_gaps(asked: Sequence[datetime], backoff: Backoff, requested: timedelta | None = None) -> None:
    """Checks each gap; those of `backoff` grow."""
    gaps = [later - at for at, later in pairwise(asked)]
    tolerance = timedelta(seconds=STEP_S)
    for number, gap in enumerate(gaps, start=1):
        ours = backoff.gap(number, requested=requested)
        assert ours <= gap <= ours * (1 + backoff.jitter) + tolerance, gaps


# -- messages


def recipient_of(request: requests.PreparedRequest) -> str:
    form = parse_qs(str(request.body))
    return (form.get("to") or form["To"])[0]


SENDERS: Mapping[str, tuple[Callable[[requests.Session], Sender], Sequence[AnswerRow]]] = {
    "africastalking": (
        lambda session: AfricasTalking("soko", africastalking.KEY, session=session),
        africastalking.ANSWERS,
    ),
    "twilio": (
        lambda session: Twilio(twilio.ACCOUNT, twilio.AUTH_TOKEN, "+15005550006", session=session),
        twilio.ANSWERS,
    ),
}


@pytest.mark.parametrize("retry_after", [None, "240", "86400"])
@pytest.mark.parametrize("provider", SENDERS)
def test_a_message_is_sent_five_times_at_most_at_growing_gaps(
    embedded: Service, provider: str, retry_after: str | None
) -> None:
    make, rows = SENDERS[provider]
    sick = SickProvider(embedded.clock, recipient_of, retry_after)
    for number, row in enumerate(rows):
        sick.rows[f"+2547330{number:05}"] = row
    for msisdn in sick.rows:
        queue_message(embedded, msisdn, "hello")
    with worker(embedded, router=route_all_to(make(sick.session()))) as runner:
        live(embedded, runner)

    for msisdn, row in sick.rows.items():
        if not (isinstance(row.means, Failed) and row.means.reason.retryable):
            assert len(sick.asked[msisdn]) == 1, row
        elif row.status and row.status >= 300:  # the header of an answer 2xx says nothing about this message
            requested = timedelta(seconds=int(retry_after)) if retry_after else None
            check_gaps(sick.asked[msisdn], RETRIES, requested)
            assert len(sick.asked[msisdn]) == len(RETRIES.gaps) + 1, row


# -- pictures


def test_a_picture_is_fetched_a_few_times_at_growing_gaps(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    sick = SickProvider(embedded.clock, lambda request: request.path_url.rpartition("/")[2], "100")
    for status in (None, 302, 401, 403, 404, 408, 429, 500, 502, 503):
        sick.rows[f"ME{status}"] = AnswerRow(status, b"", Failed("", Reason.REFUSED, (False, False)))
    media = Twilio(twilio.ACCOUNT, twilio.AUTH_TOKEN, "+15005550006", session=sick.session())
    url = f"https://api.twilio.com/2010-04-01/Accounts/{twilio.ACCOUNT}/Messages/MM1/Media"
    monkeypatch.setattr("bot.providers.registry.media_fetcher", lambda *_: media)
    with embedded.services.database.writing.begin() as session:
        for name in sick.rows:
            now = embedded.clock()
            payload = {
                "urls": [f"{url}/{name}"],
                "code": "K7P4",
                "msisdn": AKINYI,
                "channel": "sms",
                "language": "en",
                "about": name,
                "until": (now + mms.RETRY_FOR).timestamp(),
                "reply": f"reply:{name}",
            }
            outbox.add(
                session.connection(), kind=mms.KIND, payload=payload, key=name, ordering_key=name, due_at=now, now=now
            )
    with ThreadPoolExecutor(2) as pool:
        live(embedded, handler_runner(embedded.app, embedded.services, pool), seconds=4 * 3600)

    for name, asked in sick.asked.items():
        check_gaps(asked, FETCHES, None if name == "MENone" else timedelta(seconds=100))
        assert len(asked) == (1 if name in ("ME302", "ME401", "ME403") else len(FETCHES.gaps) + 1), name


# -- payouts


TOKEN = AnswerRow(200, json.dumps({"access_token": "t", "expires_in": "3599"}).encode(), Pending())
ACCEPTED = next(row for row in daraja.ANSWERS if isinstance(row.means, Pending))
RESULT_CODES = (*daraja.RESULT_CODES, "4", "15", "17", "26", "2032", "424242")
TOKEN_ERRORS = [AnswerRow(status, b"", Pending()) for status in (None, 302, 404, 429, 503)]


class Payouts:
    """Payouts of one artisan, all due at the same time, and a sick Daraja."""

    def __init__(self, service: Service, retry_after: str | None = None) -> None:
        self.service = service
        self.sick = SickProvider(service.clock, self._subject, retry_after)
        self.sick.rows["token"] = TOKEN
        self.names: list[str] = []
        self.addresses: dict[str, str] = {}
        """The token in the address that the newest request to pay names, by the name of the payout."""

    def _subject(self, request: requests.PreparedRequest) -> str:
        if "/oauth/" in request.path_url:
            return "token"
        body = json.loads(request.body or b"{}")
        if "OriginalConversationID" in body:
            return f"{body['OriginalConversationID']} query"
        name: str = body["OriginatorConversationID"]
        self.addresses[name] = body["ResultURL"].rpartition("/")[2]
        return f"{name} pay"

    def add(self, pay: AnswerRow, query: AnswerRow) -> str:
        """A payout whose requests are answered like this."""
        with self.service.services.database.writing.begin() as session:
            shop = self.service.services.shop(session, TESTER)
            akinyi = artisans.by_msisdn(shop, AKINYI)
            assert akinyi is not None
            stored: dict[str, Any] = {"piece": len(self.names), "method": "mobile_money", "status": "pending"}
            payout = payouts.add(shop, akinyi, 1500_00, "KES", msisdn=AKINYI, **stored)
            payout_jobs.queue_poll(session.connection(), payout.id, payout.id, shop.now)
            name = payout.id
        self.names.append(name)
        self.sick.rows |= {f"{name} pay": pay, f"{name} query": query}
        return name

    def run(self, seconds: int = 3600) -> None:
        clock, session = self.service.clock, self.sick.session()
        client = Daraja(
            DarajaClient("https://daraja.example", "key", "secret", clock=clock, session=session),
            shortcode="600997",
            initiator="testapi",
            credential="c3Jl",
            callbacks="https://soko.example/webhooks/daraja/s",
        )
        with ThreadPoolExecutor(2) as pool:
            live(self.service, handler_runner(self.service.app, self.service.services, pool, client), seconds)

    def asked(self, name: str) -> list[datetime]:
        """When the provider was asked about this payout, whether to pay or for its status."""
        return sorted({at for request in ("pay", "query") for at in self.sick.asked[f"{name} {request}"]})


@pytest.mark.parametrize("retry_after", [None, "600"])
def test_a_payout_is_asked_for_a_few_times_at_growing_gaps_whatever_daraja_answers(
    embedded: Service, retry_after: str | None
) -> None:
    run = Payouts(embedded, retry_after)
    errors = [row for row in daraja.ANSWERS if isinstance(row.means, Failed)]
    for row in errors:
        run.add(row, row)
        run.add(ACCEPTED, row)
    refused = [row for row in daraja.ANSWERS if isinstance(row.means, NotPaid) and row.means.fault != "us"]
    for row in refused:
        run.add(row, row)
    settled = len(run.names) - len(refused)
    run.run()

    for name in run.names[:settled]:
        asked = run.asked(name)
        assert 4 <= len(asked) <= 7, "30 s, and then gaps that double"
        gaps = [later - at for at, later in pairwise(asked)]
        assert gaps[0] >= POLLS.shortest
        assert all(later >= gap - timedelta(seconds=STEP_S) for gap, later in pairwise(gaps)), gaps
    assert [len(run.asked(name)) for name in run.names[settled:]] == [1] * len(refused)


def test_the_status_of_an_accepted_payout_is_queried_a_few_times_at_growing_gaps(embedded: Service) -> None:
    run = Payouts(embedded)
    for row in (row for row in daraja.ANSWERS if isinstance(row.means, NotPaid)):
        run.add(ACCEPTED, row)
    by_code = {code: run.add(ACCEPTED, ACCEPTED) for code in RESULT_CODES}
    run.run(seconds=STEP_S)  # each has been asked for
    for code, name in by_code.items():
        callback = adapter._callback(daraja.result(code, OriginatorConversationID=name)["Result"])
        assert callback is not None
        embedded.services.payout_callbacks.on_result("daraja", run.addresses[name], callback)
    run.run()

    assert all(1 <= len(run.asked(name)) <= 8 for name in run.names)
    for name in run.names[: -len(by_code)]:
        check_gaps(run.asked(name), POLLS)


@pytest.mark.parametrize("row", TOKEN_ERRORS, ids=[str(row.status) for row in TOKEN_ERRORS])
def test_a_token_is_asked_for_a_few_times_at_growing_gaps(embedded: Service, row: AnswerRow) -> None:
    run = Payouts(embedded)
    run.sick.rows["token"] = row
    run.add(ACCEPTED, ACCEPTED)
    run.run()

    check_gaps(run.sick.asked["token"], POLLS)
    assert len(run.sick.asked["token"]) == 7


def test_hints_lead_to_a_few_queries_however_many_there_are(embedded: Service) -> None:
    run = Payouts(embedded)
    name = run.add(ACCEPTED, ACCEPTED)
    for _ in range(3600 // STEP_S):
        for _ in range(3):
            embedded.services.payout_callbacks.on_hint("daraja", [name])
        run.run(seconds=STEP_S)

    assert 8 <= len(run.asked(name)) <= 16, "without hints it is asked 7 times"


def test_a_token_that_is_refused_pauses_payouts_and_is_asked_for_again_after_the_operator(embedded: Service) -> None:
    run = Payouts(embedded)
    run.sick.rows["token"] = AnswerRow(401, b"", Pending())
    run.add(ACCEPTED, ACCEPTED)
    run.run()

    assert len(run.sick.asked["token"]) == 1
    with embedded.services.database.reading() as session:
        assert pausing.current_pause(embedded.services.shop(session, TESTER))
