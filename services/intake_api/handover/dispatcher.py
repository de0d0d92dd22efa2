"""Hands events over by webhook: in order within a contact, in parallel between contacts, until they are taken.

At least once: an event is delivered again when the answer was lost. Retries follow `LADDER`; what will never be
taken, and what was tried to the end of the ladder, becomes a dead letter that a person sees and can send again.
"""

import asyncio
import random
from dataclasses import dataclass, replace
from datetime import timedelta

from services.intake_api.handover.sink import Answer, Fate, Sink
from services.intake_api.store.deliveries import Claimed, Deliveries, Outlook, Pending
from services.intake_api.store.engine import Database
from services.intake_api.store.subscriptions import SubscriptionStore
from services.kit.logging import logger

log = logger(__name__)

LADDER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""How long to wait after each failed attempt; after the last one the event is a dead letter."""

TOGETHER = 16
AT_MOST_IDLE = 1.0
"""Seconds after which the database is looked at without having been woken: another process may have written."""


@dataclass(frozen=True)
class Dispatcher:
    """The worker of the hand-over. `pace` is a factor on every wait between attempts."""

    database: Database
    deliveries: Deliveries
    subscriptions: SubscriptionStore
    sink: Sink
    pace: float = 1

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self.deliveries.hand_back_all()
        async with self.sink.session(), asyncio.TaskGroup() as group:
            room = asyncio.Semaphore(TOGETHER * 4)
            while True:
                outlook = await self.deliveries.outlook()
                if outlook.behind:
                    await self.deliveries.spread()
                elif not outlook.active:
                    await asyncio.sleep(AT_MOST_IDLE)  # nobody to tell: let the intake have the machine
                    continue
                elif not self._is_due(outlook):
                    await self.database.events.wait(self._idle(outlook))
                    continue
                await self._start_some(group, room)

    async def _start_some(self, group: asyncio.TaskGroup, room: asyncio.Semaphore) -> None:
        if room.locked():
            await room.acquire()
            room.release()
        for claimed in await self.deliveries.claim(TOGETHER):
            await room.acquire()
            group.create_task(self._serve(claimed)).add_done_callback(lambda _: room.release())

    def _is_due(self, outlook: Outlook) -> bool:
        return outlook.due is not None and outlook.due <= self.database.clock.now()

    def _idle(self, outlook: Outlook) -> float:
        if outlook.due is None:
            return AT_MOST_IDLE
        return min(AT_MOST_IDLE, max(0.01, (outlook.due - self.database.clock.now()).total_seconds()))

    async def _serve(self, claimed: Claimed) -> None:
        try:
            owed = True
            while owed:
                pending = await self.deliveries.pending(claimed)
                owed = pending is not None and await self._deliver(claimed, pending)
                claimed = replace(claimed, attempts=0)  # each event climbs the ladder by itself
        except asyncio.CancelledError:
            await asyncio.shield(self.deliveries.hand_back(claimed))
            raise

    async def _deliver(self, claimed: Claimed, pending: Pending) -> bool:
        answer = await self.sink.send(claimed.subscriber, [pending])
        if answer.fate is Fate.TAKEN:
            return await self.deliveries.settle(claimed, pending.position, "delivered")
        log.warning("delivery failed", subscription=str(claimed.subscriber.id), position=pending.position, reason=answer.reason)
        if answer.fate is Fate.GONE:
            await self.subscriptions.disable(claimed.subscriber.id, answer.reason)
            await self.deliveries.hand_back(claimed)
            return False
        if answer.fate is Fate.REFUSED or claimed.attempts >= len(LADDER):
            return await self.deliveries.settle(claimed, pending.position, "dead", answer.reason)
        await self._postpone(claimed, pending, answer)
        return False

    async def _postpone(self, claimed: Claimed, pending: Pending, answer: Answer) -> None:
        wait = LADDER[claimed.attempts] * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, hides nothing
        until = self.database.clock.now() + max(wait, timedelta(seconds=answer.retry_after)) * self.pace
        await self.deliveries.postpone(claimed, pending.position, until, answer.reason)
