"""Stores when API keys were last used, to the minute.

The time is written after the answer was sent, so that no request waits for it. Only one thread of a process writes at a
time, so that a busy database delays one thread and not all.
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
    """Writes the last use of keys."""

    def __init__(self, sessions: sessionmaker[Session], clock: Callable[[], datetime]) -> None:
        self._sessions, self._clock, self._writing = sessions, clock, Lock()

    def after_request(self, response: Response) -> Response:
        """Write the use of the key that this answer is for, unless it was written within `api_keys.USE_NOTED_EVERY`."""
        caller = g.get("caller")
        if caller is not None and caller.usage_is_stale:
            response.call_on_close(lambda: self._write(caller.id))
        return response

    def _write(self, key_id: str) -> None:
        if not self._writing.acquire(blocking=False):
            return  # a later request tries again
        try:
            with self._sessions.begin() as session:
                api_keys.record_use(session, key_id, self._clock())
        except OperationalError:
            log.info("the use of a key was not written: the database is busy")
        finally:
            self._writing.release()
