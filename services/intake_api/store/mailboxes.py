"""Mailboxes: what is held of each under its numbers, who may read it, and what its reader saw."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.mail import MailboxReport, MailboxState, MailOutcome
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.taken import adding

BOX = tables.mailbox.c
PLACE = tables.mail_place.c
NUMBERING = tables.mailbox_numbering.c
COUNT = tables.mail_count.c

LEASE: Final = timedelta(seconds=60)
"""How long a reader may read without a report: when it is gone, another one reads."""


@dataclass(frozen=True)
class Numbering:
    """How a mailbox is numbered: since when it is known, and whether it was numbered in another way before."""

    first_seen_at: datetime
    anew: bool


class Mailboxes:
    """The mailboxes of a database."""

    def __init__(self, database: Database, lease: timedelta = LEASE) -> None:
        """Keep what readers see."""
        self._database = database
        self._lease = lease
        self._numberings: dict[tuple[str, int], Numbering] = {}

    async def numbering(self, name: str, uid_validity: int) -> Numbering:
        """Say how a mailbox is numbered; neither answer ever changes once a number was seen."""
        key = name, uid_validity
        if key not in self._numberings:
            async with self._database.write() as connection:
                now = self._database.clock.now()
                row = await self._seen(connection, name, now, uid_validity)
                since = await connection.scalar(
                    select(NUMBERING.since).where(NUMBERING.mailbox == name, NUMBERING.uid_validity == uid_validity)
                )
                others = select(NUMBERING.uid_validity).where(NUMBERING.mailbox == name, NUMBERING.uid_validity != uid_validity)
                earlier = (await connection.execute(others.where(NUMBERING.since <= since).limit(1))).first()
            self._numberings[key] = Numbering(row["first_seen_at"], earlier is not None)
        return self._numberings[key]

    async def state(self, name: str, uid_validity: int) -> MailboxState:
        """Say what is held under a numbering. A mailbox is known from the first time that it is asked for."""
        await self.numbering(name, uid_validity)
        async with self._database.read() as connection:
            row = (await connection.execute(select(tables.mailbox).where(BOX.name == name))).mappings().one()
            return MailboxState(
                name=name,
                first_seen_at=row["first_seen_at"],
                uid_validity=uid_validity,
                held=await self._held(connection, name, uid_validity),
                outcomes=await self._outcomes(connection, name),
                last_read_at=row["last_read_at"],
            )

    async def report(self, name: str, report: MailboxReport) -> MailboxState:
        """Keep what a reader saw, and its lease; the report of one that may not read changes nothing."""
        async with self._database.write() as connection:
            row = await self._seen(connection, name, self._database.clock.now(), report.uid_validity)
            now = await self._database.now(connection)  # once it has the row: whoever had it before took a later lease
            may_read = self._may_read(row, report.reader, now)
            if may_read:
                values = self._values(row, report, now)
                row.update(values)
                await connection.execute(update(tables.mailbox).where(BOX.name == name).values(**values))
            return MailboxState(
                name=name,
                first_seen_at=row["first_seen_at"],
                uid_validity=report.uid_validity,
                outcomes=await self._outcomes(connection, name),
                may_read=may_read,
                last_read_at=row["last_read_at"],
            )

    def _may_read(self, row: dict[str, Any], reader: UUID, now: datetime) -> bool:
        until = row["lease_until"]
        # a lease that ends later than any can was given by a clock that has been set back since
        return row["reader"] in (None, reader) or until is None or not now < until <= now + self._lease

    def _values(self, row: dict[str, Any], report: MailboxReport, now: datetime) -> dict[str, Any]:
        lease = (
            {"reader": None, "lease_until": None} if report.last else {"reader": report.reader, "lease_until": now + self._lease}
        )
        if report.error is not None:
            return {**lease, "error": report.error}
        return {
            **lease,
            "error": None,
            "last_read_at": now,
            "present": report.present,
            "before_import": report.before_import,
            "missing": report.missing,
            "missing_since": (row["missing_since"] or now) if report.missing else None,
        }

    async def _seen(self, connection: AsyncConnection, name: str, now: datetime, uid_validity: int | None) -> dict[str, Any]:
        """Give the row of a mailbox, locked; it begins when it is first heard of, as does each numbering."""
        box = {"name": name, "first_seen_at": now, "present": 0, "before_import": 0, "missing": 0}
        await connection.execute(adding(self._database, tables.mailbox).values(**box).on_conflict_do_nothing())
        if uid_validity is not None:
            numbering = {"mailbox": name, "uid_validity": uid_validity, "since": now}
            await connection.execute(
                adding(self._database, tables.mailbox_numbering).values(**numbering).on_conflict_do_nothing()
            )
        found = await connection.execute(select(tables.mailbox).where(BOX.name == name).with_for_update())
        return dict(found.mappings().one())

    async def _held(self, connection: AsyncConnection, name: str, uid_validity: int) -> str:
        """Read the numbers as runs: a gap in them begins another difference to their rank."""
        run = (PLACE.uid - func.row_number().over(order_by=PLACE.uid)).label("run")
        numbers = select(PLACE.uid, run).where(PLACE.mailbox == name, PLACE.uid_validity == uid_validity).subquery()
        runs = select(func.min(numbers.c.uid), func.max(numbers.c.uid)).group_by(numbers.c.run).order_by(func.min(numbers.c.uid))
        return sequence_set((int(first), int(last)) for first, last in (await connection.execute(runs)).all())

    async def _outcomes(self, connection: AsyncConnection, name: str) -> dict[MailOutcome, int]:
        query = select(COUNT.outcome, COUNT.count).where(COUNT.mailbox == name)
        return {MailOutcome(row.outcome): row[1] for row in (await connection.execute(query)).all()}


def sequence_set(runs: Iterable[tuple[int, int]]) -> str:
    """Write runs of numbers as an IMAP sequence set (RFC 3501 §9): `1:4,7`."""
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)
