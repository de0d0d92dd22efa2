"""How batches are written: who shares one, and that both ways on SQLite leave the same behind, at once and step by step."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, Table, Uuid

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.store import tables
from services.intake_api.store.batch_insert import is_rare
from services.intake_api.store.engine import Database
from services.intake_api.store.migrate import migrate
from services.intake_api.store.new_contact import NewContact, Row
from services.intake_api.store.sqlite_insert import SqliteInsert
from services.intake_api.store.taken import ANSWERED_ONCE_IN, Taken
from services.intake_api.store.writer import ENOUGH, Writer
from services.kit.clock import SystemClock

MOMENT = datetime(2026, 3, 1, 23, 30, 1, 5, tzinfo=timezone(timedelta(hours=-1)))
WRITTEN = (
    *(tables.contact, tables.event, tables.blind_index, tables.file, tables.work_item),
    *(tables.mail, tables.mail_place, tables.mail_likeness, tables.mail_count, tables.outgoing, tables.answered),
)


MADE: Sequence[tuple[type, Callable[[], Any]]] = (
    (Uuid, uuid4),
    (LargeBinary, lambda: uuid4().bytes),
    (tables.Moment, lambda: MOMENT),
    (Boolean, lambda: True),
    (Float, lambda: 0.25),
    (Integer, lambda: 7),
)


def value(column: Column[Any]) -> Any:
    """Make something of the type of a column."""
    return next((make() for kind, make in MADE if isinstance(column.type, kind)), uuid4().hex[:16])


def row(table: Table, **known: Any) -> Row:
    made = {column.name: value(column) for column in table.columns}
    return made | {"erased_at": None} | known if table is tables.contact else made | known


def new_mail(**known: Any) -> NewContact:
    """Make a contact that a mail became, with one of everything."""
    contact_id = known.pop("id", None) or uuid4()
    mail = Taken(
        row(tables.mail, id=contact_id, contact_id=contact_id, mailbox="meldpunt", outcome="accepted", **known),
        row(tables.mail_place, mail_id=contact_id),
        [row(tables.mail_likeness, mail_id=contact_id)],
        row(tables.outgoing, contact_id=contact_id),
    )
    event = row(tables.event, contact_id=contact_id)
    del event["position"]
    files = [row(tables.file, contact_id=contact_id), row(tables.file, contact_id=contact_id, content=None, message_id=None)]
    work = [row(tables.work_item, contact_id=contact_id)]
    return NewContact(row(tables.contact, id=contact_id), event, [b"an address"], files, work, mail=mail)


def new_chat() -> NewContact:
    """Make a contact that is written step by step."""
    contact_id = uuid4()
    event = row(tables.event, contact_id=contact_id)
    del event["position"]
    chat = NewContact(row(tables.contact, id=contact_id), event, conversation=row(tables.conversation, contact_id=contact_id))
    assert is_rare(chat)
    return chat


def found(database: Database, contacts: Iterable[NewContact]) -> dict[str, list[tuple[Any, ...]]]:
    """Read what is there of contacts, as SQLite keeps it: by table, without the number of a row."""
    mine = ", ".join(f"'{contact.id.hex}'" for contact in contacts)
    with closing(sqlite3.connect(str(database.file))) as connection:
        return {name: sorted(connection.execute(query.format(mine=mine))) for name, query in _QUERIES.items()}


def _query(table: Table) -> str:
    names = ", ".join(column.name for column in table.columns if column.name != "position")
    whose = next((name for name in ("mail_id", "contact_id") if name in table.columns), "id" if table is tables.contact else None)
    where = f" WHERE {whose} IN ({{mine}})" if whose else ""
    return f"SELECT {names} FROM {table.name}{where}"  # noqa: S608 - names only


_QUERIES = {table.name: _query(table) for table in WRITTEN}


class Made:
    """Databases, made on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Database] = []

    async def database(self) -> Database:
        made = Database(f"sqlite+aiosqlite:///{self.folder / uuid4().hex}", SystemClock())
        self.all.append(made)
        await migrate(made)
        return made


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Made]:
    made = Made(tmp_path)
    yield made
    for database in made.all:
        await database.close()


async def test_both_ways_write_the_same(made: Made) -> None:
    at_once, step_by_step = await made.database(), await made.database()
    mails = [new_mail() for _ in range(3)]
    new = await SqliteInsert().insert(at_once, mails)
    assert new == {mail.id for mail in mails}
    assert await SqliteInsert().insert(step_by_step, [*mails, new_chat()]) > new
    one, other = found(at_once, mails), found(step_by_step, mails)
    assert all(one.values()), one
    for answered in (one, other):
        answered["answered"] = [(recipient, len(at)) for recipient, at in answered["answered"]]
    assert one == other


@pytest.mark.parametrize("rare", [False, True], ids=["at once", "step by step"])
async def test_what_is_there_already_is_left_out_whole(made: Made, *, rare: bool) -> None:
    database = await made.database()
    more = [new_chat()] if rare else []
    first = new_mail(fingerprint=b"one")
    assert await SqliteInsert().insert(database, [first, *more]) >= {first.id}
    before = found(database, [first])
    again, alike, other = new_mail(id=first.id), new_mail(fingerprint=b"one"), new_mail()
    more = [new_chat()] if rare else []
    new = await SqliteInsert().insert(database, [again, alike, other, *more])
    assert new == {other.id, *(contact.id for contact in more)}
    assert found(database, [first])["contact"] == before["contact"]
    assert not found(database, [alike])["contact"]
    with closing(sqlite3.connect(str(database.file))) as connection:
        assert connection.execute("SELECT count FROM mail_count").fetchall() == [(2,)]
        assert connection.execute("SELECT count(*) FROM file").fetchone() == (4,)


@pytest.mark.parametrize(
    ("days", "answers"),
    [(0, 1), (6, 1), (8, 2), (-8, 2), (-6, 1)],
    ids=["same day", "same week", "later", "ahead", "a little ahead"],
)
async def test_a_sender_is_answered_once_in_a_week(made: Made, days: int, answers: int) -> None:
    database = await made.database()
    one, another = new_mail(), new_mail()
    for mail in (one, another):
        assert mail.mail
        assert mail.mail.answer
        mail.mail.answer["correspondent"] = b"the same"
    await SqliteInsert().insert(database, [one])
    then = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with closing(sqlite3.connect(str(database.file))) as connection:
        connection.execute("UPDATE answered SET at = ?", (then,))
        connection.commit()
    await SqliteInsert().insert(database, [another])
    with closing(sqlite3.connect(str(database.file))) as connection:
        assert connection.execute("SELECT count(*) FROM outgoing").fetchone() == (answers,)
    assert timedelta(days=7) == ANSWERED_ONCE_IN


async def test_a_batch_that_cannot_be_written_leaves_nothing(made: Made) -> None:
    database = await made.database()
    good, bad = new_mail(), new_mail()
    bad.files = [row(tables.file, contact_id=bad.id, number=None)]
    with pytest.raises(sqlite3.IntegrityError):
        await SqliteInsert().insert(database, [good, bad])
    assert not found(database, [good, bad])["contact"]
    assert await SqliteInsert().insert(database, [good]) == {good.id}


@pytest.fixture
async def writer(made: Made) -> AsyncIterator[Writer]:
    writer = Writer(await made.database())
    running = asyncio.create_task(writer.run())
    yield writer
    running.cancel()
    await asyncio.wait([running])


async def test_who_is_nearly_ready_shares_the_commit(writer: Writer) -> None:
    async def suggested() -> None:
        with writer.expecting():
            await asyncio.sleep(0.01)
        await writer.write(new_mail())

    await asyncio.gather(suggested(), suggested(), writer.write(new_mail()))
    assert list(writer.batch_sizes) == [3]


async def test_who_is_never_ready_keeps_nobody_waiting(writer: Writer) -> None:
    with writer.expecting():
        await asyncio.wait_for(writer.write(new_mail()), 1)
        await asyncio.wait_for(asyncio.gather(*(writer.write(new_mail()) for _ in range(ENOUGH))), 1)
    assert list(writer.batch_sizes) == [1, ENOUGH]


async def test_who_gives_up_is_not_waited_for(writer: Writer) -> None:
    async def refused() -> None:
        with suppress(ValueError), writer.expecting():
            await asyncio.sleep(0)
            raise ValueError

    began = asyncio.get_running_loop().time()
    await asyncio.gather(refused(), writer.write(new_mail()))
    assert list(writer.batch_sizes) == [1]
    assert asyncio.get_running_loop().time() - began < 1


async def test_who_would_be_tried_alone_when_the_writer_stops_is_told(made: Made) -> None:
    writer = Writer(await made.database())
    running = asyncio.create_task(writer.run())
    bad, others = new_mail(), [new_mail() for _ in range(3)]
    bad.files = [row(tables.file, contact_id=bad.id, number=None)]
    writes = [asyncio.create_task(writer.write(contact)) for contact in [bad, *others]]
    await asyncio.wait(writes, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    told = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), 5)
    assert all(isinstance(each, ServiceUnavailable) for each in told), told
    await asyncio.wait([running])
