"""Subscriptions as they are kept: who is told of what, and what they are still owed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, select, tuple_, update

from onthaal_schema.problems import NotFound, StateConflict
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.positions import before, head
from services.intake_api.store.states import DEAD, PENDING
from services.intake_api.store.vault import Vault

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
CLAIM = tables.claim.c

SWEPT = 2000
REMOVED = "removed"
"""The status of a subscription that was deleted, until what belongs to it is gone."""

HIDDEN = {"sealed_secret", "sealed_former_secret"}

Row = dict[str, Any]


@dataclass(frozen=True)
class NewSubscription:
    """A subscription to be made. `plain` receivers are trusted to want events; others are asked first (`unverified`)."""

    name: str
    url: str
    secret: str = field(repr=False)
    filter: EventFilter = field(default_factory=EventFilter)
    batch: int = 1
    plain: bool = True
    from_start: bool = False
    since: datetime | None = None


class SubscriptionStore:
    """Subscriptions of a database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Seal the secrets of subscriptions with the vault."""
        self._database = database
        self._vault = vault

    async def subscribe(self, wanted: NewSubscription) -> UUID:
        """Hand over to an address from now on, since a moment, or everything since the beginning."""
        subscription_id = uuid4()
        async with self._database.write() as connection:
            if wanted.from_start:
                position = 0
            else:
                position = await (before(connection, wanted.since) if wanted.since else head(connection))
            values: Row = {
                "id": subscription_id,
                "name": wanted.name,
                "url": wanted.url,
                "status": "active" if wanted.plain else "unverified",
                "plain": wanted.plain,
                "batch": wanted.batch,
                "addressed": 0,
                "delivered": 0,
                "failures": 0,
                "sealed_secret": self._vault.wrap(wanted.secret.encode(), subscription_id.bytes),
                "created_at": self._database.clock.now(),
                **dict.fromkeys(("position", "since", "checked"), position),
                **wanted.filter.columns(),
            }
            await connection.execute(insert(tables.subscription).values(**values))
        self._database.events.fire()
        return subscription_id

    async def all(self) -> list[Row]:
        """List the subscriptions with what they are owed."""
        return await self._listed(SUBSCRIPTION.status != REMOVED)

    async def one(self, subscription_id: UUID) -> Row:
        """Show a subscription with what it is owed.

        Raises:
            NotFound: there is none.

        """
        found = await self._listed(and_(SUBSCRIPTION.status != REMOVED, SUBSCRIPTION.id == subscription_id))
        if not found:
            raise NotFound("There is no such subscription.")
        return found[0]

    async def _listed(self, which: ColumnElement[bool]) -> list[Row]:
        async with self._database.read() as connection:
            newest = await head(connection)
            rows = (
                await connection.execute(select(tables.subscription).where(which).order_by(SUBSCRIPTION.created_at))
            ).mappings()
            found = [{name: value for name, value in row.items() if name not in HIDDEN} for row in rows]
            for row in found:
                for name, state in (("pending", PENDING), ("dead", DEAD)):
                    row[name] = (await connection.execute(counted(row["id"], state))).scalar() or 0
                row["behind"] = max(0, newest - row["position"])
        return found

    async def change(self, subscription_id: UUID, values: Row, *, refiltered: bool = False) -> None:
        """Change columns of a subscription. Under another filter, reconciliation starts again where the subscription is.

        Raises:
            NotFound: there is none.

        """
        mine = and_(SUBSCRIPTION.id == subscription_id, SUBSCRIPTION.status != REMOVED)
        if refiltered:
            values = {**values, "since": SUBSCRIPTION.position, "checked": SUBSCRIPTION.position, "missing": 0, "difference": 0}
        async with self._database.write() as connection:
            changed = await connection.execute(update(tables.subscription).where(mine).values(**values))
            if not changed.rowcount:
                raise NotFound("There is no such subscription.")
        self._database.events.fire()

    async def move(self, subscription_id: UUID, to: str, *, allowed: tuple[str, ...], **values: Any) -> None:
        """Change the status of a subscription that has one of the allowed ones.

        Raises:
            NotFound: there is none.
            StateConflict: its status is another.

        """
        mine = SUBSCRIPTION.id == subscription_id
        async with self._database.write() as connection:
            query = select(SUBSCRIPTION.status).where(mine, SUBSCRIPTION.status != REMOVED).with_for_update()
            present = (await connection.execute(query)).scalar()
            if present is None:
                raise NotFound("There is no such subscription.")
            if present not in {to, *allowed}:
                raise StateConflict(f"This subscription is {present}; that is possible when it is {' or '.join(allowed)}.")
            await connection.execute(update(tables.subscription).where(mine).values(status=to, **values))
        self._database.events.fire()

    def now(self) -> datetime:
        """Give the present moment, as this database dates things."""
        return self._database.clock.now()

    async def consented(self, subscription_id: UUID, rate: int | None) -> None:
        """Keep that a receiver wants events, and how many a minute; one that was waiting for that gets them from now on."""
        verified = case((SUBSCRIPTION.status == "unverified", "active"), else_=SUBSCRIPTION.status)
        await self.change(subscription_id, {"status": verified, "rate": rate})

    async def rotate(self, subscription_id: UUID, secret: str, keep_former: timedelta) -> datetime:
        """Put another secret in place; deliveries are signed with both until the moment that is given.

        Raises:
            NotFound: there is none.

        """
        until = self._database.clock.now() + keep_former
        values = {
            "sealed_former_secret": SUBSCRIPTION.sealed_secret,
            "former_secret_until": until,
            "sealed_secret": self._vault.wrap(secret.encode(), subscription_id.bytes),
        }
        await self.change(subscription_id, values)
        return until

    async def disable(self, subscription_id: UUID, reason: str) -> None:
        """Hand over nothing more to a subscription that said it is gone; what it is owed stays pending."""
        async with self._database.write() as connection:
            noted = {"status": "disabled", "last_error": reason, "last_error_at": self._database.clock.now()}
            await connection.execute(update(tables.subscription).where(SUBSCRIPTION.id == subscription_id).values(**noted))

    async def sweep(self) -> int:
        """Take away a part of what belongs to deleted subscriptions; gives how many rows were taken."""
        removed = select(SUBSCRIPTION.id).where(SUBSCRIPTION.status == REMOVED)
        async with self._database.read() as connection:
            found = (await connection.execute(removed.limit(1))).scalar()
        if found is None:
            return 0
        async with self._database.write() as connection:
            await connection.execute(select(SUBSCRIPTION.id).where(SUBSCRIPTION.id == found).with_for_update())
            await connection.execute(delete(tables.claim).where(CLAIM.subscription_id == found))
            keys = select(DELIVERY.subscription_id, DELIVERY.position).where(DELIVERY.subscription_id == found).limit(SWEPT)
            key = tuple_(DELIVERY.subscription_id, DELIVERY.position)
            taken = (await connection.execute(delete(tables.delivery).where(key.in_(keys)))).rowcount
            if taken < SWEPT:
                await connection.execute(delete(tables.subscription).where(SUBSCRIPTION.id == found))
        return taken + 1


def counted(subscription_id: UUID, state: ColumnElement[str]) -> Select[int]:
    """Count the deliveries of a subscription in a state that has an index of its own: `PENDING` or `DEAD`."""
    return (
        select(func.count())
        .select_from(tables.delivery)
        .where(DELIVERY.subscription_id == subscription_id, DELIVERY.state == state)
    )
