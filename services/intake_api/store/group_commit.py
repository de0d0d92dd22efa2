"""Group commit: a batch is committed together, and each caller is told what became of its own.

When a batch fails, each of it is tried once alone, so that one cannot harm another, unless the database does not answer: then all are
told at once. Who shares a batch, and in whose task it is committed, is for the writers to say.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from onthaal_schema.problems import ProblemError, ServiceUnavailable
from services.intake_api.measures import COMMITS_FAILED
from services.intake_api.store.engine import DATABASE_ERRORS
from services.kit.logging import error_name, logger

log = logger(__name__)

New = TypeVar("New")
Outcome = TypeVar("Outcome")

PATIENCE: Final = 5.0
"""Seconds after which a batch that failed is no longer tried one by one: a database that does not answer would keep each of them
waiting for as long as the batch, and everybody who comes after them."""


@dataclass(slots=True)
class Uncommitted(Generic[New, Outcome]):
    """Something new of a contact, and the answer that its caller waits for; a caller who has gone is told nothing."""

    contact_id: UUID
    new: New
    answer: "asyncio.Future[Outcome]"

    def tell(self, outcome: Outcome) -> None:
        """Tell the caller what became of it."""
        if not self.answer.done():
            self.answer.set_result(outcome)

    def refuse(self, error: Exception) -> None:
        """Tell the caller why it was not stored."""
        if not self.answer.done():
            self.answer.set_exception(error)


class GroupCommit(Generic[New, Outcome]):
    """Commits batches of the writer it belongs to."""

    def __init__(self, noun: str, commit: Callable[[Sequence[Uncommitted[New, Outcome]]], Awaitable[None]]) -> None:
        """Commit by `commit`, which stores a batch and tells its callers, or raises; `noun` says what is stored."""
        self._noun = noun
        self._commit = commit

    async def commit(self, batch: Sequence[Uncommitted[New, Outcome]]) -> None:
        """Commit a batch: on return each of its callers was told. When it raises (stopped, or a fault of ours) some were not."""
        end = time.monotonic() + PATIENCE
        try:
            await self._commit(batch)
        except (*DATABASE_ERRORS, ProblemError) as error:
            log.warning("batch failed", kind=self._noun, count=len(batch), error=error_name(error))
            COMMITS_FAILED.inc()
            for waiting in batch:
                if time.monotonic() > end:
                    self.give_up(waiting)
                elif not waiting.answer.done():
                    await self._commit_alone(waiting)

    def give_up(self, waiting: Uncommitted[New, Outcome]) -> None:
        """Tell a caller that it is not known whether it was stored; the same again will tell."""
        waiting.refuse(ServiceUnavailable(f"The {self._noun} cannot be stored now; send the same again.", retry_after_sec=2))

    async def _commit_alone(self, waiting: Uncommitted[New, Outcome]) -> None:
        try:
            await self._commit([waiting])
        except (*DATABASE_ERRORS, ProblemError) as error:
            log.exception("not stored", kind=self._noun, contact=str(waiting.contact_id), error=error_name(error))
            self.give_up(waiting)
