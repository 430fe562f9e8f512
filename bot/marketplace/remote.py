"""A marketplace elsewhere, asked over HTTP of `/phones/…` there (`bot/marketplace/http_api.py`).

    Unreachable     no answer, a late one, one that cannot be read, one that says it is broken or shut to us

A hop waits `HOP_S` for all it asks together. Whoever has waited in vain shuts the line for a moment, so that
others are told at once. Commands carry their key, so each may be asked again until its answer is heard.
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

from bot.db.unit_of_work import UnitOfWork
from bot.marketplace.port import (
    ArtisanContact,
    CallerProfile,
    CommandResult,
    EventDetails,
    RecentEvents,
    ShopFacts,
    Unreachable,
)
from bot.runtime.clock import Clock
from flows import commands, market
from flows.commands import Outcome
from marketplace_api.payments.money import split

log = logging.getLogger(__name__)

HOP_S = 1.6
"""Seconds that a hop waits for the shop in all: somebody looks at her phone meanwhile."""
PATIENT_S = 5.0
"""Seconds that a worker waits for one command; texts wait with it."""
CONNECT_S = 0.8
SHUT_FOR = timedelta(seconds=3)
"""How long nobody tries after somebody has waited in vain."""
FACTS_KEPT = timedelta(hours=1)
LARGEST_ANSWER = 4 * 1024 * 1024
CONNECTIONS = 16

T = TypeVar("T")


class NotTakenError(Exception):
    """The shop says that it does not take such a request (422); `reason` is its word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Problem(msgspec.Struct):
    reason: str | None = None


# made here, since two threads that make msgspec get to know a type at once crash the process
_PROBLEM = Decoder(_Problem)
_FACTS, _RECENT, _PERFORMED = Decoder(ShopFacts), Decoder(RecentEvents), Decoder(CommandResult)
_SPEAKER, _EARNINGS, _DAY = Decoder(CallerProfile), Decoder(market.Earnings), Decoder(market.KioskDaySummary)
_PRODUCTS, _ORDERS = Decoder(list[market.ProductSummary]), Decoder(list[market.OrderSummary])
_MAKER: Decoder[ArtisanContact | None] = Decoder(ArtisanContact | None)
_ORDER: Decoder[market.OrderSummary | None] = Decoder(market.OrderSummary | None)
_LINK: Decoder[str | None] = Decoder(str | None)


class MarketplaceClient:
    """The line to the shop: one pool of connections, one key. Raises Unreachable."""

    def __init__(self, api: str, key: str, clock: Clock, timer: Callable[[], float] = time.monotonic) -> None:
        self._api, self._clock, self._timer = api, clock, timer
        self._shut_until: datetime | None = None
        self._session = requests.Session()
        self._session.trust_env = False  # neither a proxy nor a netrc of the machine is meant for the shop
        self._session.headers.update({"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(CONNECTIONS, CONNECTIONS))

    def until(self, seconds: float) -> float:
        """The moment by which an answer must be here."""
        return self._timer() + seconds

    def get(self, path: str, answers: Decoder[T], until: float) -> T:
        try:
            return self._ask("GET", path, answers, until)
        except NotTakenError as error:
            raise Unreachable(error.reason) from None

    def post(self, path: str, body: object, key: str, answers: Decoder[T], until: float) -> T:
        """Raises NotTakenError too."""
        sent = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return self._ask("POST", path, answers, until, data=msgspec.json.encode(body), headers=sent)

    def _ask(self, method: str, path: str, answers: Decoder[T], until: float, **sent: Any) -> T:
        if self._shut_until and self._clock() < self._shut_until:
            raise Unreachable("nobody has answered a moment ago")
        try:
            status, body = self._answer(method, path, until, **sent)
        except (requests.RequestException, HTTPError, OSError) as error:
            self._shut_until = self._clock() + SHUT_FOR
            log.warning("the marketplace does not answer", extra={"reason": type(error).__name__})
            raise Unreachable(type(error).__name__) from None
        try:
            return _read(status, body, answers)
        except Unreachable as error:
            log.warning("the marketplace answers nothing of use", extra={"reason": str(error)})
            raise

    def _answer(self, method: str, path: str, until: float, **sent: Any) -> tuple[int, bytes]:
        try:
            return self._once(method, path, until, **sent)
        except requests.Timeout:
            raise
        except requests.ConnectionError:  # a connection that was kept open may have been shut; all we ask is repeatable
            return self._once(method, path, until, **sent)

    def _once(self, method: str, path: str, until: float, **sent: Any) -> tuple[int, bytes]:
        left = until - self._timer()
        if left <= 0:
            raise requests.Timeout
        timeout: Any = Timeout(total=left, connect=min(left, CONNECT_S))  # of which the type stubs do not know
        url, how = self._api + path, {"timeout": timeout, "stream": True, "allow_redirects": False}
        with self._session.request(method, url, **how, **sent) as response:
            return response.status_code, self._body(response, until)

    def _body(self, response: requests.Response, until: float) -> bytes:
        """All of it, unless it trickles in too slowly or never ends."""
        body = b""
        while piece := response.raw.read1():
            body += piece
            if len(body) > LARGEST_ANSWER or self._timer() > until:
                raise requests.Timeout
        return body


def _read(status: int, body: bytes, answers: Decoder[T]) -> T:
    try:
        if status == 422:
            raise NotTakenError(_PROBLEM.decode(body).reason or "not_valid")
        if status not in (200, 201):
            raise Unreachable(f"status {status}")
        return answers.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Unreachable("an answer that cannot be read") from None


@dataclass(slots=True)
class RemoteMarketplace:
    """A marketplace elsewhere, and what is remembered of it for when it is out of reach; a hop waits for it `hop_s`."""

    client: MarketplaceClient
    is_local: bool = False
    hop_s: float = HOP_S
    _facts: ShopFacts | None = field(default=None, init=False)
    _facts_at: datetime | None = field(default=None, init=False)

    def session(self, work: UnitOfWork, msisdn: str, now: datetime) -> RemoteSession:
        return RemoteSession(self, msisdn, now, self.client.until(self.hop_s))

    def worker_session(self, msisdn: str, now: datetime) -> RemoteSession:
        """For whoever is in no hurry."""
        return RemoteSession(self, msisdn, now, self.client.until(PATIENT_S))

    def events(self, after: int, limit: int, now: datetime) -> Sequence[EventDetails]:
        path = f"/phones/news?after={after}&limit={limit}"
        return self.client.get(path, _RECENT, self.client.until(self.hop_s)).data

    def newest_event(self, now: datetime) -> int:
        """What happened before this bot came is for somebody else to have told."""
        return self.facts(now, self.client.until(self.hop_s)).newest

    def facts(self, now: datetime, until: float) -> ShopFacts:
        """As they are now."""
        self._facts = self.client.get("/phones/shop", _FACTS, until)
        self._facts_at = now
        return self._facts

    def last_facts(self, now: datetime, until: float) -> ShopFacts:
        """As they are, or were within the hour; older ones while the shop is out of reach."""
        if self._facts and self._facts_at and now - self._facts_at < FACTS_KEPT:
            return self._facts
        try:
            return self.facts(now, until)
        except Unreachable:
            if self._facts is None:
                raise
            return self._facts


class RemoteSession:
    """The shop on behalf of one person, for one hop. What it has read once in a hop it does not ask again."""

    def __init__(self, shop: RemoteMarketplace, msisdn: str, now: datetime, until: float) -> None:
        self._shop, self._now, self._until = shop, now, until
        self._path = f"/phones/{quote(msisdn, safe='')}"
        self._heard: dict[str, Any] = {}

    def caller(self) -> CallerProfile:
        caller = self._ask("", _SPEAKER)
        self._remember_the_facts()
        return caller

    def _remember_the_facts(self) -> None:
        """Whoever is served now may sell something when the shop is out of reach."""
        try:
            self._shop.last_facts(self._now, self._until)
        except Unreachable as error:
            log.info("the shop said who speaks and no more", extra={"reason": str(error)})

    def artisan_of_kiosk(self, msisdn: str) -> ArtisanContact | None:
        return self._ask(f"/neighbours/{quote(msisdn, safe='')}", _MAKER)

    def photo_link(self, code: str) -> str | None:
        return self._ask(f"/photo-link/{quote(code, safe='')}", _LINK)

    # -- what is the same for everybody

    def earns(self, price: int) -> int:
        return split(price, 1, self._shop.last_facts(self._now, self._until).commission_percent).earns

    def crafts(self) -> Sequence[tuple[str, str]]:
        return self._shop.last_facts(self._now, self._until).crafts

    def kiosks(self) -> Sequence[market.KioskSummary]:
        """As they are now, so that a new one is found at once; while the shop is out of reach, as they last were."""
        try:
            return self._shop.facts(self._now, self._until).kiosks
        except Unreachable:
            return self._shop.last_facts(self._now, self._until).kiosks

    # -- what is hers

    def products(self) -> Sequence[market.ProductSummary]:
        return self._ask("/products", _PRODUCTS)

    def orders(self) -> Sequence[market.OrderSummary]:
        return self._ask("/orders", _ORDERS)

    def expected(self, code: str) -> Sequence[market.OrderSummary]:
        return self._ask(f"/expected/{quote(code, safe='')}", _ORDERS)

    def to_ship(self) -> Sequence[market.OrderSummary]:
        return self._ask("/to-ship", _ORDERS)

    def bought(self, code: str) -> market.OrderSummary | None:
        return self._ask(f"/bought/{quote(code, safe='')}", _ORDER)

    def earnings(self) -> market.Earnings:
        return self._ask("/earnings", _EARNINGS)

    def day(self) -> market.KioskDaySummary:
        return self._ask("/day", _DAY)

    def _ask(self, path: str, answers: Decoder[T]) -> T:
        if path not in self._heard:
            self._heard[path] = self._shop.client.get(self._path + path, answers, self._until)
        return self._heard[path]  # type: ignore[no-any-return]

    # -- commands

    def perform(self, command: commands.Command, key: str = "") -> Outcome:
        """Has it done once for the key. What the shop cannot take at all counts as refused."""
        self._heard.clear()
        try:
            performed = self._shop.client.post(f"{self._path}/commands", command, key, _PERFORMED, self._until)
        except NotTakenError as error:
            return Outcome("rejected", error.reason)
        self._heard[""] = performed.caller
        return performed.outcome
