"""What a later parser reads in a mail that is held: it replaces what an earlier one read, and nothing that a person said."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Contact, Nature, ParseStatus
from onthaal_schema.intake import FileUpload
from onthaal_schema.mail import MailReading
from onthaal_schema.message import Direction
from onthaal_schema.problems import Erased, InvalidInput, NotFound, StateConflict
from onthaal_schema.wire import to_wire
from onthaal_schema.worklist import WorkReason
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.files import Blobs, KeptFile, forget, keep
from services.intake_api.store.messages import sealed_message
from services.intake_api.store.opened import SUBMISSION, Wire, correction_place, file_place
from services.intake_api.store.vault import DataKey, Vault
from services.intake_api.store.work import add_work, infected

Row = dict[str, Any]

ORIGINAL = "original"


class Rereading:
    """Reads again what is held."""

    def __init__(self, database: Database, vault: Vault, contacts: Contacts, blobs: Blobs) -> None:
        """Work on the contacts of a database."""
        self._database = database
        self._vault = vault
        self._contacts = contacts
        self._blobs = blobs

    async def of_status(self, statuses: Sequence[ParseStatus]) -> Sequence[UUID]:
        """List the mails of which so much could be read, oldest first."""
        contact = tables.contact.c
        query = (
            select(contact.id)
            .where(contact.parse_status.in_(statuses), contact.erased_at.is_(None))
            .order_by(contact.received_at)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalars().all()

    async def messages_of_status(self, statuses: Sequence[ParseStatus]) -> Sequence[tuple[UUID, UUID]]:
        """List the mails that became messages, each with its contact; of those from before this was kept, a part counts as lost."""
        message = tables.message.c
        query = (
            select(message.contact_id, message.id)
            .join(tables.mail, tables.mail.c.id == message.id)
            .where(func.coalesce(message.parse_status, ParseStatus.PARTIAL).in_(statuses))
            .order_by(message.registered_at)
        )
        async with self._database.read() as connection:
            return [(row.contact_id, row.id) for row in await connection.execute(query)]

    async def replace(
        self, contact_id: UUID, reading: MailReading, files: Sequence[FileUpload], by: str, message_id: UUID | None = None
    ) -> Contact:
        """Replace what was read of a mail, which is a contact or a message, and the files found in it; the original stays.

        Raises:
            InvalidInput: an original is among the files: it never changes.
            NotFound: there is no such message.
            StateConflict: the contact is no mail.

        """
        if any(file.role == ORIGINAL for file in files):
            raise InvalidInput.at(ORIGINAL, "The original stays as it is.")
        async with self._database.read() as connection:
            row = await self._contacts.row(connection, contact_id)
            held = await self._contacts.files(connection, contact_id, message_id)
        if row["channel"] != Channel.MAIL:
            raise StateConflict("Only a mail can be read again.")
        after = 1 + max((file["number"] for file in held), default=-1)  # what is found in a mail is listed behind its original
        kept = await keep(self._blobs, contact_id, self._contacts.key(row), files, message_id, after)
        try:
            contact, gone = await self._replace(contact_id, reading, kept, by, message_id)
        except (Erased, NotFound):
            await forget(self._blobs, contact_id, kept)
            raise
        await self._blobs.remove(contact_id, gone)
        self._database.events.fire()
        self._database.texts.fire()
        return contact

    async def _replace(
        self, contact_id: UUID, reading: MailReading, kept: Sequence[KeptFile], by: str, message_id: UUID | None
    ) -> tuple[Contact, list[UUID]]:
        async with self._database.write() as connection:
            row = await self._contacts.locked(connection, contact_id)
            key = self._contacts.key(row)
            gone = await self._forget_files(connection, row, key, message_id)
            if kept:
                await connection.execute(insert(tables.file), [file.row for file in kept])
            if row["nature"] == Nature.PERSON:
                await add_work(connection, self._database, contact_id, infected(kept))
            if message_id:
                await self._replace_message(connection, row, key, message_id, reading)
            else:
                await self._replace_contact(connection, row, key, reading, by)
            await self._contacts.audit(connection, by, "reread", contact_id)
            return await self._contacts.shown(connection, row), gone

    async def _replace_contact(self, connection: AsyncConnection, row: Row, key: DataKey, reading: MailReading, by: str) -> None:
        await self._index(connection, row, key, reading)
        await self._contacts.extend(connection, row, self._values(row, key, reading))
        if reading.details.parse_status is not ParseStatus.FAILED:
            await self._contacts.finish_work(connection, row["id"], (WorkReason.UNREADABLE,), by)

    async def _replace_message(
        self, connection: AsyncConnection, row: Row, key: DataKey, message_id: UUID, reading: MailReading
    ) -> None:
        message = tables.message
        this = (message.c.contact_id == row["id"], message.c.id == message_id)
        changed = update(message).where(*this).values(**sealed_message(message_id, reading, key)).returning(message.c.direction)
        direction = await connection.scalar(changed)
        if direction is None:
            raise NotFound("The contact has no such message.")
        inbound = direction == Direction.INBOUND
        await self._contacts.extend(connection, row, {"suggest_since": self._database.clock.now()} if inbound else {})

    def _values(self, row: Row, key: DataKey, reading: MailReading) -> Row:
        known: Wire = orjson.loads(key.open(row["sealed"], SUBMISSION))
        read: Wire = orjson.loads(to_wire(reading))
        former = {name: value for name, value in known.items() if name not in {"subject", "text", "details"}}
        return {
            "sealed": key.seal(orjson.dumps(former | read, option=orjson.OPT_SORT_KEYS), SUBMISSION),
            "parse_status": reading.details.parse_status.value,
            "suggest_since": self._database.clock.now(),
        }

    async def _forget_files(self, connection: AsyncConnection, row: Row, key: DataKey, message_id: UUID | None) -> list[UUID]:
        """Take away what was found in the mail before; gives the bytes to remove after the commit."""
        found = await self._contacts.files(connection, row["id"], message_id)
        gone = [
            file["id"] for file in found if orjson.loads(key.open(file["sealed"], file_place(file["id"])))["role"] != ORIGINAL
        ]
        if gone:
            await connection.execute(delete(tables.file).where(tables.file.c.id.in_(gone)))
        return gone

    async def _index(self, connection: AsyncConnection, row: Row, key: DataKey, reading: MailReading) -> None:
        """Look the person up by what was read, unless somebody has said who it is."""
        if reading.person is None or await self._person_was_corrected(connection, row, key):
            return
        index = tables.blind_index
        await connection.execute(delete(index).where(index.c.contact_id == row["id"]))
        digests = self._vault.indexed(reading.person.email, reading.person.phone)
        if digests:
            await connection.execute(insert(index), [{"contact_id": row["id"], "digest": digest} for digest in digests])

    async def _person_was_corrected(self, connection: AsyncConnection, row: Row, key: DataKey) -> bool:
        columns = tables.correction.c
        query = select(columns.version, columns.sealed).where(columns.contact_id == row["id"])
        corrections = (await connection.execute(query)).all()
        return any("person" in orjson.loads(key.open(one.sealed, correction_place(one.version))) for one in corrections)
