"""Mails of ours as rows: made when a mail comes in or when staff sent one, shown with their contact."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.outgoing import OutgoingKind, OutgoingStatus
from services.intake_api.answering import Answering
from services.intake_api.store import tables
from services.intake_api.store.opened import Wire, outgoing_place
from services.intake_api.store.outbox import present
from services.intake_api.store.reply_tokens import (
    address_digest,
    correspondent_digest,
    make_token,
    message_id_digest,
    token_digest,
)
from services.intake_api.store.vault import DataKey, Vault

Row = dict[str, Any]


@dataclass(frozen=True)
class Acknowledged:
    """The mail that an acknowledgement is of. `references` are what it refers to, oldest first."""

    contact_id: UUID
    mailbox: str
    to: str = field(repr=False)
    message_id: str | None = field(repr=False)
    references: tuple[str, ...] = field(repr=False)


def acknowledgement(vault: Vault, key: DataKey, answering: Answering, mail: Acknowledged, now: datetime) -> Row:
    """Make an acknowledgement that is to be sent now."""
    outgoing_id, token = uuid4(), make_token(vault)
    message_id = f"<{uuid4().hex}@{answering.domain}>"
    content = present({
        "to": mail.to,
        "token": token,
        "messageId": message_id,
        "inReplyTo": mail.message_id,
        "references": [*mail.references, *([mail.message_id] if mail.message_id else [])],
    })  # fmt: skip
    return {
        "id": outgoing_id,
        "contact_id": mail.contact_id,
        "kind": OutgoingKind.ACKNOWLEDGEMENT,
        "mailbox": mail.mailbox,
        "status": OutgoingStatus.QUEUED,
        "token_digest": token_digest(vault, token),
        "token_expires_at": now + answering.token_lasts,
        "message_id_digest": message_id_digest(vault, message_id),
        "recipient": address_digest(vault, mail.to),
        "correspondent": correspondent_digest(vault, mail.to),
        "sealed": key.seal(orjson.dumps(content), outgoing_place(outgoing_id)),
        "attempts": 0,
        "due_at": now,
        "created_at": now,
        "sent_at": None,
        "reason": None,
    }


@dataclass(frozen=True)
class StaffMail:
    """A mail that staff sent. Without a recipient an answer to it never joins its contact by itself."""

    contact_id: UUID
    mailbox: str
    message_id: str | None = field(repr=False)
    to: str | None = field(repr=False)
    sent_at: datetime


def staff_mail(vault: Vault, key: DataKey, mail: StaffMail, now: datetime, outgoing_id: UUID | None = None) -> Row:
    """Make the row of a mail that was sent already."""
    outgoing_id = outgoing_id or uuid4()
    content = present({"to": mail.to, "messageId": mail.message_id})
    return {
        "id": outgoing_id,
        "contact_id": mail.contact_id,
        "kind": OutgoingKind.STAFF,
        "mailbox": mail.mailbox,
        "status": OutgoingStatus.SENT,
        "token_digest": None,
        "token_expires_at": None,
        "message_id_digest": message_id_digest(vault, mail.message_id),
        "recipient": address_digest(vault, mail.to),
        "correspondent": None,
        "sealed": key.seal(orjson.dumps(content), outgoing_place(outgoing_id)),
        "attempts": 0,
        "due_at": None,
        "created_at": now,
        "sent_at": mail.sent_at,
        "reason": None,
    }


async def shown_outgoing(connection: AsyncConnection, contact_id: UUID) -> list[Wire]:
    """Show the mails of ours to a contact, oldest first."""
    columns = tables.outgoing.c
    query = select(columns.id, columns.kind, columns.status, columns.created_at, columns.sent_at, columns.reason)
    rows = await connection.execute(query.where(columns.contact_id == contact_id).order_by(columns.created_at, columns.id))
    return [
        present({
            "id": str(row.id),
            "kind": row.kind,
            "status": row.status,
            "createdAt": row.created_at,
            "sentAt": row.sent_at,
            "reason": row.reason,
        })
        for row in rows
    ]  # fmt: skip
