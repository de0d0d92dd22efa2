"""Replay: everything a subscription asks for since a moment, once more. Kept in the database, so that a crash only pauses it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.problems import NotFound
from services.intake_api.store import tables
from services.intake_api.store.dead_letters import owe_now
from services.intake_api.store.engine import Database
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.positions import before
from services.intake_api.store.states import DEAD, DELIVERED
from services.intake_api.store.subscriptions import REMOVED

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
EVENT = tables.event.c

STRETCH = 1000
"""How many positions are looked at in one transaction."""


class Replays:
    """Replays of a database."""

    def __init__(self, database: Database) -> None:
        """Replay what is in a database."""
        self._database = database

    async def ask(self, subscription_id: UUID, since: datetime) -> None:
        """Ask for a replay of what a subscription has read since a moment; what it has not read yet comes by itself.

        Raises:
            NotFound: there is no such subscription.

        """
        async with self._database.write() as connection:
            first = await before(connection, since)
            mine = and_(SUBSCRIPTION.id == subscription_id, SUBSCRIPTION.status != REMOVED)
            values = {"replay_position": first, "replay_until": SUBSCRIPTION.position, "replay_since": since}
            if not (await connection.execute(update(tables.subscription).where(mine).values(**values))).rowcount:
                raise NotFound("There is no such subscription.")

    async def asked(self) -> list[UUID]:
        """List the subscriptions with a replay that is not finished."""
        query = select(SUBSCRIPTION.id).where(SUBSCRIPTION.replay_position.is_not(None), SUBSCRIPTION.status != REMOVED)
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def finish(self, subscription_id: UUID) -> int:
        """Replay to the end; gives how many events will be delivered again."""
        count = 0
        while (some := await self.go_on(subscription_id)) is not None:
            count += some
        return count

    async def go_on(self, subscription_id: UUID) -> int | None:
        """Replay a stretch in one transaction; gives how many events will be delivered again, None when there is no more."""
        count = await self._replay_some(subscription_id)
        self._database.events.fire()
        return count

    async def _replay_some(self, subscription_id: UUID) -> int | None:
        async with self._database.write() as connection:
            # the subscription first, as everything that changes deliveries does it, so that nobody waits in a circle
            query = select(tables.subscription).where(SUBSCRIPTION.id == subscription_id).with_for_update(key_share=True)
            row = (await connection.execute(query)).mappings().first()
            if row is None or row["replay_position"] is None:
                return None
            first, last = row["replay_position"], min(row["replay_position"] + STRETCH, row["replay_until"])
            wanted = select(EVENT.position).where(
                EVENT.position > first,
                EVENT.position <= last,
                EVENT.occurred_at >= row["replay_since"],
                *EventFilter.of(row).conditions(),
            )
            # the stretch is said of deliveries as well, or the planner reads all of them
            meant = and_(
                DELIVERY.subscription_id == subscription_id,
                DELIVERY.position > first,
                DELIVERY.position <= last,
                DELIVERY.position.in_(wanted),
            )
            new = await self._add(connection, subscription_id, wanted)
            delivered = await self._again(connection, meant, DELIVERED)
            dead = await self._again(connection, meant, DEAD)
            await owe_now(connection, self._database, {(subscription_id, contact) for contact in (*new, *delivered, *dead)})
            moved = {
                "replay_position": last if last < row["replay_until"] else None,
                "addressed": SUBSCRIPTION.addressed + len(new),
                "delivered": SUBSCRIPTION.delivered - len(delivered),
            }
            await connection.execute(update(tables.subscription).where(SUBSCRIPTION.id == subscription_id).values(**moved))
        return len(new) + len(delivered) + len(dead)

    async def _add(self, connection: AsyncConnection, subscription_id: UUID, wanted: Any) -> list[UUID]:
        """Owe the events that the subscription was never owed: it asks for more now, or it began later."""
        rows = wanted.with_only_columns(
            literal(subscription_id, DELIVERY.subscription_id.type),
            EVENT.position,
            EVENT.contact_id,
            literal("pending"),
            literal(0),
        )
        adding = (sqlite if self._database.on_sqlite else postgresql).insert(tables.delivery)
        columns = ["subscription_id", "position", "contact_id", "state", "attempts"]
        statement = adding.from_select(columns, rows).on_conflict_do_nothing().returning(DELIVERY.contact_id)
        return list((await connection.execute(statement)).scalars())

    async def _again(self, connection: AsyncConnection, meant: ColumnElement[bool], state: ColumnElement[str]) -> list[UUID]:
        # that its contact was fetched stays: a receiver who has the event takes it again without fetching, and must be no alarm
        values = {"state": "pending", "settled_at": None, "attempts": 0}
        again = update(tables.delivery).where(meant, DELIVERY.state == state).values(**values).returning(DELIVERY.contact_id)
        return list((await connection.execute(again)).scalars())
