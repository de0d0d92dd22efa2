"""What is said is looked at for signs of danger as it comes, by rules alone: the model may be far behind.

A sign is on the work list within a second, also when somebody there was done with an earlier one.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.store.contacts import Contacts
from services.intake_api.suggester import Suggester
from services.kit.clock import Clock

TOGETHER: Final = 0.2
"""Seconds in which what was said is gathered: who talks meanwhile is answered first."""

TRY_AGAIN: Final = 1.0
SLICE: Final = 10
BEFORE: Final = 300
"""Characters of what was said before that are read along: one sentence is often two messages."""

CRY: Final = 20

WINDOW, OVERLAP = 1_800, 200
"""Of a long text the model reads how it begins and how it ends; so it is read in windows, each holding the end of the last."""

LONGEST: Final = 60.0
"""Seconds for which they are remembered, in memory only."""

MOST: Final = 10_000


class DangerWatch:
    """The worker that puts a contact on the work list once there is a sign of danger. What it misses, the model finds later."""

    def __init__(self, contacts: Contacts, suggester: Suggester, clock: Clock) -> None:
        """Look with the rules of the model."""
        self._contacts = contacts
        self._suggester = suggester
        self._clock = clock
        self._said: deque[tuple[UUID, str, datetime]] = deque(maxlen=MOST)
        self._before: OrderedDict[UUID, tuple[float, str]] = OrderedDict()
        self._heard = asyncio.Event()

    def hear(self, contact_id: UUID, text: str) -> None:
        """Look soon at what somebody said and was told to be stored."""
        self._said.append((contact_id, text, self._clock.now()))
        self._heard.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._next()
            said: dict[UUID, list[str]] = {}
            heard: dict[UUID, datetime] = {}
            while self._said:
                contact_id, text, heard[contact_id] = self._said.popleft()
                said.setdefault(contact_id, []).append(text)
            in_danger: dict[UUID, datetime] = {}
            for number, (contact_id, texts) in enumerate(said.items(), 1):
                if self._shows_danger(contact_id, texts):
                    in_danger[contact_id] = heard[contact_id]
                if number % SLICE == 0:
                    await asyncio.sleep(0)
            if in_danger:
                await self._raise(in_danger)

    async def _next(self) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                await self._heard.wait()
        except TimeoutError:
            self._before.clear()  # nobody has said anything for so long
        else:
            self._heard.clear()
            await asyncio.sleep(TOGETHER)

    def _shows_danger(self, contact_id: UUID, texts: Sequence[str]) -> bool:
        """Say whether there is a sign in what was said now: with what was said before, but not in that alone."""
        before = self._said_before(contact_id, texts)
        if not any(map(self._sees, _readings(before, texts))):
            return False
        return not self._sees(before) or any(map(self._sees, _readings("", texts)))

    def _sees(self, reading: str) -> bool:
        return self._suggester.sees_danger("chat", None, reading)

    def _said_before(self, contact_id: UUID, texts: Sequence[str]) -> str:
        """Give what was said before, and remember what is said now."""
        now = time.monotonic()
        while self._before and (len(self._before) > MOST or next(iter(self._before.values()))[0] < now - LONGEST):
            self._before.popitem(last=False)
        _, before = self._before.pop(contact_id, (now, ""))
        self._before[contact_id] = now, _in_one(before, texts)[-BEFORE:]
        return before

    async def _raise(self, in_danger: dict[UUID, datetime]) -> None:
        while True:
            try:
                return await self._contacts.put_danger_first(in_danger)
            except ServiceUnavailable:
                await asyncio.sleep(TRY_AGAIN)


def _readings(before: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Give what is read: all of it after what was said before, and a cry of one word by itself."""
    in_one = _in_one(before, texts)
    windows = (in_one[at : at + WINDOW] for at in range(0, max(1, len(in_one) - OVERLAP), WINDOW - OVERLAP))
    return (*windows, *(text for text in texts if len(text) <= CRY))


def _in_one(before: str, texts: Sequence[str]) -> str:
    return " ".join(" ".join([before, *texts]).split())
