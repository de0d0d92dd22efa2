"""The database: one writer at a time on SQLite, many on PostgreSQL, and what is told after a commit."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.store import tables
from services.intake_api.store.sqlite_line import PRAGMAS, SqliteLine
from services.kit.clock import Clock

Result = TypeVar("Result")

DATABASE_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, sqlite3.Error, OSError)
"""What a database that is away, full or asked something wrong raises."""

FEED_LOCK = 0x0E7E47
"""The advisory lock under which positions are given, so that they become visible in their own order."""

EPOCH_LOCK = 0x0E7E49
"""The advisory lock under which a new database gets its identity."""

LONGEST_WAIT = 20.0
"""Seconds that a transaction on PostgreSQL may take."""


class Watch:
    """Hangs up on a PostgreSQL that does not answer. A network that forgets a connection tells nobody: only this ends the wait.

    What waits for the connection, be it a statement, the commit or the return to the pool, then fails as for any lost connection,
    and the pool makes its other connections anew.
    """

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._end: asyncio.TimerHandle | None = None

    async def over(self, connection: AsyncConnection) -> None:
        """Watch over a connection for as long as the block lasts."""
        self.over_line((await connection.get_raw_connection()).driver_connection)

    def over_line(self, line: Any) -> None:
        """Watch over a connection of the driver."""
        self._end = asyncio.get_running_loop().call_later(LONGEST_WAIT, line.terminate)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End: it was answered."""
        if self._end:
            self._end.cancel()


class Signal:
    """Wakes whoever waits for something to have been committed. A hint: the waiter looks in the database."""

    def __init__(self) -> None:
        """Start with nothing to tell."""
        self._event = asyncio.Event()
        self._next = asyncio.Event()

    def fire(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._event.set()
        self._next.set()
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Give what is set when something is told from now on: any number may wait for it, and take it from nobody."""
        return self._next

    async def wait(self, seconds: float) -> None:
        """Wait until something is told, `seconds` at the most."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()


class Database:
    """Connections to one database.

    `events` is fired after a commit that added events, `texts` after one that left something to tag, `extensions` after one that
    left an extension to tell now.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        """Connect on first use."""
        self.clock = clock
        self._url = url
        self.on_sqlite = url.startswith("sqlite")
        self.file = make_url(url).database if self.on_sqlite else None
        self.writing = _engine(url, immediate=True)
        self.reading = _engine(url, immediate=False) if self.on_sqlite else self.writing
        self.events = Signal()
        self.texts = Signal()
        self.extensions = Signal()
        self._sqlite = SqliteLine(self.file) if self.file else None
        self._turn = asyncio.Lock()
        self._kept: list[Any] = []
        self._epoch: UUID | None = None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that commits at the end of the block.

        Raises:
            ServiceUnavailable: the database cannot commit now; whether the change was stored is not known.

        """
        try:
            async with self._turn if self.on_sqlite else nullcontext():
                with Watch() as watch:
                    async with self.writing.begin() as connection:
                        if not self.on_sqlite:
                            await watch.over(connection)
                        yield connection
        except (SQLAlchemyError, OSError) as error:
            if not _is_away(error):
                raise
            raise ServiceUnavailable("The database cannot store this now; send the same again.", retry_after_sec=2) from error

    @asynccontextmanager
    async def upkeep(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may take as long as it needs: a migration, a restore. Commits at the end of the block.

        Raises:
            ServiceUnavailable: the database cannot commit now.

        """
        if self.on_sqlite:
            async with self.write() as connection:
                yield connection
            return
        unhurried = create_async_engine(self._url, poolclass=NullPool, hide_parameters=True)
        try:
            async with unhurried.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            if not _is_away(error):
                raise
            raise ServiceUnavailable("The database cannot store this now; try again.", retry_after_sec=2) from error
        finally:
            await unhurried.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for reading.

        Raises:
            ServiceUnavailable: the database cannot be reached now.

        """
        try:
            with Watch() as watch:
                async with self.reading.connect() as connection:
                    if not self.on_sqlite:
                        await watch.over(connection)
                    yield connection
        except (SQLAlchemyError, OSError) as error:
            if not _is_away(error):
                raise
            raise ServiceUnavailable("The database cannot be read now; try again.", retry_after_sec=2) from error

    async def now(self, connection: AsyncConnection) -> datetime:
        """Tell the moment by the one clock that everybody at this database shares: PostgreSQL's, or on SQLite this machine's."""
        if self.on_sqlite:
            return self.clock.now()
        return (await connection.execute(select(func.clock_timestamp()))).scalar_one()  # type: ignore[no-any-return]

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Any]:
        """Open a connection of the driver that is kept for the hot paths (PostgreSQL only), outside of any transaction.

        A connection taken anew, with a transaction of the toolkit around it, would cost as much as what is done with it.

        Raises:
            ServiceUnavailable: the database cannot commit now; whether the change was stored is not known.

        """
        kept = None
        try:
            kept = self._kept.pop() if self._kept else await self.writing.raw_connection()
            line: Any = kept.driver_connection
            with Watch() as watch:
                watch.over_line(line)
                yield line
        except BaseException as error:  # a cancelled statement leaves its connection in an unknown state as well
            if kept is not None:
                kept.invalidate()
            self._forget_kept()
            if not isinstance(error, DATABASE_ERRORS) or not _is_away(error):
                raise
            raise ServiceUnavailable("The database cannot store this now; send the same again.", retry_after_sec=2) from error
        self._kept.append(kept)

    async def transact(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do work in an immediate transaction on a connection of the driver that is kept for the hot path (SQLite only).

        Raises:
            ServiceUnavailable: the database cannot commit now; whether the change was stored is not known.

        """
        if self._sqlite is None:
            message = "only SQLite in a file has such a connection"
            raise RuntimeError(message)
        try:
            async with self._turn:
                return await self._sqlite.run(work)  # type: ignore[no-any-return]
        except sqlite3.OperationalError as error:
            raise ServiceUnavailable("The database cannot store this now; send the same again.", retry_after_sec=2) from error

    async def epoch(self) -> UUID:
        """Give the identity of this database; it changes when another one is put in its place."""
        if self._epoch is None:
            async with self.write() as connection:
                if not self.on_sqlite:  # nodes that start together agree on one
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": EPOCH_LOCK})
                held = (await connection.execute(select(tables.database.c.epoch))).scalar()
                if held is None:
                    held = uuid4()
                    await connection.execute(insert(tables.database).values(epoch=held, made_at=self.clock.now()))
            self._epoch = held
        return self._epoch

    async def is_up(self) -> bool:
        """Say whether the database answers."""
        try:
            async with asyncio.timeout(3), self.read() as connection:
                await connection.execute(text("SELECT 1"))
        except (ServiceUnavailable, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        self._forget_kept()
        if self._sqlite:
            await self._sqlite.close()
        await self.writing.dispose()
        if self.on_sqlite:
            await self.reading.dispose()

    def _forget_kept(self) -> None:
        while self._kept:
            self._kept.pop().invalidate()


def _is_away(error: BaseException) -> bool:
    """Say whether the database cannot be reached or is full of work, rather than asked something wrong (PostgreSQL appendix A)."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, OperationalError) or _state(error.orig) in AWAY
    return isinstance(error, OSError | NoConnectionLeft | asyncpg.InterfaceError) or _state(error) in AWAY


AWAY = {"08", "25", "40", "53", "55", "57"}
"""Classes of errors: connection lost, transaction ended, undone after a deadlock, no room, locked too long, stopped by hand."""


def _state(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", None) or "")[:2]


POSTGRESQL = {
    "timeout": 5,
    "command_timeout": LONGEST_WAIT,  # for what is asked while connecting, which nobody watches over
    # a server whose client was forgotten by the network keeps that client's locks for hours, unless it is told not to wait
    "server_settings": {
        "idle_in_transaction_session_timeout": str(int(LONGEST_WAIT * 500)),
        "lock_timeout": str(int(LONGEST_WAIT * 750)),
    },
}


def _engine(url: str, *, immediate: bool) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(
            url, pool_size=10, max_overflow=10, pool_timeout=10, hide_parameters=True, connect_args=POSTGRESQL
        )
    engine = create_async_engine(url, pool_size=1 if immediate else 5, hide_parameters=True)

    @sqlalchemy_event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would be deferred, and fail with "locked" on the first write
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA journal_mode")
        if cursor.fetchone() != ("wal",):  # asking for it again takes a lock that another process may hold
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    @sqlalchemy_event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
