"""What must still be handed over: one claim per subscription and contact, and the fate of each event.

A subscription reads the feed by position, so no event can be missed. Events of one contact are delivered in order;
a claim that fails holds up its own contact only, and a dead letter releases it.

Every transaction here locks in one order, the subscription before claims, claims by contact, then deliveries, so that no two
wait for each other.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.among import among
from services.intake_api.store.claiming import Claimed, Lease, Pending, as_dated, free, is_ahead
from services.intake_api.store.engine import Database
from services.intake_api.store.express import Express, is_common
from services.intake_api.store.patience import Patience
from services.intake_api.store.settling import REMOVED, Health, Later, Served, Settled, Settlement
from services.intake_api.store.taking import Taking
from services.intake_api.store.vault import Vault

__all__ = [
    "Claimed", "Deliveries", "Health", "Later", "Lease", "Outlook", "Patience", "Pending", "Served", "Settled", "Subscriber", "Taken",
]  # fmt: skip

SUBSCRIPTION = tables.subscription.c
CLAIM = tables.claim.c


@dataclass(frozen=True)
class Subscriber:
    """Who is told, how many events at a time, and the secrets that prove it is us: two while they rotate."""

    id: UUID
    url: str
    batch: int
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def scheme(self) -> str:
        """The protocol of the address."""
        return self.url.partition(":")[0].lower()


@dataclass(frozen=True)
class Outlook:
    """Whether an active subscription has events to read, and in how many seconds its next claim is due that nobody holds."""

    subscription_id: UUID
    behind: bool
    due_in: float | None

    @property
    def is_due(self) -> bool:
        """Whether something can be taken now."""
        return self.behind or (self.due_in is not None and self.due_in <= 0)


@dataclass(frozen=True)
class Taken:
    """What was claimed for a subscriber, and whether there is more to take at once; no subscriber when it is not active."""

    subscriber: Subscriber | None = None
    claimed: Sequence[Claimed] = ()
    more: bool = False


class Deliveries:
    """Subscriptions of a database and what they are still owed."""

    def __init__(self, database: Database, vault: Vault, patience: Patience | None = None) -> None:
        """Open the secrets of subscriptions with the vault."""
        self.patience = patience or Patience()
        self.clock = database.clock
        self.committed = database.events
        self._database = database
        self._vault = vault
        self._express = None if database.on_sqlite else Express(database, self.patience)

    @asynccontextmanager
    async def on_duty(self) -> AsyncIterator[None]:
        """Be a dispatcher for the length of a block: one of many on PostgreSQL, the only one on SQLite.

        On SQLite waits until no other process has the file, and takes over what it held.
        """
        if self._database.file is None:
            yield
            return
        with _opened(self._database.file + ".dispatcher") as file:
            while not _is_locked(file.fileno()):  # noqa: ASYNC110 - nobody tells when another process ends
                await asyncio.sleep(1)
            async with self._database.write() as connection:
                held = update(tables.claim).where(CLAIM.lease_until.is_not(None))
                await connection.execute(held.values(holder=None, lease_until=None))
            yield

    async def outlook(self) -> list[Outlook]:
        """Say in one look what there is to do, for each active subscription."""
        async with self._database.read() as connection:
            now = await self._database.now(connection)
            rows = (await connection.execute(self._outlooks(now))).all()
        return [Outlook(row.id, bool(row.behind), _due_in(row, now)) for row in rows]

    def _outlooks(self, now: datetime) -> Any:
        newest = select(func.max(tables.event.c.position)).scalar_subquery()
        due = (
            select(CLAIM.due_at)
            .where(CLAIM.subscription_id == SUBSCRIPTION.id, free(now, self.patience))
            .order_by(CLAIM.due_at)
            .limit(1)
            .scalar_subquery()
        )
        return select(
            SUBSCRIPTION.id,
            (SUBSCRIPTION.position < newest).label("behind"),
            due.label("due"),
            SUBSCRIPTION.held_until,
            SUBSCRIPTION.paced_until,
            SUBSCRIPTION.last_error_at,
        ).where(SUBSCRIPTION.status == "active")

    async def take(self, subscription_id: UUID, limit: int) -> Taken:
        """Claim contacts of a subscription that are due, `limit` at the most, reading on in the feed.

        Of a broken subscription one contact is claimed, as a probe, once its time has come; and no more than its pace allows.
        """
        if self._express and (taken := await self._express.take(subscription_id, limit)):
            row, claimed, more = taken
            return Taken(self._subscriber(row, row["now"]), claimed, more)
        async with self._database.write() as connection:
            subscription = await _locked(connection, subscription_id)
            if subscription is None or subscription["status"] != "active":
                return Taken()
            now = await self._database.now(connection)
            subscription = await as_dated(connection, subscription, now)
            claimed, more = await Taking(connection, subscription, self.patience, now).take(limit)
        return Taken(self._subscriber(subscription, now), claimed, more)

    async def settle(self, subscription_id: UUID, served: Sequence[Served]) -> Settled:
        """Write down what became of claimed contacts, and free those that are owed no more."""
        if self._express and is_common(served):
            return await self._express.settle(subscription_id, served)
        async with self._database.write() as connection:
            subscription = await _locked(connection, subscription_id)
            if subscription is None:
                return REMOVED
            now = await self._database.now(connection)
            subscription = await as_dated(connection, subscription, now)
            return await Settlement(connection, subscription, self.patience, now).settle(served)

    async def renew(self, subscription_id: UUID, claimed: Collection[Claimed]) -> None:
        """Hold claimed contacts for as long again as a lease lasts; one that another holds by now is left alone."""
        leases = {one.lease.holder: one.lease for one in claimed}
        until = Lease.begin(subscription_id, self.patience).until
        async with self._database.write() as connection:
            held = update(tables.claim).where(
                CLAIM.subscription_id == subscription_id,
                among(connection, CLAIM.contact_id, {one.contact_id for one in claimed}),
                among(connection, CLAIM.holder, leases),
            )
            now = await self._database.now(connection)
            await connection.execute(held.values(lease_until=now + self.patience.lease))
        for lease in leases.values():
            lease.until = until

    def _subscriber(self, row: Any, now: datetime) -> Subscriber:
        sealed = [row["sealed_secret"]]
        if row["sealed_former_secret"] and row["former_secret_until"] and now < row["former_secret_until"]:
            sealed.append(row["sealed_former_secret"])
        secrets = tuple(self._vault.unwrap(secret, row["id"].bytes).decode() for secret in sealed)
        return Subscriber(row["id"], row["url"], row["batch"], secrets)


async def _locked(connection: AsyncConnection, subscription_id: UUID) -> Any:
    # not FOR UPDATE: a key share is what the foreign key of each new delivery asks for
    query = select(tables.subscription).where(SUBSCRIPTION.id == subscription_id).with_for_update(key_share=True)
    return (await connection.execute(query)).mappings().first()


def _opened(path: str) -> IO[str]:
    return Path(path).open("w")


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _due_in(row: Any, now: datetime) -> float | None:
    if row.due is None:
        return None
    if is_ahead(row.last_error_at, now):
        return 0
    moments: list[datetime] = [moment for moment in (row.due, row.held_until, row.paced_until) if moment]
    return (max(moments) - now).total_seconds()
