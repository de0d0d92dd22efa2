"""The names of operators, by the identifiers that go over the bus."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from services.kit.service import IntakeAccess

AGAIN: Final = 60.0
"""Seconds after which names are read again, as well as when one is unknown."""

UNKNOWN_AGAIN: Final = 5.0
"""Seconds between two looks for somebody who is not in the list."""


class Roster:
    """Asks the intake service, and remembers."""

    def __init__(self, intake: IntakeAccess) -> None:
        """Know nobody yet."""
        self._intake = intake
        self._names: Mapping[UUID, str] = {}
        self._read_at = -AGAIN

    async def names(self, operators: Iterable[UUID]) -> Mapping[UUID, str]:
        """Give the names of these operators; who has none does not serve any more."""
        wanted = set(operators)
        age = asyncio.get_running_loop().time() - self._read_at
        if age >= (AGAIN if wanted <= set(self._names) else UNKNOWN_AGAIN) or not self._names:
            found = await self._intake.own("chat_relay").colleagues()
            self._names = {colleague.id: colleague.name for colleague in found}
            self._read_at = asyncio.get_running_loop().time()
        return {operator: self._names[operator] for operator in wanted if operator in self._names}
