"""Alarms as they are kept: a restart neither repeats nor forgets one, and of several nodes one tells it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from services.intake_api.store import tables
from services.intake_api.store.engine import Database

ALARM = tables.alarm.c

HOLD = timedelta(minutes=2)
"""How long one node has for telling an alarm; when it dies meanwhile, another one tells it."""


@dataclass(frozen=True)
class KeptAlarm:
    """An alarm that was raised: since when, when it was last told, and until when somebody is telling it."""

    name: str
    since: datetime
    told_at: datetime | None
    held_until: datetime | None


class KeptAlarms:
    """Alarms of a database."""

    def __init__(self, database: Database) -> None:
        """Keep them in a database."""
        self._database = database

    async def all(self) -> list[KeptAlarm]:
        """Give the alarms that were raised and not settled."""
        query = select(ALARM.name, ALARM.since, ALARM.told_at, ALARM.held_until).order_by(ALARM.name)
        async with self._database.read() as connection:
            return [KeptAlarm(*row) for row in await connection.execute(query)]

    async def keep(self, name: str, since: datetime) -> None:
        """Keep a new alarm; one that is known stays as it is."""
        dialect = sqlite if self._database.on_sqlite else postgresql
        async with self._database.write() as connection:
            row = {"name": name, "since": since, "told_at": None, "held_until": None}
            await connection.execute(dialect.insert(tables.alarm).values(**row).on_conflict_do_nothing())

    async def hold(self, alarm: KeptAlarm) -> bool:
        """Take it upon this node to tell an alarm; false when another one does, or has."""
        now = self._database.clock.now()
        async with self._database.write() as connection:
            done = await connection.execute(
                update(tables.alarm)
                .where(
                    ALARM.name == alarm.name,
                    ALARM.since == alarm.since,
                    ALARM.told_at.is_(None) if alarm.told_at is None else ALARM.told_at == alarm.told_at,
                    or_(ALARM.held_until.is_(None), ALARM.held_until <= now),
                )
                .values(held_until=now + HOLD)
            )
        return bool(done.rowcount)

    async def told(self, name: str) -> None:
        """Keep that an alarm was told."""
        values = {"told_at": self._database.clock.now(), "held_until": None}
        await self._change(name, **values)

    async def let_go(self, name: str) -> None:
        """Keep that an alarm could not be told: whoever comes next tries again."""
        await self._change(name, held_until=None)

    async def settle(self, name: str) -> None:
        """Forget an alarm that is over."""
        async with self._database.write() as connection:
            await connection.execute(delete(tables.alarm).where(ALARM.name == name))

    async def _change(self, name: str, **values: datetime | None) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(tables.alarm).where(ALARM.name == name).values(**values))
