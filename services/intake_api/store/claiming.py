"""Contacts of which something is to be delivered now, held under a lease so that nobody else delivers it meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.among import among
from services.intake_api.store.patience import Patience

DELIVERY = tables.delivery.c
CLAIM = tables.claim.c
EVENT = tables.event.c


@dataclass(frozen=True)
class Pending:
    """An event to deliver."""

    position: int
    event_id: UUID
    payload: str


@dataclass(frozen=True)
class Lease:
    """A hold on claims. Each taking has its own holder, so that whoever lost a claim, to himself even, cannot settle it."""

    holder: UUID
    until: datetime


@dataclass(frozen=True)
class Claimed:
    """A contact and the oldest events it is owed, in order, for as long as the lease lasts."""

    contact_id: UUID
    attempts: int
    lease: Lease
    events: tuple[Pending, ...]


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
        .values(holder=lease.holder, lease_until=lease.until)
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
        select(owed.c.contact_id, owed.c.position, EVENT.id, EVENT.payload)
        .join(tables.event, EVENT.position == owed.c.position)
        .where(owed.c.number <= series)
        .order_by(owed.c.position)
    )
    events: dict[UUID, list[Pending]] = {contact_id: [] for contact_id in contacts}
    for row in await connection.execute(query):
        events[row.contact_id].append(Pending(row.position, row.id, row.payload))
    return [Claimed(contact_id, contacts[contact_id], lease, tuple(owed)) for contact_id, owed in events.items()]
