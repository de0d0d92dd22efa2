"""What `DangerWatch` would have put on the work list once more, had its process not ended before it could.

A sign after another was dealt with is no news to the model, which judges all that was ever said.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.intake_api.danger_signs import LONGEST, DangerSigns, then_before
from services.intake_api.store.writings import Writings
from services.intake_api.suggester import Suggester

MOST: Final = 10_000
ALONG: Final = 10
"""Messages of a conversation that are opened once more, for what was said before."""


class Unheard:
    """Reads what somebody said since their danger was dealt with, once in each process, and remembers how far."""

    def __init__(self, writings: Writings, suggester: Suggester) -> None:
        """Read what contacts wrote, with the rules of the model."""
        self._writings = writings
        self._signs = DangerSigns(suggester)
        self._read: OrderedDict[UUID, int] = OrderedDict()

    async def danger(self, row: Mapping[str, Any]) -> datetime | None:
        """Say when somebody last showed a sign of danger, if that was after an earlier one was dealt with."""
        dealt_with: datetime | None = row["danger_finished_at"]
        if dealt_with is None:
            return None
        before, last, shown = "", dealt_with, None
        for turn in await self._writings.turns(row, dealt_with - LONGEST, self._read.get(row["id"], 0) - ALONG):
            if turn.registered_at - last > LONGEST:
                before = ""
            sign = await self._signs.shown(before, [turn.text])
            if sign and turn.registered_at > dealt_with:
                shown = turn.registered_at
            before, last = then_before(before, [turn.text], shown=sign), turn.registered_at
            await asyncio.sleep(0)
        return shown

    def noted(self, row: Mapping[str, Any]) -> None:
        """Read from now on only what is said later: what there was is on the work list."""
        self._read.pop(row["id"], None)
        if row["danger_finished_at"]:
            self._read[row["id"]] = row["last_sequence"]
        if len(self._read) > MOST:
            self._read.popitem(last=False)
