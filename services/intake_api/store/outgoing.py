"""Mails of ours that are to be sent: claimed by whoever sends them, tried again for a day, and then a person's business."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.contact import Nature
from onthaal_schema.mail import OutgoingMail, OutgoingResult, SentMail
from onthaal_schema.message import Direction, MessageSubmission
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.outgoing import OutgoingStatus
from onthaal_schema.problems import Conflict, NotFound
from onthaal_schema.worklist import WorkReason
from services.intake_api.answering import DailyLimits
from services.intake_api.store import tables
from services.intake_api.store.answer_counts import Limit, count_answer
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.messages import Messages
from services.intake_api.store.opened import outgoing_place
from services.intake_api.store.outgoing_rows import StaffMail, staff_mail
from services.intake_api.store.taken import Bounced, bounce, keep_unerased
from services.intake_api.store.vault import Vault
from services.intake_api.store.work import add_work

OUTGOING = tables.outgoing.c
CONTACT = tables.contact.c

LEASE: Final = timedelta(minutes=5)
"""How long whoever claimed a mail has to send it. When nobody says what became of it, it is tried again."""

LADDER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480, 1440))
"""How long after each attempt the next one comes; after the last a person must know."""

APART: Final = timedelta(seconds=5)
"""How far this machine's clock may be behind the database's: a look that costs nobody a lock goes by the former."""

AT_ONCE: Final = 20

ROUNDS: Final = 50
"""How often it is looked further when all that was due was above the limits of the day: what floods us holds up no other for long."""

LANGUAGES: Final = ("nl", "fr", "en", "de")

UNANSWERED: Final = "noAnswer"
"""Why a mail failed that was claimed again and again, and of which nobody said what became."""

BY_STAFF: Final = "staff"
"""Stands for the mailbox of a mail that staff sent by a program of their own."""


class Outgoing:
    """The mails that a database wants sent."""

    def __init__(self, database: Database, vault: Vault, contacts: Contacts, messages: Messages, limits: DailyLimits) -> None:
        """Send for the contacts of a database, so many a day."""
        self._database = database
        self._vault = vault
        self._contacts = contacts
        self._messages = messages
        self._limits = limits

    async def claim(self, hours: OpeningHours) -> Sequence[OutgoingMail]:
        """Claim mails that are due, so that nobody else sends them for a while. Those above the limits of the day are passed by."""
        for _ in range(ROUNDS):
            if not await self._any_due():
                break
            mails, withheld = await self._claim(hours)
            for row in withheld:
                await self._forget(row)
            if mails or not withheld:
                return mails
        return ()

    async def _claim(self, hours: OpeningHours) -> tuple[list[OutgoingMail], list[dict[str, Any]]]:
        mails, withheld = [], []
        async with self._database.write() as connection:
            now = await self._database.now(connection)
            for row in await self._due(connection, now):
                if row["nature"] != Nature.PERSON or row["erased_at"] is not None:
                    # somebody said meanwhile that it is no person's: nothing is sent
                    await connection.execute(delete(tables.outgoing).where(OUTGOING.id == row["id"]))
                elif row["attempts"] > len(LADDER):
                    await self._fail(connection, row, UNANSWERED)
                elif limit := await self._limit(connection, mail := self._opened(row, hours)):
                    await self._change(
                        connection, row["id"], {"status": OutgoingStatus.WITHHELD, "reason": limit, "due_at": None}
                    )
                    withheld.append(row)
                else:
                    await self._change(connection, row["id"], {"attempts": row["attempts"] + 1, "due_at": now + LEASE})
                    mails.append(mail)
        return mails, withheld

    async def _limit(self, connection: AsyncConnection, mail: OutgoingMail) -> Limit | None:
        """Say which limit of the day forbids to send a mail; one that was tried before is counted already."""
        if mail.attempts:
            return None
        return await count_answer(connection, self._database, self._vault, self._limits, mail.to)

    async def _forget(self, row: dict[str, Any]) -> None:
        """Let the next mail of a sender be answered. By itself, since mails that are taken in hold these rows in an order of their own."""
        async with self._database.write() as connection:
            await connection.execute(delete(tables.answered).where(tables.answered.c.recipient == row["correspondent"]))

    async def _any_due(self) -> bool:
        query = select(OUTGOING.id).where(OUTGOING.due_at <= self._database.clock.now() + APART).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def _due(self, connection: AsyncConnection, now: datetime) -> list[dict[str, Any]]:
        query = (
            select(tables.outgoing, CONTACT.nature, CONTACT.language, CONTACT.data_key, CONTACT.erased_at)
            .join(tables.contact, CONTACT.id == OUTGOING.contact_id)
            .where(OUTGOING.due_at <= now)
            .order_by(OUTGOING.due_at)
            .limit(AT_ONCE)
            # the contact's row is held as well, so that it is not erased while its address is read
            .with_for_update(skip_locked=True)
        )
        return [dict(row) for row in (await connection.execute(query)).mappings()]

    def _opened(self, row: dict[str, Any], hours: OpeningHours) -> OutgoingMail:
        key = self._vault.key(row["contact_id"], row["data_key"])
        content = orjson.loads(key.open(row["sealed"], outgoing_place(row["id"])))
        return OutgoingMail(
            id=row["id"],
            contact_id=row["contact_id"],
            kind=row["kind"],
            mailbox=row["mailbox"],
            language=row["language"] if row["language"] in LANGUAGES else LANGUAGES[0],
            opening_hours=hours,
            attempts=row["attempts"],
            to=content["to"],
            token=content["token"],
            message_id=content["messageId"],
            in_reply_to=content.get("inReplyTo"),
            references=tuple(content["references"]),
        )

    async def settle(self, outgoing_id: UUID, result: OutgoingResult) -> None:
        """Keep what became of an attempt. One that was settled stays as it is.

        Raises:
            NotFound: there is no such mail; its contact may have been erased meanwhile.

        """
        async with self._database.write() as connection:
            row = await self._locked(connection, outgoing_id)
            if row["status"] != OutgoingStatus.QUEUED:
                return
            match result.status:
                case OutgoingStatus.SENT:
                    values = {"status": result.status, "sent_at": self._database.clock.now(), "due_at": None, "reason": None}
                    await self._change(connection, outgoing_id, values)
                case OutgoingStatus.QUEUED if 0 < row["attempts"] <= len(LADDER):
                    due_at = await self._database.now(connection) + LADDER[row["attempts"] - 1]
                    await self._change(connection, outgoing_id, {"due_at": due_at, "reason": result.reason})
                case OutgoingStatus.BOUNCED:
                    reason = result.reason or OutgoingStatus.BOUNCED
                    await bounce(connection, self._database, Bounced(outgoing_id, row["contact_id"], reason))
                case _:
                    await self._fail(connection, row, result.reason)

    async def _locked(self, connection: AsyncConnection, outgoing_id: UUID) -> dict[str, Any]:
        contact = await connection.scalar(select(OUTGOING.contact_id).where(OUTGOING.id == outgoing_id))
        if contact is not None and await keep_unerased(connection, [contact]):
            query = select(tables.outgoing).where(OUTGOING.id == outgoing_id).with_for_update()
            found = (await connection.execute(query)).mappings().first()
            if found is not None:
                return dict(found)
        raise NotFound("There is no mail of ours with this id.")

    async def _change(self, connection: AsyncConnection, outgoing_id: UUID, values: dict[str, Any]) -> None:
        await connection.execute(update(tables.outgoing).where(OUTGOING.id == outgoing_id).values(**values))

    async def _fail(self, connection: AsyncConnection, row: dict[str, Any], reason: str | None) -> None:
        await self._change(connection, row["id"], {"status": OutgoingStatus.FAILED, "reason": reason, "due_at": None})
        await add_work(connection, self._database, row["contact_id"], [WorkReason.BOUNCED])

    async def register_sent(self, contact_id: UUID, outgoing_id: UUID, sent: SentMail, by: str) -> None:
        """Keep that staff mailed somebody, and what they wrote when it is given. The same again changes nothing.

        Raises:
            Conflict: the id is taken by another mail.

        """
        async with self._database.write() as connection:
            contact = await self._contacts.locked(connection, contact_id)
            now = self._database.clock.now()
            mail = StaffMail(contact_id, BY_STAFF, sent.message_id, sent.to, sent.sent_at or now)
            row = staff_mail(self._vault, self._contacts.key(contact), mail, now, outgoing_id)
            held = (await connection.execute(select(tables.outgoing).where(OUTGOING.id == outgoing_id))).mappings().first()
            if held is None:
                await connection.execute(insert(tables.outgoing).values(**row))
                if sent.text is not None:
                    message = MessageSubmission(direction=Direction.OUTBOUND, text=sent.text, sent_at=sent.sent_at)
                    await self._messages.add(connection, contact, outgoing_id, message, (), by)
            elif any(held[name] != row[name] for name in ("contact_id", "kind", "message_id_digest", "recipient")):
                raise Conflict("This outgoingId holds another mail; use a new id for a new mail.")
        self._messages.tell()
