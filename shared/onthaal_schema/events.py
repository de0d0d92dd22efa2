"""Events: CloudEvents 1.0, structured JSON, thin. Who it is about never leaves the store; the receiver fetches it."""

from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from pydantic import AwareDatetime

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, KindSource, Nature, ParseStatus, Sector
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.wire import Resource

SERVICE: Final = "be.vlaanderen.meldpunt.onthaal.v1"
"""The service that speaks, as Belgif's events chapter names it."""


class EventType(StrEnum):
    """What happened to a contact, in the past tense."""

    REGISTERED = f"{SERVICE}.contacts.notify.registered"
    EXTENDED = f"{SERVICE}.contacts.notify.extended"
    RETAGGED = f"{SERVICE}.contacts.notify.retagged"
    COMPLETED = f"{SERVICE}.contacts.notify.completed"
    ERASED = f"{SERVICE}.contacts.notify.erased"


class Links(Resource):
    """Where the receiver fetches the contact, with its own token."""

    contact: str


class ContactEventData(Resource):
    """The state of a contact after the change. Order by `version`, never by time; equal versions are equal states."""

    contact_id: UUID
    version: int
    channel: Channel
    nature: Nature
    kind: Kind
    kind_source: KindSource
    kind_confidence: float | None = None
    unsure: bool = False
    sector: Sector | None = None
    sector_source: KindSource | None = None
    signals: tuple[str, ...] = ()
    anonymous: bool
    received_at: AwareDatetime
    opening_hours: OpeningHours
    parse_status: ParseStatus | None = None
    links: Links


class ContactEvent(Resource):
    """One event. `source` and `id` together are unique; delivered at least once, so the receiver remembers them."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: EventType
    service: Literal["be.vlaanderen.meldpunt.onthaal.v1"] = SERVICE
    subject: UUID
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: ContactEventData


class EventPage(Resource):
    """A page of the feed, oldest first. Ask again with `cursor`; it is given even when the page is empty."""

    self: str
    items: tuple[ContactEvent, ...]
    cursor: str
    next: str | None = None
