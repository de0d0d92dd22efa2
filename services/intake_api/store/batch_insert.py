"""How a batch of new contacts is inserted, in the dialect of each engine."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, Table, Uuid, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.engine import FEED_LOCK, Database
from services.intake_api.store.new_contact import NewContact, Row
from services.intake_api.store.taken import ANSWERED_ONCE_IN, claim_mails, keep_bounced, write_rest


class BatchInsert(Protocol):
    """Writes a batch in the dialect of one engine. `together` is how many batches may be under way at once."""

    together: int

    async def insert(self, database: Database, batch: Sequence[NewContact]) -> set[UUID]:
        """Commit the contacts whose id is new, with their events, and give these ids."""
        ...


async def with_new_mails(connection: AsyncConnection, database: Database, batch: Sequence[NewContact]) -> Sequence[NewContact]:
    """Leave out the contacts whose mail was taken in already, in this batch or before."""
    mails = [contact.mail for contact in batch if contact.mail]
    if not mails:
        return batch
    new = await claim_mails(connection, database, mails)
    await keep_bounced(connection, mails)
    return [contact for contact in batch if contact.mail is None or contact.mail.row["id"] in new]


async def write_the_rest(connection: AsyncConnection, database: Database, batch: Sequence[NewContact], new: set[UUID]) -> None:
    """Write what else the contacts that are new have."""
    fresh = [contact for contact in batch if contact.id in new]
    for table, rows in (
        (tables.file, [row for contact in fresh for row in contact.files]),
        (tables.work_item, [row for contact in fresh for row in contact.work]),
        (tables.conversation, [contact.conversation for contact in fresh if contact.conversation]),
    ):
        if rows:
            await connection.execute(insert(table), rows)
    mails = [contact.mail for contact in fresh if contact.mail]
    if mails:
        await write_rest(connection, database, mails)


def is_rare(contact: NewContact) -> bool:
    """Whether a contact has what is written step by step alone."""
    return bool(contact.conversation or (contact.mail and (contact.mail.bounced or contact.mail.sent)))


_SAME: Final = {"version": "1", "status": "'open'", "last_sequence": "0"}
"""What is the same in every new contact, and so is not sent."""
_LATER: Final = {"extended_at", "extended_due", "erased_at"}
_CONTACT: Final = [column for column in tables.contact.columns if column.name not in _SAME.keys() | _LATER]
_TOLD: Final[list[Column[Any]]] = [Column("event_id", Uuid), Column("payload", tables.event.c.payload.type)]
_KNOWN: Final = list(tables.blind_index.columns)

_TYPES: Final = (
    (Uuid, "uuid"),
    (LargeBinary, "bytea"),
    (Boolean, "boolean"),
    (Float, "float8"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (tables.Moment, "timestamptz"),
)


class _Parts:
    """The parts of a statement that get their rows as arrays, numbered as they are added."""

    def __init__(self) -> None:
        self._places = 0

    def add(self, name: str, columns: Iterable[Column[Any]]) -> str:
        """Write a part with the columns of a table, which are given as one array each."""
        listed = list(columns)
        arrays = [f"${self._places + number}::{_type(column)}[]" for number, column in enumerate(listed, 1)]
        self._places += len(listed)
        return f"{name} AS (SELECT * FROM unnest({', '.join(arrays)}) AS {name} ({_names(listed)}))"  # noqa: S608 - names only


def _type(column: Column[Any]) -> str:
    return next((name for kind, name in _TYPES if isinstance(column.type, kind)), "text")


def _names(columns: Iterable[Column[Any]]) -> str:
    return ", ".join(column.name for column in columns)


def _insert(table: Table, of: str, beside: str) -> str:
    given = ", ".join(f"{of}.{column.name}" for column in table.columns)
    return f"INSERT INTO {table.name} ({_names(table.columns)}) SELECT {given} FROM {of} {beside}"  # noqa: S608 - names only


def _contacts(only: str = "") -> str:
    # the turn is waited for when everything is stored, whatever the planner makes of it: whoever holds it waits for nobody
    return f"""
stored AS (
    INSERT INTO contact ({", ".join(_SAME)}, {_names(_CONTACT)})
    SELECT {", ".join(_SAME.values())}, {_names(_CONTACT)} FROM given {only}
    ON CONFLICT (id) DO NOTHING RETURNING id
), indexed AS (
    {_insert(tables.blind_index, "known", "JOIN stored ON stored.id = known.contact_id")}
), turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock({FEED_LOCK}) FROM (SELECT count(*) FROM stored) AS all_stored
), told AS (
    INSERT INTO event (position, id, contact_id, version, type, natures, channel, kinds, occurred_at, payload)
    SELECT nextval('event_position'), event_id, id, 1, 'registered', nature, channel, kind, registered_at, payload
    FROM turn, given JOIN stored USING (id)
)"""  # noqa: S608 - made of column names only


def _alone() -> str:
    """Write the statement for contacts with nothing but their event and index."""
    parts = _Parts()
    given, known = parts.add("given", [*_CONTACT, *_TOLD]), parts.add("known", _KNOWN)
    return f"WITH {given}, {known}, {_contacts()} SELECT id FROM stored"  # noqa: S608 - made of column names only


def _whole() -> str:
    """Write the statement for contacts with files, work and mails as well.

    What others may want at once (who was answered, counts) is written under the lock of the feed, in one order therefore.
    """
    parts = _Parts()
    given = [
        parts.add("given", [*_CONTACT, *_TOLD]),
        parts.add("known", _KNOWN),
        *(parts.add(f"new_{table.name}", table.columns) for table in _WITH_MAIL),
    ]
    once = f"interval '{ANSWERED_ONCE_IN.total_seconds()} seconds'"
    return f"""
WITH {", ".join(given)}, claimed AS (
    {_insert(tables.mail, "new_mail", "ORDER BY fingerprint, id")} ON CONFLICT DO NOTHING RETURNING id, mailbox, outcome
), {_contacts("WHERE id NOT IN (SELECT id FROM new_mail) OR id IN (SELECT id FROM claimed)")}, filed AS (
    {_insert(tables.file, "new_file", "JOIN stored ON stored.id = contact_id")}
), listed AS (
    {_insert(tables.work_item, "new_work_item", "JOIN stored ON stored.id = contact_id")}
), placed AS (
    {_insert(tables.mail_place, "new_mail_place", "JOIN stored ON stored.id = mail_id")} ON CONFLICT DO NOTHING
), likened AS (
    {_insert(tables.mail_likeness, "new_mail_likeness", "JOIN stored ON stored.id = mail_id")} ON CONFLICT DO NOTHING
), answer AS (
    SELECT DISTINCT ON (correspondent) new_outgoing.* FROM new_outgoing JOIN stored ON stored.id = contact_id
    ORDER BY correspondent, new_outgoing.id
), due AS (
    INSERT INTO answered (recipient, at) SELECT correspondent, created_at FROM turn, answer ORDER BY correspondent
    ON CONFLICT (recipient) DO UPDATE SET at = excluded.at
    WHERE answered.at <= excluded.at - {once} OR answered.at > excluded.at + {once}
    RETURNING recipient
), queued AS (
    {_insert(tables.outgoing, "answer", "JOIN due ON due.recipient = answer.correspondent")}
), counted AS (
    INSERT INTO mail_count (mailbox, outcome, count)
    SELECT mailbox, outcome, count(*) FROM turn, claimed JOIN stored USING (id) GROUP BY mailbox, outcome ORDER BY mailbox, outcome
    ON CONFLICT (mailbox, outcome) DO UPDATE SET count = mail_count.count + excluded.count
)
SELECT id FROM stored
"""  # noqa: S608 - made of column names only


_WITH_MAIL: Final = (
    tables.mail,
    tables.file,
    tables.work_item,
    tables.mail_place,
    tables.mail_likeness,
    tables.outgoing,
)
_STATEMENT: Final = _alone()
_WHOLE: Final = _whole()


class PostgresInsert:
    """One statement a batch, which takes half the time of a transaction of several.

    Two batches at once: while one waits for its flush, the next is sent and read.
    """

    together = 2

    async def insert(self, database: Database, batch: Sequence[NewContact]) -> set[UUID]:
        """Commit the contacts whose id is new, with their events, and give these ids."""
        if any(is_rare(contact) for contact in batch):
            return await self._step_by_step(database, batch)
        whole = any(contact.has_more for contact in batch)
        statement, values = (_WHOLE, [*_values(batch), *_further(batch)]) if whole else (_STATEMENT, _values(batch))
        async with database.line() as line:  # one statement is a transaction by itself
            return {row[0] for row in await line.fetch(statement, *values)}

    async def _step_by_step(self, database: Database, batch: Sequence[NewContact]) -> set[UUID]:
        async with database.write() as connection:
            fresh = await with_new_mails(connection, database, batch)
            new = set((await connection.exec_driver_sql(_STATEMENT, tuple(_values(fresh)))).scalars())
            await write_the_rest(connection, database, fresh, new)
        return new


def _values(batch: Sequence[NewContact]) -> list[list[Any]]:
    return _shortened(
        *([contact.row[column.name] for contact in batch] for column in _CONTACT),
        [contact.event["id"] for contact in batch],
        [contact.event["payload"] for contact in batch],
        [contact.id for contact in batch for _ in contact.index],
        [digest for contact in batch for digest in contact.index],
    )


def _further(batch: Sequence[NewContact]) -> list[list[Any]]:
    mails = [contact.mail for contact in batch if contact.mail]
    rows: dict[str, list[Row]] = {
        tables.mail.name: [mail.row for mail in mails],
        tables.file.name: [row for contact in batch for row in contact.files],
        tables.work_item.name: [row for contact in batch for row in contact.work],
        tables.mail_place.name: [mail.place for mail in mails if mail.place],
        tables.mail_likeness.name: [row for mail in mails for row in mail.likenesses],
        tables.outgoing.name: [mail.answer for mail in mails if mail.answer],
    }
    return _shortened(*([row[column.name] for row in rows[table.name]] for table in _WITH_MAIL for column in table.columns))


def _shortened(*arrays: list[Any]) -> list[list[Any]]:
    """Leave out arrays of nothing but NULL, each of which the driver would look at: `unnest` fills them up to the longest."""
    return [array if any(value is not None for value in array) else [] for array in arrays]
