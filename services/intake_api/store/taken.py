"""What a mail leaves behind beside its contact: written with the contact, in one transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.outgoing import OutgoingStatus
from onthaal_schema.worklist import WorkReason
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.work import add_work

Row = dict[str, Any]

ANSWERED_ONCE_IN = timedelta(days=7)
"""RFC 3834 §2: whoever writes often is answered once in a while."""


@dataclass(frozen=True, slots=True)
class Bounced:
    """A mail of ours that did not arrive, and whom it was for."""

    outgoing_id: UUID
    contact_id: UUID
    reason: str


@dataclass(slots=True)
class Taken:
    """The rows of a mail. `answer` is sent unless its recipient was answered lately; `sent` is what staff wrote."""

    row: Row
    place: Row | None = None
    likenesses: Sequence[Row] = ()
    answer: Row | None = None
    sent: Row | None = None
    bounced: Bounced | None = None


def adding(database: Database, table: Table) -> Any:
    """Insert in the dialect of the engine, which can pass by what is there already."""
    return (sqlite if database.on_sqlite else postgresql).insert(table)


async def claim_mails(connection: AsyncConnection, database: Database, mails: Sequence[Taken]) -> set[UUID]:
    """Write the rows of mails that are new, by their id and by their fingerprint, and give their ids."""
    # in one order everywhere, so that two batches with the same mails wait for one another instead of locking each other out
    ordered = sorted(mails, key=lambda mail: mail.row["fingerprint"] or mail.row["id"].bytes)
    mail = tables.mail
    statement = adding(database, mail).on_conflict_do_nothing().returning(mail.c.id)
    return set((await connection.execute(statement, [one.row for one in ordered])).scalars())


async def write_rest(connection: AsyncConnection, database: Database, mails: Sequence[Taken]) -> None:
    """Write what else new mails leave behind: places, likenesses, what is to be sent and what bounced, and counts."""
    await _add(connection, database, tables.mail_place, [mail.place for mail in mails if mail.place])
    await _add(connection, database, tables.mail_likeness, [row for mail in mails for row in mail.likenesses])
    sent = [mail.sent for mail in mails if mail.sent]
    sent += await _due(connection, database, [mail.answer for mail in mails if mail.answer])
    if sent:
        await connection.execute(insert(tables.outgoing), sent)
    for mail in mails:
        if mail.bounced:
            await bounce(connection, database, mail.bounced)
    await count(connection, database, [mail.row for mail in mails])


async def _add(connection: AsyncConnection, database: Database, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        await connection.execute(adding(database, table).on_conflict_do_nothing(), list(rows))


async def _due(connection: AsyncConnection, database: Database, answers: Sequence[Row]) -> list[Row]:
    """Give the answers that are due: one for each correspondent who was not answered lately."""
    first = first_answers(answers)
    if not first:
        return []
    now = database.clock.now()
    answered = tables.answered
    rows = [{"recipient": recipient, "at": now} for recipient in sorted(first)]
    fresh = adding(database, answered)
    statement = fresh.on_conflict_do_update(
        index_elements=[answered.c.recipient],
        set_={"at": fresh.excluded.at},
        # an answer that lies ahead was dated by a clock that has been set back since
        where=or_(answered.c.at <= now - ANSWERED_ONCE_IN, answered.c.at > now + ANSWERED_ONCE_IN),
    ).returning(answered.c.recipient)
    due = set((await connection.execute(statement, rows)).scalars())
    return [answer for correspondent, answer in first.items() if correspondent in due]


def first_answers(answers: Iterable[Row]) -> dict[bytes, Row]:
    """Give the first of the answers to each correspondent."""
    first: dict[bytes, Row] = {}
    for answer in answers:
        first.setdefault(answer["correspondent"], answer)
    return first


async def bounce(connection: AsyncConnection, database: Database, bounced: Bounced) -> None:
    """Keep that a mail of ours did not arrive. Its contact is kept unerased already."""
    outgoing = tables.outgoing
    values = {"status": OutgoingStatus.BOUNCED, "reason": bounced.reason, "due_at": None}
    await connection.execute(update(outgoing).where(outgoing.c.id == bounced.outgoing_id).values(**values))
    await add_work(connection, database, bounced.contact_id, [WorkReason.BOUNCED])


async def keep_unerased(connection: AsyncConnection, contacts: Iterable[UUID]) -> set[UUID]:
    """Say which contacts are there, and keep them from being erased until the transaction ends.

    Asked before anything else of them is touched, and before the feed is: whoever changes or erases a contact takes the same
    locks in the same order.
    """
    contact = tables.contact.c
    there = select(contact.id).where(contact.id.in_(list(contacts)), contact.erased_at.is_(None)).order_by(contact.id)
    return set((await connection.execute(there.with_for_update(read=True, key_share=True))).scalars())


async def keep_bounced(connection: AsyncConnection, mails: Iterable[Taken]) -> None:
    """Keep the contacts whose mails bounced unerased; of one that was erased meanwhile there is nobody to tell."""
    bounced = [mail for mail in mails if mail.bounced]
    if bounced:
        there = await keep_unerased(connection, [mail.bounced.contact_id for mail in bounced if mail.bounced])
        for mail in bounced:
            if mail.bounced and mail.bounced.contact_id not in there:
                mail.bounced = None


async def count(connection: AsyncConnection, database: Database, rows: Iterable[Row]) -> None:
    """Count how mails ended, by mailbox. A row each, so that nobody ever counts them again."""
    counts = tables.mail_count
    for (mailbox, outcome), number in ended(rows):
        fresh = adding(database, counts).values(mailbox=mailbox, outcome=outcome, count=number)
        await connection.execute(
            fresh.on_conflict_do_update(
                index_elements=[counts.c.mailbox, counts.c.outcome], set_={"count": counts.c.count + fresh.excluded["count"]}
            )
        )


def ended(rows: Iterable[Row]) -> list[tuple[tuple[str, str], int]]:
    """Tell how many mails of which mailbox ended how, in one order everywhere."""
    return sorted(Counter((row["mailbox"], str(row["outcome"])) for row in rows).items())
