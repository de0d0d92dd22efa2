"""Signs of danger in what somebody says, read with what they said since the last sign."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.intake_api.suggester import Suggester
from services.intake_api.tagging.text import windows

BEFORE: Final = 300
"""Characters of what was said before that are read along: one sentence is often two messages."""

LONGEST: Final = timedelta(minutes=1)
"""After a longer silence they are not read along."""

CRY: Final = 20
SLICE: Final = 10

WINDOW, OVERLAP = 1_800, 200
"""Of a long text the model reads how it begins and how it ends; so it is read in windows, each holding the end of the last."""


class DangerSigns:
    """Finds signs of danger by rules alone; others get their turn while it reads something long."""

    def __init__(self, suggester: Suggester) -> None:
        """Look with the rules of the model."""
        self._suggester = suggester

    async def shown(self, before: str, texts: Sequence[str]) -> bool:
        """Say whether there is a sign in what was said now, read after what was said before."""
        for number, reading in enumerate(_readings(before, texts), 1):
            if self._suggester.sees_danger("chat", None, reading):
                return True
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return False


def _readings(before: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Give what is read: all of it after what was said before, and a cry of one word by itself."""
    in_one = _in_one(before, texts)
    return (*windows(in_one, WINDOW, OVERLAP), *(text for text in texts if len(text) <= CRY))


def then_before(before: str, texts: Sequence[str], *, shown: bool) -> str:
    """Give what was said before whatever comes after these texts: words that were a sign are not one again."""
    return "" if shown else _in_one(before, texts)[-BEFORE:]


def _in_one(before: str, texts: Sequence[str]) -> str:
    return " ".join(" ".join([before, *texts]).split())
