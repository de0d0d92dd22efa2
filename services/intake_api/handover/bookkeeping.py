"""What the hand-over does beside delivering: goes on with replays, clears up after deleted subscriptions, reconciles."""

import asyncio
from dataclasses import dataclass

from services.intake_api.store.reconciliation import Reconciliation
from services.intake_api.store.replays import Replays
from services.intake_api.store.subscriptions import SubscriptionStore

REST = 1.0
BREATH = 0.05
"""Seconds between two stretches, so that the intake goes first."""


@dataclass(frozen=True)
class Bookkeeping:
    """The worker. Any number may run: each step checks that nobody did it meanwhile."""

    subscriptions: SubscriptionStore
    replays: Replays
    reconciliation: Reconciliation

    async def run(self) -> None:
        """Keep the books until cancelled."""
        while True:
            more = await self._step()
            await asyncio.sleep(BREATH if more else REST)

    async def _step(self) -> bool:
        replaying = await self.replays.asked()
        for subscription_id in replaying:
            await self.replays.go_on(subscription_id)
        swept = await self.subscriptions.sweep()
        more = await self.reconciliation.look()
        return bool(replaying or swept or more)
