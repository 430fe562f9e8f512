"""One hop's ways into the database.

with closing(Work(database)) as work:
    work.session                        reads, without a lock, for as long as the hop lasts
    with work.writing() as conn: …      one transaction; whatever writes inside it joins it
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.orm import Session, sessionmaker


@dataclass(frozen=True, slots=True)
class Database:
    """The two ways into the database: `reading` takes no lock on SQLite, `writing` takes the one there is."""

    reading: sessionmaker[Session]
    writing: sessionmaker[Session]


class UnitOfWork:
    """What one hop reads and writes. Nothing is opened before it is needed; close it when the hop is over."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Session | None = None
        self._is_writing = False

    @property
    def session(self) -> Session:
        """The transaction that is open, else one that only reads and stays open."""
        if self._session is None:
            self._session = self._database.reading()
        return self._session

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A look into the database, which is let go of afterwards unless it was held before."""
        held = self._session is not None
        try:
            yield self.session.connection()
        finally:
            if not held:
                self.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction for everything inside."""
        if self._is_writing:
            yield self.session.connection()
            return
        self.close()
        with self._database.writing.begin() as session:
            self._session, self._is_writing = session, True
            try:
                yield session.connection()
            finally:
                self._session, self._is_writing = None, False

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
