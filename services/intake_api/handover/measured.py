"""A sink that counts what came of each attempt, and how long after it occurred an event was taken."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from services.intake_api.handover.sink import Answer, Fate, Sink
from services.intake_api.measures import LATENCY, attempts
from services.intake_api.store.deliveries import Pending, Subscriber
from services.kit.clock import Clock


@dataclass(frozen=True)
class Measured:
    """Passes events on to another sink."""

    sink: Sink
    clock: Clock

    def session(self) -> AbstractAsyncContextManager[None]:
        """Keep the other sink's connections for the length of a block."""
        return self.sink.session()

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Hand over, and measure."""
        answer = await self.sink.send(subscriber, events)
        attempts(str(subscriber.id), answer.fate.value).inc(len(events))
        if answer.fate is Fate.TAKEN:
            now = self.clock.now()
            for event in events:
                LATENCY.observe(max(0.0, (now - event.occurred_at).total_seconds()))
        return answer
