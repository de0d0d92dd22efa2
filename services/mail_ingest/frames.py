"""How a mail travels to the parsing process and back: lengths, JSON and raw bytes.

No pickle: the other side read hostile input, and a pickle may run code here.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import orjson

from services.mail_ingest.addresses import Mailbox
from services.mail_ingest.parsed_mail import Attachment, ParsedMail, Reading
from services.mail_ingest.route import Route

LENGTH: Final = 8
READY: Final = b"ready\n"
FULL, CAREFUL = b"f", b"c"
"""How a mail is to be read; stands before its length."""

_LINES: Final = ("doubts", "recipients", "references")
_PLAIN: Final = (
    "subject",
    "message_id",
    "in_reply_to",
    "text",
    "media_type",
    "report_type",
    "sealed_by",
    "remote_content",
    "display",
)


def framed(data: bytes) -> bytes:
    """Put the length before the data."""
    return len(data).to_bytes(LENGTH, "big") + data


def pack(mail: ParsedMail) -> bytes:
    """Write a parsed mail: the length of the JSON, the JSON, then the bytes of the attachments in a row.

    Raises:
        TypeError: some text in it is no Unicode.

    """
    head: dict[str, Any] = {name: getattr(mail, name) for name in (*_PLAIN, *_LINES)}
    head |= {
        "status": mail.status.value,
        "sender": (mail.sender.name, mail.sender.address),
        "reply_to": (mail.reply_to.name, mail.reply_to.address),
        "sent_at": mail.sent_at,
        "marks": dict(mail.marks),
        "route": mail.route,
        "attachments": [(file.name, file.media_type, len(file.content), file.sniffed) for file in mail.attachments],
    }
    return b"".join((framed(orjson.dumps(head)), *(file.content for file in mail.attachments)))


def unpack(data: bytes) -> ParsedMail:
    """Read what `pack` wrote.

    Raises:
        ValueError: it is something else.

    """
    end = LENGTH + int.from_bytes(data[:LENGTH], "big")
    try:
        head = orjson.loads(data[LENGTH:end])
        known = {
            "status": Reading(head["status"]),
            "sender": Mailbox(*head["sender"]),
            "reply_to": Mailbox(*head["reply_to"]),
            "route": _route(head["route"]),
            "sent_at": datetime.fromisoformat(head["sent_at"]) if head["sent_at"] else None,
            "attachments": tuple(_files(head["attachments"], memoryview(data)[end:])),
            **{name: tuple(head[name]) for name in _LINES},
        }
        return ParsedMail(**(head | known))
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        message = "the parsing process answered something else than a parsed mail"
        raise ValueError(message) from error


def _route(told: dict[str, Any]) -> Route:
    return Route(**(told | {name: tuple(value) for name, value in told.items() if isinstance(value, list)}))


def _files(listed: list[tuple[str, str, int, str | None]], content: memoryview) -> Iterator[Attachment]:
    position = 0
    for name, media_type, size, sniffed in listed:
        if size < 0 or position + size > len(content):
            message = "an attachment is cut"
            raise ValueError(message)
        yield Attachment(name, media_type, bytes(content[position : position + size]), sniffed)
        position += size
