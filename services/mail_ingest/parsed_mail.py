"""What was read from a mail. All text is clean: no NUL, no lone surrogate, no line break in a header value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from services.mail_ingest.addresses import Mailbox
from services.mail_ingest.route import Route


class Reading(StrEnum):
    """How much could be read, in the words of the contract's `parseStatus`."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True)
class Attachment:
    """A file in a mail, under a name that is safe to show and never a path."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    sniffed: str | None = None
    """The media type that the bytes have, when it can be told and is not the declared one."""


@dataclass(frozen=True)
class ParsedMail:
    """A mail as it was read; the original is kept beside it, whatever could not be read."""

    status: Reading
    doubts: tuple[str, ...] = ()
    """Names of what was in the way of a complete reading, or must be noticed; in no case content."""
    sender: Mailbox = field(default_factory=Mailbox)
    reply_to: Mailbox = field(default_factory=Mailbox)
    recipients: tuple[str, ...] = ()
    """Addresses of To and Cc, at most 100."""
    subject: str = ""
    sent_at: datetime | None = None
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    text: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = ()
    media_type: str = ""
    report_type: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    """The headers that tell a machine from a person, by lower-case name."""
    sealed_by: Literal["smime", "pgp"] | None = None
    """Encrypted, or signed so that it cannot be read here."""
    remote_content: int = 0
    """How much its HTML would load from elsewhere; none of it is ever loaded."""
    display: str = field(default="", repr=False)
    """A document that is safe to show, when the mail has a body in HTML."""
    route: Route = field(default_factory=Route)
    """What the servers on its way wrote on it."""
