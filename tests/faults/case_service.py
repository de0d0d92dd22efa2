"""The case service's side: takes events as any receiver may, badly when told to, and remembers every byte it took."""

import asyncio
import hashlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from aiohttp import web

from onthaal_schema.events import ContactEvent, EventType
from onthaal_schema.signature import Signatures
from tests.faults.proxy import Proxy

TOO_LATE_S = 22
"""Longer than the gateway waits for an answer."""


class Mood(Enum):
    """How deliveries are answered."""

    WELL = "well"
    FAILING = "failing"  # 500
    SLOW = "slow"  # well, after a while
    HALF_WAY = "half-way"  # the connection breaks before the body was read, or within the answer
    LATE = "late"  # taken, and said so when nobody listens any more
    EXPIRED = "expired"  # 401: the receiver's own proxy does not know the token any more
    MISSING = "missing"  # 404: a deployment without the route


STATUS = {Mood.FAILING: 500, Mood.EXPIRED: 401, Mood.MISSING: 404}


@dataclass
class Taken:
    """The events that the receiver holds."""

    digests: dict[UUID, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    versions: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    registered: set[UUID] = field(default_factory=set)
    deliveries: int = 0

    def take(self, event: ContactEvent, body: bytes) -> None:
        """Keep a delivery."""
        self.deliveries += 1
        if event.id not in self.digests:
            self.versions[event.subject].append(event.data.version)
        self.digests[event.id].add(hashlib.sha256(body).digest())
        if event.type is EventType.REGISTERED:
            self.registered.add(event.subject)

    @property
    def duplicates(self) -> int:
        """Deliveries of what was taken before."""
        return self.deliveries - len(self.digests)

    @property
    def out_of_order(self) -> int:
        """Contacts of which a later state came before an earlier one."""
        return sum(versions != sorted(versions) for versions in self.versions.values())

    @property
    def two_contents(self) -> int:
        """Event ids that came with different bytes."""
        return sum(len(digests) > 1 for digests in self.digests.values())


class CaseService:
    """A receiver on loopback behind a proxy, so that its network can be cut as well."""

    def __init__(self, rng: random.Random) -> None:
        """Be well."""
        self.taken = Taken()
        self.mood = Mood.WELL
        self.untrusted = 0
        self._signatures: Signatures | None = None
        self._rng = rng

    @asynccontextmanager
    async def open(self) -> AsyncIterator["CaseService"]:
        """Listen for the length of a block."""
        app = web.Application()
        app.router.add_post("/events", self._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            async with Proxy(f"127.0.0.1:{runner.addresses[0][1]}").open() as self.line:
                yield self
        finally:
            await runner.cleanup()

    @property
    def url(self) -> str:
        """Where events are handed over to."""
        return f"http://127.0.0.1:{self.line.port}/events"

    def trust(self, secret: str) -> None:
        """Take what is signed with a secret."""
        self._signatures = Signatures([secret])

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        mood = self.mood
        if mood is Mood.HALF_WAY and self._rng.random() < 0.5:
            return self._break(request)
        body = await request.read()
        if status := STATUS.get(mood):
            return web.Response(status=status)
        if mood is Mood.SLOW:
            await asyncio.sleep(self._rng.uniform(0.2, 2))
        if self._signatures is None or not self._signatures.trust(request.headers, body):
            self.untrusted += 1
            return web.Response(status=401)
        self.taken.take(ContactEvent.model_validate_json(body), body)
        if mood is Mood.HALF_WAY:
            return self._break(request, b"HTTP/1.1 200 OK\r\nContent-Le")
        if mood is Mood.LATE:
            await asyncio.sleep(TOO_LATE_S)
        return web.Response(status=204)

    def _break(self, request: web.Request, said: bytes = b"") -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(said)
        request.transport.close()
        return web.Response(status=204)
