"""When keys were last used, to the minute.

It is written once the answer is on its way, so that no request waits for it, and by one thread of a process at a
time, so that a database which is busy for long holds up one and not all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Lock

from flask import Response, g
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from marketplace_api.accounts import api_keys

log = logging.getLogger(__name__)


class KeyUsage:
    """Writes them down."""

    def __init__(self, sessions: sessionmaker[Session], clock: Callable[[], datetime]) -> None:
        self._sessions, self._clock, self._writing = sessions, clock, Lock()

    def follow(self, response: Response) -> Response:
        """Note the use of the key that this answer is for, when it has not been noted for a minute."""
        caller = g.get("caller")
        if caller is not None and caller.usage_is_stale:
            response.call_on_close(lambda: self._note(caller.id))
        return response

    def _note(self, key_id: str) -> None:
        if not self._writing.acquire(blocking=False):
            return  # the next request will try again
        try:
            with self._sessions.begin() as session:
                api_keys.record_use(session, key_id, self._clock())
        except OperationalError:
            log.info("a key's use was not noted: the database is busy")
        finally:
            self._writing.release()
