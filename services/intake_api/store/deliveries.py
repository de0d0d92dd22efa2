"""What must still be handed over: one claim per subscription and contact, and the fate of each event.

A subscription reads the feed by position, so no event can be missed. Events of one contact are delivered in order;
a claim that fails holds up its own contact only, and a dead letter releases it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.vault import Vault

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
CLAIM = tables.claim.c

LEASE = timedelta(seconds=60)
SPREAD = 1000


@dataclass(frozen=True)
class Subscriber:
    """Who is told, and the secret that proves it is us."""

    id: UUID
    url: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Claimed:
    """A contact of which something is to be delivered now, held for as long as the lease lasts."""

    subscriber: Subscriber
    contact_id: UUID
    attempts: int


@dataclass(frozen=True)
class Outlook:
    """Whether there is anybody to tell, whether events wait to be spread, and when the next claim is due that nobody holds."""

    active: bool
    behind: bool
    due: datetime | None


@dataclass(frozen=True)
class Pending:
    """The next event to deliver of a claimed contact."""

    position: int
    event_id: UUID
    payload: str


class Deliveries:
    """Subscriptions of a database and what they are still owed."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Open the secrets of subscriptions with the vault."""
        self._database = database
        self._vault = vault

    async def spread(self) -> int:
        """Give each active subscription the events it has not read yet; gives how many events were read."""
        async with self._database.write() as connection:
            query = select(tables.subscription).where(SUBSCRIPTION.status == "active").with_for_update(skip_locked=True)
            subscriptions = (await connection.execute(query)).mappings().all()
            return sum([await self._spread_to(connection, subscription) for subscription in subscriptions])

    async def outlook(self) -> Outlook:
        """Say in one look what there is to do."""
        now = self._database.clock.now()
        active = SUBSCRIPTION.status == "active"
        newest = select(func.max(tables.event.c.position)).scalar_subquery()
        behind = select(SUBSCRIPTION.id).where(active, SUBSCRIPTION.position < newest)
        free = or_(CLAIM.lease_until.is_(None), CLAIM.lease_until < now)
        due = (
            select(CLAIM.due_at)
            .join(tables.subscription, SUBSCRIPTION.id == CLAIM.subscription_id)
            .where(active, free)
            .order_by(CLAIM.due_at)
            .limit(1)
        )
        query = select(
            select(SUBSCRIPTION.id).where(active).exists().label("active"),
            behind.exists().label("behind"),
            due.scalar_subquery().label("due"),
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one()
        return Outlook(active=row.active, behind=row.behind, due=row.due)

    async def _spread_to(self, connection: AsyncConnection, subscription: Any) -> int:
        events = tables.event.c
        query = (
            select(
                events.position,
                events.contact_id,
                and_(*EventFilter.of(subscription).conditions()).label("addressed"),
            )
            .where(events.position > subscription["position"])
            .order_by(events.position)
            .limit(SPREAD)
        )
        rows = (await connection.execute(query)).all()
        if not rows:
            return 0
        wanted = [row for row in rows if row.addressed]
        if wanted:
            await connection.execute(insert(tables.delivery), [_pending(subscription["id"], row) for row in wanted])
            await owe(connection, subscription["id"], {row.contact_id for row in wanted}, self._database)
        moved = update(tables.subscription).where(SUBSCRIPTION.id == subscription["id"])
        await connection.execute(moved.values(position=rows[-1].position, addressed=SUBSCRIPTION.addressed + len(wanted)))
        return len(rows)

    async def claim(self, limit: int) -> list[Claimed]:
        """Take what is due under a lease, so that nobody else delivers it meanwhile."""
        now = self._database.clock.now()
        query = (
            select(CLAIM.contact_id, CLAIM.attempts, tables.subscription)
            .join(tables.subscription, SUBSCRIPTION.id == CLAIM.subscription_id)
            .where(
                CLAIM.due_at <= now, or_(CLAIM.lease_until.is_(None), CLAIM.lease_until < now), SUBSCRIPTION.status == "active"
            )
            .order_by(CLAIM.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=tables.claim)
        )
        async with self._database.write() as connection:
            rows = (await connection.execute(query)).all()
            for row in rows:
                await connection.execute(_claim_of(row.id, row.contact_id).values(lease_until=now + LEASE))
        return [Claimed(Subscriber(row.id, row.url, self._secrets(row, now)), row.contact_id, row.attempts) for row in rows]

    def _secrets(self, row: Any, now: datetime) -> tuple[str, ...]:
        former = row.former_secret_until and now < row.former_secret_until
        sealed = [row.sealed_secret, *([row.sealed_former_secret] if former else [])]
        return tuple(self._vault.unwrap(secret, row.id.bytes).decode() for secret in sealed)

    async def pending(self, claimed: Claimed) -> Pending | None:
        """Give the oldest event that a claimed contact is owed."""
        events = tables.event.c
        query = (
            select(DELIVERY.position, events.id, events.payload)
            .join(tables.event, events.position == DELIVERY.position)
            .where(
                DELIVERY.subscription_id == claimed.subscriber.id,
                DELIVERY.contact_id == claimed.contact_id,
                DELIVERY.state == "pending",
            )
            .order_by(DELIVERY.position)
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return Pending(row.position, row.id, row.payload) if row else None

    async def settle(self, claimed: Claimed, position: int, state: str, reason: str | None = None) -> bool:
        """Write down an event's fate, and free the claim when the contact is owed no more; says whether it is owed more."""
        async with self._database.write() as connection:
            now = self._database.clock.now()
            settled = update(tables.delivery).where(
                DELIVERY.subscription_id == claimed.subscriber.id, DELIVERY.position == position
            )
            await connection.execute(settled.values(state=state, reason=reason, settled_at=now, attempts=DELIVERY.attempts + 1))
            if reason:
                await self._note(connection, claimed.subscriber.id, reason)
            else:
                counted = update(tables.subscription).where(SUBSCRIPTION.id == claimed.subscriber.id)
                await connection.execute(counted.values(delivered=SUBSCRIPTION.delivered + 1))
            return await self._release(connection, claimed)

    async def _release(self, connection: AsyncConnection, claimed: Claimed) -> bool:
        mine = (CLAIM.subscription_id == claimed.subscriber.id, CLAIM.contact_id == claimed.contact_id)
        await connection.execute(select(CLAIM.attempts).where(*mine).with_for_update())
        more = (
            select(DELIVERY.position)
            .where(
                DELIVERY.subscription_id == claimed.subscriber.id,
                DELIVERY.contact_id == claimed.contact_id,
                DELIVERY.state == "pending",
            )
            .limit(1)
        )
        owed = (await connection.execute(more)).first() is not None
        if owed:
            await connection.execute(_claim_of(claimed.subscriber.id, claimed.contact_id).values(attempts=0))
        else:
            await connection.execute(delete(tables.claim).where(*mine))
        return owed

    async def postpone(self, claimed: Claimed, position: int, until: datetime, reason: str) -> None:
        """Try a contact again later."""
        async with self._database.write() as connection:
            values = {"attempts": claimed.attempts + 1, "due_at": until, "lease_until": None}
            await connection.execute(_claim_of(claimed.subscriber.id, claimed.contact_id).values(**values))
            tried = update(tables.delivery).where(
                DELIVERY.subscription_id == claimed.subscriber.id, DELIVERY.position == position
            )
            await connection.execute(tried.values(attempts=DELIVERY.attempts + 1, reason=reason))
            await self._note(connection, claimed.subscriber.id, reason)

    async def hand_back(self, claimed: Claimed) -> None:
        """Give up a lease without having tried, so that it is taken again at once."""
        async with self._database.write() as connection:
            await connection.execute(_claim_of(claimed.subscriber.id, claimed.contact_id).values(lease_until=None))

    async def hand_back_all(self) -> None:
        """Give up the leases that a killed process left behind. Only where there is one dispatcher: on SQLite."""
        if self._database.on_sqlite:
            async with self._database.write() as connection:
                await connection.execute(update(tables.claim).values(lease_until=None))

    async def _note(self, connection: AsyncConnection, subscription_id: UUID, reason: str) -> None:
        noted = update(tables.subscription).where(SUBSCRIPTION.id == subscription_id)
        await connection.execute(noted.values(last_error=reason, last_error_at=self._database.clock.now()))


async def owe(connection: AsyncConnection, subscription_id: UUID, contacts: set[UUID], database: Database) -> None:
    """Let contacts be claimed for a subscription, within a transaction that leaves something pending for each."""
    now = database.clock.now()
    # the update changes nothing but locks the row: whoever is about to free the claim then sees what is newly owed
    statement = (
        (sqlite if database.on_sqlite else postgresql)
        .insert(tables.claim)
        .on_conflict_do_update(index_elements=["subscription_id", "contact_id"], set_={"attempts": CLAIM.attempts})
    )
    rows = [
        {"subscription_id": subscription_id, "contact_id": contact_id, "attempts": 0, "due_at": now, "lease_until": None}
        for contact_id in contacts
    ]
    await connection.execute(statement, rows)


def _pending(subscription_id: UUID, row: Any) -> dict[str, Any]:
    return {
        "subscription_id": subscription_id,
        "position": row.position,
        "contact_id": row.contact_id,
        "state": "pending",
        "attempts": 0,
    }


def _claim_of(subscription_id: UUID, contact_id: UUID) -> Any:
    return update(tables.claim).where(CLAIM.subscription_id == subscription_id, CLAIM.contact_id == contact_id)
