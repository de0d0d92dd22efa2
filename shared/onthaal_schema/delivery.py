"""What became of an event for one subscription."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from onthaal_schema.wire import Resource


class Change(StrEnum):
    """What an event tells: the last word of its type."""

    REGISTERED = "registered"
    EXTENDED = "extended"
    RETAGGED = "retagged"
    COMPLETED = "completed"
    ERASED = "erased"


class DeliveryState(StrEnum):
    """What became of an event for one subscription."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class HandoverState(Resource):
    """What became of one event of a contact for one subscription."""

    subscription_id: UUID
    subscription: str
    state: DeliveryState
    type: Change
    version: int
    attempts: int
    delivered_at: AwareDatetime | None = None
    fetched_at: AwareDatetime | None = None
    reason: str | None = None
