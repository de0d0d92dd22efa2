"""What a subscription is owed, in numbers: for metrics and alarms."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
EVENT = tables.event.c


@dataclass(frozen=True)
class Backlog:
    """How a subscription is doing. `unread` events of the feed were not yet looked at, whether it asks for them or not."""

    subscription_id: UUID
    name: str
    status: str
    unread: int
    pending: int
    oldest_pending: datetime | None
    dead: int
    failures: int
    failing_since: datetime | None
    held_until: datetime | None


async def read_backlogs(connection: AsyncConnection) -> list[Backlog]:
    """Count for every subscription; reads partial indexes only, so that what is done with costs nothing."""
    mine = DELIVERY.subscription_id == SUBSCRIPTION.id
    first = select(func.min(DELIVERY.position)).where(mine, DELIVERY.state == "pending").scalar_subquery()
    query = select(
        SUBSCRIPTION.id.label("subscription_id"),
        SUBSCRIPTION.name,
        SUBSCRIPTION.status,
        select(func.count()).where(EVENT.position > SUBSCRIPTION.position).scalar_subquery().label("unread"),
        select(func.count()).where(mine, DELIVERY.state == "pending").scalar_subquery().label("pending"),
        select(EVENT.occurred_at).where(EVENT.position == first).scalar_subquery().label("oldest_pending"),
        select(func.count()).where(mine, DELIVERY.state == "dead").scalar_subquery().label("dead"),
        SUBSCRIPTION.failures,
        SUBSCRIPTION.failing_since,
        SUBSCRIPTION.held_until,
    ).order_by(SUBSCRIPTION.created_at)
    return [Backlog(**row) for row in (await connection.execute(query)).mappings()]
