"""Races two commands on PostgreSQL so that both wait for a lock, in a chosen order, before either may go on.

A third connection holds the lock. The first command starts; when PostgreSQL says that it waits, the second one starts;
when that waits too, the lock is released. A command that needs no such lock ends first. So each race is the same one in
every run, and nothing depends on speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from sqlalchemy import Connection

from marketplace_api.models import Base
from marketplace_api.payments import audit
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import ShopDatabase
from tests.marketplace.races.commands import COMMANDS, SKIPPING_COMMANDS
from tests.marketplace.races.world import Snapshot, World, broken_rules, build
from tests.threads import together

Pair = tuple[str, str]
"""The names of two commands."""
LIMIT_S = 60.0
_ALL_COMMANDS = {**COMMANDS, **SKIPPING_COMMANDS}
_UNCHANGED = {"idempotency_key", "product_word", "shop_currency", "webhook_delivery"}
_TABLES = [table.name for table in Base.metadata.sorted_tables if table.name not in _UNCHANGED]

LOOK_AGAIN_S = 0.002
HOLDS: Mapping[str, str] = {
    "artisan": "SELECT FROM artisan FOR NO KEY UPDATE",
    "order": 'SELECT FROM "order" FOR NO KEY UPDATE',
    "payout": "SELECT FROM payout FOR NO KEY UPDATE",
    "product": "SELECT FROM product FOR NO KEY UPDATE",
    "kiosk": "SELECT FROM kiosk FOR NO KEY UPDATE",
    "key": "SELECT FROM api_key FOR NO KEY UPDATE",
    "endpoints": "LOCK TABLE webhook_endpoint IN SHARE MODE",
    "postings": "LOCK TABLE ledger_posting IN SHARE MODE",
    "events": "LOCK TABLE event IN SHARE MODE",
}
"""What the third connection holds: every row of a table, or a table."""


@dataclass(frozen=True, slots=True)
class Race:
    """Two commands that wait while `held` is held; the one at the place `first` starts before the other."""

    pair: Pair
    held: str
    first: int

    def __str__(self) -> str:
        return f"{self.pair[self.first]} | {self.pair[1 - self.first]}, held: {self.held}"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the commands, by their places, and of the shop."""

    outcomes: tuple[str, str]
    shop: Snapshot

    def differences(self, serial: Result) -> str:
        """How this result differs from a serial one."""
        outcomes = f"{self.outcomes}, not {serial.outcomes}" if self.outcomes != serial.outcomes else ""
        return "; ".join(filter(None, [outcomes, self.shop.differences(serial.shop)]))


@dataclass
class _Runner:
    """A command in a thread: the process of PostgreSQL that serves it, and whether it has ended."""

    pid: int = 0
    is_running: Event = field(default_factory=Event)
    has_ended: Event = field(default_factory=Event)


class RaceTrack:
    """One world, which is as it was at the beginning before every race."""

    def __init__(self, database: ShopDatabase, keeper: Connection) -> None:
        self.database, self._keeper = database, keeper
        self._last_serial: tuple[Pair, Sequence[Result]] | None = None
        with database.open() as shop:
            self.world: World = build(shop)
        for table in _TABLES:
            keeper.exec_driver_sql(f'CREATE TEMP TABLE "saved_{table}" AS TABLE "{table}"')
        keeper.commit()

    @classmethod
    @contextmanager
    def on(cls, database: ShopDatabase) -> Iterator[RaceTrack]:
        """A track in an empty database."""
        with database.engine.connect() as keeper:
            yield cls(database, keeper)
            keeper.rollback()
            keeper.detach()  # the saved tables end with the connection

    def _serial_results(self, pair: Pair) -> Sequence[Result]:
        """What the two commands give one after another, in both orders; kept for the next race of the same pair."""
        if self._last_serial is None or self._last_serial[0] != pair:
            self._restore()
            with self.database.sessions() as session:
                shop = self.database.shop(session)
                self._last_serial = pair, [self._one_after_another(shop, pair, first) for first in (0, 1)]
        return self._last_serial[1]

    def mistakes(self, race: Race) -> Sequence[str]:
        """What is wrong with the shop after the race, and how the result differs from both serial ones if it does."""
        result, wrong = self._run(race)
        serial = self._serial_results(race.pair)
        sentences = [f"{race}: {sentence}" for sentence in wrong]
        if result not in serial:
            differences = " or ".join(result.differences(other) for other in serial)
            sentences.append(f"{race}: {differences}")
        return sentences

    def _run(self, race: Race) -> tuple[Result, Sequence[str]]:
        """Run the race. Returns its result, and what is wrong with the shop."""
        self._restore()
        self._keeper.exec_driver_sql(HOLDS[race.held])
        runners = _Runner(), _Runner()

        def act(number: int) -> str:
            if number == 2:
                for runner in (runners[race.first], runners[1 - race.first]):
                    runner.is_running.set()
                    self._wait_until_it_waits(runner)
                self._keeper.rollback()
                return ""
            return self._perform_in_thread(race.pair[number], runners[number])

        try:
            first_outcome, second_outcome, _ = together(3, act, LIMIT_S)
        finally:
            self._keeper.rollback()
        with self.database.sessions() as session:
            shop = self.database.shop(session)
            wrong = [*audit.inconsistencies(shop), *broken_rules(shop)]
            return Result((first_outcome, second_outcome), Snapshot.of(shop)), wrong

    def _one_after_another(self, shop: Shop, pair: Pair, first: int) -> Result:
        outcomes = ["", ""]
        with shop.session.begin_nested() as both:
            for place in (first, 1 - first):
                shop.session.expunge_all()
                outcomes[place] = self._outcome(shop, pair[place])
            result = Result((outcomes[0], outcomes[1]), Snapshot.of(shop))
            both.rollback()
        shop.session.expunge_all()
        return result

    def _outcome(self, shop: Shop, name: str) -> str:
        try:
            with shop.session.begin_nested():
                _ALL_COMMANDS[name](shop, self.world)
        except Refused as refused:
            return refused.reason
        return "done"

    def _perform_in_thread(self, name: str, runner: _Runner) -> str:
        """`done`, the reason of the refusal, or the error that no command should end with."""
        try:
            with self.database.open() as shop:
                driver = shop.session.connection().connection.driver_connection
                assert driver is not None
                runner.pid = driver.info.backend_pid
                # on a busy machine the lock may be held for longer than a command waits in service
                driver.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LIMIT_S:.0f}s",))
                runner.is_running.wait(LIMIT_S)
                _ALL_COMMANDS[name](shop, self.world)
        except Refused as refused:
            return refused.reason
        except Exception as error:
            return type(getattr(error, "orig", None) or error).__name__
        finally:
            runner.has_ended.set()
        return "done"

    def _wait_until_it_waits(self, runner: _Runner) -> None:
        """Return when the command waits for a lock, or has ended."""
        while not runner.has_ended.wait(LOOK_AGAIN_S):
            waiting = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"
            if runner.pid and self._keeper.exec_driver_sql(waiting, (runner.pid,)).scalar_one():
                return

    def _restore(self) -> None:
        """Make the shop as it was, past the triggers that guard the ledger."""
        tables = " ".join(f'DELETE FROM "{table}"; INSERT INTO "{table}" TABLE "saved_{table}";' for table in _TABLES)
        self._keeper.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {tables}")
        self._keeper.commit()
