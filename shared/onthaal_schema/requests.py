"""What callers send to change or find a contact after it was registered."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, Nature, Person, SafeContact, Sector
from onthaal_schema.opening_hours import Moment
from onthaal_schema.wire import Day, Language, Line, Submitted


class Retag(Submitted):
    """A person's word on what a contact is. Appended to the history; the earlier tags stay readable."""

    kind: Kind
    nature: Nature | None = None


class Correction(Submitted):
    """A correction of what is known. Only the given properties change; `version` guards against a lost update."""

    version: int | None = None
    person: Person | None = None
    safe_contact: SafeContact | None = None
    sector: Sector | None = None
    language: Language | None = None
    anonymous: bool | None = None
    related_to: UUID | None = None
    not_related_to: UUID | None = None
    """A contact that this one does not belong with: `relatedTo` and `possibleLink` are taken back where they name it."""

    @model_validator(mode="after")
    def _belongs_or_not(self) -> "Correction":
        if self.related_to is not None and self.related_to == self.not_related_to:
            message = "relatedTo and notRelatedTo must not name the same contact: send one of them"
            raise ValueError(message)
        return self


class Outcome(Submitted):
    """What the case service decided; retention is computed from it."""

    case_reference: Line | None = None
    admissible: bool | None = None
    reason: Line | None = None
    tasks: tuple[Line, ...] = ()
    closed_on: Day | None = None


class ContactQuery(Submitted):
    """Which contacts to list. Mail address and phone are looked up through keyed blind indexes, never in clear."""

    email: Line | None = None
    phone: Line | None = None
    reference: Line | None = None
    channel: tuple[Channel, ...] = ()
    kind: tuple[Kind, ...] = ()
    nature: tuple[Nature, ...] = ()
    received_from: Moment | None = None
    received_until: Moment | None = None
    page_size: Annotated[int, Field(ge=1, le=200)] = 50
    before: Annotated[str, Field(max_length=200)] | None = None
