"""The deliveries of one subscription: taken a few at a time, posted side by side, and settled together.

Posting never waits for the database: while some events are being posted, the next are being taken and the last settled.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never
from uuid import UUID

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.handover.sink import Answer, Fate, Sink
from services.intake_api.store.deliveries import Claimed, Deliveries, Later, Pending, Served, Subscriber
from services.intake_api.store.engine import Signal
from services.kit.logging import error_name, logger

log = logger(__name__)

POSTS = 16
"""Posts of one subscription at a time: a slow subscriber fills its own lane only."""
BATCHES = 3
"""Batches of one subscription at a time."""
AT_ONCE = 400
"""Contacts that are taken in one transaction, or thirty batches where that is more: few transactions, so that the database's answer
is seldom waited for, and no more than a lease has time for."""
GATHERING = 0.02
"""Seconds that what was taken waits for others to be settled with, while there is more to post anyway."""
AHEAD = 3
"""How many such takings are under way: waiting, being posted, or not yet settled."""


class Lane:
    """Delivers to one subscription."""

    def __init__(self, subscription_id: UUID, deliveries: Deliveries, sinks: Mapping[str, Sink]) -> None:
        """Deliver by whichever sink speaks the protocol of the subscription's address."""
        self._id = subscription_id
        self._deliveries = deliveries
        self._sinks = sinks
        self._subscriber: Subscriber | None = None
        self._waiting: deque[Claimed] = deque()
        self._at_work: dict[UUID, Claimed] = {}
        self._served: list[Served] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._more = False
        self._failures = 0
        self._stopping = False
        self._woken = asyncio.Event()
        self._finished = asyncio.Event()
        self._all_posted = Signal()

    def wake(self) -> None:
        """Look for something to deliver, once more if that is being done already."""
        self._more = True
        self._woken.set()

    def stop(self) -> None:
        """Take nothing more; what is being posted is finished, and the rest given back."""
        self._stopping = True
        self.give_back()
        self._woken.set()
        self._finished.set()

    async def run(self) -> None:
        """Deliver until stopped."""
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(self._renew_all())
            settling = group.create_task(self._settle_all())
            settling.add_done_callback(lambda _: renewing.cancel())
            while not self._stopping:
                await self._woken.wait()
                self._woken.clear()
                await self._fill(group)

    @property
    def is_busy(self) -> bool:
        """Whether contacts are taken, being posted or not yet settled."""
        return bool(self._at_work)

    async def settle_the_rest(self) -> None:
        """Settle what is known of contacts whose posting was cut short, so that others may take them at once."""
        self.give_back()
        await self._settle()

    async def _fill(self, group: asyncio.TaskGroup) -> None:
        while self._more and not self._stopping and self._has_room:
            self._more = False  # unless it turns out that there is, or is told meanwhile
            try:
                taken = await self._deliveries.take(self._id, self._at_once)
            except ServiceUnavailable:
                log.warning("nothing can be taken now", subscription=str(self._id))
                await asyncio.sleep(1)
                self._more = True
                continue
            self._subscriber, self._more = taken.subscriber, self._more or taken.more
            self._accept(taken.claimed, group)

    @property
    def _batch(self) -> int:
        return self._subscriber.batch if self._subscriber else 1

    @property
    def _at_once(self) -> int:
        return max(AT_ONCE, 30 * self._batch)

    @property
    def _has_room(self) -> bool:
        if self._at_work and self._is_broken:
            return False
        return len(self._waiting) < self._at_once and len(self._at_work) < AHEAD * self._at_once

    @property
    def _is_broken(self) -> bool:
        """Say whether enough posts in a row failed here to wait for what the database makes of it."""
        return self._deliveries.patience.is_broken(self._failures)

    def _accept(self, claimed: Sequence[Claimed], group: asyncio.TaskGroup) -> None:
        # a contact that is still being posted was lost to a clock that jumped: its lease will end, and its order is kept
        fresh = [one for one in claimed if one.contact_id not in self._at_work]
        unwanted = self._stopping or self._subscriber is None or not self._has_room
        self._at_work.update((one.contact_id, one) for one in fresh)
        self._waiting.extend(fresh)
        if unwanted:
            self.give_back()
        at_once, each = (POSTS, 1) if self._batch == 1 else (BATCHES, self._batch)
        for _ in range(min(at_once - len(self._workers), -(-len(self._waiting) // each))):
            worker = group.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._leave)

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._finished.set()

    async def _work(self) -> None:
        while self._waiting and self._subscriber:
            if self._batch == 1 or self._waiting[0].attempts:
                await self._serve(self._waiting.popleft())  # what failed once is sent alone, so that it fails for itself only
            else:
                await self._serve_together(self._next_batch())
            if self._more and self._has_room:
                self._woken.set()

    def _next_batch(self) -> list[Claimed]:
        together: list[Claimed] = []
        room = self._batch
        while room and self._waiting and not self._waiting[0].attempts:
            claimed = self._waiting.popleft()
            if len(claimed.events) > room:
                claimed = replace(claimed, events=claimed.events[:room])
            together.append(claimed)
            room -= len(claimed.events)
        return together

    async def _serve(self, claimed: Claimed) -> None:
        served = Served(claimed)
        try:
            for event in claimed.events:
                if self._stopping or self._is_ending(claimed):
                    break
                answer = await self._send([event])
                _note(served, [event], answer)
                if answer.fate in {Fate.LATER, Fate.GONE}:
                    break
        finally:
            self._finish(served)

    async def _serve_together(self, together: list[Claimed]) -> None:
        rest = deque(Served(claimed) for claimed in together)
        try:
            events = [event for claimed in together for event in claimed.events]
            if not events or self._stopping or self._is_ending(together[0]):
                return
            answer = await self._send(events)
            if answer.fate is Fate.REFUSED and len(events) > 1:
                while rest:  # one of them will never be taken: each is tried alone to find out which
                    await self._serve(rest.popleft().claimed)
            for served in rest:
                _note(served, served.claimed.events, answer, is_one=served is rest[0])
        finally:
            for served in rest:
                self._finish(served)

    def _is_ending(self, claimed: Claimed) -> bool:
        """Say whether the lease could not be renewed; the contact is then given back."""
        return claimed.lease.left < self._deliveries.patience.lease.total_seconds() / 5

    async def _send(self, events: Sequence[Pending]) -> Answer:
        subscriber = self._subscriber
        if subscriber is None:
            return Answer(Fate.LATER, "not active")
        answer = await self._hand_over(subscriber, events)
        self._failures = self._failures + 1 if answer.fate is Fate.LATER else 0
        if self._is_broken or answer.rest:
            self.give_back()
        if answer.fate is not Fate.TAKEN:
            log.warning("delivery failed", subscription=str(self._id), position=events[0].position, reason=answer.reason)
        return answer

    async def _hand_over(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        sink = self._sinks.get(subscriber.scheme)
        if sink is None:
            return Answer(Fate.LATER, f"no way to {subscriber.scheme}:")
        try:
            return await sink.send(subscriber, events)
        except Exception as error:  # what one receiver makes a sink stumble over must not stop the hand-over to the others
            log.exception("a sink failed", subscription=str(self._id), error=error_name(error))
            return Answer(Fate.LATER, type(error).__name__)

    def _finish(self, served: Served) -> None:
        self._served.append(served)
        self._finished.set()
        if not self._waiting:
            self._all_posted.fire()

    def give_back(self) -> None:
        """Give back what was taken and is not being posted yet."""
        while self._waiting:
            self._finish(Served(self._waiting.popleft()))

    async def _renew_all(self) -> None:
        """Hold on to what takes long. What is not held on to, because this process was killed, others may soon take."""
        lease = self._deliveries.patience.lease.total_seconds()
        while True:
            await asyncio.sleep(lease / 5)
            if short := [one for one in self._at_work.values() if one.lease.left < lease * 3 / 5]:
                try:
                    await self._deliveries.renew(self._id, short)
                except ServiceUnavailable:
                    log.warning("leases cannot be renewed now", subscription=str(self._id), count=len(short))

    async def _settle_all(self) -> None:
        while not self._stopping or self._workers or self._served:
            await self._finished.wait()
            self._finished.clear()
            await self._settle()
            if self._waiting and not self._stopping:
                await self._all_posted.wait(GATHERING)

    async def _settle(self) -> None:
        served, self._served = self._served, []
        if not served:
            return
        try:
            settled = await self._deliveries.settle(self._id, served)
        except BaseException as error:
            self._served = served + self._served
            if not isinstance(error, ServiceUnavailable):
                raise
            log.warning("deliveries cannot be settled now", subscription=str(self._id), count=len(served))
            await asyncio.sleep(1)
            self._finished.set()
            return
        for one in served:
            self._at_work.pop(one.claimed.contact_id, None)
        if not self._at_work:
            self._failures = settled.health.failures
        if settled.more:
            self.wake()
        elif self._more:
            self._woken.set()
        if any(one.later for one in served):
            self._deliveries.committed.fire()  # to look when it is due again


def _note(served: Served, events: Sequence[Pending], answer: Answer, *, is_one: bool = True) -> None:
    match answer.fate:
        case Fate.TAKEN:
            served.delivered += tuple([event.position for event in events])
        case Fate.REFUSED:
            served.dead += ((events[0].position, answer.reason),)
        case Fate.LATER:
            waits = timedelta(seconds=answer.retry_after), timedelta(seconds=answer.rest)
            served.later = Later(events[0].position, answer.reason, *waits, is_one)
        case Fate.GONE:
            served.gone = answer.reason
        case never:
            assert_never(never)
