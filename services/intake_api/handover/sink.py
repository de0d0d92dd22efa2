"""Where events are handed over to: a webhook, or a JetStream stream. Both say in one way what became of them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from services.intake_api.store.deliveries import Pending, Subscriber


class Fate(Enum):
    """What an answer means for the event."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True)
class Answer:
    """What came of one attempt; the reason names a status or an exception's class, never a body.

    For `retry_after` seconds the event is not to be tried again, and for `rest` seconds nothing else either.
    """

    fate: Fate
    reason: str = ""
    retry_after: float = 0
    rest: float = 0


class Sink(Protocol):
    """Takes events of a subscription."""

    def session(self) -> AbstractAsyncContextManager[None]:
        """Keep connections for the length of a block."""
        ...

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Hand over events of one subscription, in their order; an answer other than taken holds for all of them."""
        ...
