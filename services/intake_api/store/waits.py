"""How long visitors of the chat waited, by month: conversations stay when their contacts are erased, and tell nobody who it was."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time
from statistics import quantiles
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select

from onthaal_schema.conversation import Waits
from services.intake_api.store import tables
from services.intake_api.store.engine import Database

BRUSSELS: Final = ZoneInfo("Europe/Brussels")


class Waiting:
    """The waits of a database."""

    def __init__(self, database: Database) -> None:
        """Count in a database."""
        self._database = database

    async def by_month(self, since: date | None = None, until: date | None = None) -> Sequence[Waits]:
        """Give the months from one day until another (Europe/Brussels), which is left out."""
        kept = tables.conversation.c
        query = select(kept.started_at, kept.waited_seconds, kept.abandoned).where(kept.waited_seconds.is_not(None))
        if since:
            query = query.where(kept.started_at >= _midnight(since))
        if until:
            query = query.where(kept.started_at < _midnight(until))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        months = defaultdict[str, list[tuple[int, bool]]](list)
        for row in rows:
            months[f"{row.started_at.astimezone(BRUSSELS):%Y-%m}"].append((row.waited_seconds, bool(row.abandoned)))
        return [_waits(month, held) for month, held in sorted(months.items())]


def _waits(month: str, held: Sequence[tuple[int, bool]]) -> Waits:
    seconds = [waited for waited, _ in held]
    tenths = quantiles(seconds, n=10, method="inclusive") if len(seconds) > 1 else seconds * 9
    return Waits(
        month=month,
        conversations=len(held),
        abandoned=sum(abandoned for _, abandoned in held),
        median_seconds=round(tenths[4]),
        percentile90_seconds=round(tenths[8]),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, BRUSSELS)
