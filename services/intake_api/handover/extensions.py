"""Tells the `extended` events that were held back, so that a busy chat is at most one event in five seconds."""

import asyncio
from dataclasses import dataclass

from services.intake_api.store.contacts import Contacts

LOOK_AGAIN = 1.0


@dataclass(frozen=True)
class Extensions:
    """The worker that tells what was held back."""

    contacts: Contacts

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            if not await self.contacts.tell_extended():
                await asyncio.sleep(LOOK_AGAIN)
