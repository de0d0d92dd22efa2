"""Mail on its way in and out: what the mail service hands in, what it is told, and what it sends for the gateway.

The intake service decides what a mail becomes, in one transaction, because only it can read tokens and knows what was sent: a new
contact, a message of a contact that there is, or nothing new. Whoever reads a mailbox keeps no state of its own.
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from onthaal_schema.contact import MailAddress, MailDetails, MailSubmission, Person
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.outgoing import OutgoingKind, OutgoingStatus
from onthaal_schema.wire import Instant, Language, Line, Resource, Subject, Submitted, Text

Number = Annotated[int, Field(ge=0, le=2**63 - 1)]
MailboxName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
"""The name of a mailbox in our settings; the SMTP listener's is `smtp`. Never an address."""

Token = Annotated[str, Field(pattern=r"^[a-z2-7]{32}$")]
"""Twenty bytes in base32: sixteen of chance, and a keyed check that tells a forged one without a look-up."""


class MailOutcome(StrEnum):
    """What became of a mail. There is no other end: nothing is dropped."""

    ACCEPTED = "accepted"
    """A new contact, or a message of a contact that there was."""
    DUPLICATE = "duplicate"
    """A mail that was taken in before, under another number or in other bytes."""
    MACHINE = "machine"
    """Kept as a contact that no person wrote: nature machine or spam."""
    OVERSIZE = "oversize"
    """A contact with a notice; the mail itself is still in the mailbox."""
    FAILED = "failed"
    """A contact with the original, of which the rest could not be read."""


class Place(Submitted):
    """Where an IMAP server keeps a mail (RFC 3501 §2.3.1.1). Unique for ever within a mailbox."""

    uid_validity: Number
    uid: Number


class BounceAction(StrEnum):
    """What a report says of the mail that it is about (RFC 3464 §2.3.3). Delayed is not failed."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Bounce(Submitted):
    """What a delivery report says of a mail of ours."""

    action: BounceAction
    status: Annotated[str, Field(pattern=r"^[245]\.\d{1,3}\.\d{1,3}$")] | None = None
    """The enhanced status code, RFC 3463: 5.x.x is permanent."""
    message_id: Line | None = None
    """The Message-ID of the mail that it is about, when the report returned its headers."""


class IncomingMail(Submitted):
    """A mail as the mail service hands it in. Its original bytes travel along as a file of role `original`."""

    mailbox: MailboxName
    place: Place | None = None
    """Absent for mail that came by SMTP or LMTP."""
    contact: MailSubmission
    oversize: bool = False
    tokens: tuple[Token, ...] = ()
    """Tokens in addresses of ours that it was sent to."""
    references: tuple[Line, ...] = ()
    """Message-IDs that it answers, the best first: In-Reply-To, then References from its end (RFC 5322 §3.6.4)."""
    bounce: Bounce | None = None
    by_staff: bool = False
    """A mail that our own staff wrote to somebody, sent to us as a copy, and proved to be theirs."""
    answer_to: MailAddress | None = None
    """Whom an acknowledgement may be sent to: the return path, when no rule forbids to answer (RFC 3834 §2)."""
    fingerprint: Line | None = None
    """A digest of the bytes without what servers on the way add: equal ones are one mail that came by two ways."""
    rendering: Line | None = None
    """Sender, Message-ID, Date and what is written, in one digest. Compared only when a mailbox was numbered anew: equal ones are then
    one mail, whatever a server made of its bytes."""
    likenesses: tuple[Line, ...] = ()
    """Weaker digests, compared only when a mailbox was numbered anew: equal ones may be one mail, and a person must look."""


class MailReceipt(Resource):
    """What became of a mail: on receipt it is stored."""

    mail_id: UUID
    outcome: MailOutcome
    contact_id: UUID
    """The contact that it is, or that it belongs to."""
    message_id: UUID | None = None
    """The message that it is within that contact."""


class MailboxReport(Submitted):
    """What a reader saw in a mailbox. Renews its lease, so that two readers of one mailbox take turns."""

    reader: UUID
    """Whoever reads: the same after a restart, so that a process that was killed need not wait for its own lease."""
    uid_validity: Number | None = None
    present: Number = 0
    """Mails that the server counts."""
    before_import: Number = 0
    """Mails that are older than the date from which this mailbox is imported."""
    missing: Number = 0
    """Mails that the server has, that should have been taken in, and that could not be."""
    error: Line | None = None
    """Name of what went wrong, when the mailbox could not be read."""
    last: bool = False
    """The reader stops: its lease ends, so that another one need not wait."""


class MailboxState(Resource):
    """What is known of a mailbox."""

    name: MailboxName
    first_seen_at: AwareDatetime
    """Mail from before is imported without an automatic answer."""
    uid_validity: int | None = None
    held: str = ""
    """Which numbers are held under the `uidValidity` that was asked for: an IMAP sequence set, `1:4,7`."""
    outcomes: dict[MailOutcome, int] = Field(default_factory=dict)
    """How many mails ended how, under every number there ever was."""
    may_read: bool = True
    """Whether whoever reported may read: false while another reader holds the lease."""
    last_read_at: AwareDatetime | None = None


class OutgoingMail(Resource):
    """A mail to send, with everything that is needed to write it. Claimed under a lease: whoever claims it sends it."""

    id: UUID
    contact_id: UUID
    kind: OutgoingKind = OutgoingKind.ACKNOWLEDGEMENT
    mailbox: MailboxName
    to: MailAddress
    language: Language
    """One of nl, fr, en, de."""
    token: Token
    """For the reply address and the envelope sender (VERP)."""
    message_id: Line
    """`<…@domain>`, the same at each attempt."""
    in_reply_to: Line | None = None
    references: tuple[Line, ...] = ()
    opening_hours: OpeningHours
    """Of the mailbox, at the moment of claiming."""
    attempts: int = 0


class OutgoingList(Resource):
    """Mails to send now."""

    items: tuple[OutgoingMail, ...] = ()


class OutgoingResult(Submitted):
    """What became of an attempt to send."""

    status: OutgoingStatus
    """`queued`: to be tried again later."""
    reason: Line | None = None
    """The server's code, or the name of what went wrong; never its text, which can repeat an address."""


class SentMail(Submitted):
    """A mail that staff sent to somebody from a program of their own, so that an answer to it finds its contact."""

    message_id: Line
    to: MailAddress
    sent_at: Instant | None = None
    subject: Subject | None = None
    text: Text | None = None


class MailReading(Submitted):
    """What a later parser reads in a mail that is held: replaces what an earlier one read."""

    subject: Subject | None = None
    text: Text | None = None
    person: Person | None = None
    details: MailDetails
