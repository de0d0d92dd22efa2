"""How a batch of new contacts is inserted on SQLite: in one immediate transaction, on the driver's own connection."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects import sqlite

from services.intake_api.store import tables
from services.intake_api.store.batch_insert import is_rare, with_new_mails, write_the_rest
from services.intake_api.store.engine import Database
from services.intake_api.store.new_contact import NewContact, Row
from services.intake_api.store.taken import ANSWERED_ONCE_IN, Taken, ended, first_answers

_DIALECT: Final = sqlite.dialect()
_MOMENT: Final = tables.Moment()


class SqliteInsert:
    """One immediate transaction; the database has one writer, so what is absent stays absent until the commit."""

    together = 1

    async def insert(self, database: Database, batch: Sequence[NewContact]) -> set[UUID]:
        """Commit the contacts whose id is new, with their events, and give these ids."""
        if any(map(is_rare, batch)):
            return await _step_by_step(database, batch)
        return await database.transact(partial(_write, batch, database.clock.now()))


async def _step_by_step(database: Database, batch: Sequence[NewContact]) -> set[UUID]:
    async with database.write() as connection:
        ids = select(tables.contact.c.id).where(tables.contact.c.id.in_([contact.id for contact in batch]))
        held = set((await connection.execute(ids)).scalars())
        fresh = [contact for contact in batch if contact.id not in held]
        fresh = list(await with_new_mails(connection, database, fresh))
        new = {contact.id for contact in fresh}
        if fresh:
            await connection.execute(insert(tables.contact), [contact.row for contact in fresh])
            await connection.execute(insert(tables.event), [contact.event for contact in fresh])
            index = [{"contact_id": contact.id, "digest": digest} for contact in fresh for digest in contact.index]
            if index:
                await connection.execute(insert(tables.blind_index), index)
            await write_the_rest(connection, database, fresh, new)
    return new


class _Insertion:
    """An insertion into a table, in the words of SQLite, with what it makes of the values of a row."""

    def __init__(self, table: Table, beside: str = "", without: Collection[str] = ()) -> None:
        columns = [column for column in table.columns if column.name not in without]
        names, places = ", ".join(column.name for column in columns), ", ".join("?" * len(columns))
        self._statement = f"INSERT INTO {table.name} ({names}) VALUES ({places}) {beside}"  # noqa: S608 - names only
        kinds = [(column.name, column.type.dialect_impl(_DIALECT)) for column in columns]
        self._makers = [(name, kind.bind_processor(_DIALECT)) for name, kind in kinds]

    def all(self, line: sqlite3.Connection, rows: Iterable[Row]) -> None:
        line.executemany(self._statement, map(self._values, rows))

    def one(self, line: sqlite3.Connection, row: Row, *further: Any) -> bool:
        """Write a row; tells whether it changed anything."""
        return line.execute(self._statement, [*self._values(row), *further]).rowcount > 0

    def _values(self, row: Row) -> list[Any]:
        return [make(row[name]) if make else row[name] for name, make in self._makers]


_KNOWN: Final = "ON CONFLICT DO NOTHING"
_CONTACT: Final = _Insertion(tables.contact)
_EVENT: Final = _Insertion(tables.event, without=("position",))
_INDEX: Final = _Insertion(tables.blind_index)
_FILE: Final = _Insertion(tables.file)
_WORK: Final = _Insertion(tables.work_item)
_MAIL: Final = _Insertion(tables.mail, _KNOWN)
_PLACE: Final = _Insertion(tables.mail_place, _KNOWN)
_LIKENESS: Final = _Insertion(tables.mail_likeness, _KNOWN)
_OUTGOING: Final = _Insertion(tables.outgoing)
_COUNT: Final = _Insertion(
    tables.mail_count, "ON CONFLICT (mailbox, outcome) DO UPDATE SET count = mail_count.count + excluded.count"
)
_ANSWERED: Final = _Insertion(
    tables.answered,
    # an answer that lies ahead was dated by a clock that has been set back since
    "ON CONFLICT (recipient) DO UPDATE SET at = excluded.at WHERE answered.at <= ? OR answered.at > ?",
)


def _write(batch: Sequence[NewContact], now: datetime, line: sqlite3.Connection) -> set[UUID]:
    fresh = [contact for contact in _absent(line, batch) if contact.mail is None or _MAIL.one(line, contact.mail.row)]
    _CONTACT.all(line, [contact.row for contact in fresh])
    _EVENT.all(line, [contact.event for contact in fresh])
    _INDEX.all(line, [{"contact_id": contact.id, "digest": digest} for contact in fresh for digest in contact.index])
    _FILE.all(line, [row for contact in fresh for row in contact.files])
    _WORK.all(line, [row for contact in fresh for row in contact.work])
    _write_mails(line, [contact.mail for contact in fresh if contact.mail], now)
    return {contact.id for contact in fresh}


def _absent(line: sqlite3.Connection, batch: Sequence[NewContact]) -> list[NewContact]:
    """Leave out the contacts that are there already."""
    ids = [contact.id.hex for contact in batch]
    query = f"SELECT id FROM contact WHERE id IN ({', '.join('?' * len(ids))})"  # noqa: S608 - places only
    held = {row[0] for row in line.execute(query, ids)}
    return [contact for contact, known in zip(batch, ids, strict=True) if known not in held]


def _write_mails(line: sqlite3.Connection, mails: Sequence[Taken], now: datetime) -> None:
    _PLACE.all(line, [mail.place for mail in mails if mail.place])
    _LIKENESS.all(line, [row for mail in mails for row in mail.likenesses])
    answers = first_answers(mail.answer for mail in mails if mail.answer)
    _OUTGOING.all(line, [answer for correspondent, answer in answers.items() if _is_due(line, correspondent, now)])
    for (mailbox, outcome), number in ended(mail.row for mail in mails):
        _COUNT.one(line, {"mailbox": mailbox, "outcome": outcome, "count": number})


def _is_due(line: sqlite3.Connection, correspondent: bytes, now: datetime) -> bool:
    again, ahead = (_MOMENT.process_bind_param(now + apart, _DIALECT) for apart in (-ANSWERED_ONCE_IN, ANSWERED_ONCE_IN))
    return _ANSWERED.one(line, {"recipient": correspondent, "at": now}, again, ahead)
