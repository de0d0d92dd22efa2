"""The hand-over of one database without the rest of the gateway: events are written as they are, and dispatched from here."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from sqlalchemy import func, insert, select, text, update

from services.intake_api.handover.dispatcher import Dispatcher
from services.intake_api.handover.sink import Sink
from services.intake_api.handover.webhook import Webhook
from services.intake_api.store import tables
from services.intake_api.store.deliveries import Deliveries, Patience
from services.intake_api.store.engine import FEED_LOCK, Database
from services.intake_api.store.migrate import migrate
from services.intake_api.store.vault import Keys, Vault
from services.kit.clock import Clock, SystemClock

SECRET = "whsec_b250aGFhbC10ZXN0LXNlY3JldC0wMDAwMDAwMQ=="
KEYS = Keys.make()


def event(contact: UUID, version: int = 1, *, what: str = "registered", **columns: Any) -> dict[str, Any]:
    """Give the row of an event."""
    event_id = uuid4()
    kind = f"be.vlaanderen.meldpunt.onthaal.v1.contacts.notify.{what}"
    payload = {"specversion": "1.0", "id": str(event_id), "type": kind, "subject": str(contact), "data": {"version": version}}
    row = {"id": event_id, "contact_id": contact, "version": version, "type": what, "natures": "person", "channel": "telefoon"}
    return row | {"kinds": "melding", "occurred_at": datetime.now(UTC), "payload": json.dumps(payload)} | columns


@dataclass
class HandOver:
    """A database, and what it hands over."""

    url: str
    patience: Patience = field(default_factory=Patience)
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        """Connect."""
        self.vault = Vault(KEYS)
        self.database = Database(self.url, self.clock)
        self.deliveries = Deliveries(self.database, self.vault, self.patience)

    async def subscribe(self, url: str, *, secret: str = SECRET, former: str | None = None, **columns: Any) -> UUID:
        """Subscribe an address to everything, from the beginning of the feed."""
        subscription_id = uuid4()
        filters = {"natures": "person machine spam nonContact", "types": "", "channels": "", "kinds": ""}
        counts = dict.fromkeys(("addressed", "delivered", "failures", "position"), 0)
        row = (
            {"id": subscription_id, "name": "test", "url": url, "status": "active", "plain": True, "batch": 1} | filters | counts
        )
        row["sealed_secret"] = self.vault.wrap(secret.encode(), subscription_id.bytes)
        row["sealed_former_secret"] = self.vault.wrap(former.encode(), subscription_id.bytes) if former else None
        async with self.database.write() as connection:
            await connection.execute(insert(tables.subscription).values(**row, created_at=self.clock.now()).values(**columns))
        self.database.events.fire()
        return subscription_id

    async def tell(self, *events: Mapping[str, Any]) -> None:
        """Write events, as everything that changes a contact does."""
        async with self.database.write() as connection:
            if self.database.on_sqlite:
                await connection.execute(insert(tables.event), list(events))
            else:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": FEED_LOCK})
                rows = [
                    {**row, "position": await connection.scalar(select(tables.event_position.next_value()))} for row in events
                ]
                await connection.execute(insert(tables.event), rows)
        self.database.events.fire()

    async def subscription(self, subscription_id: UUID) -> dict[str, Any]:
        """Read a subscription's row, with how many of its deliveries are in each state, and its claims."""
        mine, claims = tables.delivery.c.subscription_id == subscription_id, tables.claim.c.subscription_id == subscription_id
        async with self.database.read() as connection:
            query = select(tables.subscription).where(tables.subscription.c.id == subscription_id)
            row = (await connection.execute(query)).mappings().one()
            states = select(tables.delivery.c.state, func.count().label("number")).where(mine).group_by(tables.delivery.c.state)
            counted = {one.state: one.number for one in await connection.execute(states)}
            held = (await connection.execute(select(tables.claim).where(claims))).mappings().all()
        none = {"pending": 0, "dead": 0}
        return dict(row) | none | {name: count for name, count in counted.items() if name != "delivered"} | {"claims": held}

    async def change(self, subscription_id: UUID, **columns: Any) -> None:
        """Change a subscription's row, as its owner does."""
        async with self.database.write() as connection:
            changed = update(tables.subscription).where(tables.subscription.c.id == subscription_id)
            await connection.execute(changed.values(**columns))
        self.database.events.fire()

    @asynccontextmanager
    async def dispatching(self, timeout: float = 2, drain: float = 5, **sinks: Sink) -> AsyncIterator[None]:
        """Dispatch for the length of a block; other sinks than for http go by their scheme."""
        webhook = Webhook(self.clock, aiohttp.ClientTimeout(total=timeout))
        running = asyncio.create_task(Dispatcher(self.deliveries, {"http": webhook, **sinks}, drain).run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled() and running.exception():
                raise running.exception() or RuntimeError


@asynccontextmanager
async def handing_over(url: str, patience: Patience | None = None, clock: Clock | None = None) -> AsyncIterator[HandOver]:
    """Hand over from a database, whose tables are made, for the length of a block."""
    made = HandOver(url, patience or Patience(), clock or SystemClock())
    try:
        await migrate(made.database)
        yield made
    finally:
        await made.database.close()


async def until(true: Any, patience_s: float = 20) -> None:
    """Wait until a question, which may have to be awaited, is answered with yes."""
    async with asyncio.timeout(patience_s):
        while True:
            answer = true()
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            await asyncio.sleep(0.02)


def contacts(count: int) -> Sequence[UUID]:
    """Make ids of contacts."""
    return [uuid4() for _ in range(count)]
