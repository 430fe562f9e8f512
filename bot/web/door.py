"""The door: counts what strangers do and every credential that fails, and says when it is too much.

    door.count("order", Stranger("192.0.2.7", phone="+254733000333", product="K7P4", country="KE"))
        None: it may be done.  1800: not before so many seconds have passed.

Counts are kept in Redis if there is one, else in the database. A provider's request with the right secret is never
counted, so it costs nothing here. An IPv6 address counts with its /64, because one customer has all of it.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from math import ceil
from threading import Lock
from typing import Literal

from flask import Response, request
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from bot.runtime.keys import Purpose
from bot.runtime.settings import Settings
from bot.web.rate_limits import RateLimits
from marketplace_api.rest.access import ClientKind
from state import counters
from state.budgets import Budgets, Spent, SqlBudgets, UnavailableError, Use
from state.counters import STRANGERS

log = logging.getLogger(__name__)

Act = Literal[
    "artisan_code",
    "artisan_log_in",
    "log_in",
    "order",
    "payment",
    "refused_order",
    "wrong_form",
    "wrong_key",
    "wrong_order_link",
    "wrong_photo_link",
    "wrong_webhook_secret",
]
By = Literal["address", "account", "phone", "charged", "product", "country", "service"]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in `per` from one address, for one phone, and so on."""

    by: By
    most: int
    per: timedelta

    @property
    def seconds(self) -> float:
        return self.per.total_seconds()


@dataclass(frozen=True, slots=True)
class Stranger:
    """Where an act comes from: an IP address, and for an order the buyer's phone and its country, and the product.

    `charged` is the phone that gets a prompt to pay, `account` the name with which somebody logs in.
    """

    address: str
    phone: str | None = None
    charged: str | None = None
    product: str | None = None
    country: str | None = None
    account: str | None = None

    @property
    def network(self) -> str:
        return network(self.address)

    def value(self, by: By) -> str | None:
        """The value whose uses are counted together; None if it is not known."""
        match by:
            case "address":
                return self.network
            case "account":
                return self.account
            case "phone":
                return self.phone
            case "charged":
                return self.charged
            case "product":
                return self.product
            case "country":
                return self.country
            case "service":
                return ""


LIMITS: Mapping[Act, Sequence[Limit]] = {
    # many phones of a mobile network share an address
    "artisan_code": (Limit("address", 30, 10 * MINUTE), Limit("phone", 5, HOUR)),
    "artisan_log_in": (Limit("address", 60, 10 * MINUTE), Limit("phone", 10, HOUR)),
    "log_in": (Limit("address", 10, 10 * MINUTE), Limit("account", 10, 10 * MINUTE)),
    "order": (
        Limit("address", 10, HOUR),
        Limit("phone", 10, DAY),
        Limit("charged", 10, DAY),
        Limit("product", 30, HOUR),
        Limit("country", 200, HOUR),
        Limit("service", 300, HOUR),
    ),
    "payment": (Limit("address", 30, HOUR), Limit("charged", 10, DAY)),
    "refused_order": (),
    "wrong_form": (Limit("address", 20, MINUTE),),
    "wrong_key": (Limit("address", 20, MINUTE),),
    "wrong_order_link": (Limit("address", 20, MINUTE),),
    "wrong_photo_link": (Limit("address", 20, MINUTE),),
    "wrong_webhook_secret": (Limit("address", 20, MINUTE),),
}
SUCCESSES = frozenset({"artisan_code", "artisan_log_in", "order", "payment"})
"""Acts that are no failures."""
POINTS = Limit("address", 60, timedelta(minutes=10))
"""All acts of an address together. A success is one point, a failure `FAILURE_COSTS`."""
FAILURE_COSTS = 3
LIMITED_PAGES = frozenset(
    {
        *("shop.window", "shop.maker", "shop.kiosk", "shop.product", "shop.order", "photos.page"),
        "discovery.sitemap",
        *("orders.page", "orders.pay", "orders.choose_again", "orders.cancel", "orders.received"),
        *("orders.report", "me.page", "me.act", "me.form", "me.add", "me_log_in.code", "me_log_in.log_in"),
    }
)
"""The endpoints of the pages that anybody may open; pictures are files, and are not counted."""
REFUSED = "strangers_refused"
"""The counter of what was beyond a limit."""
FLUSH_EVERY_S = 1.0
"""A process writes its counters at most this often, so that a flood causes few writes."""
_MOST_REMEMBERED = 10_000


class Door:
    """Counts acts. `admit` is a `marketplace_api.rest.access.RateLimit`."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._rates = RateLimits(settings)
        self._database, self._clock = database, clock
        self._key = settings.keys.current(Purpose.STRANGERS)
        in_sql = SqlBudgets(self._transaction)
        self._stores = (*_redis_budgets(settings.redis_url), in_sql)
        self._closed: dict[str, float] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._counting, self._flushed_at = Lock(), 0.0

    def admit(self, kind: ClientKind, name: str) -> int | None:
        """Count a request of the API: of a key, of an address without a key, or of one whose key is wrong or missing.

        None if it is allowed; else the whole seconds, at least one, until the next is allowed.
        """
        if kind == "wrong_key":
            return self.count("wrong_key", Stranger(name))
        return self._rates.admit(kind, network(name) if kind == "address" else name)

    def count(self, act: Act, stranger: Stranger) -> int | None:
        """Count an act. None if it is allowed; else the whole seconds, at least one, until it is."""
        now = self._clock().timestamp()
        limits, uses = self._uses(act, stranger, 1)
        points = Use(self._name("all", POINTS, stranger), 1 if act in SUCCESSES else FAILURE_COSTS, POINTS.seconds)
        if act in SUCCESSES:  # points close the forms of orders alone: what else fails is refused anyway
            limits, uses, others = [*limits, POINTS], [*uses, points], []
        else:
            others = [points]
        for use, limit in zip(uses, limits, strict=True):
            if (ends_at := self._closed.get(use.name, 0.0)) > now:
                return self._refused(act, stranger, limit, ends_at - now)
        for use, limit, spent in zip(uses, limits, self._spend([*uses, *others]), strict=False):
            if spent.total > limit.most:
                self._remember_closed(use.name, spent.ends_at, now)
                log.warning("a stranger is refused", extra={"act": act, "by": limit.by, "address": stranger.network})
                return self._refused(act, stranger, limit, spent.ends_at - now)
        if act not in SUCCESSES:
            log.warning("a stranger failed", extra={"act": act, "address": stranger.network})
        self._add({(STRANGERS, act): 1})
        return None

    def take_back(self, stranger: Stranger) -> None:
        """Uncount an order that was not placed. It was a failure."""
        self._spend(self._uses("order", stranger, -1)[1])
        self.count("refused_order", stranger)

    def _refused(self, act: Act, stranger: Stranger, limit: Limit, seconds: float) -> int:
        self._add({(STRANGERS, act): 1, (REFUSED, f"{act} {limit.by}"): 1})
        return max(1, ceil(seconds))

    def _uses(self, act: Act, stranger: Stranger, amount: int) -> tuple[list[Limit], list[Use]]:
        """The limits of an act that apply, and its use of their budgets."""
        limits = [limit for limit in LIMITS[act] if stranger.value(limit.by) is not None]
        return limits, [Use(self._name(act, limit, stranger), amount, limit.seconds) for limit in limits]

    def _spend(self, uses: Sequence[Use]) -> Sequence[Spent]:
        """What was used of each; nothing if no store can be asked, and then nothing is refused."""
        for store in self._stores:
            try:
                return store.spend(uses, self._clock().timestamp())
            except UnavailableError as error:
                log.warning("strangers are not counted in one store: %s", error)
        return ()

    def _remember_closed(self, name: str, ends_at: float, now: float) -> None:
        """So that a flood is refused without asking a store again."""
        if len(self._closed) >= _MOST_REMEMBERED:
            self._closed = {name: until for name, until in self._closed.items() if until > now}
        if len(self._closed) < _MOST_REMEMBERED:
            self._closed[name] = ends_at

    def _name(self, act: Act | Literal["all"], limit: Limit, stranger: Stranger) -> str:
        """The name of a budget. It holds no address and no phone, only what a key of ours makes of them."""
        value = (stranger.value(limit.by) or "").encode()
        return f"{act}:{limit.by}:{hashlib.blake2b(value, key=self._key, digest_size=16).hexdigest()}"

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._database.writing.begin() as session:
            yield session.connection()

    # -- what operators see

    def _add(self, counts: Mapping[tuple[str, str], int]) -> None:
        with self._counting:
            self._counts.update(counts)
        if self._clock().timestamp() - self._flushed_at >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write the counts of this process to the counters."""
        with self._counting:
            counts, self._counts = self._counts, Counter()
            self._flushed_at = self._clock().timestamp()
        if not counts:
            return
        try:
            with self._transaction() as conn:
                counters.add(conn, counts)
        except SQLAlchemyError as error:
            log.warning("counts of strangers were not written: %s", type(error).__name__)
            with self._counting:
                self._counts += counts

    def limit_pages(self) -> Response | None:
        """Answer 429 to an address that asks for pages more often than `PUBLIC_RATE`. Use it as `before_request`."""
        if request.endpoint not in LIMITED_PAGES:
            return None
        seconds = self.admit("address", request.remote_addr or "")
        if seconds is None:
            return None
        words = f"There were too many requests. Please try again in {seconds} seconds."
        return Response(words, 429, {"Retry-After": str(seconds)}, mimetype="text/plain")

    def count_refusals(self, response: Response) -> Response:
        """Count the answer to a wrong webhook secret, signature or secret link. Use it as `after_request`."""
        if response.status_code in (403, 404):
            stranger = Stranger(request.remote_addr or "")
            if request.path.startswith("/webhooks/"):
                self.count("wrong_webhook_secret", stranger)
            elif request.path.startswith("/p/"):
                self.count("wrong_photo_link", stranger)
            elif request.path.startswith("/o/") and response.status_code == HTTPStatus.NOT_FOUND:
                self.count("wrong_order_link", stranger)
        return response


def network(address: str) -> str:
    """The part of an address that one customer of a network has: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((parsed.packed[:8] + bytes(8), 64)))
    return str(parsed)


def _redis_budgets(redis_url: str | None) -> Sequence[Budgets]:
    if not redis_url:
        return ()
    # imported here: redis-py takes time to import, and without Redis nothing needs it
    from state.redis_budgets import RedisBudgets

    return (RedisBudgets(redis_url),)
