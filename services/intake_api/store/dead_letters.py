"""Dead letters: events that a subscription will not get unless somebody sends them again."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from onthaal_schema.problems import NotFound
from services.intake_api.store import tables
from services.intake_api.store.deliveries import owe
from services.intake_api.store.engine import Database

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c


class DeadLetters:
    """Dead letters of a database."""

    def __init__(self, database: Database) -> None:
        """Read and redrive what is in a database."""
        self._database = database

    async def dead(self, limit: int = 200) -> list[dict[str, Any]]:
        """List the dead letters, newest first."""
        events = tables.event.c
        query = (
            select(
                DELIVERY.subscription_id,
                SUBSCRIPTION.name.label("subscription"),
                DELIVERY.position,
                events.id.label("event_id"),
                DELIVERY.contact_id,
                events.type,
                DELIVERY.attempts,
                DELIVERY.reason,
                DELIVERY.settled_at,
            )
            .join(tables.event, events.position == DELIVERY.position)
            .join(tables.subscription, SUBSCRIPTION.id == DELIVERY.subscription_id)
            .where(DELIVERY.state == "dead")
            .order_by(DELIVERY.position.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def redrive(self, event_id: UUID | None = None) -> int:
        """Deliver dead letters again: one event, or all; gives how many. Receivers order by version.

        Raises:
            NotFound: the event is not a dead letter.

        """
        chosen = DELIVERY.position.in_(select(tables.event.c.position).where(tables.event.c.id == event_id))
        where = [DELIVERY.state == "dead", *([chosen] if event_id else [])]
        async with self._database.write() as connection:
            rows = (await connection.execute(select(DELIVERY.subscription_id, DELIVERY.contact_id).where(*where))).all()
            if event_id and not rows:
                raise NotFound("No dead letter has this event id.")
            await connection.execute(update(tables.delivery).where(*where).values(state="pending", settled_at=None))
            for subscription_id in {row.subscription_id for row in rows}:
                contacts = {row.contact_id for row in rows if row.subscription_id == subscription_id}
                await owe(connection, subscription_id, contacts, self._database)
        self._database.events.fire()
        return len(rows)
