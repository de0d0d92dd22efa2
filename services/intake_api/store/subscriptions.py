"""Subscriptions as they are kept: who is told of what, and what they are still owed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update

from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.vault import Vault

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c


class SubscriptionStore:
    """Subscriptions of a database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Seal the secrets of subscriptions with the vault."""
        self._database = database
        self._vault = vault

    async def subscribe(self, name: str, url: str, secret: str, natures: Sequence[str], *, from_start: bool = False) -> UUID:
        """Hand over to an address from now on, or everything since the beginning."""
        subscription_id = uuid4()
        async with self._database.write() as connection:
            head = (await connection.execute(select(func.max(tables.event.c.position)))).scalar() or 0
            await connection.execute(
                insert(tables.subscription).values(
                    id=subscription_id,
                    name=name,
                    url=url,
                    natures=" ".join(natures),
                    types="",
                    channels="",
                    kinds="",
                    status="active",
                    plain=True,
                    batch=1,
                    addressed=0,
                    delivered=0,
                    failures=0,
                    sealed_secret=self._vault.wrap(secret.encode(), subscription_id.bytes),
                    position=0 if from_start else head,
                    created_at=self._database.clock.now(),
                )
            )
        self._database.events.fire()
        return subscription_id

    async def all(self) -> list[dict[str, Any]]:
        """List the subscriptions with what they are owed."""
        counted = select(DELIVERY.subscription_id, DELIVERY.state, func.count()).group_by(
            DELIVERY.subscription_id, DELIVERY.state
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(select(tables.subscription).order_by(SUBSCRIPTION.created_at))).mappings().all()
            counts = {(row[0], row[1]): row[2] for row in await connection.execute(counted)}
        hidden = {"sealed_secret", "sealed_former_secret"}
        return [
            {name: value for name, value in row.items() if name not in hidden}
            | {state: counts.get((row["id"], state), 0) for state in ("pending", "delivered", "dead")}
            for row in rows
        ]

    async def disable(self, subscription_id: UUID, reason: str) -> None:
        """Hand over nothing more to a subscription that said it is gone; what it is owed stays pending."""
        async with self._database.write() as connection:
            noted = {"status": "disabled", "last_error": reason, "last_error_at": self._database.clock.now()}
            await connection.execute(update(tables.subscription).where(SUBSCRIPTION.id == subscription_id).values(**noted))
