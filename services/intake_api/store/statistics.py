"""Counts of contacts, kept up from the events after their commit, so that figures outlive the contacts.

Each event is counted once: the position that was counted up to changes in the same transaction as the counts.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.events import ContactEvent, EventType
from services.intake_api.store import tables
from services.intake_api.store.engine import Database

BRUSSELS = ZoneInfo("Europe/Brussels")
READER = "statistics"
BATCH = 1000
COUNT = tables.contact_count


@dataclass(frozen=True)
class Cell:
    """What contacts are counted by. `opening` is `open`, or why not; `sector` is empty when none is known."""

    day: date
    channel: str
    nature: str
    kind: str
    sector: str
    anonymous: bool
    opening: str


DIMENSIONS = ("month", "day", "channel", "nature", "kind", "sector", "anonymous", "opening")


class Statistics:
    """The counts of a database."""

    def __init__(self, database: Database) -> None:
        """Count in a database."""
        self._database = database
        self._insert = (sqlite if database.on_sqlite else postgresql).insert

    async def catch_up(self) -> None:
        """Count every event that was not counted yet."""
        while await self._count_some() == BATCH:
            pass

    async def _count_some(self) -> int:
        async with self._database.write() as connection:
            position = await self._position(connection)
            columns = tables.event.c
            query = select(columns.position, columns.payload).where(columns.position > position).order_by(columns.position)
            rows = (await connection.execute(query.limit(BATCH))).all()
            if rows:
                await self._add(connection, await self._changes(connection, rows))
                await connection.execute(
                    update(tables.reader).where(tables.reader.c.name == READER).values(position=rows[-1].position)
                )
        return len(rows)

    async def _position(self, connection: AsyncConnection) -> int:
        new = self._insert(tables.reader).values(name=READER, position=0).on_conflict_do_nothing()
        await connection.execute(new)
        query = select(tables.reader.c.position).where(tables.reader.c.name == READER).with_for_update()
        return int((await connection.execute(query)).scalar_one())

    async def _changes(self, connection: AsyncConnection, rows: Sequence[Any]) -> Counter[Cell]:
        changes: Counter[Cell] = Counter()
        for row in rows:
            event = ContactEvent.model_validate_json(row.payload)
            if event.type == EventType.ERASED:
                continue
            cell = _cell(event)
            if event.type != EventType.REGISTERED:
                changes[await self._before(connection, event)] -= 1
            changes[cell] += 1
        return changes

    async def _before(self, connection: AsyncConnection, event: ContactEvent) -> Cell:
        columns = tables.event.c
        query = (
            select(columns.payload)
            .where(columns.contact_id == event.subject, columns.version < event.data.version)
            .order_by(columns.version.desc())
            .limit(1)
        )
        return _cell(ContactEvent.model_validate_json((await connection.execute(query)).scalar_one()))

    async def _add(self, connection: AsyncConnection, changes: Counter[Cell]) -> None:
        upsert = self._insert(COUNT)
        key = [field.name for field in fields(Cell)]
        statement = upsert.on_conflict_do_update(index_elements=key, set_={"count": COUNT.c.count + upsert.excluded.count})
        rows = [{**vars(cell), "count": count} for cell, count in changes.items() if count]
        if rows:
            await connection.execute(statement, rows)

    async def table(
        self, by: Sequence[str], since: date | None = None, until: date | None = None, **only: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Give counts by the named dimensions, in their order; `until` is the first day that is left out."""
        columns = [_column(name).label(name) for name in by]
        query = select(*columns, func.sum(COUNT.c.count).label("count")).group_by(*columns).order_by(*columns)
        for name, values in only.items():
            if values:
                query = query.where(_column(name).in_(values))
        if since:
            query = query.where(COUNT.c.day >= since)
        if until:
            query = query.where(COUNT.c.day < until)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings()
            return [_shown(dict(row)) for row in rows if row["count"]]


def _column(name: str) -> Any:
    return func.substr(cast(COUNT.c.day, Text), 1, 7) if name == "month" else COUNT.c[name]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def _cell(event: ContactEvent) -> Cell:
    data = event.data
    return Cell(
        day=data.received_at.astimezone(BRUSSELS).date(),
        channel=data.channel,
        nature=data.nature,
        kind=data.kind,
        sector=data.sector or "",
        anonymous=data.anonymous,
        opening=data.opening_hours.reason or "open",
    )


def as_csv(names: list[str], rows: list[dict[str, Any]]) -> str:
    """Write counts as CSV (RFC 4180)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*names, "count"])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
