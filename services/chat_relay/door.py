"""The door of the chat: open or closed now, and the moment at which it closes when that is soon."""

from datetime import datetime, timedelta
from typing import Final

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import OpeningHours
from services.kit.clock import Clock
from services.kit.service import IntakeAccess

MINUTE: Final = timedelta(minutes=1)
"""Hours change on a whole minute."""

AGAIN: Final = timedelta(seconds=15)
"""How long a look ahead is good for."""


class Door:
    """Asks the intake service, whose calendar it is."""

    def __init__(self, intake: IntakeAccess, clock: Clock, notice: int, *, always: bool = False) -> None:
        """Look `notice` minutes ahead; with `always` the door never closes, to try the chat out."""
        self._intake = intake
        self._clock = clock
        self._notice = notice
        self._always = always
        self._closing: datetime | None = None
        self._looked_at: datetime | None = None

    async def hours(self) -> OpeningHours:
        """Say whether a conversation may be started now. What is stored with the contact is the intake service's own answer."""
        return await self._at(None)

    async def closing(self) -> datetime | None:
        """Give the moment at which the door closes, when it is open and that is no further away than the notice."""
        now = self._clock.now()
        if self._always or not self._notice:
            return None
        if not self._looked_at or not timedelta(0) <= now - self._looked_at < AGAIN:
            self._closing, self._looked_at = await self._found(now.replace(second=0, microsecond=0)), now
        return self._closing

    async def _found(self, minute: datetime) -> datetime | None:
        is_open, is_closed = 0, self._notice
        if not (await self._at(minute)).open or (await self._at(minute + is_closed * MINUTE)).open:
            return None
        while is_closed - is_open > 1:
            middle = (is_open + is_closed) // 2
            if (await self._at(minute + middle * MINUTE)).open:
                is_open = middle
            else:
                is_closed = middle
        return minute + is_closed * MINUTE

    async def _at(self, moment: datetime | None) -> OpeningHours:
        hours = await self._intake.anonymous().opening_hours(Channel.CHAT, moment)
        return OpeningHours(open=True, calendar_version=hours.calendar_version) if self._always else hours
