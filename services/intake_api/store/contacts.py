"""Contacts that are kept: read, found, tagged again, corrected, completed, erased."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.contact import Contact, KindSource, Nature, Status, Suggestion
from onthaal_schema.conversation import Because, ConversationStatus
from onthaal_schema.events import EventType
from onthaal_schema.intake import FileContent
from onthaal_schema.problems import Erased, NotFound, ServiceUnavailable, StateConflict
from onthaal_schema.requests import Correction, Outcome, Retag
from onthaal_schema.wire import to_wire
from onthaal_schema.worklist import WorkReason
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.files import Blobs, fetch
from services.intake_api.store.handed import handed_over, note_fetched
from services.intake_api.store.known_contacts import KnownContact, KnownContacts
from services.intake_api.store.ledger import Erasure, Ledger
from services.intake_api.store.message_insert import COALESCE
from services.intake_api.store.opened import (
    SUBMISSION,
    SUGGESTION,
    Wire,
    correction_place,
    open_file,
    typed,
    with_content,
)
from services.intake_api.store.outbox import Outbox
from services.intake_api.store.outgoing_rows import shown_outgoing
from services.intake_api.store.vault import DataKey, Vault
from services.intake_api.store.work import add_work, work_row

Row = dict[str, Any]


HELD_BY_A_CONTACT = (
    tables.file,
    tables.message,
    tables.correction,
    tables.outcome,
    tables.blind_index,
    tables.work_item,
    tables.outgoing,
)
"""What is gone with a contact."""


class Contacts:
    """Contacts by id. Every change is one transaction with its event in it."""

    def __init__(self, database: Database, vault: Vault, outbox: Outbox, blobs: Blobs, ledger: Ledger) -> None:
        """Work on a database with its keys and files; what is erased is ordered in the ledger first."""
        self._database = database
        self._vault = vault
        self._outbox = outbox
        self._blobs = blobs
        self._ledger = ledger
        self._known = KnownContacts()

    async def locked(self, connection: AsyncConnection, contact_id: UUID) -> Row:
        """Read a contact's row and keep others from changing it until the transaction ends.

        Raises:
            NotFound: there is none.
            Erased: only its tombstone is left.

        """
        query = select(tables.contact).where(tables.contact.c.id == contact_id).with_for_update()
        return _existing((await connection.execute(query)).mappings().first())

    async def channel(self, contact_id: UUID) -> str:
        """Tell the channel of a contact."""
        return (await self.known(contact_id)).channel

    async def known(self, contact_id: UUID) -> KnownContact:
        """Give what a message needs of its contact, read a minute ago at most: whether it still is so, the write says."""
        if found := self._known.find(contact_id):
            return found
        async with self._database.read() as connection:
            row = await self.row(connection, contact_id)
        return self._known.learn(contact_id, str(row["channel"]), row["data_key"], self.key(row))

    def forget(self, contact_id: UUID) -> None:
        """Read a contact anew before the next message to it."""
        self._known.forget(contact_id)

    async def row(self, connection: AsyncConnection, contact_id: UUID) -> Row:
        """Read the row of a contact that is not erased."""
        query = select(tables.contact).where(tables.contact.c.id == contact_id)
        return _existing((await connection.execute(query)).mappings().first())

    def key(self, row: Mapping[str, Any]) -> DataKey:
        """Open the key of a contact."""
        return self._vault.key(row["id"], row["data_key"])

    async def read(self, contact_id: UUID, by: str, *, to_handle: bool = False) -> Contact:
        """Read a contact whole, with how far it is handed over; who read it is kept, and that it was to handle its events."""
        async with self._database.write() as connection:
            row = await self.row(connection, contact_id)
            await self.audit(connection, by, "read", contact_id)
            if to_handle:
                await note_fetched(connection, contact_id, self._database.clock.now())
            return typed({**await self._wire(connection, row), "handover": await handed_over(connection, contact_id)})

    async def shown(self, connection: AsyncConnection, row: Row) -> Contact:
        """Open a contact."""
        return typed(await self._wire(connection, row))

    async def _wire(self, connection: AsyncConnection, row: Row) -> Wire:
        key = self.key(row)
        return with_content(
            row,
            await self.submission(connection, row, key),
            self._suggestion(row, key),
            earlier=await self._earlier(connection, row["id"]),
            files=[open_file(found, key) for found in await self.files(connection, row["id"], None)],
            outgoing=await shown_outgoing(connection, row["id"]),
        )

    async def submission(self, connection: AsyncConnection, row: Row, key: DataKey) -> Wire:
        """Open what was submitted, with each later correction laid over it."""
        known: Wire = orjson.loads(key.open(row["sealed"], SUBMISSION))
        query = select(tables.correction).where(tables.correction.c.contact_id == row["id"]).order_by(tables.correction.c.version)
        for found in (await connection.execute(query)).mappings():
            known.update(orjson.loads(key.open(found["sealed"], correction_place(found["version"]))))
        return known

    def _suggestion(self, row: Row, key: DataKey) -> Wire | None:
        sealed = row["sealed_suggestion"]
        return orjson.loads(key.open(sealed, SUGGESTION)) if sealed else None

    async def _earlier(self, connection: AsyncConnection, contact_id: UUID) -> list[Row]:
        query = select(tables.earlier_kind).where(tables.earlier_kind.c.contact_id == contact_id)
        rows = await connection.execute(query.order_by(tables.earlier_kind.c.number))
        return [dict(row) for row in rows.mappings()]

    async def files(self, connection: AsyncConnection, contact_id: UUID, message_id: UUID | None) -> list[Row]:
        """List the files of a contact, or of one of its messages."""
        query = select(*tables.file_label).where(tables.file.c.contact_id == contact_id, tables.file.c.message_id == message_id)
        return [dict(row) for row in (await connection.execute(query.order_by(tables.file.c.number))).mappings()]

    async def file(self, contact_id: UUID, file_id: UUID, by: str) -> FileContent:
        """Read a file; who read it is kept."""
        async with self._database.write() as connection:
            row = await self.row(connection, contact_id)
            query = select(tables.file).where(tables.file.c.id == file_id, tables.file.c.contact_id == contact_id)
            found = (await connection.execute(query)).mappings().first()
            if found is None:
                raise NotFound("This contact has no such file.")
            await self.audit(connection, by, "readFile", contact_id)
        return await fetch(self._blobs, dict(found), self.key(row))

    async def retag(self, contact_id: UUID, retag: Retag, source: KindSource, by: str) -> Contact:
        """Say what a contact is; the former tag goes to the history. The same word of the same person once more changes nothing."""
        async with self._database.write() as connection:
            row = await self.locked(connection, contact_id)
            tag: Row = {
                "kind": retag.kind,
                "kind_source": source,
                "kind_confidence": None,
                "unsure": False,
                "model_version": None,
                "nature": retag.nature or row["nature"],
                "kind_by": by,
            }
            if any(row[name] != value for name, value in tag.items()):
                await self.tag(connection, row, tag)
            await self.finish_work(connection, contact_id, (WorkReason.UNSURE, WorkReason.DOUBTED_VRAAG), by)
            return await self.shown(connection, row)

    async def tag(self, connection: AsyncConnection, row: Row, tag: Row) -> None:
        """Put another tag on a locked contact, which `row` then shows, and tell it."""
        former = {name: row[name] for name in (*tag, "kind_at")}
        number = len(await self._earlier(connection, row["id"])) + 1
        await connection.execute(insert(tables.earlier_kind).values(contact_id=row["id"], number=number, **former))
        await self.change(connection, row, {**tag, "kind_at": self._database.clock.now()})
        await self._outbox.emit(connection, EventType.RETAGGED, row)
        self._database.events.fire()

    async def change(self, connection: AsyncConnection, row: Row, values: Row) -> None:
        """Change columns of a locked contact and raise its version; `row` shows it."""
        row.update(values, version=row["version"] + 1)
        changed = {name: row[name] for name in (*values, "version")}
        await connection.execute(update(tables.contact).where(tables.contact.c.id == row["id"]).values(**changed))

    async def extend(self, connection: AsyncConnection, row: Row, values: Row) -> None:
        """Change a locked contact in a way that is told as `extended`, now or once the last telling is 5 seconds old."""
        now = self._database.clock.now()
        due = row["extended_at"] + COALESCE if row["extended_at"] else now
        if not now < due <= now + COALESCE:  # a telling that lies ahead was dated by a clock that has been set back since
            await self.change(connection, row, {**values, "extended_at": now, "extended_due": None})
            await self._outbox.emit(connection, EventType.EXTENDED, row)
        else:
            await self.change(connection, row, {**values, "extended_due": due})

    async def tell_extended(self) -> int:
        """Tell the extensions that are due, all in one transaction; gives how many."""
        now = self._database.clock.now()
        columns = tables.contact.c
        # what is due later than anything is held back was dated by a clock that has been set back since
        is_due = columns.extended_due.is_not(None) & or_(columns.extended_due <= now, columns.extended_due > now + COALESCE)
        async with self._database.read() as connection:
            due = (await connection.execute(select(columns.id).where(is_due).limit(100))).scalars().all()
        if not due:
            return 0
        query = select(tables.contact).where(columns.id.in_(due), is_due)
        query = query.order_by(columns.id).with_for_update()  # in one order, so that two nodes do not wait for each other
        async with self._database.write() as connection:
            rows = [dict(row) for row in (await connection.execute(query)).mappings()]
            for row in rows:
                row.update(extended_at=now, extended_due=None, version=row["version"] + 1)
            if rows:
                told = {"extended_at": now, "extended_due": None, "version": columns.version + 1}
                await connection.execute(update(tables.contact).where(columns.id.in_([row["id"] for row in rows])).values(told))
                await self._outbox.emit_all(connection, EventType.EXTENDED, rows)
        self._database.events.fire()
        return len(due)

    async def correct(self, contact_id: UUID, correction: Correction, by: str) -> Contact:
        """Lay a correction over what is known; sector changes are told as `retagged`, the rest as `extended`."""
        async with self._database.write() as connection:
            row = await self.locked(connection, contact_id)
            if correction.version is not None and correction.version != row["version"]:
                raise StateConflict("The contact has changed since you read it; read it again and repeat the correction.")
            parted = _parted(row, correction)
            if not parted and correction.model_fields_set <= {"not_related_to", "version"} and correction.not_related_to:
                return await self.shown(connection, row)  # said before, or never together
            await self._seal_correction(connection, row, correction, by)
            await self._index(connection, row["id"], correction)
            if correction.related_to is not None or parted:
                await self.finish_work(connection, contact_id, (WorkReason.POSSIBLE_LINK, WorkReason.POSSIBLE_DUPLICATE), by)
            if parted:
                await self.audit(connection, by, "part", contact_id)
            values = parted | _clear_columns(correction)
            if values.get("sector", row["sector"]) == row["sector"]:
                await self.extend(connection, row, values)
            else:
                await self.change(connection, row, values)
                await self._outbox.emit(connection, EventType.RETAGGED, row)
            answer = await self.shown(connection, row)
        self._database.events.fire()
        return answer

    async def _seal_correction(self, connection: AsyncConnection, row: Row, correction: Correction, by: str) -> None:
        content = correction.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"version", "not_related_to"})
        if "related_to" in _parted(row, correction):
            content = {"relatedTo": None, **content}
        await self._lay_over(connection, row, orjson.dumps(content), by)

    async def _lay_over(self, connection: AsyncConnection, row: Row, content: bytes, by: str) -> None:
        version = row["version"] + 1
        await connection.execute(
            insert(tables.correction).values(
                contact_id=row["id"],
                version=version,
                sealed=self.key(row).seal(content, correction_place(version)),
                corrected_at=self._database.clock.now(),
                corrected_by=by,
            )
        )

    async def _index(self, connection: AsyncConnection, contact_id: UUID, correction: Correction) -> None:
        if correction.person is None:
            return
        await connection.execute(delete(tables.blind_index).where(tables.blind_index.c.contact_id == contact_id))
        digests = self._vault.indexed(correction.person.email, correction.person.phone)
        if digests:
            rows = [{"contact_id": contact_id, "digest": digest} for digest in digests]
            await connection.execute(insert(tables.blind_index), rows)

    async def complete(self, contact_id: UUID) -> Contact:
        """Say that no more is expected; once is enough."""
        async with self._database.write() as connection:
            row = await self.locked(connection, contact_id)
            await self.completed(connection, row)
            answer = await self.shown(connection, row)
        self._database.events.fire()
        return answer

    async def completed(self, connection: AsyncConnection, row: Row) -> None:
        """Complete a locked contact, unless it was."""
        if row["status"] != Status.COMPLETED:
            await self.change(connection, row, {"status": Status.COMPLETED})
            await self._outbox.emit(connection, EventType.COMPLETED, row)

    async def complete_with(self, connection: AsyncConnection, row: Row, known: Wire, by: str) -> None:
        """Complete a locked contact with what is known of it now; when it was complete already, that is an extension."""
        await self._lay_over(connection, row, orjson.dumps(known), by)
        if row["status"] == Status.COMPLETED:
            await self.extend(connection, row, {})
        else:
            await self.completed(connection, row)

    async def record_outcome(self, contact_id: UUID, outcome: Outcome, by: str) -> None:
        """Keep what the case service decided, in place of what it said before."""
        async with self._database.write() as connection:
            row = await self.locked(connection, contact_id)
            values: Row = {
                "sealed": self.key(row).seal(to_wire(outcome).encode(), b"outcome"),
                "admissible": outcome.admissible,
                "closed_on": outcome.closed_on,
                "recorded_at": self._database.clock.now(),
                "recorded_by": by,
            }
            await connection.execute(delete(tables.outcome).where(tables.outcome.c.contact_id == contact_id))
            await connection.execute(insert(tables.outcome).values(contact_id=contact_id, **values))

    async def erase(self, contact_id: UUID, by: str) -> None:
        """Destroy the content and the key of a contact; its tombstone, counts and events stay, which tell nobody who it was.

        The order stands in the ledger before it is carried out: a crash in between loses no erasure, since a restore
        carries out every order.

        Raises:
            ServiceUnavailable: the order or the commit failed; the same again will do.

        """
        async with self._database.write() as connection:
            row = await self.locked(connection, contact_id)
            self.forget(contact_id)
            await self._order(row, await mails_of(connection, contact_id))
            files = await self.destroy(connection, row, by)
        self.forget(contact_id)
        await self._blobs.remove(contact_id, files)
        self._database.events.fire()

    async def _order(self, row: Row, mails: Mapping[str, str]) -> None:
        try:
            await asyncio.to_thread(self._ledger.record, [Erasure.of(row, self._database.clock.now(), mails)])
        except OSError as error:
            detail = "The erasure cannot be kept in the ledger, so a restore would undo it: nothing was erased."
            raise ServiceUnavailable(detail, retry_after_sec=60) from error

    async def destroy(self, connection: AsyncConnection, row: Row, by: str) -> list[UUID]:
        """Leave only the tombstone of a locked contact, and tell it; gives the files to remove after the commit."""
        query = select(tables.file.c.id).where(tables.file.c.contact_id == row["id"], tables.file.c.content.is_(None))
        files = list((await connection.execute(query)).scalars())
        mails = tables.outgoing.c
        written_to = select(func.coalesce(mails.correspondent, mails.recipient)).where(mails.contact_id == row["id"])
        await connection.execute(delete(tables.answered).where(tables.answered.c.recipient.in_(written_to)))
        for table in HELD_BY_A_CONTACT:
            await connection.execute(delete(table).where(table.c.contact_id == row["id"]))
        # what remains of its mails tells that they were taken in, so that the mailbox does not bring back who was erased
        await connection.execute(update(tables.mail).where(tables.mail.c.contact_id == row["id"]).values(message_id_digest=None))
        await self._end_conversation(connection, row["id"])
        gone: Row = {"data_key": None, "sealed": None, "sealed_suggestion": None, "suggest_since": None, "extended_due": None}
        gone["possible_link"] = None
        gone["digest"] = b""  # with the key of digests it would still tell whether a guess at the content is right
        await self.change(connection, row, {**gone, "erased_at": self._database.clock.now(), "status": Status.COMPLETED})
        await self.audit(connection, by, "erase", row["id"])
        await self._outbox.emit(connection, EventType.ERASED, row)
        return files

    async def _end_conversation(self, connection: AsyncConnection, contact_id: UUID) -> None:
        conversation = tables.conversation
        running = update(conversation).where(conversation.c.contact_id == contact_id, conversation.c.ended_at.is_(None))
        ended = {"status": ConversationStatus.ENDED, "because": Because.ENDED, "ended_at": self._database.clock.now()}
        await connection.execute(running.values(**ended))

    async def to_suggest(self, limit: int) -> list[Row]:
        """List contacts whose text the model has not seen, or not whole, longest waiting first: what it takes to read them.

        With it, for those whose danger was dealt with, when that was.
        """
        columns, items = tables.contact.c, tables.work_item.c
        read = columns.id, columns.channel, columns.data_key, columns.sealed, columns.suggest_since, columns.last_sequence
        query = (
            select(*read, items.finished_at.label("danger_finished_at"))
            .outerjoin(tables.work_item, and_(items.contact_id == columns.id, items.reason == WorkReason.DANGER))
            .where(columns.suggest_since.is_not(None))
            .order_by(columns.suggest_since)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def suggest(self, found: Mapping[UUID, tuple[datetime, int, Suggestion]]) -> None:
        """Keep what the model makes of contacts, as they were since a moment and up to a message, where nobody else did since then.

        Where only the model has tagged one, its tag follows.
        """
        columns = tables.contact.c
        query = select(tables.contact).where(columns.id.in_(found), columns.erased_at.is_(None))
        query = query.order_by(columns.id).with_for_update()  # in one order, so that two nodes do not wait for each other
        async with self._database.write() as connection:
            for row in [dict(row) for row in (await connection.execute(query)).mappings()]:
                await self._suggest(connection, row, *found[row["id"]])

    async def _suggest(self, connection: AsyncConnection, row: Row, since: datetime, seen: int, suggestion: Suggestion) -> None:
        if row["suggest_since"] != since:  # another node told, or a mail was read anew: what is new since waits there
            return
        values: Row = {
            "sealed_suggestion": self.key(row).seal(to_wire(suggestion).encode(), SUGGESTION),
            "signals": orjson.dumps(suggestion.signals).decode(),
            # whoever wrote meanwhile waits behind the others
            "suggest_since": None if row["last_sequence"] == seen else self._database.clock.now(),
        }
        row.update(values)
        await connection.execute(update(tables.contact).where(tables.contact.c.id == row["id"]).values(**values))
        if row["kind_source"] == KindSource.MODEL and row["status"] == Status.OPEN:
            await self._tag_anew(connection, row, suggestion)
        await self._add_work(connection, row["id"], work_reasons(row, suggestion))

    async def _tag_anew(self, connection: AsyncConnection, row: Row, suggestion: Suggestion) -> None:
        """Let a provisional tag follow the model: the kind, and a sector that nobody else named."""
        guess = {"sector": suggestion.sector, "sector_source": KindSource.MODEL if suggestion.sector else None}
        another_sector = row["sector_source"] in (None, KindSource.MODEL) and row["sector"] != suggestion.sector
        if another_sector:
            await self.change(connection, row, guess)
        if (suggestion.kind, suggestion.unsure) != (row["kind"], row["unsure"]):
            await self.tag(connection, row, model_tag(suggestion, row["nature"]))
        elif another_sector:
            await self._outbox.emit(connection, EventType.RETAGGED, row)
            self._database.events.fire()

    async def put_danger_first(self, heard: Mapping[UUID, datetime]) -> None:
        """Put contacts on the work list in which a sign of danger was heard: each once, and once more when that was finished before."""
        columns = tables.contact.c
        query = select(columns.id).where(columns.id.in_(heard), columns.erased_at.is_(None), columns.nature == Nature.PERSON)
        async with self._database.write() as connection:
            for contact_id in (await connection.execute(query.order_by(columns.id).with_for_update())).scalars():
                await add_work(connection, self._database, contact_id, [WorkReason.DANGER], heard[contact_id])

    async def give_up_suggesting(self, contact_id: UUID) -> None:
        """Let a person look at a contact that the model could not be asked about, and ask no more."""
        async with self._database.write() as connection:
            await self.locked(connection, contact_id)
            await connection.execute(update(tables.contact).where(tables.contact.c.id == contact_id).values(suggest_since=None))
            await self._add_work(connection, contact_id, [WorkReason.UNREADABLE])

    async def _add_work(self, connection: AsyncConnection, contact_id: UUID, reasons: list[WorkReason]) -> None:
        if not reasons:
            return
        query = select(tables.work_item.c.reason).where(tables.work_item.c.contact_id == contact_id)
        held = set((await connection.execute(query)).scalars())
        now = self._database.clock.now()
        rows = [work_row(contact_id, reason, now) for reason in reasons if reason not in held]
        if rows:
            await connection.execute(insert(tables.work_item), rows)

    async def finish_work(self, connection: AsyncConnection, contact_id: UUID, reasons: tuple[WorkReason, ...], by: str) -> None:
        """Take a contact off the work list for reasons that are settled."""
        items = tables.work_item
        await connection.execute(
            update(items)
            .where(items.c.contact_id == contact_id, items.c.reason.in_(reasons), items.c.finished_at.is_(None))
            .values(finished_at=self._database.clock.now(), finished_by=by)
        )

    async def audit(self, connection: AsyncConnection, by: str, action: str, contact_id: UUID | None) -> None:
        """Keep who did what, without content."""
        await connection.execute(
            insert(tables.audit).values(id=uuid4(), at=self._database.clock.now(), by=by, action=action, contact_id=contact_id)
        )


async def mails_of(connection: AsyncConnection, contact_id: UUID) -> dict[str, str]:
    """List the mails of a contact that are no contacts themselves, with their mailboxes."""
    mail = tables.mail.c
    query = select(mail.id, mail.mailbox).where(mail.contact_id == contact_id, mail.id != contact_id)
    return {str(row.id): row.mailbox for row in (await connection.execute(query)).all()}


def _existing(row: Any) -> Row:
    if row is None:
        raise NotFound("There is no contact with this id.")
    if row["erased_at"] is not None:
        raise Erased("The contact was erased.")
    return dict(row)


def _parted(row: Row, correction: Correction) -> Row:
    """Give the columns that name a contact which this one does not belong with."""
    apart = correction.not_related_to
    return {name: None for name in ("related_to", "possible_link") if apart is not None and row[name] == apart}


def _clear_columns(correction: Correction) -> Row:
    values: Row = {}
    if correction.person is not None:
        values |= {"role": correction.person.role, "minor": correction.person.minor}
    if correction.sector is not None:
        values |= {"sector": correction.sector, "sector_source": KindSource.OPERATOR}
    for name in ("language", "anonymous", "related_to"):
        if getattr(correction, name) is not None:
            values[name] = getattr(correction, name)
    return values


def model_tag(suggestion: Suggestion, nature: str) -> Row:
    """Give the columns of a tag that the model put."""
    return {
        "kind": suggestion.kind,
        "kind_source": KindSource.MODEL,
        "kind_confidence": suggestion.kind_confidence,
        "unsure": suggestion.unsure,
        "model_version": suggestion.model_version,
        "nature": nature,
        "kind_by": None,
    }


def work_reasons(row: Mapping[str, Any], suggestion: Suggestion | None) -> list[WorkReason]:
    """Say why a person must look at a contact (DESIGN: unsure, a doubted vraag, any sign of danger, an unreadable mail)."""
    if row["nature"] != Nature.PERSON:
        return []
    reasons = []
    if row["parse_status"] == "failed":
        reasons.append(WorkReason.UNREADABLE)
    if suggestion is None:
        return reasons
    if "immediateDanger" in suggestion.signals:
        reasons.append(WorkReason.DANGER)
    if row["kind_source"] == KindSource.MODEL and row["unsure"]:
        reasons.append(WorkReason.UNSURE)
    if row["kind_source"] != KindSource.MODEL and row["kind"] == "vraag" and suggestion.kind == "melding":
        reasons.append(WorkReason.DOUBTED_VRAAG)
    return reasons
