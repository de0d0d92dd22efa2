"""A message: a chat turn, a reply, an addition or a note that belongs to a contact."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from onthaal_schema.contact import MailDetails, StoredFile
from onthaal_schema.opening_hours import Moment
from onthaal_schema.wire import Resource, Subject, Submitted, Text


class Direction(StrEnum):
    """From the person (`inbound`), to the person (`outbound`), or for colleagues only (`note`)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    NOTE = "note"


class MessageSubmission(Submitted):
    """What `PUT …/contacts/{contactId}/messages/{messageId}` takes."""

    direction: Direction
    text: Text
    sent_at: Moment | None = None
    subject: Subject | None = None
    """Of a mail, as are the details."""
    details: MailDetails | None = None


class Message(Resource):
    """A stored message. `sequence` counts from 1 within its contact, without gaps; 0 is the contact's own text."""

    id: UUID
    contact_id: UUID
    sequence: int
    direction: Direction
    subject: str | None = None
    text: str
    details: MailDetails | None = None
    """What the headers of a mail say, what stood in the way of reading it, and whether it is sealed."""
    sent_at: AwareDatetime
    registered_at: AwareDatetime
    files: tuple[StoredFile, ...] = ()


class MessagePage(Resource):
    """The messages of a contact after a sequence number, oldest first."""

    self: str
    items: tuple[Message, ...]
