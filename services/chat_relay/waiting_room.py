"""Those who wait, on this relay: their places in the queue, whether anybody is there for them, and when the door closes.

The lookout looks for everybody; each visitor's own connection then tells its visitor.
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
from services.chat_relay.lookout import Lookout
from services.chat_relay.presence import Presence
from services.kit.bus import Subscription
from services.kit.logging import logger
from services.kit.service import IntakeAccess

log = logger(__name__)

TOGETHER: Final = 0.2
"""Seconds in which what visitors are told is told together."""

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

    def __init__(self, intake: IntakeAccess, hub: Hub, door: Door, lookout: Lookout) -> None:
        """Start empty."""
        self._intake = intake
        self._hub = hub
        self._door = door
        self._lookout = lookout
        self._guests: set[Guest] = set()
        self._lobby: set[Subscription] = set()
        self._occupied = asyncio.Event()
        self.sight = Sight()

    @property
    def _presence(self) -> Presence:
        return self._hub.presence

    @contextmanager
    def receive(self, guest: Guest) -> Iterator[None]:
        """Count a visitor's connection for the length of a block."""
        self._guests.add(guest)
        self._occupied.set()
        try:
            yield
        finally:
            self._guests.discard(guest)
            if not self._guests:
                self._occupied.clear()

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
        """Tell after each look, while anybody is here, until cancelled."""
        while True:
            await self._occupied.wait()
            with self._lookout.watch() as looks:
                while self._guests:
                    await looks.next()
                    await self._look()
                    await asyncio.sleep(TOGETHER)
            self.sight = Sight()

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

    async def _look(self) -> None:
        if (seen := self._lookout.seen) is None:
            return
        try:
            closing = await self._door.closing()
            closed = not (await self._door.hours()).open
        except ProblemError as problem:
            log.warning("hours not read", status=problem.status)
            return
        presence = self._presence
        self._tell(Sight(places(seen.conversations), presence.available, presence.staffed, closing, closed, is_seen=True))

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
