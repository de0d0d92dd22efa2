"""The model's second look, after the commit: at contacts that somebody tagged, and at chats as they grow."""

import asyncio

from onthaal_schema.problems import Erased
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.writer import Writer
from services.intake_api.suggester import Suggester

AT_ONCE = 10
YIELDING = 50
LOOK_AGAIN = 2.0


class Suggestions:
    """The worker that keeps suggestions up with what was written."""

    def __init__(self, database: Database, contacts: Contacts, suggester: Suggester, writer: Writer) -> None:
        """Suggest for the contacts of a database."""
        self._database = database
        self._contacts = contacts
        self._suggester = suggester
        self._writer = writer

    async def run(self) -> None:
        """Suggest until cancelled; while contacts are coming in, with a fiftieth of the time, so that they do not wait."""
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            done = await self.catch_up(1 if self._writer.busy else AT_ONCE)
            if self._writer.busy:
                await asyncio.sleep(min((loop.time() - started) * YIELDING, LOOK_AGAIN))
            elif done < AT_ONCE:
                await self._database.texts.wait(LOOK_AGAIN)

    async def catch_up(self, limit: int = AT_ONCE) -> int:
        """Suggest for the contacts that wait longest; gives how many there were."""
        waiting = await self._contacts.to_suggest(limit)
        for contact_id, since in waiting:
            try:
                suggestion = await self._suggester.suggest_text(*await self._contacts.words(contact_id))
                await self._contacts.suggest(contact_id, since, suggestion)
            except Erased:
                continue  # erased since it was listed: there is nothing left to suggest for
        return len(waiting)
