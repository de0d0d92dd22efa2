"""The feed that a case service reads: every event once, in one order, from a cursor that survives restarts."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from onthaal_schema.events import EventPage
from onthaal_schema.problems import InvalidInput, TooManyRequests
from services.intake_api.store.engine import Database
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.outbox import Outbox, Read

LIMIT = 500
LAST_POSITION = 2**63 - 1
LENGTH = 24
PATH = "/intake/v1/events"
LOOK_AGAIN = 0.5
"""Seconds after which a waiting reader looks without having been woken: another process may have written."""
MOST_WAITING = 32
"""Requests of one reader that may wait at once: each looks in the database whenever anything is written."""


@dataclass(frozen=True)
class Asked:
    """What a reader asks for: the events after a cursor, or from the beginning, waiting some seconds for the first."""

    after: str | None = None
    limit: int = 100
    wait: int = 0
    filter: EventFilter = field(default_factory=EventFilter)

    def following(self, cursor: str) -> str:
        """Give the address of the next page."""
        names = {"type": self.filter.types, "channel": self.filter.channels, "kind": self.filter.kinds}
        chosen = {name: [str(value) for value in values] for name, values in names.items() if values}
        if tuple(self.filter.natures) != ("person",):
            chosen["nature"] = [str(nature) for nature in self.filter.natures]
        return f"{PATH}?{urlencode({'after': cursor, **chosen}, doseq=True)}"


class Feed:
    """The events of a database, by cursor. A cursor holds the database's epoch: after a restore it is refused, not misread."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        """Read an outbox."""
        self._database = database
        self._outbox = outbox
        self._waiting: Counter[str] = Counter()

    async def page(self, asked: Asked, reader: str = "") -> EventPage:
        """Read the events after a cursor, or from the beginning without one.

        Raises:
            TooManyRequests: the reader lets as many requests wait as it may.
            InvalidInput: the cursor is not one of this database, or points past its end: it was restored to before it.

        """
        epoch = await self._database.epoch()
        start = _position(asked.after, epoch) if asked.after else 0
        with self._wait(reader if asked.wait else None):
            read = await self._read(start, asked)
        if start > read.newest:
            raise _foreign()
        cursor = _cursor(epoch, read.reached)
        following = asked.following(cursor) if read.reached > start else None
        return EventPage(self=PATH, items=tuple(read.events), cursor=cursor, next=following)

    @contextmanager
    def _wait(self, reader: str | None) -> Iterator[None]:
        if reader is None:
            yield
            return
        if self._waiting[reader] >= MOST_WAITING:
            raise TooManyRequests(f"Let at most {MOST_WAITING} requests wait at once.", retry_after_sec=1)
        self._waiting[reader] += 1
        try:
            yield
        finally:
            self._waiting[reader] -= 1
            if not self._waiting[reader]:
                del self._waiting[reader]

    async def _read(self, position: int, asked: Asked) -> Read:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + asked.wait
        while True:
            told = self._database.events.next()  # before looking, so that no commit falls in between
            read = await self._outbox.after(position, min(asked.limit, LIMIT), asked.filter)
            left = deadline - loop.time()
            if read.events or left <= 0 or position > read.newest:
                return read
            position = read.reached
            if read.reached >= read.newest:
                await _within(told, min(left, LOOK_AGAIN))


async def _within(told: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await told.wait()
    except TimeoutError:
        return


def _cursor(epoch: UUID, position: int) -> str:
    return urlsafe_b64encode(epoch.bytes + position.to_bytes(8)).decode().rstrip("=")


def _position(cursor: str, epoch: UUID) -> int:
    try:
        held = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        held = b""
    position = int.from_bytes(held[16:])
    if len(held) != LENGTH or held[:16] != epoch.bytes or position > LAST_POSITION:
        raise _foreign()
    return position


def _foreign() -> InvalidInput:
    detail = "This cursor is not of this database: start again without one; events you hold have the same ids."
    return InvalidInput.at("after", detail, in_="query")
