"""Live fan-out between the parts of a deployment. A hint, never the truth: what must not be lost is in the store."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

import orjson
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.kit.logging import logger
from services.kit.nats import NatsLink

log = logger(__name__)

Notice = dict[str, str | int]
"""What is sent around: identifiers and numbers, no content."""

MISSED: Final[Notice] = {}
"""Stands for notices that were or may have been lost: read the store again."""

PREFIX: Final = "onthaal.bus."
INTEREST: Final = 1.0


class Subscription:
    """What one listener has not read yet. Slow listeners lose the oldest notices, are told so, and re-read the store."""

    def __init__(self, limit: int = 1000) -> None:
        """Hold at most `limit` notices."""
        self._waiting: deque[Notice] = deque(maxlen=limit)
        self._limit = limit
        self._missed = False
        self._told = asyncio.Event()

    def offer(self, notice: Notice) -> None:
        """Add a notice; when full, the oldest goes."""
        self._missed |= len(self._waiting) == self._limit
        self._waiting.append(notice)
        self._told.set()

    def miss(self) -> None:
        """Tell that notices may have been lost."""
        self._missed = True
        self._told.set()

    async def next(self) -> Notice:
        """Wait for a notice; `MISSED` comes first when some were lost."""
        await self._told.wait()
        notice = MISSED if self._missed else self._waiting.popleft()
        self._missed = False
        if not self._waiting:
            self._told.clear()
        return notice

    def drain(self) -> tuple[Notice, ...]:
        """Take every notice that is there, without waiting; `MISSED` comes first when some were lost."""
        taken = (*((MISSED,) if self._missed else ()), *self._waiting)
        self._missed = False
        self._waiting.clear()
        self._told.clear()
        return taken


class Bus(Protocol):
    """Publish and subscribe by subject."""

    @property
    def is_whole(self) -> bool:
        """Whether notices reach every process now; when not, whoever depends on one looks in the store more often."""
        ...

    def session(self) -> AbstractAsyncContextManager[None]:
        """Be connected to the other processes for the length of a block."""
        ...

    async def publish(self, subject: str, notice: Notice, but: Subscription | None = None) -> None:
        """Tell whoever listens to the subject now, but one that knows. Never fails: a notice that cannot be sent is lost."""
        ...

    def listen(self, subject: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to a subject for the length of a block, from its first line on."""
        ...


class LocalBus:
    """A bus within one process."""

    is_whole = True

    def __init__(self) -> None:
        """Start with nobody listening."""
        self._listeners: dict[str, set[Subscription]] = defaultdict(set)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Nothing has to be connected."""
        yield

    async def publish(self, subject: str, notice: Notice, but: Subscription | None = None) -> None:
        """Tell whoever listens to the subject now, but one that knows."""
        self.offer(subject, notice, but)

    def offer(self, subject: str, notice: Notice, but: Subscription | None = None) -> None:
        """Tell whoever listens here."""
        for subscription in tuple(self._listeners.get(subject, ())):
            if subscription is not but:
                subscription.offer(notice)

    def miss(self) -> None:
        """Tell every listener that notices may have been lost."""
        for subscriptions in tuple(self._listeners.values()):
            for subscription in tuple(subscriptions):
                subscription.miss()

    @asynccontextmanager
    async def listen(self, subject: str) -> AsyncIterator[Subscription]:
        """Listen to a subject for the length of a block."""
        subscription = Subscription()
        self._listeners[subject].add(subscription)
        try:
            yield subscription
        finally:
            self._listeners[subject].discard(subscription)
            if not self._listeners[subject]:
                del self._listeners[subject]


class NatsBus:
    """A bus between processes, over core NATS.

    Each process hears every subject and sorts out for itself who listens, so that a listener is connected at once and
    nothing falls between its first look in the store and its first notice. Within the process notices go without NATS.
    """

    def __init__(self, link: NatsLink) -> None:
        """Speak over a link that does not hear itself."""
        self._link = link
        self._local = LocalBus()
        link.on_change = self._look_again

    @property
    def is_whole(self) -> bool:
        """Whether a server is connected."""
        return self._link.client is not None

    def session(self) -> AbstractAsyncContextManager[None]:
        """Be connected for the length of a block, which begins whether a server answers or not."""
        return self._link.session(self._hear)

    async def publish(self, subject: str, notice: Notice, but: Subscription | None = None) -> None:
        """Tell whoever listens to the subject now, here and in every other process."""
        self._local.offer(subject, notice, but)
        if (client := self._link.client) is None:
            return
        try:
            await client.publish(PREFIX + subject, orjson.dumps(notice))
        except (errors.Error, OSError) as error:
            log.warning("notice not sent", error=type(error).__name__)

    def listen(self, subject: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to a subject for the length of a block."""
        return self._local.listen(subject)

    def _look_again(self) -> None:
        self._local.miss()
        # a cluster tells its other servers of a new connection's interest a moment later than it answers it
        asyncio.get_running_loop().call_later(INTEREST, self._local.miss)

    async def _hear(self, client: Client) -> None:
        await client.subscribe(PREFIX + ">", cb=self._heard)
        await client.flush()

    async def _heard(self, message: Msg) -> None:
        self._local.offer(message.subject.removeprefix(PREFIX), orjson.loads(message.data))
