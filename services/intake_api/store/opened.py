"""A contact as it is read: the clear columns, and what its own key opens."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from onthaal_schema.contact import Contact, MailDetails, StoredFile
from onthaal_schema.message import Message
from services.intake_api.store.outbox import present, state
from services.intake_api.store.vault import DataKey

Wire = dict[str, Any]
"""A resource as `orjson` will write it."""

SUBMISSION = b"submission"
SUGGESTION = b"suggestion"


def file_place(file_id: Any) -> bytes:
    """Say where the label of a file is sealed for."""
    return b"label" + bytes(file_id.bytes)


def message_place(message_id: Any) -> bytes:
    """Say where a message is sealed for."""
    return b"message" + bytes(message_id.bytes)


def mail_place(message_id: Any) -> bytes:
    """Say where what a mail told is sealed for, beside the text of the message that it is."""
    return b"mail" + bytes(message_id.bytes)


def outgoing_place(outgoing_id: Any) -> bytes:
    """Say where a mail of ours is sealed for."""
    return b"outgoing" + bytes(outgoing_id.bytes)


def correction_place(version: int) -> bytes:
    """Say where a correction is sealed for."""
    return b"correction" + version.to_bytes(4)


def clear_state(row: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> Wire:
    """Show what is known without opening the contact; `known` is its `state`, where that was read already."""
    return {
        "id": str(row["id"]),  # asyncpg reads a UUID of its own kind, which JSON does not take
        "reference": row["reference"],
        "status": row["status"],
        **(known or state(row)),
        **({"language": row["language"]} if row["language"] else {}),
        "registeredAt": row["registered_at"],
    }


def kind_record(row: Mapping[str, Any]) -> Wire:
    """Show one row of the tag's history; a contact's own row is the newest."""
    return present({
        "kind": row["kind"],
        "kindSource": row["kind_source"],
        "kindConfidence": row["kind_confidence"],
        "unsure": row["unsure"],
        "modelVersion": row["model_version"],
        "nature": row["nature"],
        "by": row["kind_by"],
        "at": row["kind_at"],
    })  # fmt: skip


CONTENT = ("subject", "text", "person", "safeContact", "details", "relatedTo")


def with_content(
    row: Mapping[str, Any],
    submission: Mapping[str, Any],
    suggestion: Wire | None,
    *,
    known: Mapping[str, Any] | None = None,
    earlier: Iterable[Mapping[str, Any]] = (),
    files: Sequence[Wire] = (),
    outgoing: Sequence[Wire] = (),
) -> Wire:
    """Show a contact whole; `submission` is what was submitted, with later corrections laid over it."""
    return {
        **clear_state(row, known),
        **{name: submission[name] for name in CONTENT if submission.get(name) is not None},
        **({"possibleLink": str(row["possible_link"])} if row["possible_link"] else {}),
        **({"suggestion": suggestion} if suggestion else {}),
        "kindHistory": [*map(kind_record, earlier), kind_record(row)],
        "files": files,
        **({"outgoing": outgoing} if outgoing else {}),
        "lastSequence": row["last_sequence"],
    }


def open_file(row: Mapping[str, Any], key: DataKey) -> Wire:
    """Show what is known of a file."""
    label = orjson.loads(key.open(row["sealed"], file_place(row["id"])))
    return {"id": str(row["id"]), "size": row["size"], **label}


def open_message(row: Mapping[str, Any], key: DataKey, files: Sequence[Wire] = ()) -> Message:
    """Show a message."""
    mail: Wire = orjson.loads(key.open(row["sealed_mail"], mail_place(row["id"]))) if row["sealed_mail"] else {}
    details = MailDetails.model_validate_json(orjson.dumps(mail["details"])) if "details" in mail else None
    return Message(
        id=row["id"],
        contact_id=row["contact_id"],
        sequence=row["sequence"],
        direction=row["direction"],
        text=key.open(row["sealed"], message_place(row["id"])).decode(),
        subject=mail.get("subject"),
        details=details,
        sent_at=row["sent_at"],
        registered_at=row["registered_at"],
        files=tuple(StoredFile.model_validate(file) for file in files),
    )


def typed(wire: Wire) -> Contact:
    """Read a shown contact as the contract's type."""
    return Contact.model_validate_json(orjson.dumps(wire))
