"""Chat conversations: one queue, and a take that only one operator can win."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.conversation import Conversation, ConversationStatus, Transcript
from onthaal_schema.message import Direction, Message
from onthaal_schema.problems import NotFound, StateConflict
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts, Row
from services.intake_api.store.engine import Database
from services.intake_api.store.messages import Messages

_COLUMNS = (
    tables.conversation,
    tables.contact.c.reference,
    tables.contact.c.last_sequence,
    tables.contact.c.language,
)
_JOINED = tables.conversation.join(tables.contact, tables.contact.c.id == tables.conversation.c.contact_id)


class Conversations:
    """Conversations by the id of their contact."""

    def __init__(self, database: Database, contacts: Contacts, messages: Messages) -> None:
        """Keep the conversations of a database's contacts."""
        self._database = database
        self._contacts = contacts
        self._messages = messages

    async def open(self) -> Sequence[Conversation]:
        """List the conversations that have not ended, longest waiting first."""
        query = select(*_COLUMNS).select_from(_JOINED).where(tables.conversation.c.ended_at.is_(None))
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(tables.conversation.c.started_at).limit(500))).mappings()
            return [_shown(row) for row in rows]

    async def transcript(self, contact_id: UUID, after: int) -> Transcript:
        """Read a conversation and its turns after a number."""
        async with self._database.read() as connection:
            contact = await self._contacts.row(connection, contact_id)
            conversation = await self._read(connection, contact_id)
            turns = [await self._first_turn(connection, contact)] if after < 0 else []
            turns += await self._messages.opened(connection, contact, max(after, 0))
            return Transcript(conversation=conversation, turns=tuple(turns))

    async def _first_turn(self, connection: AsyncConnection, contact: Row) -> Message:
        known = await self._contacts.submission(connection, contact, self._contacts.key(contact))
        return Message(
            id=contact["id"],
            contact_id=contact["id"],
            sequence=0,
            direction=Direction.INBOUND,
            text=known.get("text") or "",
            sent_at=contact["received_at"],
            registered_at=contact["registered_at"],
        )

    async def take(self, contact_id: UUID, operator: UUID, name: str) -> Conversation:
        """Assign a waiting conversation to an operator; taking one's own again changes nothing."""
        async with self._database.write() as connection:
            row = await self._locked(connection, contact_id)
            if row["status"] == ConversationStatus.WAITING:
                values = {"status": ConversationStatus.ASSIGNED, "operator_id": operator, "operator_name": name}
                await self._change(connection, contact_id, {**values, "assigned_at": self._database.clock.now()})
            elif row["status"] == ConversationStatus.ENDED or row["operator_id"] != operator:
                raise StateConflict("Somebody else has taken this conversation, or it has ended.")
            return await self._read(connection, contact_id)

    async def release(self, contact_id: UUID, operator: UUID) -> Conversation:
        """Put a conversation of this operator back in the queue, at its old place."""
        async with self._database.write() as connection:
            row = await self._locked(connection, contact_id)
            if row["status"] != ConversationStatus.ASSIGNED or row["operator_id"] != operator:
                raise StateConflict("Only who has the conversation can give it back.")
            gone = {"operator_id": None, "operator_name": None, "assigned_at": None}
            await self._change(connection, contact_id, {**gone, "status": ConversationStatus.WAITING})
            return await self._read(connection, contact_id)

    async def end(self, contact_id: UUID) -> Conversation:
        """End a conversation and complete its contact, once."""
        async with self._database.write() as connection:
            contact = await self._contacts.locked(connection, contact_id)
            row = await self._locked(connection, contact_id)
            if row["status"] != ConversationStatus.ENDED:
                now = self._database.clock.now()
                await self._change(connection, contact_id, {"status": ConversationStatus.ENDED, "ended_at": now})
                await self._contacts.completed(connection, contact)
            answer = await self._read(connection, contact_id)
        self._database.events.fire()
        return answer

    async def _locked(self, connection: AsyncConnection, contact_id: UUID) -> Row:
        query = select(tables.conversation).where(tables.conversation.c.contact_id == contact_id).with_for_update()
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise NotFound("There is no conversation with this id.")
        return dict(row)

    async def _change(self, connection: AsyncConnection, contact_id: UUID, values: Row) -> None:
        await connection.execute(
            update(tables.conversation).where(tables.conversation.c.contact_id == contact_id).values(**values)
        )

    async def _read(self, connection: AsyncConnection, contact_id: UUID) -> Conversation:
        query = select(*_COLUMNS).select_from(_JOINED).where(tables.conversation.c.contact_id == contact_id)
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise NotFound("There is no conversation with this id.")
        return _shown(row)


def _shown(row: Any) -> Conversation:
    return Conversation(
        id=row["contact_id"],
        reference=row["reference"],
        status=row["status"],
        operator=row["operator_id"],
        operator_name=row["operator_name"],
        started_at=row["started_at"],
        assigned_at=row["assigned_at"],
        ended_at=row["ended_at"],
        last_sequence=row["last_sequence"],
        language=row["language"],
    )
