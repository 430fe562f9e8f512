"""Reads that may be a little late, from a read replica of PostgreSQL if there is one and it is fit for use.

    reads.run(lambda session: catalogue(session))

Only pages for everybody and reports read so. A cursor, a balance or a code that is late would be wrong.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from state import deadline

log = logging.getLogger(__name__)

LATE = timedelta(minutes=2)
"""A replica that is this far behind is not read. Each minute the worker commits something, so without load its last
transaction is up to a minute old."""
CHECK_S = 5.0
"""How long a replica counts as fit, or as unfit, after it was checked."""
WAIT_S = 1.0
"""How long a read waits for the replica; then the primary is asked."""
_FAILURES = DBAPIError, PoolTimeoutError, deadline.TimeIsUpError
_AGE = text("""
    SELECT CASE WHEN pg_is_in_recovery()
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) ELSE 0 END
""")
"""The age in seconds of the last transaction that the replica has replayed; NULL if it has not replayed any since its
start. https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL"""

Found = TypeVar("Found")


class LateReads:
    """Runs queries on the replica, and on the primary if there is no replica, or it fails, or is late."""

    def __init__(
        self,
        primary: Database,
        replica: Engine | None,
        *,
        late: timedelta = LATE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._primary, self._late, self._monotonic = primary, late, monotonic
        self._replica = Database.of(replica) if replica else None
        self._is_fit, self._checked_at = False, float("-inf")

    def run(self, query: Callable[[Session], Found]) -> Found:
        """What `query` returns. It must only read, and is called again on the primary if the replica fails."""
        if self._replica and self._replica_is_fit(self._replica):
            try:
                with deadline.within(WAIT_S), self._replica.reading() as session:
                    return query(session)
            except _FAILURES as error:
                self._note(is_fit=False, why=type(error).__name__)
        with self._primary.reading() as session:
            return query(session)

    def _replica_is_fit(self, replica: Database) -> bool:
        if self._monotonic() < self._checked_at + CHECK_S:
            return self._is_fit
        self._checked_at = self._monotonic()  # other threads need not check too
        try:
            with deadline.within(WAIT_S), replica.reading() as session:
                age = session.scalar(_AGE)
        except _FAILURES as error:
            return self._note(is_fit=False, why=type(error).__name__)
        is_fit = age is not None and age <= self._late.total_seconds()
        return self._note(is_fit=is_fit, why="it is late")

    def _note(self, *, is_fit: bool, why: str) -> bool:
        if self._is_fit and not is_fit:
            log.warning("the read replica is not used: %s", why)
        self._is_fit, self._checked_at = is_fit, self._monotonic()
        return is_fit
