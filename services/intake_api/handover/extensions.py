"""Tells the `extended` events that were held back, so that a busy chat is at most one event in five seconds."""

import asyncio
from dataclasses import dataclass

from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database

LOOK_AGAIN = 1.0
TOGETHER = 0.5
"""Seconds in which extensions are told together: a transaction for each would stand in the way of those who talk."""


@dataclass(frozen=True)
class Extensions:
    """The worker that tells what was held back, and what a message left to tell."""

    database: Database
    contacts: Contacts

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            if not await self.contacts.tell_extended():
                await self.database.extensions.wait(LOOK_AGAIN)
            await asyncio.sleep(TOGETHER)
