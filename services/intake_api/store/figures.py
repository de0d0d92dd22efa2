"""How the database stands: what is owed, what waits, what does not add up. Reads partial indexes, whatever the past holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.reconciliation import difference
from services.intake_api.store.states import DEAD, DELIVERED, PENDING
from services.intake_api.store.subscriptions import REMOVED

SUBSCRIPTION = tables.subscription.c
DELIVERY = tables.delivery.c
EVENT = tables.event.c
ITEM = tables.work_item.c
BOX = tables.mailbox.c
TAKEN = tables.mail_count.c
OUTGOING = tables.outgoing.c

MOST = 1000
"""How far unfetched deliveries are counted: more is as bad."""


@dataclass(frozen=True)
class Owed:
    """A subscription and what it is owed. `pending` includes the events it has not been addressed yet."""

    id: UUID
    status: str
    pending: int
    oldest: datetime | None
    dead: int
    failures: int
    held_until: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    difference: int


@dataclass(frozen=True)
class Waiting:
    """How many there are, and since when the oldest waits."""

    count: int
    since: datetime | None


@dataclass(frozen=True)
class Mailbox:
    """A mailbox, as its reader last reported on it."""

    name: str
    first_seen_at: datetime
    last_read_at: datetime | None
    missing: int
    missing_since: datetime | None
    error: str | None


@dataclass(frozen=True)
class Mails:
    """What came in by mail, and what is to go out: mails taken in by mailbox and outcome, mails of ours that are not sent."""

    mailboxes: tuple[Mailbox, ...] = ()
    taken: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unsent: Mapping[str, Waiting] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """How the database stands."""

    owed: tuple[Owed, ...]
    work: Mapping[str, Waiting]
    unfetched: Waiting
    mails: Mails = field(default_factory=Mails)


class Figures:
    """Figures of a database."""

    def __init__(self, database: Database) -> None:
        """Count in a database."""
        self._database = database

    async def read(self, fetched_within: timedelta) -> Standing:
        """Count once; what was delivered longer ago than `fetched_within` should have been fetched.

        Raises:
            ServiceUnavailable: the database cannot be reached.

        """
        before = self._database.clock.now() - fetched_within
        async with self._database.read() as connection:
            owed = [await self._owed(connection, row) for row in (await connection.execute(_subscriptions())).all()]
            work = (await connection.execute(_work())).all()
            unfetched = (await connection.execute(_unfetched(before))).one()
            mails = await self._mails(connection)
        work_by_reason = {row.reason: Waiting(row.total, row.since) for row in work}
        return Standing(tuple(owed), work_by_reason, Waiting(*unfetched), mails)

    async def _mails(self, connection: AsyncConnection) -> Mails:
        boxes = (await connection.execute(_mailboxes())).all()
        taken = (await connection.execute(select(TAKEN.mailbox, TAKEN.outcome, TAKEN.count.label("total")))).all()
        unsent = (await connection.execute(_unsent())).all()
        return Mails(
            mailboxes=tuple(Mailbox(*box) for box in boxes),
            taken={(row.mailbox, row.outcome): row.total for row in taken},
            unsent={row.status: Waiting(row.total, row.since) for row in unsent},
        )

    async def _owed(self, connection: AsyncConnection, row: Any) -> Owed:
        active = row.status == "active"
        next_unread = select(func.min(EVENT.position)).where(EVENT.position > row.position) if active else None
        first = row.first_pending
        if first is None and next_unread is not None:
            first = await connection.scalar(next_unread)
        oldest = await connection.scalar(select(EVENT.occurred_at).where(EVENT.position == first)) if first else None
        unread = max(0, (row.newest or 0) - row.position) if active else 0
        return Owed(
            id=row.id,
            status=row.status,
            pending=row.pending + unread,
            oldest=oldest,
            dead=row.dead,
            failures=row.failures,
            held_until=row.held_until,
            last_error=row.last_error,
            last_error_at=row.last_error_at,
            difference=difference(row.difference, row.missing),
        )


def _subscriptions() -> Any:
    """Read each subscription with its counts in one statement, so that they are of one moment."""
    mine = DELIVERY.subscription_id == SUBSCRIPTION.id
    counts = {
        "pending": select(func.count()).where(mine, DELIVERY.state == PENDING),
        "first_pending": select(func.min(DELIVERY.position)).where(mine, DELIVERY.state == PENDING),
        "dead": select(func.count()).where(mine, DELIVERY.state == DEAD),
        "newest": select(func.max(EVENT.position)),
    }
    query = select(
        SUBSCRIPTION.id,
        SUBSCRIPTION.status,
        SUBSCRIPTION.position,
        SUBSCRIPTION.difference,
        SUBSCRIPTION.missing,
        SUBSCRIPTION.failures,
        SUBSCRIPTION.held_until,
        SUBSCRIPTION.last_error,
        SUBSCRIPTION.last_error_at,
        *(count.scalar_subquery().label(name) for name, count in counts.items()),
    )
    return query.where(SUBSCRIPTION.status != REMOVED).order_by(SUBSCRIPTION.created_at)


def _work() -> Any:
    columns = ITEM.reason, func.count().label("total"), func.min(ITEM.since).label("since")
    return select(*columns).where(ITEM.finished_at.is_(None)).group_by(ITEM.reason)


def _mailboxes() -> Any:
    columns = BOX.name, BOX.first_seen_at, BOX.last_read_at, BOX.missing, BOX.missing_since, BOX.error
    return select(*columns).order_by(BOX.name)


def _unsent() -> Any:
    columns = OUTGOING.status, func.count().label("total"), func.min(OUTGOING.created_at).label("since")
    return select(*columns).where(OUTGOING.status != literal_column("'sent'")).group_by(OUTGOING.status)


def _unfetched(before: datetime) -> Any:
    late = (
        select(DELIVERY.settled_at)
        .where(DELIVERY.state == DELIVERED, DELIVERY.fetched_at.is_(None), DELIVERY.settled_at < before)
        .order_by(DELIVERY.settled_at)
        .limit(MOST)
        .subquery()
    )
    return select(func.count(), func.min(late.c.settled_at)).select_from(late)
