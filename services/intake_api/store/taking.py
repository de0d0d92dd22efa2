"""Takes what a subscription is owed: claims what is due, and spreads what it has not read yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.claiming import Claimed, Lease, claim_due, with_events
from services.intake_api.store.pace import Pace
from services.intake_api.store.patience import LONGEST_REST, Patience
from services.intake_api.store.spreading import spread

SPREAD = 1000
"""How many events are spread at a time when they cannot be delivered now."""
SERIES = 10
"""How many events of one contact are taken at a time."""


@dataclass(frozen=True)
class Taking:
    """One transaction that takes for a subscription whose row is locked."""

    connection: AsyncConnection
    subscription: Mapping[str, Any]
    patience: Patience
    now: datetime

    async def take(self, limit: int) -> tuple[Sequence[Claimed], bool]:
        """Give claimed contacts, and say whether there is more to take at once."""
        lease = Lease.begin(uuid4(), self.patience)
        wanted = self._wanted(limit)
        contacts, more = await (self._freely(limit, lease) if wanted == limit else self._sparingly(wanted, lease))
        series = SERIES if wanted == limit else 1
        claimed = await with_events(self.connection, self._id, contacts, lease, series)
        if claimed:
            await self._hold_back(len(claimed))
        return claimed, more

    @property
    def _id(self) -> UUID:
        return self.subscription["id"]  # type: ignore[no-any-return]

    @property
    def _broken(self) -> bool:
        return self.patience.is_broken(self.subscription["failures"])

    def _wanted(self, limit: int) -> int:
        """Say how many contacts may be taken: none while it rests; of a broken subscription one, as a probe, once its time has come."""
        held_until = self.subscription["held_until"]
        if held_until and self.now < held_until <= self.now + 2 * max(self.patience.longest_hold, LONGEST_REST):
            return 0
        return Pace.of(self.subscription, self.now).contacts(1 if self._broken else limit, self.now)

    async def _freely(self, limit: int, lease: Lease) -> tuple[dict[UUID, int], bool]:
        """Claim what is due, then what is read only now, which is held as soon as it is spread."""
        due = await claim_due(self.connection, self._id, limit, lease, self.now, self.patience)
        if len(due) == limit:
            return due, True
        until = self.now + self.patience.lease
        read = await spread(self.connection, self.subscription, limit - len(due), lease, until)
        return due | dict.fromkeys(read.claimed, 0), read.more

    async def _sparingly(self, wanted: int, lease: Lease) -> tuple[dict[UUID, int], bool]:
        """Spread to let it be seen what is owed, and claim the few that may be posted."""
        read = await spread(self.connection, self.subscription, SPREAD)
        due = await claim_due(self.connection, self._id, wanted, lease, self.now, self.patience) if wanted else {}
        return due, read.more

    async def _hold_back(self, contacts: int) -> None:
        """Keep the next probe, and the next post of a subscription with a pace, from whoever takes next."""
        paced_until = Pace.of(self.subscription, self.now).after(contacts)
        values: dict[str, Any] = {"paced_until": paced_until} if paced_until else {}
        if self._broken:
            values["held_until"] = self.now + self.patience.hold(self.subscription["failures"])
        if values:
            held = update(tables.subscription).where(tables.subscription.c.id == self._id)
            await self.connection.execute(held.values(**values))
