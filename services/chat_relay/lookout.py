"""One look in the store for everybody on this relay: operators see the conversations, and visitors their places in the queue."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from onthaal_schema.conversation import Conversation
from onthaal_schema.problems import ProblemError
from services.chat_relay.frames import Entry, Queue
from services.chat_relay.hub import Hub
from services.chat_relay.view import hint
from services.kit.bus import MISSED, Notice, Subscription
from services.kit.logging import logger
from services.kit.service import IntakeAccess

log = logger(__name__)

LOOK: Final = 4.0
"""The conversations are read again after about so many seconds without a hint."""

TOGETHER: Final = 0.05
"""Seconds in which changes that follow one another are read together; the first is read at once."""


@dataclass(frozen=True)
class Seen:
    """What was last seen: the conversations that have not ended, and beside each how it is listed for whoever has it not."""

    conversations: Sequence[Conversation]
    entries: Sequence[Entry]

    @cached_property
    def served(self) -> Counter[UUID | None]:
        """How many conversations each operator has."""
        return Counter(found.operator for found in self.conversations)

    def queue(self, operator: UUID) -> Queue:
        """List the conversations as an operator sees them."""
        both = zip(self.conversations, self.entries, strict=True)
        listed = (entry.model_copy(update={"mine": True}) if found.operator == operator else entry for found, entry in both)
        return Queue(conversations=tuple(listed))


class Lookout:
    """Reads the open conversations when there is a hint, and when there was none for long, as long as somebody watches."""

    def __init__(self, intake: IntakeAccess, hub: Hub) -> None:
        """See nothing yet."""
        self._intake = intake
        self._hub = hub
        self._watchers: set[Subscription] = set()
        self._hints: Subscription | None = None
        self._due = 0.0
        self.seen: Seen | None = None

    @contextmanager
    def watch(self) -> Iterator[Subscription]:
        """Be told of each look, and of each change of the staff, for the length of a block; the first look is at once."""
        told = Subscription()
        self._watchers.add(told)
        if self._hints:
            self._hints.miss()
        try:
            yield told
        finally:
            self._watchers.discard(told)

    async def run(self) -> None:
        """Look, and tell, until cancelled."""
        async with self._hub.watch_queue() as self._hints:
            notices: Sequence[Notice] = (MISSED,)
            while True:
                await self._look(notices)
                rested = _now() + TOGETHER
                first = await hint(self._hints, LOOK)
                await asyncio.sleep(rested - _now())
                notices = (first, *self._hints.drain())

    async def _look(self, notices: Sequence[Notice]) -> None:
        if not self._watchers:
            self.seen, self._due = None, 0.0
            return
        if _now() >= self._due or any("staff" not in notice for notice in notices):
            await self._read()
        for told in tuple(self._watchers):
            told.miss()  # one that has not looked since looks once

    async def _read(self) -> None:
        try:
            found = await self._intake.own("chat_relay").open_conversations()
        except ProblemError as problem:
            self._due = 0.0
            log.warning("conversations not read", status=problem.status)
            return
        self._due = _now() + LOOK
        seen = Seen(tuple(found), self._listed(found))
        if seen != self.seen:
            self.seen = seen

    def _listed(self, conversations: Sequence[Conversation]) -> Sequence[Entry]:
        """List conversations; those that are as before by the very same entries, so that lists are quickly compared."""
        former = {entry.conversation: entry for entry in self.seen.entries} if self.seen else {}
        listed = (entry(found, here=self._hub.is_here(found.id)) for found in conversations)
        return tuple(known if (known := former.get(new.conversation)) == new else new for new in listed)


def entry(found: Conversation, *, here: bool) -> Entry:
    """List a conversation for whoever has it not."""
    return Entry(
        conversation=found.id,
        reference=found.reference,
        status=found.status,
        mine=False,
        operator=found.operator_name,
        language=found.language,
        started_at=found.started_at,
        waiting_since=found.waiting_since or found.started_at,
        because=found.because,
        here=here,
        last_sequence=found.last_sequence,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
