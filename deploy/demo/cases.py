"""The cases that the demo case service keeps, in one SQLite file of its own."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from onthaal_schema.channel import Channel
from onthaal_schema.receiver import ReceivedContact

Row = dict[str, str | int | bool | None]

SHOWN: Final = 100
"""How many cases the page lists, the newest first."""


class Cases:
    """Keeps each contact once, in its latest version, and the position in the feed."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.row_factory = sqlite3.Row
        self._file.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def keep(self, received: ReceivedContact) -> None:
        """Keep a received contact. The same again changes nothing; an erased one loses its content."""
        with self._file:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.execute(_KEEP, _state(received) | _content(received))
            self._file.execute(_COUNT_EVENT, (str(received.event.subject), str(received.event.id)))

    def versions(self) -> list[Row]:
        """List every case by id and version, in the order of arrival."""
        return [dict(row) for row in self._file.execute("SELECT id, version FROM cases ORDER BY arrived")]

    def newest(self) -> Sequence[Row]:
        """List the cases that came last, with their content and the number of their events."""
        found = self._file.execute(_NEWEST, (SHOWN,))
        return [dict(row) | {"open": bool(row["open"]), "erased": bool(row["erased"])} for row in found]

    def per_channel(self) -> dict[str, int]:
        """Count the cases of each channel."""
        found = dict(self._file.execute("SELECT channel, count(*) FROM cases GROUP BY channel").fetchall())
        return {channel.value: found.get(channel.value, 0) for channel in Channel}

    def cursor(self) -> str | None:
        """Give the position in the feed up to which everything was handled."""
        row = self._file.execute("SELECT cursor FROM feed").fetchone()
        return None if row is None else row["cursor"]

    def keep_cursor(self, cursor: str | None) -> None:
        """Keep the position in the feed."""
        self._file.execute(
            "INSERT INTO feed (one, cursor) VALUES (1, ?) ON CONFLICT DO UPDATE SET cursor = ?",
            (cursor, cursor),
        )


def _state(received: ReceivedContact) -> Row:
    """Give what the event says; of two versions the later holds, so a fetched contact's own state wins."""
    state = received.contact or received.event.data
    return {
        "id": str(received.event.subject),
        "version": state.version,
        "channel": state.channel,
        "nature": state.nature,
        "kind": state.kind,
        "sector": state.sector,
        "open": state.opening_hours.open,
        "reason": state.opening_hours.reason,
        "holiday": state.opening_hours.holiday,
        "receivedAt": state.received_at.isoformat(),
        "erased": received.erased,
    }


def _content(received: ReceivedContact) -> Row:
    contact = received.contact
    if contact is None:
        return {"reference": None, "status": None, "subject": None, "text": None, "signals": "[]"}
    return {
        "reference": contact.reference,
        "status": contact.status,
        "subject": contact.subject,
        "text": contact.text,
        "signals": json.dumps(contact.signals),
    }


_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS cases (
    arrived INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
    reference TEXT, status TEXT, channel TEXT NOT NULL, nature TEXT NOT NULL, kind TEXT NOT NULL, sector TEXT,
    open INTEGER NOT NULL, reason TEXT, holiday TEXT, receivedAt TEXT NOT NULL, erased INTEGER NOT NULL,
    subject TEXT, text TEXT, signals TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    contact TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (contact, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feed (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT);
"""
_COLUMNS: Final = (
    "id", "version", "reference", "status", "channel", "nature", "kind", "sector", "open", "reason",
    "holiday", "receivedAt", "erased", "subject", "text", "signals",
)  # fmt: skip
_KEEP: Final = (
    f"INSERT INTO cases ({', '.join(_COLUMNS)}) "  # noqa: S608 (the names are those above)
    f"VALUES ({', '.join(':' + name for name in _COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = :{name}' for name in _COLUMNS if name != 'id')} "
    "WHERE :version >= version"
)
_COUNT_EVENT: Final = "INSERT OR IGNORE INTO events (contact, id) VALUES (?, ?)"
_NEWEST: Final = """
SELECT cases.*, (SELECT count(*) FROM events WHERE contact = cases.id) AS events
FROM cases ORDER BY arrived DESC LIMIT ?
"""
