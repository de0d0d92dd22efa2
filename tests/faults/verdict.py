"""The comparison: what clients were told, what the database holds, and what the case service has."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tests.faults.case_service import CaseService
from tests.faults.ledger import Ledger

COALESCED_S = 6
"""After so many seconds nothing is held back any more that belongs into one `extended` event."""


@dataclass
class Outcome:
    """What a scenario came to; it stands when there are no problems."""

    accepted: int
    held: int
    received: int
    events: int
    lost: int
    duplicates: int
    stall_s: float
    faults: int = 0
    seconds: float = 0
    name: str = ""
    problems: list[str] = field(default_factory=list)

    @classmethod
    def broken_off(cls, why: str) -> "Outcome":
        """Be what came of a scenario that could not run to its end: nothing is known."""
        return cls(0, 0, 0, 0, 0, 0, 0, problems=[why])


class Reader:
    """Reads the API after a fault, as patient as it must be."""

    def __init__(self, doors: Sequence[str], token: str) -> None:
        """Read with a token that may read everything."""
        self._http = httpx.AsyncClient(base_url=f"{doors[0]}/intake/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        self.events: dict[UUID, tuple[UUID, int]] = {}
        self._cursor: str | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def follow(self) -> None:
        """Read the feed to its end."""
        while True:
            page = await self._get("/events", limit=500, **({"after": self._cursor} if self._cursor else {}))
            for event in page["items"]:
                self.events[UUID(event["id"])] = (UUID(event["subject"]), event["data"]["version"])
            self._cursor = page["cursor"]
            if "next" not in page:
                return

    async def contacts(self) -> set[UUID]:
        """List every contact that is held."""
        found: set[UUID] = set()
        before = None
        while True:
            query = {"pageSize": 200, **({"before": before} if before else {})}
            answer = await self._http.post("/contacts/query", json=query)
            page = answer.raise_for_status().json()
            found |= {UUID(contact["id"]) for contact in page["items"]}
            before = page.get("next")
            if not before:
                return found

    async def missing(self, contact: UUID, messages: set[UUID]) -> int:
        """Count the messages that a contact should have and has not; their numbers must have no gap."""
        held = (await self._get(f"/contacts/{contact}/messages"))["items"]
        assert [message["sequence"] for message in held] == list(range(1, len(held) + 1))
        return len(messages - {UUID(message["id"]) for message in held})

    async def dead(self) -> list[str]:
        """List the reasons of dead letters."""
        return [str(letter.get("reason")) for letter in (await self._get("/deadLetters"))["items"]]

    async def _get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self._http.get(path, params=params)
        return answer.raise_for_status().json()  # type: ignore[no-any-return]


async def compare(
    doors: Sequence[str], token: str, ledger: Ledger, case: CaseService, patience_s: float, quiet_s: float = COALESCED_S
) -> Outcome:
    """Wait until the hand-over has drained, and compare. It has when everything was told after `quiet_s` without clients."""
    reader = Reader(doors, token)
    try:
        problems = await _drained(reader, case, patience_s, quiet_s)
        held = await reader.contacts()
        told = case.taken
        unheard = len(reader.events.keys() - told.digests.keys())
        known = set(told.digests)
        await reader.follow()  # what was told before it is read must be in it; more may have been written meanwhile
        messages = sum([await reader.missing(contact, sent) for contact, sent in ledger.messages.items()])
        lost = len(ledger.contacts - (held & told.registered)) + messages + unheard
        problems += [
            f"{count} {what}"
            for what, count in {
                "contacts are held that nobody was told of": len(held - ledger.contacts),
                "accepted contacts are not held": len(ledger.contacts - held),
                "held contacts were not told": len(held - told.registered),
                "accepted messages are not held": messages,
                "events were not received": unheard,
                "events were received that the feed does not have": len(known - reader.events.keys()),
                "event ids with two contents": told.two_contents,
                "contacts out of order": told.out_of_order,
                **{f"dead letters ({reason})": 1 for reason in await reader.dead()},
                **{f"answers that tell nobody what to do ({how})": count for how, count in ledger.surprises.items()},
            }.items()
            if count
        ]
    finally:
        await reader.close()
    return Outcome(
        accepted=len(ledger.contacts),
        held=len(held),
        received=len(told.registered),
        events=len(told.digests),
        lost=lost,
        duplicates=told.duplicates,
        stall_s=ledger.longest_stall,
        problems=problems,
    )


async def _drained(reader: Reader, case: CaseService, patience_s: float, quiet_s: float) -> list[str]:
    began = time.monotonic()
    while True:
        await reader.follow()
        waited = time.monotonic() - began
        if waited >= quiet_s and reader.events.keys() <= case.taken.digests.keys():
            return []
        if waited > patience_s:
            return [f"the hand-over had not drained after {patience_s:.0f} s"]
        await asyncio.sleep(0.5)
