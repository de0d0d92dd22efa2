"""The model's second look, after the commit: at contacts that somebody tagged, and at chats as they grow."""

import asyncio
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from onthaal_schema.contact import Suggestion
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.message_writer import MessageWriter
from services.intake_api.store.vault import CannotOpen
from services.intake_api.store.writer import Writer
from services.intake_api.store.writings import Wording, Writings
from services.intake_api.suggester import Suggester
from services.intake_api.unheard import Unheard
from services.kit.logging import error_name, logger

log = logger(__name__)

AT_ONCE = 20
YIELDING = 50
LONGEST_YIELD = 0.5
LOOK_AGAIN = 2.0
HEAD_START = 0.05
"""Seconds that the hand-over has before the model takes the processor."""

DANGER: Final = "immediateDanger"


class Suggestions:
    """The worker that keeps suggestions up with what was written."""

    def __init__(
        self,
        database: Database,
        contacts: Contacts,
        writings: Writings,
        suggester: Suggester,
        writer: Writer,
        talk: MessageWriter,
    ) -> None:
        """Suggest for the contacts of a database, with little of the processor while new contacts or turns are coming in."""
        self._database = database
        self._contacts = contacts
        self._writings = writings
        self._suggester = suggester
        self._unheard = Unheard(writings, suggester)
        self._writer = writer
        self._talk = talk

    @property
    def _busy(self) -> bool:
        return self._writer.busy or self._talk.busy

    async def run(self) -> None:
        """Suggest until cancelled; while contacts are coming in, with a fiftieth of the time, so that they do not wait."""
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            done = await self.catch_up(1 if self._busy else AT_ONCE)
            if self._busy:
                await asyncio.sleep(min((loop.time() - started) * YIELDING, LOOK_AGAIN if self._writer.busy else LONGEST_YIELD))
            elif done < AT_ONCE:
                await self._database.texts.wait(LOOK_AGAIN)
                await asyncio.sleep(HEAD_START)

    async def catch_up(self, limit: int = AT_ONCE) -> int:
        """Suggest for the contacts that wait longest; gives how many there were."""
        waiting = await self._contacts.to_suggest(limit)
        found: dict[UUID, tuple[datetime, int, Suggestion]] = {}
        read: dict[UUID, tuple[dict[str, Any], Wording]] = {}
        in_danger: dict[UUID, datetime] = {}
        for row in waiting:
            if found and self._busy:
                break  # the rest waits: a thread that tags takes the interpreter from the intake
            try:
                wording, suggestion = await self._look(row)
                if shown := await self._unheard.danger(row):
                    in_danger[row["id"]] = shown
                read[row["id"]] = row, wording
                found[row["id"]] = row["suggest_since"], row["last_sequence"], suggestion
            except (CannotOpen, ValueError) as error:
                # one that cannot be opened must not keep the others waiting
                log.exception("no suggestion", contact=str(row["id"]), error=error_name(error))
                await self._contacts.give_up_suggesting(row["id"])
        if in_danger:  # first: who has a suggestion is looked at no more
            await self._contacts.put_danger_first(in_danger)
        if found:
            await self._contacts.suggest(found)
        for contact_id, (row, wording) in read.items():  # only now: what was not kept is looked at again
            self._unheard.noted(row)
            _, _, suggestion = found[contact_id]
            if suggestion.sectors:  # else the model could make nothing of it, nor look for danger
                self._writings.looked_at(contact_id, wording, danger=DANGER in suggestion.signals)
        return len(waiting)

    async def _look(self, row: dict[str, Any]) -> tuple[Wording, Suggestion]:
        wording = await self._writings.of(row)
        suggestion = await self._suggester.suggest_text(wording.channel, wording.subject, wording.text, joined=wording.joined)
        if wording.danger and DANGER not in suggestion.signals:
            suggestion = suggestion.model_copy(update={"signals": (DANGER, *suggestion.signals)})
        return wording, suggestion
