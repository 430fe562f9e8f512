"""Transactions: the sessions of a database, for reading and for writing, and the unit of work of one hop.

with closing(UnitOfWork(database)) as work:
    work.session                        a read transaction, opened when first used and kept until the hop ends
    with work.writing() as conn: …      one write transaction; a nested `writing` joins it
    with work.reading() as conn: …      a read in whichever transaction is open, else in a short one of its own
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker


@dataclass(frozen=True, slots=True)
class Database:
    """Makes sessions. On SQLite, `reading` takes no lock and `writing` takes the only write lock at its beginning."""

    reading: sessionmaker[Session]
    writing: sessionmaker[Session]

    @classmethod
    def of(cls, engine: Engine) -> Self:
        return cls(
            reading=sessionmaker(engine.execution_options(read_only=True), expire_on_commit=False),
            writing=sessionmaker(engine, expire_on_commit=False),
        )

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session whose reads all see the same state of the database. On PostgreSQL it cannot write anything."""
        with self.reading() as session:
            if session.get_bind().dialect.name == "postgresql":  # a read transaction of SQLite does so anyway
                options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                session.connection(execution_options=options)
            yield session


class UnitOfWork:
    """The transactions of one hop. None is opened before it is needed; close it when the hop is over.

    `beginning` is called before every write transaction, and `ending` at its end; if that raises, it is rolled back.
    """

    def __init__(
        self,
        database: Database,
        beginning: Callable[[], None] | None = None,
        ending: Callable[[Connection], None] | None = None,
    ) -> None:
        self._database, self._beginning, self._ending = database, beginning, ending
        self._session: Session | None = None
        self._is_writing = False

    @property
    def is_writing(self) -> bool:
        """True inside `writing`."""
        return self._is_writing

    @property
    def session(self) -> Session:
        """The session of the open transaction; if none is open, of a read transaction that then stays open."""
        if self._session is None:
            self._session = self._database.reading()
        return self._session

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reads. A transaction that this opens is closed at the end; one that was open stays open."""
        was_open = self._session is not None
        try:
            yield self.session.connection()
        finally:
            if not was_open:
                self.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a write transaction, committed at the end and rolled back by an exception.

        Inside another `writing` it joins that transaction. An open read transaction is closed before it begins.
        """
        if self._is_writing:
            yield self.session.connection()
            return
        self.close()
        if self._beginning:
            self._beginning()
        with self._database.writing.begin() as session:
            self._session, self._is_writing = session, True
            try:
                yield session.connection()
                if self._ending:
                    self._ending(session.connection())
            finally:
                self._session, self._is_writing = None, False

    def close(self) -> None:
        """Close the open read transaction, if there is one."""
        if self._session is not None:
            self._session.close()
            self._session = None
