"""A remote marketplace: a client of the endpoints `/phones/…` (`bot/marketplace/http_api.py` on the other server).

Every method raises Unreachable when there is no answer, a late or unreadable one, or one that reports an error. A hop
waits `HOP_S` in total for all of its requests. After a request without an answer, or with one that the shop is busy,
requests fail at once for a gap of `PAUSES`. Commands carry their key, so a request may be repeated until its answer
arrives.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import requests
from msgspec.json import Decoder
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace.event_details import EventData, EventDetails, read, resource
from bot.marketplace.port import Unreachable
from bot.marketplace.wire import ArtisanContact, CallerProfile, CommandResult, RecentEvents, ShopFacts
from bot.runtime.clock import Clock, system_clock
from flows import commands, market
from flows.commands import Outcome
from marketplace_api.backoff import Backoff, retry_after
from marketplace_api.shares import split
from state import shop_facts

log = logging.getLogger(__name__)

HOP_S = 1.6
"""Seconds that a hop waits for the shop in total; the caller waits as long."""
WORKER_S = 5.0
"""Seconds that a worker waits for one command; later jobs wait as long."""
CONNECT_S = 0.8
PAUSES = Backoff.doubling(timedelta(seconds=3), timedelta(seconds=30))
"""For how long no other request is made, by how many requests in turn found the shop silent or busy."""
BUSY = (429, 502, 503, 504)
"""The statuses of a shop that would not answer any other request either."""
FACTS_KEPT = timedelta(hours=1)
LARGEST_ANSWER = 4 * 1024 * 1024
CONNECTIONS = 16

T = TypeVar("T")


class InvalidRequestError(Exception):
    """The shop answered 422: the request is invalid, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Problem(msgspec.Struct):
    reason: str | None = None


# Made at import: two threads that make msgspec's first decoder of a type at the same time crash the process.
_PROBLEM = Decoder(_Problem)
_FACTS, _RECENT, _RESULT = Decoder(ShopFacts), Decoder(RecentEvents), Decoder(CommandResult)
_CALLER, _EARNINGS, _DAY = Decoder(CallerProfile), Decoder(market.Earnings), Decoder(market.KioskDaySummary)
_PRODUCTS, _ORDERS = Decoder(list[market.ProductSummary]), Decoder(list[market.OrderSummary])
_CONTACT: Decoder[ArtisanContact | None] = Decoder(ArtisanContact | None)
_ORDER: Decoder[market.OrderSummary | None] = Decoder(market.OrderSummary | None)
_CASH: Decoder[market.WaitingCash | None] = Decoder(market.WaitingCash | None)
_LINK: Decoder[str | None] = Decoder(str | None)
_RESOURCE: Decoder[dict[str, Any]] = Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    retry_after: timedelta | None


Observer = Callable[[str, str, bytes, int, bytes], None]
"""Called after a request with its method, URL and body, and with the status and body of its answer; 0 without one."""


class MarketplaceClient:
    """HTTP requests to the shop: one pool of connections, one API key. Raises Unreachable.

    `observe` may be set to see every request.
    """

    def __init__(self, api: str, key: str, clock: Clock, timer: Callable[[], float] = time.monotonic) -> None:
        self.api, self._clock, self._timer = api, clock, timer
        self._paused_until: datetime | None = None
        self._failures = 0
        self.observe: Observer = lambda *_: None
        self._session = requests.Session()
        self._session.trust_env = False  # ignores the proxies and the netrc file of the machine
        self._session.headers.update({"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(CONNECTIONS, CONNECTIONS))

    def deadline(self, seconds: float) -> float:
        """The value that the timer will have in `seconds`, for the `deadline` of requests."""
        return self._timer() + seconds

    def get(self, path: str, decoder: Decoder[T], deadline: float) -> T:
        try:
            return self._ask("GET", path, decoder, deadline)
        except InvalidRequestError as error:
            raise Unreachable(error.reason) from None

    def post(self, path: str, body: object, key: str, decoder: Decoder[T], deadline: float) -> T:
        """As `get`, but also raises InvalidRequestError. A repeated request with the same key has no second effect."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return self._ask("POST", path, decoder, deadline, data=msgspec.json.encode(body), headers=headers)

    def _ask(self, method: str, path: str, decoder: Decoder[T], deadline: float, **sent: Any) -> T:
        if self._paused_until and self._clock() < self._paused_until:
            raise Unreachable("no answer a moment ago")
        try:
            answer = self._answer(method, path, deadline, **sent)
        except (requests.RequestException, HTTPError, OSError) as error:
            self._pause()
            log.warning("the marketplace does not answer", extra={"reason": type(error).__name__})
            raise Unreachable(type(error).__name__) from None
        try:
            return self._read(answer, decoder)
        except Unreachable as error:
            log.warning("the marketplace gives no usable answer", extra={"reason": str(error)})
            raise

    def _pause(self, requested: timedelta | None = None) -> None:
        self._failures += 1
        self._paused_until = self._clock() + PAUSES.gap(self._failures, requested=requested)

    def _read(self, answer: _Answer, decoder: Decoder[T]) -> T:
        if answer.status in BUSY:
            self._pause(answer.retry_after)
            raise Unreachable(f"status {answer.status}", answer.retry_after)
        self._failures = 0
        return _read(answer.status, answer.body, decoder)

    def _answer(self, method: str, path: str, deadline: float, **sent: Any) -> _Answer:
        try:
            return self._once(method, path, deadline, **sent)
        except requests.Timeout:
            raise
        except requests.ConnectionError:  # the shop may have closed an idle connection; every request may be repeated
            return self._once(method, path, deadline, **sent)

    def _once(self, method: str, path: str, deadline: float, **sent: Any) -> _Answer:
        remaining_s = deadline - self._timer()
        if remaining_s <= 0:
            raise requests.Timeout
        url, body = self.api + path, sent.get("data", b"")
        try:
            answer = self._sent(method, url, deadline, remaining_s, **sent)
        except (requests.RequestException, HTTPError, OSError) as error:
            self.observe(method, url, body, 0, type(error).__name__.encode())
            raise
        self.observe(method, url, body, answer.status, answer.body)
        return answer

    def _sent(self, method: str, url: str, deadline: float, remaining_s: float, **sent: Any) -> _Answer:
        timeout: Any = Timeout(total=remaining_s, connect=min(remaining_s, CONNECT_S))  # the type stubs lack urllib3's
        options = {"timeout": timeout, "stream": True, "allow_redirects": False}
        with self._session.request(method, url, **options, **sent) as response:
            wait = retry_after(response.headers.get("Retry-After"), system_clock())
            return _Answer(response.status_code, self._body(response, deadline), wait)

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """The whole body. Raises requests.Timeout if it is too late or too large."""
        body = b""
        while piece := response.raw.read1():
            body += piece
            if len(body) > LARGEST_ANSWER or self._timer() > deadline:
                raise requests.Timeout
        return body


def _read(status: int, body: bytes, decoder: Decoder[T]) -> T:
    try:
        if status == 422:
            raise InvalidRequestError(_PROBLEM.decode(body).reason or "not_valid")
        if status not in (200, 201):
            raise Unreachable(f"status {status}")
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Unreachable("an answer that cannot be read") from None


@dataclass(slots=True)
class RemoteMarketplace:
    """A marketplace over HTTP. The facts that are the same for all callers are cached for when it is unreachable.

    They are also stored in our database, because this process may have started while the marketplace is unreachable.
    """

    client: MarketplaceClient
    database: Database
    is_local: bool = False
    hop_s: float = HOP_S
    worker_s: float = WORKER_S
    _facts: ShopFacts | None = field(default=None, init=False)
    _facts_at: datetime | None = field(default=None, init=False)
    _stored: bytes = field(default=b"", init=False)

    def session(self, work: UnitOfWork, msisdn: str, now: datetime) -> RemoteSession:
        return RemoteSession(self, msisdn, now, self.client.deadline(self.hop_s))

    def worker_session(self, msisdn: str, now: datetime) -> RemoteSession:
        """A session that waits longer than a hop may."""
        return RemoteSession(self, msisdn, now, self.client.deadline(self.worker_s))

    def events(self, after: int, limit: int, now: datetime) -> Sequence[EventDetails]:
        path = f"/phones/news?after={after}&limit={limit}"
        records = self.client.get(path, _RECENT, self.client.deadline(self.hop_s)).data
        try:
            return [read(record) for record in records]
        except msgspec.ValidationError as error:
            log.warning("the marketplace has an event that cannot be read", extra={"reason": str(error)})
            raise Unreachable("an event that cannot be read") from None

    def current(self, id: str, now: datetime) -> EventData | None:
        path = f"/payouts/{id}" if id.startswith("pay_") else f"/orders/{id}"
        shown = self.client.get(path, _RESOURCE, self.client.deadline(self.worker_s))
        try:
            return resource(id, shown)
        except msgspec.ValidationError:
            raise Unreachable("a resource that cannot be read") from None

    def newest_event(self, now: datetime) -> int:
        """This bot does not notify of events from before its first start, because another bot has done that."""
        return self.facts(now, self.client.deadline(self.hop_s)).newest

    def facts(self, now: datetime, deadline: float) -> ShopFacts:
        """The facts from the shop itself, not from the cache."""
        self._facts = self.client.get("/phones/shop", _FACTS, deadline)
        self._facts_at = now
        self._store(self._facts)
        return self._facts

    def last_facts(self, now: datetime, deadline: float) -> ShopFacts:
        """The facts, at most `FACTS_KEPT` old; older ones while the shop is unreachable."""
        if self._facts and self._facts_at and now - self._facts_at < FACTS_KEPT:
            return self._facts
        try:
            return self.facts(now, deadline)
        except Unreachable:
            self._facts = self._facts or self._stored_facts()
            if self._facts is None:
                raise
            return self._facts

    def _store(self, facts: ShopFacts) -> None:
        """Store the facts if they have changed; the number of the last event is of no use later."""
        document = msgspec.json.encode(msgspec.structs.replace(facts, newest=0))
        if document != self._stored:
            with self.database.writing.begin() as session:
                shop_facts.store(session.connection(), self.client.api, document)
            self._stored = document

    def _stored_facts(self) -> ShopFacts | None:
        with self.database.reading() as session:
            self._stored = shop_facts.find(session.connection(), self.client.api) or b""
        try:
            return _FACTS.decode(self._stored) if self._stored else None
        except msgspec.DecodeError:  # stored by another version
            return None


class RemoteSession:
    """The shop on behalf of one person, for one hop. Each answer is cached until the next command."""

    def __init__(self, shop: RemoteMarketplace, msisdn: str, now: datetime, deadline: float) -> None:
        self._shop, self._now, self._deadline = shop, now, deadline
        self._path = f"/phones/{quote(msisdn, safe='')}"
        self._answers: dict[str, Any] = {}
        self.secrets: list[str] = []

    def caller(self) -> CallerProfile:
        caller = self._ask("", _CALLER)
        self._load_facts()
        return caller

    def _load_facts(self) -> None:
        """Fill the cache of facts, because a dialogue may need them later while the shop is unreachable."""
        try:
            self._shop.last_facts(self._now, self._deadline)
        except Unreachable as error:
            log.info("the shop answered, but did not give its facts", extra={"reason": str(error)})

    def artisan_of_kiosk(self, msisdn: str) -> ArtisanContact | None:
        return self._ask(f"/neighbours/{quote(msisdn, safe='')}", _CONTACT)

    def photo_link(self, code: str) -> str | None:
        return self._ask(f"/photo-link/{quote(code, safe='')}", _LINK)

    # -- what is the same for all callers

    def earns(self, price: int) -> int:
        return split(price, 1, self._shop.last_facts(self._now, self._deadline).commission_percent).earns

    def crafts(self) -> Sequence[tuple[str, str]]:
        return self._shop.last_facts(self._now, self._deadline).crafts

    def kiosks(self) -> Sequence[market.KioskSummary]:
        """The kiosks from the shop itself, so that a new one is found at once; cached ones while it is unreachable."""
        try:
            return self._shop.facts(self._now, self._deadline).kiosks
        except Unreachable:
            return self._shop.last_facts(self._now, self._deadline).kiosks

    # -- what belongs to the caller

    def products(self) -> Sequence[market.ProductSummary]:
        return self._ask("/products", _PRODUCTS)

    def orders(self) -> Sequence[market.OrderSummary]:
        return self._ask("/orders", _ORDERS)

    def expected(self, code: str) -> Sequence[market.OrderSummary]:
        return self._ask(f"/expected/{quote(code, safe='')}", _ORDERS)

    def awaited(self) -> Sequence[market.OrderSummary]:
        return self._ask("/awaited", _ORDERS)

    def to_ship(self) -> Sequence[market.OrderSummary]:
        return self._ask("/to-ship", _ORDERS)

    def bought(self, code: str) -> market.OrderSummary | None:
        return self._ask(f"/bought/{quote(code, safe='')}", _ORDER)

    def earnings(self) -> market.Earnings:
        return self._ask("/earnings", _EARNINGS)

    def cash(self) -> market.WaitingCash | None:
        """None from a shop that does not say it. One that does not answer at all is noticed by `earnings`."""
        try:
            cash = self._ask("/cash", _CASH)
        except Unreachable:
            return None
        self.secrets += [cash.code] if cash else []
        return cash

    def day(self) -> market.KioskDaySummary:
        return self._ask("/day", _DAY)

    def _ask(self, path: str, decoder: Decoder[T]) -> T:
        if path not in self._answers:
            self._answers[path] = self._shop.client.get(self._path + path, decoder, self._deadline)
        return self._answers[path]  # type: ignore[no-any-return]

    # -- commands

    def perform(self, command: commands.Command, key: str = "") -> Outcome:
        """Let the shop perform a command once for the key. A request that the shop finds invalid counts as rejected."""
        self._answers.clear()
        try:
            result = self._shop.client.post(f"{self._path}/commands", command, key, _RESULT, self._deadline)
        except InvalidRequestError as error:
            return Outcome("rejected", error.reason)
        self._answers[""] = result.caller
        return result.outcome
