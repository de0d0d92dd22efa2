"""Contacts of which something is to be delivered now, held under a lease so that nobody else delivers it meanwhile."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.among import among
from services.intake_api.store.patience import Patience

DELIVERY = tables.delivery.c
CLAIM = tables.claim.c
EVENT = tables.event.c


DUE_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a claim is due that waits for nothing: no clock can be before it."""
AGREEMENT = timedelta(seconds=5)
"""How far a moment may lie ahead before it was dated by a clock that has been put back since."""


class Pending(NamedTuple):
    """An event to deliver."""

    position: int
    event_id: UUID
    payload: str
    occurred_at: datetime


@dataclass(slots=True)
class Lease:
    """A hold on claims. Each taking has its own holder, so that whoever lost a claim, to himself even, cannot settle it.

    `until` is on this process's monotonic clock, whatever the clocks of the machine and the database say.
    """

    holder: UUID
    until: float

    @classmethod
    def begin(cls, holder: UUID, patience: Patience) -> Self:
        """Begin a hold before it is asked for, so that it never lasts shorter than is thought here."""
        return cls(holder, time.monotonic() + patience.lease.total_seconds())

    @property
    def left(self) -> float:
        """Seconds that are left of it."""
        return self.until - time.monotonic()


@dataclass(slots=True)
class Claimed:
    """A contact and the oldest events it is owed, in order, for as long as the lease lasts."""

    contact_id: UUID
    attempts: int
    lease: Lease
    events: list[Pending]


def free(now: datetime, patience: Patience) -> ColumnElement[bool]:
    """Say whether nobody holds a claim. A lease that ends too late was written by a clock that has been put back since."""
    return or_(CLAIM.lease_until.is_(None), CLAIM.lease_until < now, CLAIM.lease_until > now + 2 * patience.lease)


async def claim_due(
    connection: AsyncConnection, subscription_id: UUID, limit: int, lease: Lease, now: datetime, patience: Patience
) -> dict[UUID, int]:
    """Take the claims that are due and that nobody holds, longest due first; gives how often each contact was tried."""
    due = (
        select(CLAIM.contact_id)
        .where(CLAIM.subscription_id == subscription_id, CLAIM.due_at <= now, free(now, patience))
        .order_by(CLAIM.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    contacts = (await connection.execute(due)).scalars().all()
    if not contacts:
        return {}
    taken = (
        update(tables.claim)
        .where(CLAIM.subscription_id == subscription_id, among(connection, CLAIM.contact_id, contacts))
        .values(holder=lease.holder, lease_until=now + patience.lease)
        .returning(CLAIM.contact_id, CLAIM.attempts)
    )
    return {row.contact_id: row.attempts for row in await connection.execute(taken)}


async def with_events(
    connection: AsyncConnection, subscription_id: UUID, contacts: Mapping[UUID, int], lease: Lease, series: int
) -> list[Claimed]:
    """Read the oldest events that claimed contacts are owed, `series` of each at the most."""
    if not contacts:
        return []
    number = func.row_number().over(partition_by=DELIVERY.contact_id, order_by=DELIVERY.position).label("number")
    owed = (
        select(DELIVERY.contact_id, DELIVERY.position, number)
        .where(
            DELIVERY.subscription_id == subscription_id,
            among(connection, DELIVERY.contact_id, contacts),
            DELIVERY.state == "pending",
        )
        .subquery()
    )
    query = (
        select(owed.c.contact_id, owed.c.position, EVENT.id, EVENT.payload, EVENT.occurred_at)
        .join(tables.event, EVENT.position == owed.c.position)
        .where(owed.c.number <= series)
        .order_by(owed.c.position)
    )
    events: dict[UUID, list[Pending]] = {contact_id: [] for contact_id in contacts}
    for row in await connection.execute(query):
        events[row.contact_id].append(Pending(row.position, row.id, row.payload, row.occurred_at))
    return [Claimed(contact_id, contacts[contact_id], lease, owed) for contact_id, owed in events.items()]


def is_ahead(moment: datetime | None, now: datetime) -> bool:
    """Say whether a moment that is past was dated by a clock that has been put back since."""
    return moment is not None and moment > now + AGREEMENT


async def as_dated(connection: AsyncConnection, subscription: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Give the row of a locked subscription; when its last failure lies ahead, no wait can be believed, and all is due at once."""
    if not is_ahead(subscription["last_error_at"], now):
        return subscription
    waiting = update(tables.claim).where(CLAIM.subscription_id == subscription["id"], CLAIM.due_at > now)
    await connection.execute(waiting.values(due_at=DUE_AT_ONCE))
    anew = {"held_until": None, "last_error_at": now}
    await connection.execute(update(tables.subscription).where(tables.subscription.c.id == subscription["id"]).values(**anew))
    return {**subscription, **anew}
