"""The one way a new contact is written: what arrives together is committed together (group commit).

While one batch is being committed the next one gathers; there is no timer. Each caller waits for its own durable commit.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from onthaal_schema.problems import Conflict, Erased, ServiceUnavailable
from services.intake_api.measures import BATCH
from services.intake_api.store import tables
from services.intake_api.store.batch_insert import BatchInsert, PostgresInsert
from services.intake_api.store.engine import Database, Signal
from services.intake_api.store.group_commit import GroupCommit, Uncommitted
from services.intake_api.store.new_contact import NewContact, Row
from services.intake_api.store.sqlite_insert import SqliteInsert
from services.intake_api.store.vault import same

LARGEST_BATCH = 256
ENOUGH = 8
"""From how many contacts on a commit costs each of them little; measured: 20 microseconds of this process at 16, 13 at 128."""

LONGEST_GATHERING = 0.05
"""Seconds after which contacts that the model is still at share a later commit."""

QUIET = 0.1


class Overtaken(Exception):
    """Nothing was stored: meanwhile the same mail was taken in, or what it was to join changed. Decide again."""


@dataclass(slots=True)
class Written:
    """What became of a submission: its row, whether it is new, and what a contact that was there has by now."""

    row: Row
    created: bool
    files: Sequence[Row] = ()
    earlier_kinds: Sequence[Row] = ()


_Waiting = Uncommitted[NewContact, Written]


class Writer:
    """Writes new contacts. `run` is the worker that commits; `write` is what callers await."""

    def __init__(self, database: Database) -> None:
        """Write to a database; nothing is committed until `run` runs."""
        self._database = database
        self._insert: BatchInsert = SqliteInsert() if database.on_sqlite else PostgresInsert()
        self._commits = GroupCommit("contact", self._commit_together)
        self._queue: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._expected = 0
        self._moved = Signal()
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
        waiting: _Waiting = Uncommitted(contact.id, contact, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._arrived.set()
        return await waiting.answer

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Say that a contact will be written right after the block, which is short: it may share a commit that is about to begin."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1
            self._moved.fire()

    async def run(self) -> None:
        """Commit what arrives, until cancelled; what then still waits is told that it was not stored."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._insert.together):
                    group.create_task(self._commit_what_arrives())
        finally:
            _send_away(self._queue)
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
        """Let the loop read what has already arrived at its sockets, and the model finish what it is at, so that it shares the commit.

        Nobody waits for a clock, unless a model hangs, nor for more than is enough: the rest is read while this is being committed.
        """
        seen = 0
        while seen < len(self._queue) < ENOUGH:
            seen = len(self._queue)
            await asyncio.sleep(0)
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_GATHERING):
                while self._expected and 0 < len(self._queue) < ENOUGH:
                    await self._moved.next().wait()
                    await asyncio.sleep(0)

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._commits.commit(batch)
        except BaseException:
            _send_away(batch)
            raise

    async def _commit_together(self, batch: Sequence[_Waiting]) -> None:
        first: dict[UUID, _Waiting] = {}
        for waiting in batch:
            first.setdefault(waiting.contact_id, waiting)
        # in one order everywhere: two batches with the same ids then wait for one another instead of locking each other out
        ordered = sorted((waiting.new for waiting in first.values()), key=lambda contact: contact.id.int)
        new = await self._insert.insert(self._database, ordered)
        self._tell(new, first)
        held = await self._held([waiting.contact_id for waiting in batch if not waiting.answer.done()])
        for waiting in batch:
            _compare(waiting, held)

    def _tell(self, new: set[UUID], first: dict[UUID, _Waiting]) -> None:
        self.batch_sizes.append(len(first))
        BATCH.observe(len(first))
        if len(first) > 1:
            self._shared_at = time.monotonic()
        for contact_id in new:
            waiting = first[contact_id]
            waiting.tell(Written(waiting.new.row, created=True))
        if new:
            self._database.events.fire()
            self._database.texts.fire()

    async def _held(self, ids: Sequence[UUID]) -> dict[UUID, Written]:
        if not ids:
            return {}
        file, earlier = tables.file.c, tables.earlier_kind.c
        async with self._database.read() as connection:
            contacts = (await connection.execute(select(tables.contact).where(tables.contact.c.id.in_(ids)))).mappings().all()
            of_contact = select(*tables.file_label).where(file.contact_id.in_(ids), file.message_id.is_(None))
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
    contact, found = waiting.new, held.get(waiting.contact_id)
    if contact.mail and (found is None or found.row["sealed"] != contact.row["sealed"]):
        waiting.refuse(Overtaken())
        return
    found = held[waiting.contact_id]
    row = found.row
    if row["erased_at"] is not None:
        waiting.refuse(Erased("The contact was erased; its id cannot be used again."))
    elif same(row["sealed"], contact.row["sealed"]):
        # only this very submission has this ciphertext: it was committed, and the answer to that commit was lost
        # (the wrapped key would tell the same, until another master key wraps it meanwhile)
        waiting.tell(Written(contact.row, created=True))
    elif same(row["digest"], contact.row["digest"]):
        waiting.tell(found)
    else:
        waiting.refuse(Conflict("This contactId holds other content; use a new id for a new contact."))


def _send_away(batch: Sequence[_Waiting]) -> None:
    for waiting in batch:
        waiting.refuse(ServiceUnavailable("The service is stopping; send the same again.", retry_after_sec=1))
