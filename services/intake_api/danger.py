"""What is said in a conversation is looked at for signs of danger as it comes, by rules alone: the model may be far behind."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.store.contacts import Contacts
from services.intake_api.suggester import Suggester

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
    """The worker that puts a conversation on the work list once there is a sign of danger. What it misses, the model finds later."""

    def __init__(self, contacts: Contacts, suggester: Suggester) -> None:
        """Look with the rules of the model."""
        self._contacts = contacts
        self._suggester = suggester
        self._said: deque[tuple[UUID, str]] = deque(maxlen=MOST)
        self._before: OrderedDict[UUID, tuple[float, str]] = OrderedDict()
        self._heard = asyncio.Event()

    def hear(self, contact_id: UUID, text: str) -> None:
        """Look soon at what somebody said and was told to be stored."""
        self._said.append((contact_id, text))
        self._heard.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._next()
            said: dict[UUID, list[str]] = {}
            while self._said:
                contact_id, text = self._said.popleft()
                said.setdefault(contact_id, []).append(text)
            in_danger: set[UUID] = set()
            for number, (contact_id, texts) in enumerate(said.items(), 1):
                if any(self._suggester.sees_danger("chat", None, reading) for reading in self._readings(contact_id, texts)):
                    in_danger.add(contact_id)
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

    def _readings(self, contact_id: UUID, texts: Sequence[str]) -> tuple[str, ...]:
        """Give what is read: all of it after what was said before, and a cry of one word by itself."""
        now = time.monotonic()
        while self._before and (len(self._before) > MOST or next(iter(self._before.values()))[0] < now - LONGEST):
            self._before.popitem(last=False)
        _, before = self._before.pop(contact_id, (now, ""))
        in_one = " ".join(" ".join([before, *texts]).split())
        self._before[contact_id] = now, in_one[-BEFORE:]
        windows = (in_one[at : at + WINDOW] for at in range(0, max(1, len(in_one) - OVERLAP), WINDOW - OVERLAP))
        return (*windows, *(text for text in texts if len(text) <= CRY))

    async def _raise(self, in_danger: set[UUID]) -> None:
        while True:
            try:
                return await self._contacts.put_danger_first(in_danger)
            except ServiceUnavailable:
                await asyncio.sleep(TRY_AGAIN)
