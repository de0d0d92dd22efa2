"""Reads the feed for a subscription: each event that it asks for becomes a pending delivery, and its contact is claimed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, func, insert, literal, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.claiming import DUE_AT_ONCE, Lease
from services.intake_api.store.filters import EventFilter

SUBSCRIPTION = tables.subscription.c
CLAIM = tables.claim.c
EVENT = tables.event.c


@dataclass(frozen=True)
class Spread:
    """Which contacts are held under the lease by now, and whether there may be more events to read."""

    claimed: Collection[UUID] = ()
    more: bool = False


async def spread(
    connection: AsyncConnection,
    subscription: Mapping[str, Any],
    limit: int,
    lease: Lease | None = None,
    until: datetime | None = None,
) -> Spread:
    """Read the next events for a locked subscription; contacts that were not claimed yet are held under the lease."""
    following = select(EVENT.position).where(EVENT.position > subscription["position"]).order_by(EVENT.position).limit(limit)
    read = following.subquery()
    last, count = (await connection.execute(select(func.max(read.c.position), func.count()).select_from(read))).one()
    if not count:
        return Spread()
    new = [EVENT.position > subscription["position"], EVENT.position <= last, *EventFilter.of(subscription).conditions()]
    subscription_id = literal(subscription["id"], Uuid())
    owed = select(subscription_id, EVENT.position, EVENT.contact_id, literal("pending"), literal(0)).where(*new)
    columns = ["subscription_id", "position", "contact_id", "state", "attempts"]
    addressed = (await connection.execute(insert(tables.delivery).from_select(columns, owed))).rowcount
    contacts = select(EVENT.contact_id).where(*new).distinct()
    claimed = await _claim(connection, subscription["id"], contacts, lease, until) if addressed else ()
    read_on = update(tables.subscription).where(SUBSCRIPTION.id == subscription["id"])
    await connection.execute(read_on.values(position=last, addressed=SUBSCRIPTION.addressed + addressed))
    return Spread(claimed, more=count == limit)


async def _claim(
    connection: AsyncConnection, subscription_id: UUID, contacts: Select[Any], lease: Lease | None, until: datetime | None
) -> list[UUID]:
    of = contacts.subquery()
    rows = select(
        literal(subscription_id, Uuid()),
        of.c.contact_id,
        literal(0),
        literal(DUE_AT_ONCE, tables.Moment()),
        literal(until, tables.Moment()) if lease else null(),
        literal(lease.holder, Uuid()) if lease else null(),
    ).where(literal(1) == 1)  # SQLite reads `SELECT … ON CONFLICT` as a join without it
    columns = ["subscription_id", "contact_id", "attempts", "due_at", "lease_until", "holder"]
    statement = _owing(connection).from_select(columns, rows.order_by(of.c.contact_id))
    held = await connection.execute(_or_lock(statement).returning(CLAIM.contact_id, CLAIM.holder))
    return [row.contact_id for row in held if lease and row.holder == lease.holder]


def _owing(connection: AsyncConnection) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(tables.claim)


def _or_lock(statement: Any) -> Any:
    # the update changes nothing but locks the row: whoever is about to free the claim then sees what is newly owed
    return statement.on_conflict_do_update(index_elements=["subscription_id", "contact_id"], set_={"attempts": CLAIM.attempts})
