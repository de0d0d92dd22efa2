"""A connection of SQLite's own driver, kept in one thread for the hot path: one hop there and back a transaction."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

Work = Callable[[sqlite3.Connection], Any]
_Asked = tuple[Work, "asyncio.Future[Any]", asyncio.AbstractEventLoop]

PRAGMAS: Final = (
    "busy_timeout=10000",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    # a checkpoint costs two more flushes, which whoever commits then waits for: rather seldom than after every hundred turns
    "wal_autocheckpoint=4000",
)
"""What every connection is told."""


class SqliteLine:
    """Runs one piece of work after the other, each in an immediate transaction."""

    def __init__(self, file: str) -> None:
        """Connect on first use."""
        self._file = file
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: Thread | None = None

    async def run(self, work: Work) -> Any:
        """Do work in a transaction; on return it is durable. Raises what the driver raises, and has then changed nothing.

        Somebody who no longer waits does not undo it; what is asked next is done after it.
        """
        if self._thread is None:
            self._thread = Thread(target=self._work, name="sqlite line", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._asked.put((work, answer, loop))
        return await answer

    async def close(self) -> None:
        """End the thread, after what was asked."""
        if self._thread is not None:
            self._asked.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while (asked := self._asked.get()) is not None:
            work, answer, loop = asked
            try:
                connection = connection or _connect(self._file)
                result, error = _transact(connection, work), None
            except BaseException as failed:  # noqa: BLE001 - whoever asked is told
                result, error = None, failed
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_tell, answer, result, error)
        if connection is not None:
            connection.close()


def _connect(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _transact(connection: sqlite3.Connection, work: Work) -> Any:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _tell(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
