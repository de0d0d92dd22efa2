"""Chat conversations: one queue, a take that only one operator can win, and leases that return what nobody serves any more."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.contact import ChatDetails
from onthaal_schema.conversation import Attendance, Because, Colleague, Conversation, ConversationStatus, Transcript
from onthaal_schema.message import Direction, Message
from onthaal_schema.problems import NotFound, StateConflict
from onthaal_schema.wire import to_wire
from services.intake_api.leases import Leases
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


TOGETHER = 500
"""Conversations that are named in one statement."""

LISTED = 500
"""Conversations that wait and are listed; who waits behind these is listed once others were taken or ended."""

_STATUS = tables.conversation.c.status


class Watch:
    """Whether the relays have been heard for long enough to know from their silence that somebody is gone."""

    def __init__(self, lease: timedelta) -> None:
        """Know nothing yet."""
        self._lease = lease
        self._since: datetime | None = None
        self._heard: datetime | None = None

    def knows(self, now: datetime) -> bool:
        """Note that a relay was heard, and say whether there was no gap in that for the length of a lease."""
        if self._since is None or self._heard is None or not timedelta(0) <= now - self._heard < self._lease / 2:
            self._since = now
        self._heard = now
        return now - self._since >= self._lease


class Conversations:
    """Conversations by the id of their contact."""

    def __init__(self, database: Database, contacts: Contacts, messages: Messages, leases: Leases) -> None:
        """Keep the conversations of a database's contacts."""
        self._database = database
        self._contacts = contacts
        self._messages = messages
        self._leases = leases
        self._watch = Watch(leases.operator)

    async def open(self) -> Sequence[Conversation]:
        """List the conversations that have not ended, longest waiting first: all that somebody has, and of the others the first."""
        columns = tables.conversation.c
        is_open = columns.ended_at.is_(None)
        waiting = select(columns.contact_id).where(is_open, _STATUS == ConversationStatus.WAITING)
        listed = columns.contact_id.in_(waiting.order_by(columns.started_at).limit(LISTED))
        query = select(*_COLUMNS).select_from(_JOINED).where(is_open, or_(_STATUS != ConversationStatus.WAITING, listed))
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(columns.started_at))).mappings()
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
                await self._assign(connection, row, operator, name, Because.TAKEN)
            elif row["status"] == ConversationStatus.ENDED or row["operator_id"] != operator:
                raise StateConflict("Somebody else has taken this conversation, or it has ended.")
            return await self._read(connection, contact_id)

    async def hand_over(self, contact_id: UUID, operator: UUID, to: UUID) -> Conversation:
        """Give a conversation of this operator to a colleague, in one step; giving it to the same again changes nothing."""
        async with self._database.write() as connection:
            row = await self._locked(connection, contact_id)
            if row["status"] != ConversationStatus.ASSIGNED or row["operator_id"] not in (operator, to):
                raise StateConflict("Only who has the conversation can hand it over.")
            if row["operator_id"] != to:
                name = await self._name(connection, to)
                await self._assign(connection, row, to, name, Because.HANDED_OVER)
            return await self._read(connection, contact_id)

    async def _name(self, connection: AsyncConnection, operator: UUID) -> str:
        who = tables.operator.c
        query = select(who.name).where(who.id == operator, who.left_at.is_(None))
        name = (await connection.execute(query)).scalar()
        if name is None:
            raise NotFound("There is no operator with this id.")
        return str(name)

    async def _assign(self, connection: AsyncConnection, row: Row, operator: UUID, name: str, because: Because) -> None:
        now = await self._database.now(connection)
        values: Row = {
            "status": ConversationStatus.ASSIGNED,
            "because": because,
            "operator_id": operator,
            "operator_name": name,
            "assigned_at": now,
            "operator_seen_at": now,
        }
        if _waited(row) is None:
            values["waited_seconds"] = _seconds(now, row)
        await self._change(connection, row["contact_id"], values)

    async def release(self, contact_id: UUID, operator: UUID) -> Conversation:
        """Put a conversation of this operator back in the queue, at its old place."""
        async with self._database.write() as connection:
            row = await self._locked(connection, contact_id)
            if row["status"] != ConversationStatus.ASSIGNED or row["operator_id"] != operator:
                raise StateConflict("Only who has the conversation can give it back.")
            again = await self._waiting_again(connection, Because.GIVEN_BACK)
            await self._change(connection, contact_id, {**again, "waited_seconds": _waited(row)})
            return await self._read(connection, contact_id)

    async def _waiting_again(self, connection: AsyncConnection, because: Because) -> Row:
        now = await self._database.now(connection)
        gone = {"operator_id": None, "operator_name": None, "assigned_at": None, "operator_seen_at": None}
        # the visitor was not asked about while somebody had the conversation: their time to come back begins now
        return {**gone, "status": ConversationStatus.WAITING, "because": because, "waiting_since": now, "visitor_seen_at": now}

    async def end(self, contact_id: UUID) -> Conversation:
        """End a conversation and complete its contact, once. One that nobody ever took is abandoned."""
        return await self._finish(contact_id, lambda row: Because.LEFT if _waited(row) is None else Because.ENDED)

    async def turn_away(self, contact_id: UUID) -> Conversation:
        """End a conversation that nobody ever took, because the hours are over; one that was taken goes on."""
        return await self._finish(contact_id, lambda row: Because.CLOSED if _waited(row) is None else None)

    async def _finish(self, contact_id: UUID, because: Callable[[Row], Because | None]) -> Conversation:
        async with self._database.write() as connection:
            contact = await self._contacts.locked(connection, contact_id)
            row = await self._locked(connection, contact_id)
            why = because(row)
            if row["status"] != ConversationStatus.ENDED and why:
                await self._end(connection, contact, row, why)
            answer = await self._read(connection, contact_id)
        self._database.events.fire()
        return answer

    async def _end(self, connection: AsyncConnection, contact: Row, row: Row, because: Because) -> None:
        now = await self._database.now(connection)
        waited = _waited(row)
        abandoned = waited is None
        if waited is None:
            waited = _seconds(now, row)
        ended: Row = {"status": ConversationStatus.ENDED, "because": because, "ended_at": now}
        await self._change(connection, row["contact_id"], {**ended, "waited_seconds": waited, "abandoned": abandoned})
        details = ChatDetails(started_at=row["started_at"], waited_seconds=waited, abandoned=abandoned)
        known = {"details": orjson.loads(to_wire(details))}
        await self._contacts.complete_with(connection, contact, known, by="chat")

    async def attend(self, attendance: Attendance) -> Sequence[Conversation]:
        """Note who is connected to a relay, and give the conversations that changed because somebody was not seen for too long.

        A conversation whose operator has no connection to any relay goes back to the queue; one that nobody took ends when
        its visitor does not come back. After a time in which no relay said anything nobody is taken for gone at once.
        """
        async with self._database.write() as connection:
            now = await self._database.now(connection)
            await self._saw(connection, attendance, now)
        if not self._watch.knows(now):
            return []
        return [*await self._return_lost(now), *await self._end_left(now)]

    async def _return_lost(self, now: datetime) -> list[Conversation]:
        async with self._database.write() as connection:
            lost = await self._lost(connection, now)
            for contact_id in lost:
                await self._change(connection, contact_id, await self._waiting_again(connection, Because.VANISHED))
            return [await self._read(connection, contact_id) for contact_id in lost]

    async def _end_left(self, now: datetime) -> list[Conversation]:
        async with self._database.read() as connection:
            left = await self._gone(connection, now)
        return [await self._finish(contact_id, lambda row: self._left(row, now)) for contact_id in left]

    def _left(self, row: Row, now: datetime) -> Because | None:
        is_gone = row["status"] == ConversationStatus.WAITING and row["visitor_seen_at"] < now - self._leases.visitor
        return Because.LEFT if is_gone else None

    async def _saw(self, connection: AsyncConnection, attendance: Attendance, now: datetime) -> None:
        kept = tables.conversation
        if attendance.operators:
            served = update(kept).where(kept.c.operator_id.in_(attendance.operators), _STATUS == ConversationStatus.ASSIGNED)
            await connection.execute(served.values(operator_seen_at=now))
        for start in range(0, len(attendance.visitors), TOGETHER):
            some = attendance.visitors[start : start + TOGETHER]
            waiting = update(kept).where(kept.c.contact_id.in_(some), _STATUS == ConversationStatus.WAITING)
            await connection.execute(waiting.values(visitor_seen_at=now))

    async def _lost(self, connection: AsyncConnection, now: datetime) -> Sequence[UUID]:
        seen = tables.conversation.c.operator_seen_at
        query = select(tables.conversation.c.contact_id).where(
            _STATUS == ConversationStatus.ASSIGNED, tables.conversation.c.ended_at.is_(None), seen < now - self._leases.operator
        )
        return (await connection.execute(query.limit(100).with_for_update(skip_locked=True))).scalars().all()

    async def _gone(self, connection: AsyncConnection, now: datetime) -> Sequence[UUID]:
        columns = tables.conversation.c
        query = select(columns.contact_id).where(
            _STATUS == ConversationStatus.WAITING,
            columns.ended_at.is_(None),
            columns.waited_seconds.is_(None),
            columns.visitor_seen_at < now - self._leases.visitor,
        )
        return (await connection.execute(query.limit(100))).scalars().all()

    async def colleagues(self) -> Sequence[Colleague]:
        """List the operators who may serve conversations, by name."""
        who = tables.operator.c
        query = select(who.id, who.name, who.scopes).where(who.left_at.is_(None)).order_by(who.name)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [Colleague(id=row.id, name=row.name) for row in rows if "conversations:serve" in row.scopes.split()]

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
        because=row["because"] or Because.STARTED,
        waiting_since=row["waiting_since"],
        waited_seconds=row["waited_seconds"],
        abandoned=bool(row["abandoned"]),
        started_at=row["started_at"],
        assigned_at=row["assigned_at"],
        ended_at=row["ended_at"],
        last_sequence=row["last_sequence"],
        language=row["language"],
    )


def _seconds(now: datetime, row: Row) -> int:
    return max(0, int((now - row["started_at"]).total_seconds()))


def _waited(row: Row) -> int | None:
    """Say how long the visitor waited for the first operator; nothing when none ever came."""
    if row["waited_seconds"] is None and row["assigned_at"]:  # taken by a node that did not count yet
        return _seconds(row["assigned_at"], row)
    return row["waited_seconds"]  # type: ignore[no-any-return]
