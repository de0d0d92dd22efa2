"""Writes down what became of claimed contacts, many in one transaction, and how the subscription is doing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.among import among
from services.intake_api.store.claiming import Claimed
from services.intake_api.store.patience import Patience

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
CLAIM = tables.claim.c


@dataclass(frozen=True)
class Later:
    """An event that was not taken and is tried again. `is_one` of the contacts of a failed post stands for the post.

    For `rest` the subscriber asks to be left alone altogether.
    """

    position: int
    reason: str
    retry_after: timedelta = timedelta()
    rest: timedelta = timedelta()
    is_one: bool = True


@dataclass(slots=True)
class Served:
    """What became of a claimed contact: events that were taken, that never will be, and the one that it stopped at."""

    claimed: Claimed
    delivered: tuple[int, ...] = ()
    dead: tuple[tuple[int, str], ...] = ()
    later: Later | None = None
    gone: str | None = None

    @property
    def was_answered(self) -> bool:
        """Whether the subscriber judged an event."""
        return bool(self.delivered or self.dead)


@dataclass(frozen=True)
class Health:
    """How a subscription is doing: failures in a row, since when, and until when it is left alone."""

    failures: int
    failing_since: datetime | None
    held_until: datetime | None


@dataclass(frozen=True)
class Settled:
    """How the subscription is doing now, and whether contacts that were given free are owed more."""

    health: Health
    more: bool


REMOVED = Settled(Health(0, None, None), more=False)
"""Of a subscription that was removed meanwhile nothing is kept."""


class Settlement:
    """One transaction that settles contacts of one subscription."""

    def __init__(self, connection: AsyncConnection, subscription: Mapping[str, Any], patience: Patience, now: datetime) -> None:
        """Settle for a subscription whose row is locked."""
        self._connection = connection
        self._id: UUID = subscription["id"]
        self._patience = patience
        self._now = now
        self._health = Health(subscription["failures"], subscription["failing_since"], subscription["held_until"])
        # what was asked for is not over because a post that was under way was taken
        asked = None if patience.is_broken(self._health.failures) else self._health.held_until
        self._rest_until = asked if asked and asked > now else None
        self._error: str | None = None
        self._gone = False
        self._given_up: set[UUID] = set()
        self._furthest: int | None = None

    async def settle(self, served: Sequence[Served]) -> Settled:
        """Write everything down. A claim that another holds by now is left alone; what was delivered stays delivered."""
        mine = await self._held(served)
        for one in served:
            await self._judge(one, one.claimed.contact_id in mine)
        delivered = await self._deliver([position for one in served for position in one.delivered])
        self._rest()
        done = [one for one in served if not one.later or one.claimed.contact_id in self._given_up]
        more = await self._free([one for one in done if one.claimed.contact_id in mine])
        await self._note(delivered)
        return Settled(self._health, more)

    async def _held(self, served: Sequence[Served]) -> set[UUID]:
        holders = {one.claimed.contact_id: one.claimed.lease.holder for one in served}
        query = (
            select(CLAIM.contact_id, CLAIM.holder)
            .where(CLAIM.subscription_id == self._id, among(self._connection, CLAIM.contact_id, holders))
            .order_by(CLAIM.contact_id)
            .with_for_update()
        )
        rows = await self._connection.execute(query)
        return {row.contact_id for row in rows if row.holder == holders[row.contact_id]}

    async def _judge(self, one: Served, mine: bool) -> None:
        if one.was_answered:
            self._health = Health(0, None, None)
        for position, reason in one.dead:
            await self._try(position, reason, dead=True)
        if one.gone:
            self._error, self._gone = one.gone, True
        if one.later:
            await self._fail(one, one.later, mine)

    async def _fail(self, one: Served, later: Later, mine: bool) -> None:
        attempts = 0 if one.was_answered else one.claimed.attempts
        climbs = await self._climbs(attempts)
        dead = mine and climbs and self._patience.is_used_up(attempts)
        await self._try(later.position, later.reason, dead=dead)
        if later.is_one:
            self._count_failure()
        if later.rest:
            rest_until = self._now + later.rest * self._patience.pace
            self._rest_until = max(rest_until, self._rest_until or rest_until)
        if dead:
            self._given_up.add(one.claimed.contact_id)
        elif mine:
            wait = self._patience.wait(attempts if climbs else 0, later.retry_after)
            await self._release([one.claimed.contact_id], attempts=attempts + int(climbs), due_at=self._now + wait)

    async def _climbs(self, attempts: int) -> bool:
        """Say whether a failure counts against the event: while the subscription is broken, only against the furthest one.

        So a mistake at the receiver, however long it lasts, brings one contact at a time to the end of the ladder, not all.
        """
        if not self._patience.is_broken(self._health.failures):
            return True
        if self._furthest is None:
            query = select(func.max(CLAIM.attempts)).where(CLAIM.subscription_id == self._id)
            self._furthest = (await self._connection.execute(query)).scalar() or 0
        return attempts >= self._furthest

    def _count_failure(self) -> None:
        failures = self._health.failures + 1
        broken = self._patience.is_broken(failures)
        held_until = self._now + self._patience.hold(failures) if broken else None
        self._health = Health(failures, self._health.failing_since or self._now, held_until)

    def _rest(self) -> None:
        """Leave the subscription alone until the later of what its breaker says and what it asked for."""
        moments = [moment for moment in (self._health.held_until, self._rest_until) if moment]
        self._health = replace(self._health, held_until=max(moments, default=None))

    async def _try(self, position: int, reason: str, *, dead: bool) -> None:
        self._error = reason
        tried = update(tables.delivery).where(
            DELIVERY.subscription_id == self._id, DELIVERY.position == position, DELIVERY.state == "pending"
        )
        fate: dict[str, Any] = {"state": "dead", "settled_at": self._now} if dead else {}
        await self._connection.execute(tried.values(attempts=DELIVERY.attempts + 1, reason=reason, **fate))

    async def _deliver(self, positions: Collection[int]) -> int:
        if not positions:
            return 0
        delivered = update(tables.delivery).where(
            DELIVERY.subscription_id == self._id,
            among(self._connection, DELIVERY.position, positions),
            DELIVERY.state == "pending",
        )
        values = {"state": "delivered", "reason": None, "settled_at": self._now, "attempts": DELIVERY.attempts + 1}
        return (await self._connection.execute(delivered.values(**values))).rowcount

    async def _free(self, served: Sequence[Served]) -> bool:
        """Free the claims of contacts that are owed no more; the others may be taken again at once."""
        contacts = {one.claimed.contact_id for one in served}
        if not contacts:
            return False
        # the claims are locked: whoever spreads more to these contacts waits until this is committed, and then claims them anew
        pending = select(DELIVERY.contact_id).where(
            DELIVERY.subscription_id == self._id,
            among(self._connection, DELIVERY.contact_id, contacts),
            DELIVERY.state == "pending",
        )
        owed = set((await self._connection.execute(pending)).scalars())
        await self._connection.execute(delete(tables.claim).where(*self._claims(contacts - owed)))
        untouched = {one.claimed.contact_id for one in served if not one.was_answered} - self._given_up
        await self._release(owed & untouched)
        await self._release(owed - untouched, attempts=0)
        return bool(owed)

    def _claims(self, contacts: Collection[UUID]) -> tuple[ColumnElement[bool], ...]:
        return CLAIM.subscription_id == self._id, among(self._connection, CLAIM.contact_id, contacts)

    async def _release(self, contacts: Collection[UUID], **values: Any) -> None:
        if contacts:
            released = update(tables.claim).where(*self._claims(contacts))
            await self._connection.execute(released.values(holder=None, lease_until=None, **values))

    async def _note(self, delivered: int) -> None:
        values: dict[str, Any] = {
            "delivered": SUBSCRIPTION.delivered + delivered,
            "failures": self._health.failures,
            "failing_since": self._health.failing_since,
            "held_until": self._health.held_until,
        }
        if self._error:
            values |= {"last_error": self._error, "last_error_at": self._now}
        if self._gone:
            values["status"] = "disabled"
        await self._connection.execute(update(tables.subscription).where(SUBSCRIPTION.id == self._id).values(**values))
