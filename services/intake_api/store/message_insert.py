"""How a batch of messages is written, in the dialect of each engine: numbered, idempotent, and never for an erased contact."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import select

from onthaal_schema.message import Direction
from services.intake_api.store import tables
from services.intake_api.store.engine import Database

COALESCE: Final = timedelta(seconds=5)
"""At most one `extended` event a contact in this time."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A sealed message on its way to the store. `data_key` is the contact's as it was when the message was sealed."""

    contact_id: UUID
    id: UUID
    direction: Direction
    sent_at: datetime
    registered_at: datetime
    by: str
    digest: bytes
    sealed: bytes
    data_key: bytes


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A message that has this id already."""

    sequence: int
    digest: bytes
    sealed: bytes
    sent_at: datetime
    registered_at: datetime


class MessageInsert(Protocol):
    """Writes a batch in the dialect of one engine, at most one message of a contact. `together`: batches that may be under way."""

    together: int

    async def insert(self, database: Database, batch: Sequence[NewMessage]) -> dict[UUID, tuple[int, datetime]]:
        """Commit the messages that are new, and give the number of each, with when its contact is told of, by contact."""
        ...


_NUMBER: Final = """
UPDATE contact SET last_sequence = last_sequence + 1, version = version + 1
WHERE id = ? AND data_key = ? AND erased_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM message WHERE contact_id = contact.id AND id = ?)
RETURNING last_sequence, extended_at, extended_due, suggest_since
"""
# apart, since a column that is named in an update has its index written anew, be it the same or not: a page more a turn for each
_TELL: Final = "UPDATE contact SET extended_due = ? WHERE id = ?"
_SUGGEST: Final = "UPDATE contact SET suggest_since = ? WHERE id = ?"
_STORE: Final = """
INSERT INTO message (contact_id, id, sequence, direction, sent_at, registered_at, registered_by, digest, sealed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class SqliteMessages:
    """One immediate transaction on the driver's own connection; the database has one writer, so nobody comes between."""

    together = 1

    async def insert(self, database: Database, batch: Sequence[NewMessage]) -> dict[UUID, tuple[int, datetime]]:
        """Commit the messages that are new, and give the number of each."""
        return await database.transact(partial(_write, batch))


def _write(batch: Sequence[NewMessage], line: sqlite3.Connection) -> dict[UUID, tuple[int, datetime]]:
    numbered: dict[UUID, tuple[int, datetime]] = {}
    for new in batch:
        contact, message, now = new.contact_id.hex, new.id.hex, _moment(new.registered_at)
        # all of what is found: a statement that is not at its end keeps the commit waiting
        found = line.execute(_NUMBER, (contact, new.data_key, message)).fetchall()
        if not found:
            continue
        sequence, *told, suggest_since = found[0]
        line.execute(
            _STORE, (contact, message, sequence, new.direction, _moment(new.sent_at), now, new.by, new.digest, new.sealed)
        )
        extended_at, known_due = (datetime.fromisoformat(moment) if moment else None for moment in told)
        due = _due(new.registered_at, extended_at, known_due)
        if due != known_due:
            line.execute(_TELL, (_moment(due), contact))
        if new.direction == Direction.INBOUND and suggest_since is None:
            line.execute(_SUGGEST, (now, contact))
        numbered[new.contact_id] = sequence, due
    return numbered


def _due(now: datetime, extended_at: datetime | None, known: datetime | None) -> datetime:
    """Say when a contact is told of: now, or some seconds after the last time; when it is due before that, it stays so."""
    held_back = extended_at is not None and now - COALESCE < extended_at <= now
    due = extended_at + COALESCE if extended_at and held_back else now
    return min(due, known) if known else due


def _moment(moment: datetime) -> str:
    """Write a moment as `tables.Moment` does: in UTC, of fixed width."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


_STATEMENT: Final = """
WITH numbered AS (
    UPDATE contact SET last_sequence = last_sequence + 1, version = version + 1,
        extended_due = least(extended_due,
            CASE WHEN extended_at > $5::timestamptz - $10::interval AND extended_at <= $5
                THEN extended_at + $10 ELSE $5 END),
        suggest_since = CASE WHEN $3::text = 'inbound' THEN coalesce(suggest_since, $5) ELSE suggest_since END
    WHERE id = $1::uuid AND data_key = $9::bytea AND erased_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM message WHERE contact_id = $1 AND id = $2::uuid)
    RETURNING last_sequence, extended_due
), stored AS (
    INSERT INTO message (contact_id, id, sequence, direction, sent_at, registered_at, registered_by, digest, sealed)
    SELECT $1, $2, last_sequence, $3, $4::timestamptz, $5, $6::text, $7::bytea, $8::bytea FROM numbered
)
SELECT $1, last_sequence, extended_due FROM numbered
"""
# what the lock on the row gives is its newest version: the number follows the last one, whoever gave that, and a key wrapped anew meanwhile
# is another key. Of a message that another node stores at this moment the snapshot knows nothing: the insert then fails, and once more is told.


class PostgresMessages:
    """One statement a message on a kept line, all of a batch in one transaction and one round trip; two batches at once."""

    together = 2

    async def insert(self, database: Database, batch: Sequence[NewMessage]) -> dict[UUID, tuple[int, datetime]]:
        """Commit the messages that are new, and give the number of each."""
        # in one order, so that two batches never wait for each other
        given = [_arguments(new) for new in sorted(batch, key=attrgetter("contact_id"))]
        async with database.line() as line:  # without a block of its own, what is asked at once is one transaction
            rows = await (line.fetch(_STATEMENT, *given[0]) if len(given) == 1 else line.fetchmany(_STATEMENT, given))
        return {UUID(int=row[0].int): (row[1], row[2]) for row in rows}


def _arguments(new: NewMessage) -> tuple[Any, ...]:
    return (
        new.contact_id,
        new.id,
        new.direction,
        new.sent_at,
        new.registered_at,
        new.by,
        new.digest,
        new.sealed,
        new.data_key,
        COALESCE,
    )


async def held_messages(database: Database, batch: Sequence[NewMessage]) -> dict[UUID, HeldMessage]:
    """Find the messages of a batch that were there already, by id of their contact."""
    message = tables.message.c
    held = message.sequence, message.digest, message.sealed, message.sent_at, message.registered_at
    ids = {new.contact_id: new.id for new in batch}
    query = select(message.contact_id, message.id, *held).where(message.contact_id.in_(ids), message.id.in_(ids.values()))
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return {row[0]: HeldMessage(*row[2:]) for row in rows if ids[row[0]] == row[1]}
