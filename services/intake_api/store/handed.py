"""How far a contact has been handed over, and that whoever took its events has fetched it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.opened import Wire
from services.intake_api.store.outbox import present
from services.intake_api.store.states import DELIVERED
from services.intake_api.store.subscriptions import REMOVED

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
EVENT = tables.event.c

SHOWN = 50


async def handed_over(connection: AsyncConnection, contact_id: UUID) -> list[Wire]:
    """Show what became of the events of a contact: what is not delivered first, then the newest."""
    query = (
        select(
            DELIVERY.subscription_id,
            SUBSCRIPTION.name,
            DELIVERY.state,
            EVENT.type,
            EVENT.version,
            DELIVERY.attempts,
            DELIVERY.settled_at,
            DELIVERY.fetched_at,
            DELIVERY.reason,
        )
        .select_from(tables.event.join(tables.delivery, _of(contact_id)))
        .join(tables.subscription, SUBSCRIPTION.id == DELIVERY.subscription_id)
        .where(SUBSCRIPTION.status != REMOVED)
        .order_by(case((DELIVERY.state == DELIVERED, 1), else_=0), DELIVERY.position.desc())
        .limit(SHOWN)
    )
    return [_shown(row) for row in (await connection.execute(query)).mappings()]


def _of(contact_id: UUID) -> ColumnElement[bool]:
    """Find the deliveries of a contact by its events and the subscriptions: both keys are there, a third would cost each delivery."""
    subscriptions = select(SUBSCRIPTION.id)
    return and_(EVENT.contact_id == contact_id, DELIVERY.position == EVENT.position, DELIVERY.subscription_id.in_(subscriptions))


def _shown(row: Any) -> Wire:
    return present({
        "subscriptionId": str(row["subscription_id"]),
        "subscription": row["name"],
        "state": row["state"],
        "type": row["type"],
        "version": row["version"],
        "attempts": row["attempts"],
        "deliveredAt": row["settled_at"] if row["state"] == "delivered" else None,
        "fetchedAt": row["fetched_at"],
        "reason": None if row["state"] == "delivered" else row["reason"],
    })  # fmt: skip


async def note_fetched(connection: AsyncConnection, contact_id: UUID, now: datetime) -> None:
    """Keep that a case service fetched a contact. It reads before it answers the event, which is then still pending."""
    key = tuple_(DELIVERY.subscription_id, DELIVERY.position)
    unfetched = (
        select(DELIVERY.subscription_id, DELIVERY.position)
        .select_from(tables.event.join(tables.delivery, _of(contact_id)))
        .where(DELIVERY.fetched_at.is_(None))
        .order_by(DELIVERY.position)
        .with_for_update(of=tables.delivery)
    )
    found = [tuple(row) for row in await connection.execute(unfetched)]
    if found:
        await connection.execute(update(tables.delivery).where(key.in_(found)).values(fetched_at=now))
