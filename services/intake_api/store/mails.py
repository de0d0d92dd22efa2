"""Mails that were taken in: what is known of one before it is decided upon, and those that become no contact of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.contact import Nature
from onthaal_schema.intake import FileUpload
from onthaal_schema.mail import IncomingMail, MailOutcome, MailReceipt, Place
from onthaal_schema.message import MessageSubmission
from onthaal_schema.problems import Erased, NotFound
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.files import KeptFile
from services.intake_api.store.messages import Messages
from services.intake_api.store.outgoing_rows import StaffMail, staff_mail
from services.intake_api.store.reply_tokens import address_digest, message_id_digest, token_digest
from services.intake_api.store.taken import Row, Taken, adding, claim_mails, write_rest
from services.intake_api.store.vault import Vault
from services.intake_api.store.writer import Overtaken

MAIL = tables.mail.c
PLACE = tables.mail_place.c
OUTGOING = tables.outgoing.c
CONTACT = tables.contact.c
KNOWN = tables.blind_index.c
LIKENESS = tables.mail_likeness.c


@dataclass(frozen=True)
class Answered:
    """A mail of ours that a mail answers or reports on, and whether its contact knows the sender."""

    outgoing_id: UUID
    contact_id: UUID
    nature: str
    knows_sender: bool = False


@dataclass(frozen=True)
class Held:
    """What is known of a mail: its receipt when it was taken in, or what it may belong to, the best first."""

    receipt: MailReceipt | None = None
    duplicate_of: UUID | None = None
    registered: bool = False
    answers: Sequence[Answered] = ()
    follows: Sequence[UUID] = ()
    """Contacts whose own mails it refers to."""
    follows_own: UUID | None = None
    """The first of these that knows the sender."""
    likely: UUID | None = None
    """The contact of a mail that may be this one under another numbering."""


@dataclass(frozen=True)
class Digests:
    """What a mail is looked up by. Everything is keyed."""

    fingerprint: bytes | None
    rendering: bytes | None
    likenesses: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    references: tuple[bytes, ...]
    sender: bytes | None
    message_id: bytes | None = field(default=None)

    @staticmethod
    def of(vault: Vault, mail: IncomingMail) -> "Digests":
        """Make the digests of a mail. Tokens that were not made here are left out."""
        details, person, bounce = mail.contact.details, mail.contact.person, mail.bounce
        tokens = tuple(filter(None, (token_digest(vault, token) for token in mail.tokens)))
        # a report that came to the address of one mail of ours is about that one, whatever it returns
        named = list(mail.references) if bounce is None else [] if tokens else [bounce.message_id]
        return Digests(
            fingerprint=vault.digest(mail.fingerprint.encode(), b"fingerprint mail") if mail.fingerprint else None,
            rendering=vault.digest(mail.rendering.encode(), b"rendering mail") if mail.rendering else None,
            likenesses=tuple(sorted({vault.digest(one.encode(), b"likeness") for one in mail.likenesses if one})),
            tokens=tokens,
            references=tuple(filter(None, (message_id_digest(vault, name) for name in named))),
            sender=address_digest(vault, person.email) if person else None,
            message_id=message_id_digest(vault, details.message_id) if details else None,
        )


class Mails:
    """The mails of a database."""

    def __init__(self, database: Database, vault: Vault, contacts: Contacts, messages: Messages) -> None:
        """Keep mails beside contacts and their messages."""
        self._database = database
        self._vault = vault
        self._contacts = contacts
        self._messages = messages

    async def look(self, mail_id: UUID, mail: IncomingMail, digests: Digests, *, numbered_anew: bool) -> Held:
        """Say what is known of a mail."""
        async with self._database.read() as connection:
            known = await self._known(connection, mail_id, mail.mailbox, digests.fingerprint)
            if known is not None:
                return known
            same = await self._like(connection, mail, [digests.rendering]) if numbered_anew and digests.rendering else None
            if same:
                return Held(duplicate_of=same)
            answers = await self._answers(connection, digests)
            follows = await self._follows(connection, digests) if digests.references else []
            return Held(
                answers=answers,
                follows=follows,
                follows_own=await self._first_that_knows(connection, follows, digests.sender),
                likely=await self._like(connection, mail, digests.likenesses) if numbered_anew else None,
            )

    async def _known(self, connection: AsyncConnection, mail_id: UUID, mailbox: str, fingerprint: bytes | None) -> Held | None:
        same = MAIL.id == mail_id
        if fingerprint:
            same = or_(same, and_(MAIL.mailbox == mailbox, MAIL.fingerprint == fingerprint))
        rows = (await connection.execute(select(tables.mail).where(same))).mappings().all()
        for row in rows:
            if row["id"] == mail_id:
                return Held(receipt=receipt(row))
        if rows:
            return Held(duplicate_of=rows[0]["contact_id"])
        # registered by another way, or erased and then entombed by a restore: it is never taken in twice
        registered = (await connection.execute(select(CONTACT.id).where(CONTACT.id == mail_id))).first()
        return Held(registered=True) if registered else None

    async def _answers(self, connection: AsyncConnection, digests: Digests) -> list[Answered]:
        """List the mails of ours that it names: by its tokens, then by the Message-IDs that it answers, in their order."""
        if not digests.tokens and not digests.references:
            return []
        query = (
            select(
                OUTGOING.id,
                OUTGOING.contact_id,
                OUTGOING.token_digest,
                OUTGOING.message_id_digest,
                OUTGOING.token_expires_at,
                CONTACT.nature,
            )
            .join(tables.contact, CONTACT.id == OUTGOING.contact_id)
            .where(or_(OUTGOING.token_digest.in_(digests.tokens), OUTGOING.message_id_digest.in_(digests.references)))
            .order_by(OUTGOING.created_at)
        )
        rows = (await connection.execute(query)).all()
        now = self._database.clock.now()
        by_token = {row.token_digest: row for row in rows if row.token_expires_at and row.token_expires_at > now}
        by_name = {row.message_id_digest: row for row in rows}
        named = [by_token[token] for token in digests.tokens if token in by_token]
        named += [by_name[reference] for reference in digests.references if reference in by_name]
        knowing = await self._knowing(connection, [row.contact_id for row in named], digests.sender)
        return [Answered(row.id, row.contact_id, row.nature, row.contact_id in knowing) for row in named]

    async def _knowing(self, connection: AsyncConnection, contacts: Sequence[UUID], sender: bytes | None) -> set[UUID]:
        """Say which contacts know a sender: an address of theirs, or one that we wrote to about them."""
        if not contacts or sender is None:
            return set()
        own = select(KNOWN.contact_id).where(KNOWN.contact_id.in_(contacts), KNOWN.digest == sender)
        written_to = select(OUTGOING.contact_id).where(OUTGOING.contact_id.in_(contacts), OUTGOING.recipient == sender)
        return set((await connection.execute(union(own, written_to))).scalars())

    async def _follows(self, connection: AsyncConnection, digests: Digests) -> list[UUID]:
        query = (
            select(MAIL.contact_id, MAIL.message_id_digest)
            .join(tables.contact, CONTACT.id == MAIL.contact_id)
            .where(MAIL.message_id_digest.in_(digests.references), CONTACT.erased_at.is_(None))
            .order_by(MAIL.taken_at.desc())
        )
        by_name = {row.message_id_digest: row.contact_id for row in (await connection.execute(query)).all()}
        named = [by_name[reference] for reference in digests.references if reference in by_name]
        return list(dict.fromkeys(named))

    async def _first_that_knows(self, connection: AsyncConnection, contacts: Sequence[UUID], sender: bytes | None) -> UUID | None:
        knowing = await self._knowing(connection, contacts, sender)
        return next((contact for contact in contacts if contact in knowing), None)

    async def _like(self, connection: AsyncConnection, mail: IncomingMail, likenesses: Sequence[bytes]) -> UUID | None:
        """Find a mail that is alike, and that does not lie in the mailbox as it is numbered now: there it would be another one."""
        if mail.place is None or not likenesses:
            return None
        lies_here = exists().where(
            PLACE.mail_id == LIKENESS.mail_id,
            PLACE.mailbox == mail.mailbox,
            PLACE.uid_validity == mail.place.uid_validity,
        )
        query = (
            select(MAIL.contact_id)
            .join(tables.mail_likeness, LIKENESS.mail_id == MAIL.id)
            .where(LIKENESS.mailbox == mail.mailbox, LIKENESS.digest.in_(likenesses), ~lies_here)
            .order_by(MAIL.taken_at)
            .limit(1)
        )
        return (await connection.execute(query)).scalar()

    def row(
        self, mail_id: UUID, mail: IncomingMail, digests: Digests, outcome: MailOutcome, contact_id: UUID, message_id: UUID | None
    ) -> Taken:
        """Make the rows of a mail. A duplicate has no fingerprint of its own: it is that of the mail that it repeats."""
        first = outcome != MailOutcome.DUPLICATE
        return Taken(
            row={
                "id": mail_id,
                "mailbox": mail.mailbox,
                "contact_id": contact_id,
                "message_id": message_id,
                "outcome": outcome,
                "message_id_digest": digests.message_id if first else None,
                "fingerprint": digests.fingerprint if first else None,
                "taken_at": self._database.clock.now(),
            },
            place=place_row(mail.mailbox, mail.place, mail_id) if mail.place else None,
            likenesses=[
                {"mailbox": mail.mailbox, "digest": digest, "mail_id": mail_id}
                for digest in (*digests.likenesses, digests.rendering)
                if first and digest
            ],
        )

    async def note(self, taken: Taken) -> MailReceipt:
        """Keep a mail that adds nothing to a contact.

        Raises:
            Overtaken: it was taken in meanwhile.

        """
        async with self._database.write() as connection:
            await self._claim(connection, taken)
            await write_rest(connection, self._database, [taken])
        return receipt(taken.row)

    async def _claim(self, connection: AsyncConnection, taken: Taken) -> None:
        if not await claim_mails(connection, self._database, [taken]):
            raise Overtaken

    async def place(self, mail_id: UUID, mailbox: str, place: Place) -> MailReceipt:
        """Note where a mail lies as well; noting it again changes nothing.

        Raises:
            NotFound: it was not taken in.

        """
        query = select(tables.mail, _lies(mail_id, mailbox, place).label("lies")).where(MAIL.id == mail_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise NotFound("No mail with this id was taken in.")
        if not row["lies"]:
            async with self._database.write() as connection:
                await note_place(connection, self._database, mailbox, place, mail_id)
        return receipt(row)

    async def join(self, taken: Taken, message: MessageSubmission, files: Sequence[FileUpload], joined: "Joined") -> MailReceipt:
        """Make a mail a message of the contact that it belongs to, which must be as it was when that was decided.

        Raises:
            Overtaken: the mail was taken in meanwhile, or the contact changed.

        """
        contact_id, message_id = taken.row["contact_id"], taken.row["message_id"]
        try:
            kept = await self._messages.keep(contact_id, message_id, files)
        except (Erased, NotFound):
            raise Overtaken from None
        try:
            await self._join(taken, message, kept, joined)
        except (Overtaken, Erased):
            await self._messages.forget(contact_id, kept)
            raise Overtaken from None
        self._messages.tell()
        return receipt(taken.row)

    async def _join(self, taken: Taken, message: MessageSubmission, kept: Sequence[KeptFile], joined: "Joined") -> None:
        async with self._database.write() as connection:
            contact = await self._contacts.locked(connection, taken.row["contact_id"])
            await self._require(connection, contact, joined)
            await self._claim(connection, taken)
            if joined.staff_message_id:
                taken.sent = await self._sent(connection, contact, joined, taken.row["mailbox"])
            await self._messages.add(connection, contact, taken.row["message_id"], message, kept, joined.by)
            await write_rest(connection, self._database, [taken])

    async def _require(self, connection: AsyncConnection, contact: Row, joined: "Joined") -> None:
        """Make sure of what was decided before the contact was locked."""
        if joined.outgoing_id is None:
            return
        there = (await connection.execute(select(OUTGOING.id).where(OUTGOING.id == joined.outgoing_id))).first()
        knows = contact["id"] in await self._knowing(connection, [contact["id"]], joined.sender)
        if there is None or not knows or contact["nature"] != Nature.PERSON:
            raise Overtaken

    async def _sent(self, connection: AsyncConnection, contact: Row, joined: "Joined", mailbox: str) -> Row:
        key = self._contacts.key(contact)
        person = (await self._contacts.submission(connection, contact, key)).get("person") or {}
        now = self._database.clock.now()
        mail = StaffMail(contact["id"], mailbox, joined.staff_message_id, person.get("email"), joined.sent_at or now)
        return staff_mail(self._vault, key, mail, now)


@dataclass(frozen=True)
class Joined:
    """Why a mail joins a contact: as an answer to a mail of ours from somebody it knows, or as what staff wrote."""

    by: str
    outgoing_id: UUID | None = None
    sender: bytes | None = None
    staff_message_id: str | None = field(default=None, repr=False)
    sent_at: datetime | None = None


def _lies(mail_id: UUID, mailbox: str, place: Place) -> Any:
    return exists().where(
        PLACE.mailbox == mailbox, PLACE.uid_validity == place.uid_validity, PLACE.uid == place.uid, PLACE.mail_id == mail_id
    )


def place_row(mailbox: str, place: Place, mail_id: UUID) -> Row:
    """Give the row of a place."""
    return {"mailbox": mailbox, "uid_validity": place.uid_validity, "uid": place.uid, "mail_id": mail_id}


async def note_place(connection: AsyncConnection, database: Database, mailbox: str, place: Place, mail_id: UUID) -> None:
    """Keep that a mail lies at a place; a place is one mail's for ever."""
    await connection.execute(
        adding(database, tables.mail_place).values(place_row(mailbox, place, mail_id)).on_conflict_do_nothing()
    )


def receipt(row: Any) -> MailReceipt:
    """Say what became of a mail."""
    return MailReceipt(
        mail_id=row["id"], outcome=MailOutcome(row["outcome"]), contact_id=row["contact_id"], message_id=row["message_id"]
    )
