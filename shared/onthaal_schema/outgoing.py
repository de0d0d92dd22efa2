"""Mails of ours to somebody, as they are shown with the contact that they are about."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from onthaal_schema.wire import Resource


class OutgoingKind(StrEnum):
    """What a mail of ours is."""

    ACKNOWLEDGEMENT = "acknowledgement"
    STAFF = "staff"


class OutgoingStatus(StrEnum):
    """How far a mail of ours got. A failed one is on the work list."""

    QUEUED = "queued"
    SENT = "sent"
    BOUNCED = "bounced"
    FAILED = "failed"
    WITHHELD = "withheld"
    """Never sent, because enough acknowledgements went out that day."""


class OutgoingState(Resource):
    """A mail of ours, as it is shown with its contact."""

    id: UUID
    kind: OutgoingKind
    status: OutgoingStatus
    created_at: AwareDatetime
    sent_at: AwareDatetime | None = None
    reason: str | None = None
    """Why it was not delivered: an enhanced status code, or our own server's answer."""
