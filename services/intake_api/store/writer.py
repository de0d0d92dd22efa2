"""The one way a new contact is written: what arrives together is committed together (group commit).

While one batch is being committed the next one gathers; there is no timer. Each caller waits for its own durable
commit. When a batch fails, each of its contacts is tried once alone, so that one cannot harm another, unless the database
does not answer: then all are told at once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.problems import Conflict, Erased, ProblemError, ServiceUnavailable
from services.intake_api.measures import BATCH, COMMITS_FAILED
from services.intake_api.store import tables
from services.intake_api.store.engine import DATABASE_ERRORS, FEED_LOCK, Database
from services.intake_api.store.taken import Taken, claim_mails, write_rest
from services.intake_api.store.vault import same
from services.kit.logging import error_name, logger

log = logger(__name__)

LARGEST_BATCH = 256
ENOUGH = 8
"""From how many contacts on a commit costs each of them little; measured: 20 microseconds of this process at 16, 13 at 128."""

QUIET = 0.1
PATIENCE = 5.0
"""Seconds after which the contacts of a batch that failed are no longer tried one by one: a database that does not answer would
keep each of them waiting for as long as the batch, and everybody who comes after them."""

Row = dict[str, Any]


@dataclass(slots=True)
class NewContact:
    """A contact as it will be written, with everything that belongs to it."""

    row: Row
    event: Row
    index: Sequence[bytes] = ()
    files: Sequence[Row] = ()
    work: Sequence[Row] = ()
    conversation: Row | None = None
    mail: Taken | None = None

    @property
    def id(self) -> UUID:
        """The contact's id."""
        return self.row["id"]  # type: ignore[no-any-return]

    @property
    def has_more(self) -> bool:
        """Whether other tables than contact, event and index are written."""
        return bool(self.files or self.work or self.conversation or self.mail)


class Overtaken(Exception):
    """Nothing was stored: meanwhile the same mail was taken in, or what it was to join changed. Decide again."""


@dataclass(slots=True)
class Written:
    """What became of a submission: its row, whether it is new, and what a contact that was there has by now."""

    row: Row
    created: bool
    files: Sequence[Row] = ()
    earlier_kinds: Sequence[Row] = ()


@dataclass(slots=True)
class _Waiting:
    contact: NewContact
    answer: "asyncio.Future[Written]"


class BatchInsert(Protocol):
    """Writes a batch in the dialect of one engine. `together` is how many batches may be under way at once."""

    together: int

    async def insert(self, database: Database, batch: Sequence[NewContact]) -> set[UUID]:
        """Commit the contacts whose id is new, with their events, and give these ids."""
        ...


class Writer:
    """Writes new contacts. `run` is the worker that commits; `write` is what callers await."""

    def __init__(self, database: Database) -> None:
        """Write to a database; nothing is committed until `run` runs."""
        self._database = database
        self._insert: BatchInsert = SqliteInsert() if database.on_sqlite else PostgresInsert()
        self._queue: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self.batch_sizes: deque[int] = deque(maxlen=100)
        self._shared_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether contacts are coming in faster than one by one."""
        return bool(self._queue) or (time.monotonic() - self._shared_at) < QUIET

    async def write(self, contact: NewContact) -> Written:
        """Write a contact: on return it is durable.

        Raises:
            Conflict: the id is taken by other content.
            Erased: the contact was erased.
            Overtaken: the mail that it is was taken in meanwhile.
            ServiceUnavailable: it is not known whether it was stored; the same again will tell.

        """
        waiting = _Waiting(contact, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._arrived.set()
        return await waiting.answer

    async def run(self) -> None:
        """Commit what arrives, until cancelled; what then still waits is told that it was not stored."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._insert.together):
                    group.create_task(self._commit_what_arrives())
        finally:
            for waiting in self._queue:
                _fail(waiting, ServiceUnavailable("The service is stopping; send the same again.", retry_after_sec=1))
            self._queue.clear()

    async def _commit_what_arrives(self) -> None:
        while True:
            await self._arrived.wait()
            await self._gather()
            batch, self._queue = self._queue[:LARGEST_BATCH], self._queue[LARGEST_BATCH:]
            if not self._queue:
                self._arrived.clear()
            if batch:
                await self._commit(batch)

    async def _gather(self) -> None:
        """Let the loop read what has already arrived at its sockets, so that it shares the commit. Nobody waits for a clock.

        No more than is enough: the rest is read while this is being committed.
        """
        seen = 0
        while seen < len(self._queue) < ENOUGH:
            seen = len(self._queue)
            await asyncio.sleep(0)

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        end = time.monotonic() + PATIENCE
        try:
            await self._commit_together(batch)
        except (*DATABASE_ERRORS, ProblemError) as error:
            log.warning("batch failed", count=len(batch), error=error_name(error))
            COMMITS_FAILED.inc()
            for waiting in batch:
                if time.monotonic() > end:
                    _fail(
                        waiting, ServiceUnavailable("The contact cannot be stored now; send the same again.", retry_after_sec=2)
                    )
                else:
                    await self._commit_alone(waiting)
        except BaseException:
            for waiting in batch:
                _fail(waiting, ServiceUnavailable("The service is stopping; send the same again.", retry_after_sec=1))
            raise

    async def _commit_alone(self, waiting: _Waiting) -> None:
        if waiting.answer.done():
            return
        try:
            await self._commit_together([waiting])
        except (*DATABASE_ERRORS, ProblemError) as error:
            log.exception("contact not stored", contact=str(waiting.contact.id), error=error_name(error))
            _fail(waiting, ServiceUnavailable("The contact cannot be stored now; send the same again.", retry_after_sec=2))

    async def _commit_together(self, batch: Sequence[_Waiting]) -> None:
        first: dict[UUID, _Waiting] = {}
        for waiting in batch:
            first.setdefault(waiting.contact.id, waiting)
        # in one order everywhere: two batches with the same ids then wait for one another instead of locking each other out
        ordered = sorted((waiting.contact for waiting in first.values()), key=lambda contact: contact.id.int)
        new = await self._insert.insert(self._database, ordered)
        self._tell(new, first)
        held = await self._held([waiting.contact.id for waiting in batch if not waiting.answer.done()])
        for waiting in batch:
            _compare(waiting, held)

    def _tell(self, new: set[UUID], first: dict[UUID, _Waiting]) -> None:
        self.batch_sizes.append(len(first))
        BATCH.observe(len(first))
        if len(first) > 1:
            self._shared_at = time.monotonic()
        for contact_id in new:
            waiting = first[contact_id]
            if not waiting.answer.done():
                waiting.answer.set_result(Written(waiting.contact.row, created=True))
        if new:
            self._database.events.fire()
            self._database.texts.fire()

    async def _held(self, ids: Sequence[UUID]) -> dict[UUID, Written]:
        if not ids:
            return {}
        file, earlier = tables.file.c, tables.earlier_kind.c
        async with self._database.read() as connection:
            contacts = (await connection.execute(select(tables.contact).where(tables.contact.c.id.in_(ids)))).mappings().all()
            of_contact = select(tables.file).where(file.contact_id.in_(ids), file.message_id.is_(None))
            files = (await connection.execute(of_contact.order_by(file.number))).mappings().all()
            kinds = select(tables.earlier_kind).where(earlier.contact_id.in_(ids)).order_by(earlier.number)
            earlier_kinds = (await connection.execute(kinds)).mappings().all()
        return {
            row["id"]: Written(
                dict(row),
                created=False,
                files=[dict(held) for held in files if held["contact_id"] == row["id"]],
                earlier_kinds=[dict(held) for held in earlier_kinds if held["contact_id"] == row["id"]],
            )
            for row in contacts
        }


def _compare(waiting: _Waiting, held: dict[UUID, Written]) -> None:
    if waiting.answer.done():
        return
    contact, found = waiting.contact, held.get(waiting.contact.id)
    if contact.mail and (found is None or found.row["sealed"] != contact.row["sealed"]):
        waiting.answer.set_exception(Overtaken())
        return
    found = held[contact.id]
    row = found.row
    if row["erased_at"] is not None:
        _fail(waiting, Erased("The contact was erased; its id cannot be used again."))
    elif same(row["sealed"], waiting.contact.row["sealed"]):
        # only this very submission has this ciphertext: it was committed, and the answer to that commit was lost
        # (the wrapped key would tell the same, until another master key wraps it meanwhile)
        waiting.answer.set_result(Written(waiting.contact.row, created=True))
    elif same(row["digest"], waiting.contact.row["digest"]):
        waiting.answer.set_result(found)
    else:
        _fail(waiting, Conflict("This contactId holds other content; use a new id for a new contact."))


def _fail(waiting: _Waiting, problem: ProblemError) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(problem)


async def _with_new_mails(connection: AsyncConnection, database: Database, batch: Sequence[NewContact]) -> Sequence[NewContact]:
    """Leave out the contacts whose mail was taken in already, in this batch or before."""
    mails = [contact.mail for contact in batch if contact.mail]
    if not mails:
        return batch
    new = await claim_mails(connection, database, mails)
    return [contact for contact in batch if contact.mail is None or contact.mail.row["id"] in new]


async def _write_the_rest(connection: AsyncConnection, database: Database, batch: Sequence[NewContact], new: set[UUID]) -> None:
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


class SqliteInsert:
    """One immediate transaction; the database has one writer, so what is absent stays absent until the commit."""

    together = 1

    async def insert(self, database: Database, batch: Sequence[NewContact]) -> set[UUID]:
        """Commit the contacts whose id is new, with their events, and give these ids."""
        async with database.write() as connection:
            ids = select(tables.contact.c.id).where(tables.contact.c.id.in_([contact.id for contact in batch]))
            held = set((await connection.execute(ids)).scalars())
            fresh = [contact for contact in batch if contact.id not in held]
            fresh = list(await _with_new_mails(connection, database, fresh))
            new = {contact.id for contact in fresh}
            if fresh:
                await connection.execute(insert(tables.contact), [contact.row for contact in fresh])
                await connection.execute(insert(tables.event), [contact.event for contact in fresh])
                index = [{"contact_id": contact.id, "digest": digest} for contact in fresh for digest in contact.index]
                if index:
                    await connection.execute(insert(tables.blind_index), index)
                await _write_the_rest(connection, database, fresh, new)
        return new


_TYPES = {"id": "uuid", "related_to": "uuid", "possible_link": "uuid", "event_id": "uuid", "unsure": "boolean", "anonymous": "boolean", "minor": "boolean",
          "kind_confidence": "float8", "digest": "bytea", "data_key": "bytea", "sealed": "bytea", "sealed_suggestion": "bytea",
          **dict.fromkeys(("kind_at", "received_at", "registered_at", "suggest_since"), "timestamptz")}  # fmt: skip

_SAME = {"version": "1", "status": "'open'", "last_sequence": "0"}
"""What is the same in every new contact, and so is not sent."""
_LATER = {"extended_at", "extended_due", "erased_at"}
_CONTACT = [column.name for column in tables.contact.columns if column.name not in _SAME.keys() | _LATER]
_GIVEN = [*_CONTACT, "event_id", "payload"]


def _arrays(names: Sequence[str]) -> str:
    return ", ".join(f"${place}::{_TYPES.get(name, 'text')}[]" for place, name in enumerate(names, 1))


_STATEMENT = f"""
WITH given AS (
    SELECT * FROM unnest({_arrays(_GIVEN)}) AS given ({", ".join(_GIVEN)})
), stored AS (
    INSERT INTO contact ({", ".join([*_SAME, *_CONTACT])})
    SELECT {", ".join([*_SAME.values(), *_CONTACT])} FROM given
    ON CONFLICT (id) DO NOTHING RETURNING id
), indexed AS (
    INSERT INTO blind_index (contact_id, digest)
    SELECT known.contact_id, known.digest
    FROM unnest(${len(_GIVEN) + 1}::uuid[], ${len(_GIVEN) + 2}::bytea[]) AS known (contact_id, digest)
    JOIN stored ON stored.id = known.contact_id
), turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock({FEED_LOCK})
), told AS (
    INSERT INTO event (position, id, contact_id, version, type, natures, channel, kinds, occurred_at, payload)
    SELECT nextval('event_position'), event_id, id, 1, 'registered', nature, channel, kind, registered_at, payload
    FROM turn, given JOIN stored USING (id)
)
SELECT id FROM stored
"""  # noqa: S608 - made of column names only


class PostgresInsert:
    """One statement a batch: contacts, index and events, which takes half the time of a transaction of several.

    Two batches at once: while one waits for its flush, the next is sent and read.
    """

    together = 2

    async def insert(self, database: Database, batch: Sequence[NewContact]) -> set[UUID]:
        """Commit the contacts whose id is new, with their events, and give these ids."""
        if not any(contact.has_more for contact in batch):
            async with database.line() as line:  # one statement is a transaction by itself
                return {row[0] for row in await line.fetch(_STATEMENT, *_values(batch))}
        async with database.write() as connection:
            fresh = await _with_new_mails(connection, database, batch)
            new = set((await connection.exec_driver_sql(_STATEMENT, _values(fresh))).scalars())
            await _write_the_rest(connection, database, fresh, new)
        return new


def _values(batch: Sequence[NewContact]) -> tuple[list[Any], ...]:
    return (
        *([contact.row[name] for contact in batch] for name in _CONTACT),
        [contact.event["id"] for contact in batch],
        [contact.event["payload"] for contact in batch],
        [contact.id for contact in batch for _ in contact.index],
        [digest for contact in batch for digest in contact.index],
    )
