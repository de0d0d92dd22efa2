"""How a turn is written: messages that arrive together are committed together, each caller waiting for its own durable commit.

While one batch is being committed the next one gathers; there is no timer.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onthaal_schema.problems import Conflict
from services.intake_api.store.engine import Database
from services.intake_api.store.group_commit import GroupCommit, Uncommitted
from services.intake_api.store.message_insert import (
    HeldMessage,
    MessageInsert,
    NewMessage,
    PostgresMessages,
    SqliteMessages,
    held_messages,
)
from services.intake_api.store.vault import same

LARGEST_BATCH: Final = 128
QUIET: Final = 0.5
"""Seconds after the last message in which the model leaves the processor to the next one."""


class ContactChanged(Exception):
    """Nothing was stored: the contact is gone, erased, or its key was wrapped anew since the message was sealed. Read it again."""


@dataclass(frozen=True, slots=True)
class WrittenMessage:
    """What became of a message."""

    sequence: int
    sent_at: datetime
    registered_at: datetime
    created: bool


_Waiting = Uncommitted[NewMessage, WrittenMessage]


class MessageWriter:
    """Writes messages. Whoever comes while nothing is being committed commits at once; the others share the commit after that."""

    def __init__(self, database: Database) -> None:
        """Write to a database."""
        self._database = database
        self._insert: MessageInsert = SqliteMessages() if database.on_sqlite else PostgresMessages()
        self._commits = GroupCommit("message", self._commit_together)
        self._queue: list[_Waiting] = []
        self._under_way = 0
        self._going_on: set[asyncio.Task[None]] = set()
        self._wrote_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether somebody is talking."""
        return bool(self._queue) or (time.monotonic() - self._wrote_at) < QUIET

    async def write(self, message: NewMessage) -> WrittenMessage:
        """Write a message: on return it is durable and has its number.

        Raises:
            Conflict: the id is taken by another message.
            ContactChanged: its contact is not what it was; nothing was stored.
            ServiceUnavailable: it is not known whether it was stored; the same again will tell.

        """
        waiting: _Waiting = Uncommitted(message.contact_id, message, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._under_way < self._insert.together:
            self._under_way += 1
            await self._commit_next(waiting)
        return await waiting.answer

    async def _commit_next(self, mine: _Waiting | None = None) -> None:
        batch = self._next()
        try:
            await self._commits.commit(batch)
        except BaseException as error:
            others = [waiting for waiting in batch if waiting is not mine and not waiting.answer.done()]
            if mine and isinstance(error, asyncio.CancelledError):
                self._queue = others + self._queue  # the same again finds what was stored
            else:
                for waiting in others:
                    self._commits.give_up(waiting)
            raise
        finally:
            self._under_way -= 1
            self._go_on()

    def _go_on(self) -> None:
        self._queue = [waiting for waiting in self._queue if not waiting.answer.cancelled()]
        if self._queue and self._under_way < self._insert.together:
            self._under_way += 1
            task = asyncio.get_running_loop().create_task(self._commit_next())
            self._going_on.add(task)
            task.add_done_callback(self._going_on.discard)

    def _next(self) -> Sequence[_Waiting]:
        """Take the next batch from the queue: one message of a contact, since each gets the number after the last."""
        batch: dict[int, _Waiting] = {}
        rest: list[_Waiting] = []
        for waiting in self._queue:
            contact = waiting.contact_id.int
            if contact in batch or len(batch) == LARGEST_BATCH:
                rest.append(waiting)
            else:
                batch[contact] = waiting
        self._queue = rest
        return list(batch.values())

    async def _commit_together(self, batch: Sequence[_Waiting]) -> None:
        numbered = await self._insert.insert(self._database, [waiting.new for waiting in batch])
        self._wrote_at = time.monotonic()
        others = []
        due_now = False
        for waiting in batch:
            message = waiting.new
            if found := numbered.get(waiting.contact_id):
                sequence, due = found
                due_now |= due <= message.registered_at
                waiting.tell(WrittenMessage(sequence, message.sent_at, message.registered_at, created=True))
            else:
                others.append(waiting)
        if numbered:
            self._database.texts.fire()
        if due_now:
            self._database.extensions.fire()
        if others:
            held = await held_messages(self._database, [waiting.new for waiting in others])
            for waiting in others:
                _compare(waiting, held.get(waiting.contact_id))


def _compare(waiting: _Waiting, held: HeldMessage | None) -> None:
    if held is None:
        waiting.refuse(ContactChanged())
    elif same(held.digest, waiting.new.digest):
        # only this very message has this ciphertext: it was committed, and the answer to that commit was lost
        created = same(held.sealed, waiting.new.sealed)
        waiting.tell(WrittenMessage(held.sequence, held.sent_at, held.registered_at, created))
    else:
        waiting.refuse(Conflict("This messageId holds another message; use a new id for a new message."))
