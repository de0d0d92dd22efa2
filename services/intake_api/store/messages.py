"""Messages of a contact: numbered under its lock, so that every reader sees one order without gaps."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.intake import FileUpload
from onthaal_schema.mail import MailReading
from onthaal_schema.message import Direction, Message, MessageSubmission
from onthaal_schema.problems import Conflict, Erased, ServiceUnavailable
from onthaal_schema.wire import to_wire
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts, Row
from services.intake_api.store.engine import Database
from services.intake_api.store.files import Blobs, KeptFile, forget, keep
from services.intake_api.store.message_insert import NewMessage
from services.intake_api.store.message_writer import ContactChanged, MessageWriter, WrittenMessage
from services.intake_api.store.opened import Wire, mail_place, message_place, open_file, open_message
from services.intake_api.store.outbox import present
from services.intake_api.store.vault import DataKey, Vault, same
from services.intake_api.store.work import add_work, infected

ATTEMPTS: Final = 5
"""How often a message is sealed anew when the key of its contact is wrapped anew meanwhile."""


def sealed_message(message_id: UUID, message: MessageSubmission | MailReading, key: DataKey) -> Row:
    """Give the columns of what a message says: its text, and of a mail its subject and details as well."""
    mail = present({"subject": message.subject, "details": message.details and orjson.loads(to_wire(message.details))})
    return {
        "sealed": key.seal((message.text or "").encode(), message_place(message_id)),
        "sealed_mail": key.seal(orjson.dumps(mail), mail_place(message_id)) if mail else None,
        "parse_status": message.details.parse_status if message.details else None,
    }


class Messages:
    """Appends and reads messages."""

    def __init__(self, database: Database, vault: Vault, contacts: Contacts, blobs: Blobs) -> None:
        """Append to contacts of a database."""
        self._database = database
        self._vault = vault
        self._contacts = contacts
        self._blobs = blobs
        self.writer = MessageWriter(database)

    async def append(
        self, contact_id: UUID, message_id: UUID, message: MessageSubmission, files: Sequence[FileUpload], by: str
    ) -> tuple[Message, bool]:
        """Append a message: on return it is durable and has its number. Says whether it is new.

        Raises:
            Conflict: the id is taken by another message.

        """
        if not (files or message.subject or message.details):
            return await self._write(contact_id, message_id, message, by)
        kept = await self.keep(contact_id, message_id, files)
        try:
            stored, created = await self._append(contact_id, message_id, message, kept, by)
        except (Conflict, Erased):
            await self.forget(contact_id, kept)
            raise
        if not created:
            await self.forget(contact_id, kept)
        self.tell()
        return stored, created

    async def _write(self, contact_id: UUID, message_id: UUID, message: MessageSubmission, by: str) -> tuple[Message, bool]:
        """Append words alone, which is what a conversation is made of: sealed with a key that is known, and committed with others."""
        now = self._database.clock.now()
        digest = self._digest(message, ())
        for _ in range(ATTEMPTS):
            known = await self._contacts.known(contact_id)
            sealed = known.key.seal(message.text.encode(), message_place(message_id))
            new = NewMessage(
                contact_id,
                message_id,
                message.direction,
                message.sent_at or now,
                now,
                by,
                digest,
                sealed,
                known.data_key,
            )
            try:
                written = await self.writer.write(new)
            except ContactChanged:
                self._contacts.forget(contact_id)  # and read it again, which tells when there is none any more
            else:
                return _shown(new, message.text, written), written.created
        raise ServiceUnavailable("The contact changes all the time; send the same again.", retry_after_sec=2)

    async def keep(self, contact_id: UUID, message_id: UUID, files: Sequence[FileUpload]) -> Sequence[KeptFile]:
        """Keep the bytes of a message's files, before the message that names them is written."""
        async with self._database.read() as connection:
            row = await self._contacts.row(connection, contact_id)
        return await keep(self._blobs, contact_id, self._contacts.key(row), files, message_id)

    async def forget(self, contact_id: UUID, kept: Sequence[KeptFile]) -> None:
        """Forget files, when it is known that their message was not stored: after a lost answer it may be there, and needs them."""
        await forget(self._blobs, contact_id, kept)

    def tell(self) -> None:
        """Wake whoever waits for events, or for something to tag."""
        self._database.events.fire()
        self._database.texts.fire()

    async def _append(
        self, contact_id: UUID, message_id: UUID, message: MessageSubmission, kept: Sequence[KeptFile], by: str
    ) -> tuple[Message, bool]:
        async with self._database.write() as connection:
            row = await self._contacts.locked(connection, contact_id)
            return await self.add(connection, row, message_id, message, kept, by)

    async def add(
        self,
        connection: AsyncConnection,
        row: Row,
        message_id: UUID,
        message: MessageSubmission,
        kept: Sequence[KeptFile],
        by: str,
    ) -> tuple[Message, bool]:
        """Add a message to a locked contact, within the caller's transaction; says whether it is new.

        Raises:
            Conflict: the id is taken by another message.

        """
        digest = self._digest(message, kept)
        key = self._contacts.key(row)
        held = await self._held(connection, row["id"], message_id)
        if held is not None:
            if not same(held["digest"], digest):
                raise Conflict("This messageId holds another message; use a new id for a new message.")
            return open_message(held, key, await self._files(connection, held, key)), False
        new = self._row(row, message_id, message, digest, key, by)
        await connection.execute(insert(tables.message).values(**new))
        if kept:
            await connection.execute(insert(tables.file), [file.row for file in kept])
            await add_work(connection, self._database, row["id"], infected(kept))
        await self._contacts.extend(connection, row, self._after(message, row, new["sequence"]))
        return open_message(new, key, [open_file(file.row, key) for file in kept]), True

    def _digest(self, message: MessageSubmission, kept: Sequence[KeptFile]) -> bytes:
        content = "\n".join([to_wire(message), *(file.sha256 for file in kept)])
        return self._vault.digest(content.encode(), b"message")

    def _row(self, contact: Row, message_id: UUID, message: MessageSubmission, digest: bytes, key: DataKey, by: str) -> Row:
        now = self._database.clock.now()
        return {
            "contact_id": contact["id"],
            "id": message_id,
            "sequence": contact["last_sequence"] + 1,
            "direction": message.direction,
            "sent_at": message.sent_at or now,
            "registered_at": now,
            "registered_by": by,
            "digest": digest,
            **sealed_message(message_id, message, key),
        }

    def _after(self, message: MessageSubmission, row: Row, sequence: int) -> Row:
        words = message.direction == Direction.INBOUND
        return {
            "last_sequence": sequence,
            **({"suggest_since": row["suggest_since"] or self._database.clock.now()} if words else {}),
        }

    async def _held(self, connection: AsyncConnection, contact_id: UUID, message_id: UUID) -> Row | None:
        query = select(tables.message).where(tables.message.c.contact_id == contact_id, tables.message.c.id == message_id)
        found = (await connection.execute(query)).mappings().first()
        return dict(found) if found else None

    async def _files(self, connection: AsyncConnection, row: Row, key: DataKey) -> list[Wire]:
        return [open_file(found, key) for found in await self._contacts.files(connection, row["contact_id"], row["id"])]

    async def after(self, contact_id: UUID, sequence: int, by: str) -> Sequence[Message]:
        """Read the messages after a sequence number, oldest first; who read them is kept."""
        async with self._database.write() as connection:
            row = await self._contacts.row(connection, contact_id)
            await self._contacts.audit(connection, by, "readMessages", contact_id)
            return await self.opened(connection, row, sequence)

    async def opened(self, connection: AsyncConnection, contact: Row, sequence: int) -> list[Message]:
        """Open the messages of a contact after a sequence number."""
        key = self._contacts.key(contact)
        query = select(tables.message).where(tables.message.c.contact_id == contact["id"], tables.message.c.sequence > sequence)
        rows: list[Any] = list((await connection.execute(query.order_by(tables.message.c.sequence))).mappings())
        return [open_message(row, key, await self._files(connection, dict(row), key)) for row in rows]


def _shown(new: NewMessage, text: str, written: WrittenMessage) -> Message:
    """Show a message that was just written, from what was sealed: the same id and digest are the same words."""
    return Message(
        id=new.id,
        contact_id=new.contact_id,
        sequence=written.sequence,
        direction=new.direction,
        text=text,
        sent_at=written.sent_at,
        registered_at=written.registered_at,
    )
