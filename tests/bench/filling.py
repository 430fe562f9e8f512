"""Fills a shop with up to a million of everything, by statements that the database runs alone.

Each row is computed from its number `i`, so both databases get the same rows. Indexes and triggers are dropped
meanwhile and made again at the end, because to build an index at once takes a fraction of the time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import Engine

from marketplace_api.codes import DIGITS, LETTERS
from marketplace_api.schemas.orders import Address

KIOSKS, ARTISANS_OF_BUSIEST = 20, 500
DAY, YEAR = 86_400, 365 * 86_400
SESSION_BYTES = 600
ADDRESS = dict.fromkeys(Address.model_fields) | {
    "name": "Ann Li",
    "line1": "1 High St",
    "city": "Leeds",
    "country": "GB",
}
KIND = "benchmark"
"""The kind of jobs that wait; no worker knows it."""
FIRST_ENTRY = 10_000_000
"""The ids of ledger entries are higher: those below belong to the people who are measured."""

Execute = Callable[[str], object]
Columns = Mapping[str, str]
"""The name of each column, and what it is, in SQL."""


def fill(engine: Engine, size: int, now: datetime, busiest: str) -> None:
    """Add `size` rows to each table; 500 artisans are of the kiosk `busiest`, and every tenth order came there.

    The others are of 20 more kiosks.
    """
    is_sqlite = engine.dialect.name == "sqlite"
    with (_sqlite if is_sqlite else _postgresql)(engine) as execute:
        execute("CREATE TEMP TABLE n (i bigint PRIMARY KEY)")
        numbers = f"VALUES (1) UNION ALL SELECT i + 1 FROM k WHERE i < {size}"
        execute(f"INSERT INTO n WITH RECURSIVE k(i) AS ({numbers}) SELECT i FROM k")
        for table, columns, condition in Rows(size, int(now.timestamp()), busiest, is_sqlite=is_sqlite).tables():
            values = f"SELECT {', '.join(columns.values())} FROM n WHERE {condition} ORDER BY i"
            execute(f'INSERT INTO "{table}" ({", ".join(columns)}) {values}')


@contextmanager
def _sqlite(engine: Engine) -> Iterator[Execute]:
    assert engine.url.database
    with closing(sqlite3.connect(engine.url.database, isolation_level=None)) as connection:
        # a log would be written twice; without one nobody else may have the file open
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1048576", "foreign_keys = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        dropped = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        definitions = connection.execute(dropped).fetchall()
        for kind, name, _ in definitions:
            connection.execute(f'DROP {kind} "{name}"')
        connection.execute("BEGIN")
        yield connection.execute
        connection.execute("COMMIT")
        for *_, definition in definitions:
            connection.execute(definition)
        connection.execute("PRAGMA journal_mode = WAL")


@contextmanager
def _postgresql(engine: Engine) -> Iterator[Execute]:
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:

        def execute(statement: str) -> object:
            return connection.execute(statement.encode())

        # neither triggers nor foreign keys are checked
        for setting in ("session_replication_role = replica", "maintenance_work_mem = '1GB'", "work_mem = '256MB'"):
            execute(f"SET {setting}")
        of_no_constraint = "NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
        indexes = "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON "
        ours = "oid = indrelid WHERE relnamespace = 'public'::regnamespace"
        definitions = connection.execute(f"{indexes} {ours} AND {of_no_constraint}".encode()).fetchall()
        for name, _ in definitions:
            execute(f"DROP INDEX {name}")
        yield execute
        for _, definition in definitions:
            execute(definition)
        execute("VACUUM (ANALYZE)")


@dataclass(frozen=True, slots=True)
class Rows:
    """What is in each row, in the words of one database; `now` is in Unix seconds."""

    size: int
    now: int
    busiest: str
    is_sqlite: bool

    def tables(self) -> Iterator[tuple[str, Columns, str]]:
        """Each table, its columns, and a condition on the numbers of its rows."""
        for table, columns in (self._people() | self._shop() | self._work()).items():
            yield table, columns, "true"
        yield "kiosk", self._kiosk(), f"i <= {KIOSKS}"
        yield "payout", self._payout(), _IS_DELIVERED
        for word in (_noun(), _sort(), "'made'", "'hand'", f"lower({_code()})"):
            yield "product_word", {"product_id": _id("prd"), "word": f"trim({word})"}, "true"

    def _kiosk(self) -> Columns:
        return {
            "id": _id("ksk"),
            "code": _code(),
            "name": "'Kiosk ' || i",
            "town": "'Town ' || (i % 200)",
            "agent_name": "'Otieno'",
            "agent_msisdn": f"'+25472' || {_padded()}",
            "created_at": self._ago(f"{2 * YEAR}"),
            "wrong_cash_codes": "0",
        }

    def _people(self) -> Mapping[str, Columns]:
        kiosk = f"CASE WHEN i <= {ARTISANS_OF_BUSIEST} THEN '{self.busiest}' ELSE {_id('ksk', _SOME_KIOSK)} END"
        return {
            "artisan": {
                "id": _id("art"),
                "msisdn": _phone(),
                "name": "'Artisan ' || i",
                "language": "'en'",
                "craft": "'baskets'",
                "status": "'active'",
                "kiosk_id": kiosk,
                "payout_method": "'mobile_money'",
                "payout_msisdn": _phone(),
                "created_at": self._ago(f"{YEAR} + i % {DAY}"),
            },
            "person": {
                "msisdn": _phone(),
                "language": "'en'",
                "first_seen_at": self._ago(f"{DAY}"),
                "updated_at": self._ago(f"{DAY}"),
                "pin_misses": "0",
            },
            "session": {
                "msisdn": _phone(),
                "data": self._bytes(),
                "expires_at": f"{self.now + DAY} + i % {6 * DAY}",
            },
        }

    def _shop(self) -> Mapping[str, Columns]:
        came_to = f"CASE WHEN i % 10 = 5 THEN '{self.busiest}' ELSE {_id('ksk', _SOME_KIOSK)} END"
        account = f"'artisan:' || {_id('art')}"
        return {
            "product": {
                "id": _id("prd"),
                "code": _code(),
                "artisan_id": _id("art"),
                "title": f"trim({_sort()}) || ' ' || trim({_noun()})",
                "category": "'baskets'",
                "description": "'Made by hand'",
                "price": "150000",
                "currency": "'KES'",
                "on_hand": "9",
                "reserved": "0",
                "status": "'listed'",
                "created_at": self._spread(),
                "updated_at": self._spread(),
            },
            "order": {
                "id": _id("ord"),
                "code": _code(),
                "status": f"CASE {_STATUS} WHEN 'received' THEN 'delivered' WHEN 'offered' THEN 'placed' "
                f"ELSE {_STATUS} END",
                "product_id": _id("prd"),
                "quantity": "1",
                "unit_price": "150000",
                "commission_percent": "10",
                "currency": "'KES'",
                "total": "150000",
                "commission": "15000",
                "artisan_earns": "135000",
                "shipping": "0",
                "tax_points": "0",
                "tax": "0",
                "payment_status": "'vouched'",
                "buyer_name": "'Ann Li'",
                "buyer_msisdn": f"'+25411' || {_padded()}",
                "buyer_locale": "'en'",
                "ship_to": self._json(ADDRESS),
                "placed_by": "'demo'",
                "created_at": self._spread(),
                "expires_at": self._spread(),
                "kiosk_id": f"CASE WHEN {_IS_DELIVERED} THEN {came_to} END",
            },
            "assignment": {
                "order_id": _id("ord"),
                "artisan_id": _id("art"),
                "quantity": "1",
                "earns": "135000",
                "reason": "''",
                "refused": "0",
                "status": _STATUS,
                "received_at": f"CASE WHEN {_IS_DELIVERED} THEN {self._received()} END",
                "received_by": f"CASE WHEN {_IS_DELIVERED} THEN {came_to} END",
            },
            "order_timeline": {"order_id": _id("ord"), "status": "'placed'", "at": self._spread()},
            "ledger_account": {"name": account, "currency": "'KES'"},
            "ledger_entry": {
                "id": f"{FIRST_ENTRY} + i",
                "key": f"'earned:' || {_id('ord')}",
                "note": "'order'",
                "at": self._spread(),
            },
            "ledger_posting": {"entry_id": f"{FIRST_ENTRY} + i", "account": account, "amount": "-135000"},
            "event": {
                "xid": "0",
                "id": _id("evt"),
                "type": "'order.placed'",
                "created_at": self._spread(),
                "data": self._json({"id": "ord_1"}),
            },
        }

    def _payout(self) -> Columns:
        times = dict.fromkeys(("created_at", "sent_at", "paid_at"), self._received())
        return times | {
            "id": _id("pay"),
            "payment_id": _id("pay"),
            "code": _code(),
            "artisan_id": _id("art"),
            "order_id": _id("ord"),
            "piece": "0",
            "amount": "135000",
            "currency": "'KES'",
            "method": "'mobile_money'",
            "msisdn": _phone(),
            "status": "'paid'",
            "sends": "1",
            "provider": "'simulator'",
            "provider_reference": _id("ref"),
            "retried": "false",
            "kiosk_id": "NULL",
        }

    def _work(self) -> Mapping[str, Columns]:
        """Texts, their jobs, and what was done: one job in a hundred still waits."""
        waits = "i % 100 = 7"
        payload = f"CASE WHEN {waits} THEN '{{\"message\": \"' || {_id('msg')} || '\"}}' ELSE '{{}}' END"
        return {
            "message": dict.fromkeys(("created_at", "asked_at", "sent_at", "delivered_at"), self._spread())
            | {
                "id": _id("msg"),
                "direction": "CASE WHEN i % 2 = 0 THEN 'in' ELSE 'out' END",
                "msisdn": _phone(),
                "channel": "'sms'",
                "text": "'An order was placed, and it waits for your answer.'",
                "status": f"CASE WHEN {waits} THEN 'queued' WHEN i % 100 = 1 THEN 'failed' ELSE 'delivered' END",
                "encoding": "'GSM-7'",
                "segments": "1",
                "provider": "'africastalking'",
                "provider_id": _id("ATX"),
                "topic": "'order.placed'",
                "to_stranger": "false",
                "repeats": "0",
            },
            "outbox": {
                "kind": f"'{KIND}'",
                "lane": _phone(),
                "priority": "i % 2",
                "payload": payload,
                "key": f"'sms:' || {_id('msg')}",
                "due_at": self._spread(),
                "attempts": "1",
                "polls": "0",
                "created_at": self._spread(),
                "done_at": f"CASE WHEN NOT {waits} THEN {self._spread()} END",
            },
            "performed": {
                "key": "'ATUid_' || i || ':1'",
                "msisdn": _phone(),
                "gateway_session": "'ATUid_' || i",
                "outcome": self._bytes(),
                "checkpoint": self._bytes(),
                "at": self._ago(f"i % {14 * DAY}"),
            },
        }

    # -- values

    def _ago(self, seconds: str) -> str:
        at = f"{self.now} - ({seconds})"
        return f"strftime('%Y-%m-%d %H:%M:%f', {at}, 'unixepoch') || '000'" if self.is_sqlite else f"to_timestamp({at})"

    def _spread(self) -> str:
        """The times of the last year; the row with the highest number is the newest."""
        return self._ago(f"({self.size} - i) * {YEAR} / {self.size}")

    def _received(self) -> str:
        """The same, but the busiest kiosk has got nothing for two days: its today is the same in each size."""
        return self._ago(f"({self.size} - i) * {YEAR} / {self.size} + CASE WHEN i % 10 = 5 THEN {2 * DAY} ELSE 0 END")

    def _bytes(self) -> str:
        return f"zeroblob({SESSION_BYTES})" if self.is_sqlite else f"decode(repeat('00', {SESSION_BYTES}), 'hex')"

    def _json(self, document: Mapping[str, str | None]) -> str:
        return f"'{json.dumps(document)}'" + ("" if self.is_sqlite else "::json")


_STATUS = (
    "CASE WHEN i % 100 < 3 THEN 'accepted' WHEN i % 100 = 3 THEN 'offered' "
    "WHEN i % 100 < 14 THEN 'declined' ELSE 'received' END"
)
_IS_DELIVERED = "i % 100 >= 14"
_SOME_KIOSK = f"1 + i % {KIOSKS}"


def _padded(number: str = "i") -> str:
    """The number with seven digits, so that rows are in the order of their keys."""
    return f"substr(CAST(10000000 + {number} AS text), 2)"


def _id(prefix: str, number: str = "i") -> str:
    return f"'{prefix}_' || {_padded(number)}"


def _phone() -> str:
    return f"'+25470' || {_padded()}"


def _code() -> str:
    """Six characters, in the order of the numbers."""
    places, divisor = [], 1
    for place in reversed(range(6)):
        characters = DIGITS if place % 2 else LETTERS
        places.append(f"substr('{characters}', CAST(1 + i / {divisor} % {len(characters)} AS int), 1)")
        divisor *= len(characters)
    return " || ".join(reversed(places))


def _sort() -> str:
    return "substr('small large tiny  plain blue  red   green black ', CAST(1 + 6 * (i % 8) AS int), 6)"


def _noun() -> str:
    return "substr('basket mat    lamp   bowl   stool  shawl  bead   ', CAST(1 + 7 * (i % 7) AS int), 7)"
