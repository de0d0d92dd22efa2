"""What was read from a mail. All text is clean: no NUL, no lone surrogate, no line break in a header value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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


@dataclass(frozen=True)
class ParsedMail:
    """A mail as it was read; the original is kept beside it, whatever could not be read."""

    status: Reading
    doubts: tuple[str, ...] = ()
    """Why the reading is not complete: names of what was in the way, in no case content."""
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
    route: Route = field(default_factory=Route)
    """What the servers on its way wrote on it."""
