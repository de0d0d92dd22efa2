"""The hand-over as it is seen and steered: subscriptions and dead letters."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, Nature
from onthaal_schema.delivery import Change
from onthaal_schema.opening_hours import Moment
from onthaal_schema.wire import Line, Resource, Submitted


class SubscriptionStatus(StrEnum):
    """`active` gets events. `unverified` did not pass the handshake, `paused` was set so, `disabled` answered 410."""

    ACTIVE = "active"
    UNVERIFIED = "unverified"
    PAUSED = "paused"
    DISABLED = "disabled"


BatchSize = Annotated[int, Field(ge=1, le=100)]
"""How many events one delivery may hold (CloudEvents batch mode above 1)."""

Natures = Annotated[tuple[Nature, ...], Field(min_length=1)]
"""At least one nature."""


class SubscriptionRequest(Submitted):
    """Where to hand events over to, and which. Natures other than `person` are asked for by name; of the rest, none means all.

    `handshake` asks the receiver first whether it wants events. `fromStart` or `since` (when it was registered) starts in the past.
    """

    url: Line
    name: Line | None = None
    natures: Natures = (Nature.PERSON,)
    types: tuple[Change, ...] = ()
    channels: tuple[Channel, ...] = ()
    kinds: tuple[Kind, ...] = ()
    batch: BatchSize = 1
    handshake: bool = False
    from_start: bool = False
    since: Moment | None = None


class SubscriptionChange(Submitted):
    """What to change of a subscription; what is absent stays. Events that were addressed already are not taken back."""

    url: Line | None = None
    name: Line | None = None
    natures: Natures | None = None
    types: tuple[Change, ...] | None = None
    channels: tuple[Channel, ...] | None = None
    kinds: tuple[Kind, ...] | None = None
    batch: BatchSize | None = None
    handshake: bool | None = None


class SecretRotation(Submitted):
    """For how many hours deliveries are signed with the former secret as well; 0 when it leaked."""

    keep_former_hours: Annotated[int, Field(ge=0, le=24 * 30)] = 24


class SubscriptionMade(Resource):
    """A new subscription and its secret, which is shown this once. `lastError` says why it is unverified, if it is."""

    id: UUID
    secret: str
    status: SubscriptionStatus
    last_error: str | None = None


class SubscriptionSecret(Resource):
    """A new secret, which is shown this once. Until `formerUntil` deliveries are signed with the former one as well."""

    secret: str
    former_until: AwareDatetime


class SubscriptionState(Resource):
    """A subscription and what it is owed: `registered` = `delivered` + `pending` + `dead`, and `behind` events are not read yet.

    `difference` is 0 unless reconciliation found an event that is in none of these.
    """

    id: UUID
    name: str
    url: str
    status: SubscriptionStatus
    natures: tuple[Nature, ...]
    types: tuple[Change, ...] = ()
    channels: tuple[Channel, ...] = ()
    kinds: tuple[Kind, ...] = ()
    batch: int
    handshake: bool
    rate: int | None = None
    registered: int
    delivered: int
    pending: int
    dead: int
    behind: int
    difference: int
    failures: int
    held_until: AwareDatetime | None = None
    last_error: str | None = None
    last_error_at: AwareDatetime | None = None
    former_secret_until: AwareDatetime | None = None
    replaying_since: AwareDatetime | None = None
    created_at: AwareDatetime


class SubscriptionList(Resource):
    """All subscriptions."""

    items: tuple[SubscriptionState, ...]


class Replay(Submitted):
    """From when on to deliver everything again, by when it happened."""

    since: Moment


class DeadLetter(Resource):
    """An event that a subscription will not get unless somebody sends it again."""

    subscription_id: UUID
    subscription: str
    event_id: UUID
    contact_id: UUID
    reference: str
    type: Change
    version: int
    attempts: int
    reason: str | None = None
    settled_at: AwareDatetime


class DeadLetterPage(Resource):
    """Dead letters, newest event first; `total` counts all that fit, on every page. `next` is the `before` of the next page."""

    items: tuple[DeadLetter, ...]
    total: int
    next: str | None = None


class DeadLetterFilter(Submitted):
    """Which dead letters are meant: those that fit everything that is given. Times are when an event was given up."""

    event_ids: Annotated[tuple[UUID, ...], Field(max_length=1000)] = ()
    subscription_id: UUID | None = None
    reason: Line | None = None
    since: Moment | None = None
    until: Moment | None = None


class Redriven(Resource):
    """How many dead letters will be delivered again."""

    count: int
