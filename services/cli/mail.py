"""`onthaal mail`."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Final
from uuid import UUID

import typer

from onthaal_schema.contact import Contact, MailDetails, ParseStatus, StoredFile
from onthaal_schema.intake import FileUpload
from onthaal_schema.message import Message
from onthaal_schema.problems import Erased, NotFound
from services.cli.opened import settings_in_force, with_store
from services.intake_api.administration import Store, event_frame
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.files import Blobs, LocalBlobs
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.messages import Messages
from services.intake_api.store.outbox import Outbox
from services.intake_api.store.rereading import ORIGINAL, Rereading
from services.kit.scanning import Scanner, scanned
from services.kit.settings import read
from services.mail_ingest import readings
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.parsed_mail import Reading
from services.mail_ingest.settings import MailSettings

BY: Final = "onthaal mail reparse"

mail = typer.Typer(no_args_is_help=True, help="Mail that was taken in.")


@mail.callback()
def _mail() -> None:
    """Mail that was taken in."""


@mail.command("reparse")
def reparse(
    every: Annotated[bool, typer.Option("--all", help="Also mails of which a part could not be read.")] = False,
) -> None:
    """Read again the mails that could not be read, as after an upgrade; the originals stay as they are."""
    statuses = (ParseStatus.FAILED, ParseStatus.PARTIAL) if every else (ParseStatus.FAILED,)

    async def again(store: Store) -> tuple[int, int]:
        settings = read(MailSettings)
        async with LimitedParser(seconds=settings.mail_parse_seconds, megabytes=settings.mail_parse_megabytes) as parser:
            return await _Reparse(store, parser, settings.scanner()).run(statuses)

    done, left = with_store(again)
    typer.echo(f"{done} read again, {left} left as they were.")


class _Reparse:
    """Reads mails again, one by one."""

    def __init__(self, store: Store, parser: LimitedParser, scanner: Scanner | None) -> None:
        process, settings = settings_in_force()
        self._blobs: Blobs = LocalBlobs(settings.blobs(process))
        outbox = Outbox(store.database, event_frame(process, settings))
        self._contacts = Contacts(store.database, store.vault, outbox, self._blobs, Ledger(settings.ledger(process)))
        self._messages = Messages(store.database, store.vault, self._contacts, self._blobs)
        self._rereading = Rereading(store.database, store.vault, self._contacts, self._blobs)
        self._parser = parser
        self._scanner = scanner

    async def run(self, statuses: Sequence[ParseStatus]) -> tuple[int, int]:
        done = [await self._once(contact_id) for contact_id in await self._rereading.of_status(statuses)]
        done += [await self._once(*found) for found in await self._rereading.messages_of_status(statuses)]
        return sum(done), len(done) - sum(done)

    async def _once(self, contact_id: UUID, message_id: UUID | None = None) -> bool:
        try:
            held = await self._held(contact_id, message_id)
            original = await self._original(contact_id, held.files)
            return await self._replace(contact_id, held, original) if original else False
        except (Erased, NotFound):
            return False

    async def _held(self, contact_id: UUID, message_id: UUID | None) -> Contact | Message:
        if message_id is None:
            return await self._contacts.read(contact_id, BY)
        for message in await self._messages.after(contact_id, 0, BY):
            if message.id == message_id:
                return message
        raise NotFound

    async def _replace(self, contact_id: UUID, held: Contact | Message, original: bytes) -> bool:
        known = held.details if isinstance(held.details, MailDetails) else MailDetails()
        parsed = await self._parser.parse(original)
        if parsed.status is Reading.FAILED:
            return False
        reading, files = readings.reading(parsed, known), readings.uploads(parsed)
        before = (held.subject, held.text or None, known, [file.name for file in held.files if file.role != ORIGINAL])
        if before == (reading.subject, reading.text, reading.details, [file.name for file in files]):
            return False
        checked = [_as_known(held.files, file) for file in await scanned(files, self._scanner)]
        message_id = held.id if isinstance(held, Message) else None
        await self._rereading.replace(contact_id, reading, checked, BY, message_id)
        return True

    async def _original(self, contact_id: UUID, files: Sequence[StoredFile]) -> bytes | None:
        for file in files:
            if file.role == ORIGINAL:
                return (await self._contacts.file(contact_id, file.id, BY)).content
        return None


def _as_known(held: Sequence[StoredFile], file: FileUpload) -> FileUpload:
    """Keep what the scanner said of the same bytes when it says nothing now: it may not be within reach of this command."""
    if file.virus in {"clean", "found"}:
        return file
    before = {kept.sha256: kept.virus for kept in held if kept.virus}
    return replace(file, virus=before.get(sha256(file.content).hexdigest(), file.virus))
