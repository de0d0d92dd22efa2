"""What a receiver remembers, so that an event delivered twice, or out of order, is handled once.

Events of one contact are ordered by `version`, and each carries the whole state. So all there is to remember
of a contact is the highest version that was handled, and the events that had it.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Protocol
from uuid import UUID

from onthaal_schema.events import ContactEvent


class SeenEvents(Protocol):
    """The memory of a receiver. It asks and tells within one turn per contact, never two at once."""

    async def handled(self, event: ContactEvent) -> bool:
        """Say whether this event, or a later state of its contact, was handled."""
        ...

    async def remember(self, event: ContactEvent) -> None:
        """Keep that the event was handled: on return it is kept as long as this memory promises."""
        ...


class SeenInMemory:
    """Remembers for as long as the process lives: for tests, and callbacks that can bear an event again."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._latest: dict[tuple[str, UUID], tuple[int, frozenset[UUID]]] = {}

    async def handled(self, event: ContactEvent) -> bool:
        """Say whether this event, or a later state of its contact, was handled."""
        version, events = self._latest.get((event.source, event.subject), (-1, frozenset()))
        return event.data.version < version or event.id in events

    async def remember(self, event: ContactEvent) -> None:
        """Keep that the event was handled."""
        contact = (event.source, event.subject)
        version, events = self._latest.get(contact, (-1, frozenset()))
        same = events if version == event.data.version else frozenset()
        self._latest[contact] = (event.data.version, same | {event.id})


class SeenInFile:
    """Remembers in an SQLite file, through restarts and power cuts. It holds identifiers and numbers only.

    The file belongs to one process: of two that share it, both may be handed the same event.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        self._lock = Lock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.executescript(_SCHEMA)

    async def handled(self, event: ContactEvent) -> bool:
        """Say whether this event, or a later state of its contact, was handled."""
        return await asyncio.to_thread(self._handled, event)

    async def remember(self, event: ContactEvent) -> None:
        """Keep that the event was handled: on return it is on disk."""
        await asyncio.to_thread(self._remember, event)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _handled(self, event: ContactEvent) -> bool:
        with self._lock, closing(self._file.execute(_HANDLED, _row(event))) as found:
            return found.fetchone() is not None

    def _remember(self, event: ContactEvent) -> None:
        with self._lock, self._file:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.execute(_FORGET_EARLIER, _row(event))
            self._file.execute(_REMEMBER, _row(event))


def _row(event: ContactEvent) -> dict[str, str | int]:
    return {
        "source": event.source,
        "contact": str(event.subject),
        "version": event.data.version,
        "id": str(event.id),
    }


_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS seen_events (
    source TEXT NOT NULL, contact TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (source, contact, version, id)
) WITHOUT ROWID;
"""
_HANDLED = """
SELECT 1 FROM seen_events
WHERE source = :source AND contact = :contact AND (version > :version OR id = :id) LIMIT 1
"""
_FORGET_EARLIER = "DELETE FROM seen_events WHERE source = :source AND contact = :contact AND version < :version"
_REMEMBER = """
INSERT OR IGNORE INTO seen_events (source, contact, version, id) VALUES (:source, :contact, :version, :id)
"""
