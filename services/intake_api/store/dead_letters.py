"""Dead letters: events that a subscription will not get unless somebody sends them again.

They are looked up by the index of dead deliveries alone: events have no index by id, since the hot path writes them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.problems import InvalidInput, NotFound
from services.intake_api.store import tables
from services.intake_api.store.claiming import DUE_AT_ONCE
from services.intake_api.store.engine import Database
from services.intake_api.store.states import DEAD

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
CLAIM = tables.claim.c
EVENT = tables.event.c

REDRIVEN = 1000
"""How many are sent again in one transaction."""

Place = tuple[int, UUID]
"""A position in the feed and a subscription: which delivery it is, in the order of the feed."""

KEY = tuple_(DELIVERY.position, DELIVERY.subscription_id)
BEFORE_ALL: Place = (0, UUID(int=0))


@dataclass(frozen=True)
class Which:
    """Dead letters that are meant: all, or those that fit everything that is given."""

    event_ids: Sequence[UUID] = ()
    subscription_id: UUID | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Say it in SQL, over the table of deliveries."""
        meant: list[ColumnElement[bool]] = [DELIVERY.state == DEAD]
        if self.subscription_id:
            meant.append(DELIVERY.subscription_id == self.subscription_id)
        if self.reason:
            meant.append(DELIVERY.reason == self.reason)
        if self.since:
            meant.append(DELIVERY.settled_at >= self.since)
        if self.until:
            meant.append(DELIVERY.settled_at < self.until)
        if self.event_ids:
            event_id = select(EVENT.id).where(EVENT.position == DELIVERY.position).scalar_subquery()
            meant.append(event_id.in_(self.event_ids))
        return meant


@dataclass(frozen=True)
class Listed:
    """A page of dead letters, newest event first; how many there are; and where the next page begins."""

    rows: list[dict[str, Any]]
    total: int
    following: str | None


class DeadLetters:
    """Dead letters of a database."""

    def __init__(self, database: Database) -> None:
        """Read and redrive what is in a database."""
        self._database = database

    async def dead(self, which: Which = Which(), limit: int = 200, before: str | None = None) -> Listed:
        """List dead letters, newest event first.

        Raises:
            InvalidInput: `before` is not the `next` of a page.

        """
        meant = which.conditions()
        page = select(tables.delivery).where(*meant).order_by(DELIVERY.position.desc(), DELIVERY.subscription_id.desc())
        if before:
            page = page.where(tuple_(*_place(before)) > KEY)
        async with self._database.read() as connection:
            total = await connection.execute(select(func.count()).select_from(tables.delivery).where(*meant))
            rows = (await connection.execute(_described(page.limit(limit + 1)))).mappings().all()
            last = rows[limit - 1] if len(rows) > limit else None
            following = f"{last['position']}_{last['subscription_id']}" if last else None
            return Listed([dict(row) for row in rows[:limit]], total.scalar() or 0, following)

    async def redrive(self, which: Which = Which()) -> int:
        """Deliver dead letters again; gives how many. Receivers order by version.

        Raises:
            NotFound: events were named, and none of them is a dead letter.

        """
        count, reached = 0, BEFORE_ALL
        while sent := await self._redrive_some(which, reached):
            count += len(sent)
            reached = max(sent)  # never back: a receiver that refuses at once would be sent the same letters for ever
            self._database.events.fire()
        if which.event_ids and not count:
            raise NotFound("No dead letter has this event id.")
        return count

    async def _redrive_some(self, which: Which, reached: Place) -> list[Place]:
        keys = (
            select(DELIVERY.position, DELIVERY.subscription_id)
            .where(*which.conditions(), tuple_(*reached) < KEY)
            .order_by(DELIVERY.position, DELIVERY.subscription_id)
        )
        again = update(tables.delivery).where(KEY.in_(keys.limit(REDRIVEN)), DELIVERY.state == DEAD)
        async with self._database.write() as connection:
            # subscriptions first, as everything that changes deliveries does it, so that nobody waits in a circle
            theirs = [SUBSCRIPTION.id == which.subscription_id] if which.subscription_id else []
            await connection.execute(
                select(SUBSCRIPTION.id).where(*theirs).order_by(SUBSCRIPTION.id).with_for_update(key_share=True)
            )
            done = await connection.execute(
                again.values(state="pending", settled_at=None, attempts=0).returning(
                    DELIVERY.position, DELIVERY.subscription_id, DELIVERY.contact_id
                )
            )
            sent = done.all()
            await owe_now(connection, self._database, {(row.subscription_id, row.contact_id) for row in sent})
        return [(row.position, row.subscription_id) for row in sent]


async def owe_now(connection: AsyncConnection, database: Database, owed: Iterable[tuple[UUID, UUID]]) -> None:
    """Let contacts be claimed at once, each for a subscription, within a transaction that leaves something pending for each.

    A contact that waits for its next try waits no longer: whoever sends again has a reason.
    """
    insert = (sqlite if database.on_sqlite else postgresql).insert(tables.claim)
    statement = insert.on_conflict_do_update(
        index_elements=["subscription_id", "contact_id"], set_={"attempts": 0, "due_at": DUE_AT_ONCE}
    )
    rows = [
        {"subscription_id": subscription_id, "contact_id": contact_id, "attempts": 0, "due_at": DUE_AT_ONCE}
        for subscription_id, contact_id in sorted(owed)  # all in one order: two who send again do not wait for each other
    ]
    if rows:
        await connection.execute(statement, rows)


def _described(page: Any) -> Any:
    letter = page.subquery().c
    return (
        select(
            letter.subscription_id,
            SUBSCRIPTION.name.label("subscription"),
            letter.position,
            EVENT.id.label("event_id"),
            letter.contact_id,
            tables.contact.c.reference,
            EVENT.type,
            EVENT.version,
            letter.attempts,
            letter.reason,
            letter.settled_at,
        )
        .join(tables.event, EVENT.position == letter.position)
        .join(tables.contact, tables.contact.c.id == letter.contact_id)
        .join(tables.subscription, SUBSCRIPTION.id == letter.subscription_id)
        .order_by(letter.position.desc(), letter.subscription_id.desc())
    )


def _place(before: str) -> Place:
    try:
        position, _, subscription_id = before.partition("_")
        found = int(position), UUID(subscription_id)
    except ValueError:
        found = -1, UUID(int=0)
    if not 0 <= found[0] < 2**63:
        raise InvalidInput.at("before", "Use the `next` of the page before.", in_="query")
    return found
