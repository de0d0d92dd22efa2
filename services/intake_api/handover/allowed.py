"""A sink that sends only where the setting allows: a host taken off the list gets nothing more, whoever subscribed it before."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache

from onthaal_schema.problems import InvalidInput
from services.intake_api.handover.sink import Answer, Fate, Sink
from services.intake_api.store.deliveries import Pending, Subscriber
from services.intake_api.subscriptions import check

NOT_ALLOWED = "host not in ONTHAAL_SUBSCRIPTION_HOSTS"


@dataclass(frozen=True)
class Allowed:
    """Passes events on to another sink, when their subscription's host is one of `hosts`, or when there are none."""

    sink: Sink
    hosts: tuple[str, ...]

    def session(self) -> AbstractAsyncContextManager[None]:
        """Keep the other sink's connections for the length of a block."""
        return self.sink.session()

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Hand over, or say that it is to be tried later: somebody may put the host back, and nothing is lost until then."""
        if _may_go(subscriber.url, self.hosts):
            return await self.sink.send(subscriber, events)
        return Answer(Fate.LATER, NOT_ALLOWED)


@lru_cache(1000)
def _may_go(url: str, hosts: tuple[str, ...]) -> bool:
    try:
        check(url, hosts)
    except InvalidInput:
        return False
    return True
