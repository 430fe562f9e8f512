"""Sessions in the SQL database: each call is one statement in its own transaction."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import URL

from state.raw_database import RawDatabase, all_rows, rows_touched
from state.sessions import PAGES, RENEWED, Claimed, Seen, SidePage

_PAGE = "#"
"""Between the MSISDN and the slot in the key of a page."""

_LOAD = "SELECT data FROM session WHERE msisdn = ? AND expires_at > ? AND data <> ?"
# The row itself is returned, not a snapshot that may be older. Without a conversation its data are empty.
_CLAIM = """
    INSERT INTO session (msisdn, data, expires_at, holder, held_until) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (msisdn) DO UPDATE SET
        left_by = session.holder, holder = excluded.holder, held_until = excluded.held_until
    WHERE session.holder = '' OR session.held_until <= ? OR session.holder = excluded.holder
    RETURNING data, expires_at, left_by"""
_SAVE = "UPDATE session SET data = ?, expires_at = ?, holder = '' WHERE msisdn = ? AND holder = ?"
# An expiry that stays costs no write to its index.
_LOOK = "SELECT data, expires_at FROM session WHERE msisdn = ? AND holder = '' AND expires_at > ? AND data <> ?"
_REPLACE = "UPDATE session SET data = ? WHERE msisdn = ? AND holder = '' AND data = ?"
_REPLACE_AND_RENEW = "UPDATE session SET data = ?, expires_at = ? WHERE msisdn = ? AND holder = '' AND data = ?"
# A page is a row too, under the MSISDN and its slot. If the process dies after this statement, the next hop saves the
# same page again, because the conversation still has what is in it.
_SAVE_PAGE = """
    INSERT INTO session (msisdn, data, expires_at) SELECT ?, ?, ? FROM session WHERE msisdn = ? AND holder = ?
    ON CONFLICT (msisdn) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at"""
_REPLACE_PAGE = _SAVE_PAGE.replace("holder = ?", "holder = '' AND data = ?")
_PAGES = f"SELECT data FROM session WHERE msisdn IN ({', '.join('?' * PAGES)})"  # noqa: S608
_RELEASE = "UPDATE session SET holder = '' WHERE msisdn = ? AND holder = ?"
_LEAVE = "UPDATE session SET held_until = 0 WHERE msisdn = ? AND holder = ?"
_ALL = "SELECT msisdn, data FROM session"
_DELETE = f"DELETE FROM session WHERE msisdn IN (?, {', '.join('?' * PAGES)})"  # noqa: S608
_SWEEP = "DELETE FROM session WHERE expires_at <= ? AND held_until <= ?"
_PING = "SELECT 1"


class SqlSessions:
    """`Sessions` in the table `session` of the SQLite or PostgreSQL database at `url`."""

    def __init__(self, url: str | URL) -> None:
        self._database = RawDatabase(url, prepares=True)
        self._run = self._database.run

    def load(self, msisdn: str, now: float) -> bytes | None:
        rows = self._run(_LOAD, (msisdn, now, b""), all_rows)
        return rows[0][0] if rows else None

    def look(self, msisdn: str, now: float) -> Seen | None:
        rows = self._run(_LOOK, (msisdn, now, b""), all_rows)
        return Seen(*rows[0]) if rows else None

    def replace(
        self, msisdn: str, seen: Seen, data: bytes, *, now: float, ttl: float, page: SidePage | None = None
    ) -> Seen | None:
        if page:
            values = (f"{msisdn}{_PAGE}{page.slot}", page.data, now + ttl, msisdn, seen.data)
            self._run(_REPLACE_PAGE, values, rows_touched)
        if seen.expires_at > now + ttl * RENEWED:
            saved = Seen(data, seen.expires_at)
            stored = self._run(_REPLACE, (data, msisdn, seen.data), rows_touched)
        else:
            saved = Seen(data, now + ttl)
            stored = self._run(_REPLACE_AND_RENEW, (data, saved.expires_at, msisdn, seen.data), rows_touched)
        return saved if stored == 1 else None

    def claim(self, msisdn: str, holder: str, *, now: float, lease: float) -> Claimed | None:
        held_until = now + lease
        rows = self._run(_CLAIM, (msisdn, b"", held_until, holder, held_until, now), all_rows)
        if not rows:
            return None
        data, expires_at, left_by = rows[0]
        return Claimed(data if data and expires_at > now else None, left_by)

    def save(
        self, msisdn: str, data: bytes, holder: str, *, now: float, ttl: float, page: SidePage | None = None
    ) -> bool:
        if page:
            values = (f"{msisdn}{_PAGE}{page.slot}", page.data, now + ttl, msisdn, holder)
            self._run(_SAVE_PAGE, values, rows_touched)
        return self._run(_SAVE, (data, now + ttl, msisdn, holder), rows_touched) == 1

    def pages(self, msisdn: str) -> list[bytes]:
        return [data for (data,) in self._run(_PAGES, _page_keys(msisdn), all_rows)]

    def release(self, msisdn: str, holder: str, *, is_done: bool) -> None:
        self._run(_RELEASE if is_done else _LEAVE, (msisdn, holder), rows_touched)

    def delete(self, msisdn: str) -> None:
        self._run(_DELETE, (msisdn, *_page_keys(msisdn)), rows_touched)

    def mentioning(self, matches: Callable[[bytes], bool]) -> list[str]:
        found = (key.partition(_PAGE)[0] for key, data in self._run(_ALL, (), all_rows) if matches(data))
        return list(dict.fromkeys(found))

    def ping(self) -> None:
        self._run(_PING, (), all_rows)

    def sweep(self, now: float) -> int:
        """Delete the sessions that have expired by `now`; returns how many."""
        return self._run(_SWEEP, (now, now), rows_touched)

    def close(self) -> None:
        """Close the idle connections."""
        self._database.close()


def _page_keys(msisdn: str) -> tuple[str, ...]:
    return tuple([f"{msisdn}{_PAGE}{slot}" for slot in range(PAGES)])
