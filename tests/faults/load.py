"""Clients that go on until they are told that what they brought is stored, as a channel does."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.faults.ledger import Ledger

PATIENCE_S = 10
"""How long a client waits for one answer."""

AGAIN_S = 0.1
LONGEST_FAULT_S = 300
"""Who was not served for so long is not served at all."""


class NeverTakenError(Exception):
    """A client was not served within the time that a fault may take; what it brought is lost to it."""


class Client:
    """One client of the API, with more than one door when there are more: it goes to the next when one does not answer."""

    def __init__(self, doors: Sequence[str], token: str, ledger: Ledger, rng: random.Random) -> None:
        """Speak with a token."""
        self._doors = list(doors)
        self._ledger = ledger
        self._rng = rng
        limits = httpx.Limits(max_keepalive_connections=8)
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(PATIENCE_S, connect=3), limits=limits)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def serve_one(self) -> None:
        """Register a contact; some are letters, some get messages, some another tag."""
        contact = uuid4()
        await self.until_taken("PUT", f"/contacts/{contact}", **self._submission(contact))
        self._ledger.took(contact)
        for number in range(self._rng.choice((0, 0, 0, 1, 3))):
            message = uuid4()
            said = {"direction": "inbound", "text": f"Aanvulling {number} bij {contact}"}
            await self.until_taken("PUT", f"/contacts/{contact}/messages/{message}", json=said)
            self._ledger.took(contact, message)
        if self._rng.random() < 0.3:
            await self.until_taken("PUT", f"/contacts/{contact}/kind", json={"kind": "vraag"})
            self._ledger.took(contact)

    def _submission(self, contact: UUID) -> dict[str, Any]:
        if self._rng.random() < 0.1:
            letter = f'{{"channel":"brief","kind":"melding","text":"Brief {contact}"}}'.encode()
            scan = ("brief.pdf", f"{contact}".encode() * self._rng.choice((20, 8000)), "application/pdf")
            return {"files": [("contact", ("", letter, "application/json")), ("scan", scan)]}
        return {"json": {"channel": "telefoon", "kind": "melding", "text": f"Gesprek {contact}"}}

    async def until_taken(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send the same until it is taken."""
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_FAULT_S
        while loop.time() < end:
            answer = await self._try(method, path, **request)
            if answer is not None:
                return answer
            self._doors.append(self._doors.pop(0))
            await asyncio.sleep(AGAIN_S * self._rng.uniform(0.5, 1.5))
        message = f"{method} {path.rsplit('/', maxsplit=1)[-1]} was never taken: {dict(self._ledger.refusals)}"
        raise NeverTakenError(message)

    async def _try(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        try:
            answer = await self._http.request(method, f"{self._doors[0]}/intake/v1{path}", **request)
        except httpx.HTTPError:
            self._ledger.refused("no answer")
            return None
        if answer.is_success:
            return answer
        self._ledger.refused(f"HTTP {answer.status_code}")
        return None


@asynccontextmanager
async def at_work(people: Sequence[Any], ledger: Ledger, pause_s: float, rng: random.Random) -> AsyncIterator[None]:
    """Let everybody serve one after another for the length of a block, and finish what was begun."""
    over = asyncio.Event()

    async def work(person: Any) -> None:
        while not over.is_set():
            await person.serve_one()
            await asyncio.sleep(pause_s * rng.uniform(0.5, 1.5))

    with ledger.watching():
        async with asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(work(person))
            try:
                yield
            finally:
                over.set()
    for person in people:
        await person.close()
