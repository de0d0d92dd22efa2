"""Hands events over: in order within a contact, in parallel between contacts, until they are taken.

At least once: an event is delivered again when the answer was lost. What will never be taken, and what was tried to the end
of the ladder, becomes a dead letter that a person sees and can send again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.handover.lane import Lane
from services.intake_api.handover.sink import Sink
from services.intake_api.store.deliveries import Deliveries, Outlook
from services.kit.logging import error_name, logger

log = logger(__name__)

AT_MOST_IDLE = 1.0
"""Seconds after which the database is looked at without having been woken: another process may have written."""
BUSY = 0.01
"""Seconds between two looks while events are being posted: who posts looks for more by itself."""


@dataclass(frozen=True)
class Dispatcher:
    """The worker of the hand-over. Sinks go by the scheme of the addresses that they speak to."""

    deliveries: Deliveries
    sinks: Mapping[str, Sink]
    drain: float = 10
    """Seconds that what is being posted is given to finish when the worker is cancelled."""

    async def run(self) -> None:
        """Deliver until cancelled; then finish what was begun and give the rest back."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.deliveries.on_duty())
            for sink in dict.fromkeys(self.sinks.values()):
                await stack.enter_async_context(sink.session())
            duty = _Duty(self)
            working = asyncio.create_task(duty.work())
            try:
                await asyncio.shield(working)
            finally:
                await duty.end(working)


@dataclass
class _Duty:
    """The lanes of a dispatcher, for as long as it runs."""

    dispatcher: Dispatcher
    lanes: dict[UUID, Lane] = field(default_factory=dict)
    running: set[asyncio.Task[None]] = field(default_factory=set)
    ending: bool = False

    async def work(self) -> None:
        deliveries = self.dispatcher.deliveries
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    outlooks = await deliveries.outlook()
                except ServiceUnavailable:
                    log.warning("the database cannot be read now")
                    await asyncio.sleep(AT_MOST_IDLE)
                    continue
                self._wake(outlooks, group)
                await self._rest(outlooks)

    def _wake(self, outlooks: Sequence[Outlook], group: asyncio.TaskGroup) -> None:
        for inactive in self.lanes.keys() - {outlook.subscription_id for outlook in outlooks}:
            self.lanes[inactive].give_back()
        for outlook in outlooks:
            if outlook.subscription_id not in self.lanes and not self.ending:
                self._open(outlook.subscription_id, group)
            if outlook.is_due and outlook.subscription_id in self.lanes:
                self.lanes[outlook.subscription_id].wake()

    def _open(self, subscription_id: UUID, group: asyncio.TaskGroup) -> None:
        lane = self.lanes[subscription_id] = Lane(subscription_id, self.dispatcher.deliveries, self.dispatcher.sinks)
        running = group.create_task(self._keep(subscription_id, lane))
        self.running.add(running)
        running.add_done_callback(self.running.discard)

    async def _keep(self, subscription_id: UUID, lane: Lane) -> None:
        """Run a lane. One that fails ends alone, and is opened anew; what it held is taken again when its leases end."""
        try:
            await lane.run()
        except Exception as error:
            log.exception("a lane failed", subscription=str(subscription_id), error=error_name(error))
            await asyncio.sleep(AT_MOST_IDLE)
            del self.lanes[subscription_id]

    async def _rest(self, outlooks: Sequence[Outlook]) -> None:
        if not outlooks:
            await asyncio.sleep(AT_MOST_IDLE)  # nobody to tell: let the intake have the machine
            return
        if any(lane.is_busy for lane in self.lanes.values()):
            await asyncio.sleep(BUSY)
        idle = [outlook for outlook in outlooks if not self.lanes[outlook.subscription_id].is_busy]
        seconds = min((outlook.due_in for outlook in idle if outlook.due_in is not None), default=AT_MOST_IDLE)
        await self.dispatcher.deliveries.committed.wait(min(AT_MOST_IDLE, max(BUSY, seconds)))

    async def end(self, working: "asyncio.Task[None]") -> None:
        self.ending = True
        for lane in self.lanes.values():
            lane.stop()
        if self.running:
            await asyncio.wait(self.running, timeout=self.dispatcher.drain)
        working.cancel()
        await asyncio.wait([working])
        for lane in self.lanes.values():
            try:
                await lane.settle_the_rest()
            except ServiceUnavailable:
                log.warning("leases are left to end by themselves")
