"""How a turn is written: messages that arrive together are committed together, each caller waiting for its own durable commit.

While one batch is being committed the next one gathers; there is no timer. When a batch fails, each of its messages is tried once
alone, so that one cannot harm another, unless the database does not answer: then all are told at once.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onthaal_schema.problems import Conflict, ProblemError, ServiceUnavailable
from services.intake_api.measures import COMMITS_FAILED
from services.intake_api.store.engine import DATABASE_ERRORS, Database
from services.intake_api.store.message_insert import (
    HeldMessage,
    MessageInsert,
    NewMessage,
    PostgresMessages,
    SqliteMessages,
    held_messages,
)
from services.intake_api.store.vault import same
from services.kit.logging import error_name, logger

log = logger(__name__)

LARGEST_BATCH: Final = 128
PATIENCE: Final = 5.0
"""Seconds after which the messages of a batch that failed are no longer tried one by one."""

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


@dataclass(slots=True)
class _Waiting:
    message: NewMessage
    answer: "asyncio.Future[WrittenMessage]"


class MessageWriter:
    """Writes messages. Whoever comes while nothing is being committed commits at once; the others share the commit after that."""

    def __init__(self, database: Database) -> None:
        """Write to a database."""
        self._database = database
        self._insert: MessageInsert = SqliteMessages() if database.on_sqlite else PostgresMessages()
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
        waiting = _Waiting(message, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._under_way < self._insert.together:
            self._under_way += 1
            await self._commit_next(waiting)
        return await waiting.answer

    async def _commit_next(self, mine: _Waiting | None = None) -> None:
        batch = self._next()
        try:
            await self._commit(batch)
        except BaseException as error:
            others = [waiting for waiting in batch if waiting is not mine and not waiting.answer.done()]
            if mine and isinstance(error, asyncio.CancelledError):
                self._queue = others + self._queue  # the same again finds what was stored
            else:
                for waiting in others:
                    _fail(waiting, _not_now())
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
            contact = waiting.message.contact_id.int
            if contact in batch or len(batch) == LARGEST_BATCH:
                rest.append(waiting)
            else:
                batch[contact] = waiting
        self._queue = rest
        return list(batch.values())

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        end = time.monotonic() + PATIENCE
        try:
            await self._commit_together(batch)
        except (*DATABASE_ERRORS, ProblemError) as error:
            log.warning("batch failed", count=len(batch), error=error_name(error))
            COMMITS_FAILED.inc()
            for waiting in batch:
                if time.monotonic() > end:
                    _fail(waiting, _not_now())
                elif not waiting.answer.done():
                    await self._commit_alone(waiting)

    async def _commit_alone(self, waiting: _Waiting) -> None:
        try:
            await self._commit_together([waiting])
        except (*DATABASE_ERRORS, ProblemError) as error:
            log.exception("message not stored", contact=str(waiting.message.contact_id), error=error_name(error))
            _fail(waiting, _not_now())

    async def _commit_together(self, batch: Sequence[_Waiting]) -> None:
        numbered = await self._insert.insert(self._database, [waiting.message for waiting in batch])
        self._wrote_at = time.monotonic()
        others = []
        due_now = False
        for waiting in batch:
            message = waiting.message
            if found := numbered.get(message.contact_id):
                sequence, due = found
                due_now |= due <= message.registered_at
                _answer(waiting, WrittenMessage(sequence, message.sent_at, message.registered_at, created=True))
            else:
                others.append(waiting)
        if numbered:
            self._database.texts.fire()
        if due_now:
            self._database.extensions.fire()
        if others:
            held = await held_messages(self._database, [waiting.message for waiting in others])
            for waiting in others:
                _compare(waiting, held.get(waiting.message.contact_id))


def _compare(waiting: _Waiting, held: HeldMessage | None) -> None:
    if held is None:
        if not waiting.answer.done():
            waiting.answer.set_exception(ContactChanged())
    elif same(held.digest, waiting.message.digest):
        # only this very message has this ciphertext: it was committed, and the answer to that commit was lost
        created = same(held.sealed, waiting.message.sealed)
        _answer(waiting, WrittenMessage(held.sequence, held.sent_at, held.registered_at, created))
    else:
        _fail(waiting, Conflict("This messageId holds another message; use a new id for a new message."))


def _answer(waiting: _Waiting, written: WrittenMessage) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(written)


def _fail(waiting: _Waiting, problem: ProblemError) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(problem)


def _not_now() -> ServiceUnavailable:
    return ServiceUnavailable("The message cannot be stored now; send the same again.", retry_after_sec=2)
