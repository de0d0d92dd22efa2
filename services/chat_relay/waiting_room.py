"""Those who wait, on this relay: their places in the queue, whether anybody is there for them, and when the door closes.

One look in the store serves everybody who waits here; each visitor's own connection then tells its visitor.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from onthaal_schema.conversation import Attendance, Conversation, ConversationStatus
from onthaal_schema.problems import ProblemError
from services.chat_relay.door import Door
from services.chat_relay.hub import Hub
from services.chat_relay.presence import Presence
from services.kit.bus import MISSED, Notice, Subscription
from services.kit.logging import logger
from services.kit.service import IntakeAccess

log = logger(__name__)

LOOK: Final = 4.0
"""The queue is read again after so many seconds without a hint, and the clock is looked at."""

TOGETHER: Final = 0.2
"""Seconds in which changes are told together."""

REPORT: Final = 3.0
"""The store is told every so many seconds who is connected here."""

MOST: Final = 5_000
"""Visitors that one report names."""


class Guest(Protocol):
    """A visitor's connection."""

    @property
    def waiting_in(self) -> UUID | None:
        """The conversation in which the visitor waits, if any."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a conversation stands in the queue. `first`: nobody ever took it."""

    position: int
    since: datetime
    first: bool


@dataclass(frozen=True)
class Sight:
    """What was last seen: the places, and who is there."""

    places: Mapping[UUID, Place] = field(default_factory=dict)
    available: int = 0
    staffed: bool = False
    closing: datetime | None = None
    closed: bool = False
    is_seen: bool = False

    @property
    def same_for_all(self) -> tuple[object, ...]:
        """What concerns everybody who waits or may start."""
        return self.is_seen, self.available, self.staffed, self.closing, self.closed


class WaitingRoom:
    """Keeps the places of those who wait here up to date, and the store informed of who is here."""

    def __init__(self, intake: IntakeAccess, hub: Hub, door: Door) -> None:
        """Start empty."""
        self._intake = intake
        self._hub = hub
        self._door = door
        self._guests: set[Guest] = set()
        self._lobby: set[Subscription] = set()
        self._hints: Subscription | None = None
        self.sight = Sight()

    @property
    def _presence(self) -> Presence:
        return self._hub.presence

    @contextmanager
    def receive(self, guest: Guest) -> Iterator[None]:
        """Count a visitor's connection for the length of a block."""
        if not self._guests and self._hints:
            self._hints.miss()  # nobody was there to look for
        self._guests.add(guest)
        try:
            yield
        finally:
            self._guests.discard(guest)

    @asynccontextmanager
    async def lobby(self) -> AsyncIterator[Subscription]:
        """Hear of what concerns somebody who has not started yet, for the length of a block."""
        hints = Subscription()
        self._lobby.add(hints)
        try:
            yield hints
        finally:
            self._lobby.discard(hints)

    async def run(self) -> None:
        """Look, and tell, until cancelled."""
        async with self._hub.watch_queue() as hints:
            self._hints, notice = hints, MISSED
            while True:
                await self._look(notice)
                try:
                    async with asyncio.timeout(LOOK):
                        notice = await hints.next()
                    await asyncio.sleep(TOGETHER)
                except TimeoutError:
                    notice = MISSED

    async def report(self) -> None:
        """Tell the store who is connected here, until cancelled; the store gives up on whoever is connected nowhere."""
        while True:
            await asyncio.sleep(REPORT)
            try:
                for attendance in self._attendance():
                    for conversation in await self._intake.own("chat_relay").attend(attendance):
                        await self._hub.changed(conversation.id)
            except ProblemError as problem:
                log.warning("attendance not reported", status=problem.status)

    def _attendance(self) -> Iterator[Attendance]:
        operators = self._presence.operators_here
        waiting = list({conversation for guest in tuple(self._guests) if (conversation := guest.waiting_in)})
        for start in range(0, max(len(waiting), 1), MOST):
            yield Attendance(operators=operators, visitors=tuple(waiting[start : start + MOST]))

    async def _look(self, notice: Notice) -> None:
        if not self._guests:
            self.sight = Sight()
            return
        try:
            places = self.sight.places if "staff" in notice and self.sight.is_seen else await self._places()
            closing = await self._door.closing()
            closed = not (await self._door.hours()).open
        except ProblemError as problem:
            log.warning("queue not read", status=problem.status)
            return
        self._tell(Sight(places, self._presence.available, self._presence.staffed, closing, closed, is_seen=True))

    async def _places(self) -> Mapping[UUID, Place]:
        return places(await self._intake.own("chat_relay").open_conversations())

    def _tell(self, sight: Sight) -> None:
        former, self.sight = self.sight, sight
        if former.same_for_all != sight.same_for_all:
            for hints in tuple(self._lobby):
                hints.offer({"waiting": 1})
            concerned = set(sight.places)
        else:
            concerned = {conversation for conversation, place in sight.places.items() if former.places.get(conversation) != place}
        for conversation in concerned:
            self._hub.waits(conversation)


def places(conversations: Sequence[Conversation]) -> Mapping[UUID, Place]:
    """Give the places of those who wait, in the order of the list."""
    waiting = [found for found in conversations if found.status is ConversationStatus.WAITING]
    return {
        found.id: Place(number, found.waiting_since or found.started_at, first=found.waited_seconds is None)
        for number, found in enumerate(waiting, start=1)
    }
