"""Which sink takes the events of a subscription: its address says so."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from services.intake_api.handover.sink import Answer, Fate, Sink
from services.intake_api.store.deliveries import Pending, Subscriber


class Sinks:
    """Hands over to the sink that belongs to an address's scheme."""

    def __init__(self, by_scheme: Mapping[str, Sink]) -> None:
        """Know sinks by scheme."""
        self._by_scheme = by_scheme

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Keep the connections of every sink for the length of a block."""
        async with AsyncExitStack() as stack:
            for sink in dict.fromkeys(self._by_scheme.values()):
                await stack.enter_async_context(sink.session())
            yield

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Hand over events of one subscription."""
        sink = self._by_scheme.get(urlsplit(subscriber.url).scheme)
        return await sink.send(subscriber, events) if sink else Answer(Fate.LATER, "no sink for this scheme")
