"""Does every subscription have what it asks for? Registered = delivered + pending + dead, looked at all the time.

Two looks. The events since a subscription began are walked in stretches, again and again, and each that its filter
addresses must have a delivery. And the counters that are kept along the way must agree with what is there.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.states import DEAD, DELIVERED, PENDING
from services.intake_api.store.subscriptions import REMOVED

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
EVENT = tables.event.c
CONTACT = tables.contact.c

STRETCH = 5000
"""How many positions one step looks at."""
MOST = 100_000
"""Up to how many pending and dead deliveries the counters are compared with what is there; a longer backlog waits."""
MOST_EXCUSED = 1000
"""How many deliveries of erased contacts one look excuses; the next look takes the next."""
UNFETCHED = timedelta(minutes=1)
"""After how long an event that was taken, and whose contact was not fetched, is looked at: most are fetched before they are taken."""


class Reconciliation:
    """Compares what a database's subscriptions were to get with what they got."""

    def __init__(self, database: Database) -> None:
        """Keep the books of a database."""
        self._database = database

    async def look(self) -> bool:
        """Look at one stretch of each subscription; says whether there is more to look at in this round."""
        await self._excuse_the_erased()
        async with self._database.read() as connection:
            rows = (await connection.execute(_subscriptions())).mappings().all()
        return any([await self._look_at(row["id"]) for row in rows])

    async def _look_at(self, subscription_id: UUID) -> bool:
        async with self._database.read() as connection:
            row = (await connection.execute(_subscriptions().where(SUBSCRIPTION.id == subscription_id))).mappings().first()
            if row is None:
                return False
            last = min(row["checked"] + STRETCH, row["position"])
            missing = row["missing"] + await _missing(connection, row, last)
        is_whole = last >= row["position"]
        values = {"checked": row["since"], "missing": 0} if is_whole else {"checked": last, "missing": missing}
        if is_whole:
            values["difference"] = missing + await self._miscounted(subscription_id)
        same = and_(
            SUBSCRIPTION.id == subscription_id, SUBSCRIPTION.since == row["since"], SUBSCRIPTION.checked == row["checked"]
        )
        if values != {name: row[name] for name in values}:
            async with self._database.write() as connection:
                await connection.execute(update(tables.subscription).where(same).values(**values))
        return not is_whole

    async def _miscounted(self, subscription_id: UUID) -> int:
        """Compare the counters with the rows, both as one statement saw them."""
        counted = [
            select(func.count())
            .select_from(_some(subscription_id, state).limit(MOST).correlate(None).subquery())
            .scalar_subquery()
            .label(name)
            for name, state in (("pending", PENDING), ("dead", DEAD))
        ]
        query = select(SUBSCRIPTION.addressed, SUBSCRIPTION.delivered, *counted).where(SUBSCRIPTION.id == subscription_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one()
        if MOST in {row.pending, row.dead}:
            return 0
        return int(abs(row.addressed - row.delivered - row.pending - row.dead))

    async def _excuse_the_erased(self) -> None:
        """Whoever was told that a contact is erased has nothing to fetch."""
        since = self._database.clock.now() - UNFETCHED
        late = (DELIVERY.state == DELIVERED, DELIVERY.fetched_at.is_(None), DELIVERY.settled_at < since)
        key = tuple_(DELIVERY.subscription_id, DELIVERY.position)
        excused = (
            select(DELIVERY.subscription_id, DELIVERY.position)
            .join(tables.contact, CONTACT.id == DELIVERY.contact_id)
            .where(*late, CONTACT.erased_at.is_not(None))
            .limit(MOST_EXCUSED)
        )
        async with self._database.read() as connection:
            found = [tuple(row) for row in await connection.execute(excused)]
        if found:
            async with self._database.write() as connection:
                now: datetime = self._database.clock.now()
                await connection.execute(update(tables.delivery).where(key.in_(found)).values(fetched_at=now))


def difference(found: int, missing: int) -> int:
    """Give what the last whole look found, or what is missing already in the present one."""
    return max(found, missing)


def _subscriptions() -> Any:
    return select(tables.subscription).where(SUBSCRIPTION.status != REMOVED).order_by(SUBSCRIPTION.created_at)


def _some(subscription_id: UUID, state: Any) -> Any:
    return select(DELIVERY.position).where(DELIVERY.subscription_id == subscription_id, DELIVERY.state == state)


async def _missing(connection: AsyncConnection, row: Any, last: int) -> int:
    """Count the events of a stretch that are addressed to a subscription and have no delivery."""
    # the stretch is said of deliveries as well, or the planner reads all of them
    stretch = (DELIVERY.position > row["checked"], DELIVERY.position <= last)
    owed = select(DELIVERY.position).where(DELIVERY.subscription_id == row["id"], DELIVERY.position == EVENT.position, *stretch)
    query = (
        select(func.count())
        .select_from(tables.event)
        .where(EVENT.position > row["checked"], EVENT.position <= last, *EventFilter.of(row).conditions(), ~owed.exists())
    )
    return (await connection.execute(query)).scalar() or 0
