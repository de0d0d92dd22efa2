"""What a caller sees and steers of the hand-over, with their rights checked. Part of the reception."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from onthaal_schema.handover import (
    DeadLetter,
    DeadLetterFilter,
    DeadLetterPage,
    Redriven,
    Replay,
    SecretRotation,
    SubscriptionChange,
    SubscriptionMade,
    SubscriptionRequest,
    SubscriptionSecret,
    SubscriptionState,
)
from services.intake_api.caller import Caller
from services.intake_api.store.dead_letters import DeadLetters, Which
from services.intake_api.store.replays import Replays
from services.intake_api.subscriptions import Subscriptions

SUBSCRIBE = "subscriptions:write"


@dataclass(frozen=True)
class Steering:
    """The use cases of the hand-over. Each takes the caller first and checks what they may do."""

    made: Subscriptions
    letters: DeadLetters
    replays: Replays

    async def subscriptions(self, caller: Caller) -> Sequence[SubscriptionState]:
        """List subscriptions."""
        caller.require(SUBSCRIBE, "handover:read")
        return await self.made.all()

    async def subscription(self, caller: Caller, subscription_id: UUID) -> SubscriptionState:
        """Show a subscription."""
        caller.require(SUBSCRIBE, "handover:read")
        return await self.made.one(subscription_id)

    async def subscribe(self, caller: Caller, wanted: SubscriptionRequest) -> SubscriptionMade:
        """Make a subscription."""
        caller.require(SUBSCRIBE)
        return (await self.made.make(wanted)).shown()

    async def change(self, caller: Caller, subscription_id: UUID, change: SubscriptionChange) -> SubscriptionState:
        """Change a subscription."""
        caller.require(SUBSCRIBE)
        return await self.made.change(subscription_id, change)

    async def delete(self, caller: Caller, subscription_id: UUID) -> None:
        """Delete a subscription."""
        caller.require(SUBSCRIBE)
        await self.made.delete(subscription_id)

    async def pause(self, caller: Caller, subscription_id: UUID) -> SubscriptionState:
        """Pause a subscription."""
        caller.require(SUBSCRIBE)
        return await self.made.pause(subscription_id)

    async def resume(self, caller: Caller, subscription_id: UUID) -> SubscriptionState:
        """Resume a subscription."""
        caller.require(SUBSCRIBE)
        return await self.made.resume(subscription_id)

    async def verify(self, caller: Caller, subscription_id: UUID) -> SubscriptionState:
        """Ask a receiver again."""
        caller.require(SUBSCRIBE)
        return await self.made.verify(subscription_id)

    async def rotate(self, caller: Caller, subscription_id: UUID, rotation: SecretRotation) -> SubscriptionSecret:
        """Give a subscription another secret."""
        caller.require(SUBSCRIBE)
        return await self.made.rotate(subscription_id, timedelta(hours=rotation.keep_former_hours))

    async def replay(self, caller: Caller, subscription_id: UUID, replay: Replay) -> SubscriptionState:
        """Deliver everything since a moment again; the work is done after the answer."""
        caller.require("handover:write", SUBSCRIBE)
        await self.replays.ask(subscription_id, replay.since)
        return await self.made.one(subscription_id)

    async def dead_letters(self, caller: Caller, which: DeadLetterFilter, page_size: int, before: str | None) -> DeadLetterPage:
        """List dead letters."""
        caller.require("handover:read", SUBSCRIBE)
        page = await self.letters.dead(_which(which), page_size, before)
        items = tuple(DeadLetter.model_validate(row) for row in page.rows)
        return DeadLetterPage(items=items, total=page.total, next=page.following)

    async def redrive(self, caller: Caller, which: DeadLetterFilter) -> Redriven:
        """Deliver dead letters again."""
        caller.require("handover:write", SUBSCRIBE)
        return Redriven(count=await self.letters.redrive(_which(which)))


def _which(asked: DeadLetterFilter) -> Which:
    return Which(asked.event_ids, asked.subscription_id, asked.reason, asked.since, asked.until)
