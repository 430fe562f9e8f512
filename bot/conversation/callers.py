"""Who calls: what a call must know at its beginning, read from our own shop and our own tables by one statement.

reader.read("+254711000101", "ATUid_1", before=now - timedelta(hours=1))
Caller(profile=CallerProfile("Amina Yusuf", artisan=True, …), known=Known("sw", …), has_older=False)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Text, bindparam, select
from sqlalchemy_utc import UtcDateTime

from bot.marketplace.wire import CallerProfile
from marketplace_api.accounts import roles
from state import people, processed
from state.raw_database import RawDatabase, all_rows


@dataclass(frozen=True, slots=True)
class Known:
    """What our own tables say of a phone; as in `PersonRecord`, and nothing of a phone without a record."""

    language: str | None
    keyword_language: str | None
    has_pin: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller in the shop, as a person whom we know, and whether an older call has the id of this one."""

    profile: CallerProfile
    known: Known
    has_older: bool
    """True if a call of this phone with the same id has performed something before the time that was asked for."""


class CallerReader:
    """Reads callers from the database at `url`, with connections of its own: no transaction of a hop is open yet."""

    def __init__(self, url: str | URL) -> None:
        self._database = RawDatabase(url, prepares=False)
        named: dict[str, Any] = {"paramstyle": "named" if self._database.is_sqlite else "pyformat"}
        dialect = self._database.url.get_dialect()(**named)
        compiled = _STATEMENT.compile(dialect=dialect)
        self.sql, self.constants = str(compiled), dict(compiled.params)
        self._as_stored: Callable[[datetime], Any] = UtcDateTime().bind_processor(dialect) or (lambda at: at)

    def read(self, msisdn: str, call_id: str, before: datetime) -> Caller:
        """Raises what `RawDatabase.run` raises."""
        asked = {"msisdn": msisdn, "call_id": call_id, "before": self._as_stored(before)}
        ((artisan, agent, kiosk, locale, language, keyword_language, has_pin, has_older),) = self._database.run(
            self.sql, self.constants | asked, all_rows
        )
        profile = CallerProfile(
            name=agent or "" if artisan is None else artisan,
            artisan=artisan is not None,
            agent=agent is not None,
            kiosk=kiosk or "",
            locale=locale,
        )
        return Caller(profile, Known(language, keyword_language, bool(has_pin)), bool(has_older))

    def close(self) -> None:
        """Close the idle connections."""
        self._database.close()


def _statement() -> Any:
    msisdn = bindparam("msisdn", type_=Text())
    shop = roles.names_of_phone(msisdn).subquery()
    own = people.known(msisdn).subquery()
    older = processed.older(
        bindparam("call_id", type_=Text()), msisdn, bindparam("before", type_=UtcDateTime())
    ).exists()
    return select(*shop.c, *own.c, older)


_STATEMENT = _statement()
