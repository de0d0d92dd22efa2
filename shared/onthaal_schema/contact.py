"""A contact, as a channel submits it and as the gateway answers it."""

import json
import re
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from onthaal_schema.channel import Channel
from onthaal_schema.delivery import HandoverState
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.outgoing import OutgoingState
from onthaal_schema.wire import Day, Instant, Language, Line, Resource, Subject, Submitted, Text


class Kind(StrEnum):
    """What a contact is: a `melding` is linked to a concrete case, a `vraag` is not (yet)."""

    MELDING = "melding"
    VRAAG = "vraag"


class KindSource(StrEnum):
    """Who said what the contact is."""

    MELDER = "melder"
    OPERATOR = "operator"
    MODEL = "model"


class Nature(StrEnum):
    """What sort of thing came in. Only a `person` is counted and handed on; when in doubt it is a person."""

    PERSON = "person"
    MACHINE = "machine"
    SPAM = "spam"
    NON_CONTACT = "nonContact"


class Role(StrEnum):
    """The part of whoever makes contact in what happened."""

    SLACHTOFFER = "slachtoffer"
    GETUIGE = "getuige"
    VERWANT = "verwant"
    DERDE = "derde"
    ORGANISATIE = "organisatie"
    DADER = "dader"


class Sector(StrEnum):
    """Where it happened, in the Meldpunt's own division."""

    CULTUUR = "Cultuur"
    KERK = "Kerk en organisatie"
    JEUGD = "Jeugd"
    MEDIA = "Media"
    ONDERWIJS = "Onderwijs algemeen"
    HOGER_ONDERWIJS = "Hoger onderwijs"
    LEERPLICHTONDERWIJS = "Leerplichtonderwijs"
    SPORT = "Sport"
    VAPH = "VAPH"
    OPGROEIEN = "Opgroeien"
    ZORG = "Zorg"
    ANDERE = "Andere"


class Status(StrEnum):
    """Whether more is expected: `open` until a conversation ends or an operator confirms the registration."""

    OPEN = "open"
    COMPLETED = "completed"


class ParseStatus(StrEnum):
    """How much of a mail could be read; the original is kept whatever the answer."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


_MAIL_ADDRESS: Final = r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$"
_PHONE_NUMBER: Final = r"^\+?[0-9][0-9 ./()\-]*$"


def _is_mail_address(text: str) -> str:
    if not re.fullmatch(_MAIL_ADDRESS, text) or text.endswith("\n"):
        message = "must be a mail address, as name@example.org"
        raise ValueError(message)
    return text


def _is_phone_number(text: str) -> str:
    if not re.fullmatch(_PHONE_NUMBER, text) or text.endswith("\n"):
        message = "must be a phone number, as +32 2 123 45 67: digits, blanks and . / ( ) -"
        raise ValueError(message)
    return text


MailAddress = Annotated[
    str, Field(max_length=320, json_schema_extra={"pattern": _MAIL_ADDRESS}), AfterValidator(_is_mail_address)
]
"""A mail address, as far as its form tells: something, an @, something."""

PhoneNumber = Annotated[str, Field(max_length=40, json_schema_extra={"pattern": _PHONE_NUMBER}), AfterValidator(_is_phone_number)]
"""A phone number as somebody wrote it."""


class Person(Submitted):
    """Who makes contact, as far as they want to say. Every property is optional."""

    name: Line | None = None
    email: MailAddress | None = None
    phone: PhoneNumber | None = None
    role: Role | None = None
    minor: bool | None = None


class SafeContact(Submitted):
    """How the person can be reached without danger."""

    channel: Literal["mail", "telefoon", "brief", "none"] | None = None
    times: Line | None = None
    voicemail: bool | None = None
    neutral_sender: bool | None = None
    note: Line | None = None


class BriefDetails(Submitted):
    """A letter: the date written on it and the day it was delivered."""

    dated_on: Day | None = None
    received_on: Day | None = None


class FormDetails(Submitted):
    """The contact form: which edition of the questions was answered."""

    form_version: Line | None = None


class MailDetails(Submitted):
    """A mail: what its headers say, as far as they could be read. Stored encrypted."""

    message_id: Line | None = None
    in_reply_to: Line | None = None
    sent_at: Instant | None = None
    recipients: tuple[Line, ...] = ()
    parse_status: ParseStatus = ParseStatus.COMPLETE
    machine_reason: Line | None = None
    doubts: tuple[Line, ...] = ()
    """Names of what stood in the way of a complete reading."""
    sealed_by: Literal["smime", "pgp"] | None = None
    """Encrypted or signed so that we cannot show all of it: somebody with the key must open the original."""
    remote_content: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Pictures and other content elsewhere that the mail wanted to be loaded, and that is never loaded."""
    authentication: Line | None = None
    """What our own mail server found of SPF, DKIM and DMARC: `spf=pass dkim=pass dmarc=pass`."""
    report: Line | None = None
    """What a delivery report says: action and status, `failed 5.1.1`."""


class ChatDetails(Submitted):
    """A chat conversation: how long the visitor waited for an operator, or until they gave up (`abandoned`)."""

    started_at: Instant | None = None
    waited_seconds: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    abandoned: bool | None = None


class PhoneDetails(Submitted):
    """A call: when it took place and who ended it."""

    started_at: Instant | None = None
    ended_at: Instant | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "PhoneDetails":
        if self.started_at and self.ended_at and self.ended_at < self.started_at:
            message = "endedAt must not be before startedAt"
            raise ValueError(message)
        return self


AnyDetails = BriefDetails | FormDetails | MailDetails | ChatDetails | PhoneDetails

DETAILS_OF: dict[Channel, type[AnyDetails]] = {
    Channel.BRIEF: BriefDetails,
    Channel.CONTACTFORMULIER: FormDetails,
    Channel.MAIL: MailDetails,
    Channel.CHAT: ChatDetails,
    Channel.TELEFOON: PhoneDetails,
}
"""Which details belong to which channel."""


class _Submission(Submitted):
    """What every channel can say of a contact."""

    received_at: Instant | None = None
    language: Language | None = None
    anonymous: bool = False
    nature: Nature | None = None
    kind: Kind | None = None
    kind_source: Literal[KindSource.MELDER, KindSource.OPERATOR] | None = None
    subject: Subject | None = None
    text: Text | None = None
    person: Person | None = None
    safe_contact: SafeContact | None = None
    sector: Sector | None = None
    related_to: UUID | None = None

    @model_validator(mode="after")
    def _source_has_a_kind(self) -> "_Submission":
        if self.kind_source and not self.kind:
            message = "kindSource needs kind: send both, or neither and the gateway tags the contact"
            raise ValueError(message)
        return self


class BriefSubmission(_Submission):
    """A letter."""

    channel: Literal[Channel.BRIEF]
    details: BriefDetails | None = None


class FormSubmission(_Submission):
    """A contact form."""

    channel: Literal[Channel.CONTACTFORMULIER]
    details: FormDetails | None = None


class MailSubmission(_Submission):
    """A mail. Its original bytes travel along as a file of role `original`."""

    channel: Literal[Channel.MAIL]
    details: MailDetails | None = None


class ChatSubmission(_Submission):
    """A chat, at the visitor's first message; later turns are appended as messages."""

    channel: Literal[Channel.CHAT]
    details: ChatDetails | None = None


class PhoneSubmission(_Submission):
    """A call, as the operator registers it."""

    channel: Literal[Channel.TELEFOON]
    details: PhoneDetails | None = None


ContactSubmission = Annotated[
    BriefSubmission | FormSubmission | MailSubmission | ChatSubmission | PhoneSubmission,
    Field(discriminator="channel"),
]
"""What `PUT /intake/v1/contacts/{contactId}` takes; `channel` decides which `details` fit."""


class KindRecord(Resource):
    """One row of the tag's history: who called the contact what, and when. Never changed, only followed by another."""

    kind: Kind
    kind_source: KindSource
    kind_confidence: float | None = None
    unsure: bool = False
    model_version: str | None = None
    nature: Nature
    by: str | None = None
    at: AwareDatetime


class SectorGuess(Resource):
    """A sector and how sure the model is of it; no sector means that none is indicated."""

    sector: Sector | None = None
    confidence: float


class Suggestion(Resource):
    """What the model makes of a contact. Beside the tag, never above a person's word."""

    kind: Kind
    unsure: bool
    kind_confidence: float
    sector: Sector | None = None
    sector_confidence: float
    sectors: tuple[SectorGuess, ...] = ()
    nature: Nature
    language: Language
    signals: tuple[str, ...] = ()
    role: Role | None = None
    """The part of whoever makes contact in what happened, as far as the words show it."""
    role_words: tuple[str, ...] = ()
    """The words that show the role."""
    words: tuple[str, ...] = ()
    model_version: str


class StoredFile(Resource):
    """A file kept with a contact; its bytes are read at `…/contacts/{contactId}/files/{fileId}`."""

    id: UUID
    name: str
    media_type: str
    role: Literal["attachment", "scan", "original", "display"]
    """`display` is what is safe to show of a mail that was written in HTML."""
    size: int
    sha256: str
    sniffed: str | None = None
    """The media type that the bytes have, when it can be told and is not the declared one."""
    virus: Literal["clean", "found", "notScanned"] | None = None
    """What the virus scanner said; absent where there is none. A file that it refused to look at is not scanned, never clean."""


class ContactState(Resource):
    """What is known of a contact without opening it: everything here is counted, nothing tells who it is."""

    id: UUID
    reference: str
    version: int
    status: Status
    channel: Channel
    nature: Nature
    kind: Kind
    kind_source: KindSource
    kind_confidence: float | None = None
    unsure: bool = False
    sector: Sector | None = None
    sector_source: KindSource | None = None
    signals: tuple[str, ...] = ()
    anonymous: bool = False
    language: Language | None = None
    parse_status: ParseStatus | None = None
    received_at: AwareDatetime
    registered_at: AwareDatetime
    opening_hours: OpeningHours


class Contact(ContactState):
    """A contact with its content, for whoever may read it."""

    subject: str | None = None
    text: str | None = None
    person: Person | None = None
    safe_contact: SafeContact | None = None
    details: AnyDetails | None = None
    related_to: UUID | None = None
    files: tuple[StoredFile, ...] = ()
    last_sequence: int = 0
    suggestion: Suggestion | None = None
    kind_history: tuple[KindRecord, ...] = ()
    handover: tuple[HandoverState, ...] = ()
    outgoing: tuple[OutgoingState, ...] = ()
    """Mails of ours to this person: acknowledgements, and what staff sent."""
    possible_link: UUID | None = None
    """A contact that this one may belong to; a person decides, by `relatedTo`."""

    @field_validator("details", mode="wrap")
    @classmethod
    def _as_its_channel_says(cls, value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
        channel = info.data.get("channel")
        if isinstance(value, dict) and channel is not None:
            return DETAILS_OF[channel].model_validate_json(json.dumps(value))
        return handler(value)


class ContactPage(Resource):
    """A page of contacts, newest first, without content (lists show no subject)."""

    self: str
    items: tuple[ContactState, ...]
    next: str | None = None
