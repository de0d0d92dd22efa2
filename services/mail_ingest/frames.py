"""How a mail travels to the parsing process and back: lengths, JSON and raw bytes.

No pickle: the other side read hostile input, and a pickle may run code here.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from services.mail_ingest.addresses import Mailbox
from services.mail_ingest.parsed_mail import Attachment, ParsedMail, Reading
from services.mail_ingest.route import Route

LENGTH: Final = 8
READY: Final = b"ready\n"


def framed(data: bytes) -> bytes:
    """Put the length before the data."""
    return len(data).to_bytes(LENGTH, "big") + data


def pack(mail: ParsedMail) -> bytes:
    """Write a parsed mail: the length of the JSON, the JSON, then the bytes of the attachments in a row."""
    bare = replace(mail, attachments=())
    head = asdict(bare) | {
        "sent_at": mail.sent_at.isoformat() if mail.sent_at else None,
        "attachments": [(file.name, file.media_type, len(file.content)) for file in mail.attachments],
    }
    return b"".join((framed(json.dumps(head).encode()), *(file.content for file in mail.attachments)))


def unpack(data: bytes) -> ParsedMail:
    """Read what `pack` wrote.

    Raises:
        ValueError: it is something else.

    """
    end = LENGTH + int.from_bytes(data[:LENGTH], "big")
    try:
        head = json.loads(data[LENGTH:end])
        known = {
            "status": Reading(head["status"]),
            "sender": Mailbox(**head["sender"]),
            "reply_to": Mailbox(**head["reply_to"]),
            "route": _route(head["route"]),
            "sent_at": datetime.fromisoformat(head["sent_at"]) if head["sent_at"] else None,
            "attachments": tuple(_files(head["attachments"], data[end:])),
            **{name: tuple(head[name]) for name in ("doubts", "recipients", "references")},
        }
        return ParsedMail(**(head | known))
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        message = "the parsing process answered something else than a parsed mail"
        raise ValueError(message) from error


def _route(told: dict[str, Any]) -> Route:
    return Route(**(told | {name: tuple(value) for name, value in told.items() if isinstance(value, list)}))


def _files(listed: list[tuple[str, str, int]], content: bytes) -> Iterator[Attachment]:
    position = 0
    for name, media_type, size in listed:
        if size < 0 or position + size > len(content):
            message = "an attachment is cut"
            raise ValueError(message)
        yield Attachment(name, media_type, content[position : position + size])
        position += size
