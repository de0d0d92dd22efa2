"""Live fan-out between the parts of one process. A hint, never the truth: what must not be lost is in the store."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

Notice = dict[str, str | int]
"""What is sent around: identifiers and numbers, no content."""


class Subscription:
    """What one listener has not read yet. Slow listeners lose the oldest notices and re-read the store."""

    def __init__(self, limit: int = 1000) -> None:
        """Hold at most `limit` notices."""
        self._queue: asyncio.Queue[Notice] = asyncio.Queue(limit)

    def offer(self, notice: Notice) -> None:
        """Add a notice; when full, the oldest goes."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(notice)

    async def next(self) -> Notice:
        """Wait for a notice."""
        return await self._queue.get()


class Bus(Protocol):
    """Publish and subscribe by subject."""

    async def publish(self, subject: str, notice: Notice) -> None:
        """Tell whoever listens to the subject now."""
        ...

    def listen(self, subject: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to a subject for the length of a block."""
        ...


class LocalBus:
    """A bus within one process."""

    def __init__(self) -> None:
        """Start with nobody listening."""
        self._listeners: dict[str, set[Subscription]] = defaultdict(set)

    async def publish(self, subject: str, notice: Notice) -> None:
        """Tell whoever listens to the subject now."""
        for subscription in tuple(self._listeners.get(subject, ())):
            subscription.offer(notice)

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
