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
from services.intake_api.danger_signs import LONGEST, DangerSigns, then_before
from services.intake_api.store.contacts import Contacts
from services.intake_api.suggester import Suggester
from services.kit.clock import Clock

TOGETHER: Final = 0.2
"""Seconds in which what was said is gathered: who talks meanwhile is answered first."""

TRY_AGAIN: Final = 1.0
SLICE: Final = 10
MOST: Final = 10_000
"""People of whom is remembered what they said last, in memory only."""


class DangerWatch:
    """The worker that puts a contact on the work list once there is a sign of danger. What it misses, the model or `Unheard` finds later."""

    def __init__(self, contacts: Contacts, suggester: Suggester, clock: Clock) -> None:
        """Look with the rules of the model."""
        self._contacts = contacts
        self._signs = DangerSigns(suggester)
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
                if await self._shows_danger(contact_id, texts):
                    in_danger[contact_id] = heard[contact_id]
                if number % SLICE == 0:
                    await asyncio.sleep(0)
            if in_danger:
                await self._raise(in_danger)

    async def _next(self) -> None:
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                await self._heard.wait()
        except TimeoutError:
            self._before.clear()  # nobody has said anything for so long
        else:
            self._heard.clear()
            await asyncio.sleep(TOGETHER)

    async def _shows_danger(self, contact_id: UUID, texts: Sequence[str]) -> bool:
        """Say whether there is a sign in what was said now, and remember that for what is said next."""
        now = time.monotonic()
        while self._before and (len(self._before) > MOST or next(iter(self._before.values()))[0] < now - LONGEST.total_seconds()):
            self._before.popitem(last=False)
        _, before = self._before.pop(contact_id, (now, ""))
        shown = await self._signs.shown(before, texts)
        self._before[contact_id] = now, then_before(before, texts, shown=shown)
        return shown

    async def _raise(self, in_danger: dict[UUID, datetime]) -> None:
        while True:
            try:
                return await self._contacts.put_danger_first(in_danger)
            except ServiceUnavailable:
                await asyncio.sleep(TRY_AGAIN)
