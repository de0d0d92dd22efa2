"""The outbox: each change of a contact leaves its event in the same transaction, at a position without gaps before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.contact import Nature
from onthaal_schema.events import SERVICE, ContactEvent, EventType
from services.intake_api.store import tables
from services.intake_api.store.engine import FEED_LOCK, Database
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.positions import head


@dataclass(frozen=True)
class EventFrame:
    """What is the same in every event of this gateway: who speaks, and where its contacts are read."""

    source: str
    contacts_url: str

    def payload(self, kind: EventType, contact_id: str, known: Mapping[str, Any], event_id: UUID, at: datetime) -> str:
        """Write an event about the present `state` of a contact. Nothing sealed goes in."""
        return orjson.dumps({
            "specversion": "1.0",
            "id": event_id,
            "source": self.source,
            "type": kind.value,
            "service": SERVICE,
            "subject": contact_id,
            "time": at,
            "datacontenttype": "application/json",
            "data": {"contactId": contact_id, **known, "links": {"contact": f"{self.contacts_url}/{contact_id}"}},
        }).decode()  # fmt: skip


def state(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give what an event may tell of a contact, under the names of the contract, for `orjson` to write."""
    return present({
        "version": row["version"],
        "channel": row["channel"],
        "nature": row["nature"],
        "kind": row["kind"],
        "kindSource": row["kind_source"],
        "kindConfidence": row["kind_confidence"],
        "unsure": row["unsure"],
        "sector": row["sector"],
        "sectorSource": row["sector_source"],
        # a machine that quotes what a person wrote is no danger to anybody; the person's own mail tells it
        "signals": orjson.Fragment(row["signals"] if row["nature"] == Nature.PERSON else "[]"),
        "anonymous": row["anonymous"],
        "receivedAt": row["received_at"],
        "openingHours": orjson.Fragment(row["opening"]),
        "parseStatus": row["parse_status"],
    })  # fmt: skip


def present(properties: dict[str, Any]) -> dict[str, Any]:
    """Leave absent properties out (Belgif jsn-null)."""
    return {name: value for name, value in properties.items() if value is not None}


@dataclass(frozen=True)
class Read:
    """Events of the feed, the position that was read up to, and the newest that there is."""

    events: list[ContactEvent]
    reached: int
    newest: int


STRETCH = 10_000
"""How many positions one reading passes by, when few of them are wanted."""


class Outbox:
    """Adds events and reads them in order."""

    def __init__(self, database: Database, frame: EventFrame) -> None:
        """Speak with the given frame."""
        self._database = database
        self.frame = frame

    async def emit(
        self, connection: AsyncConnection, kind: EventType, row: Mapping[str, Any], audience: Mapping[str, str] | None = None
    ) -> None:
        """Add the event of a change. The last thing before the commit: the feed's lock is held until then.

        Who must hear of it follows from what the contact is and was, unless the audience is given.
        """
        values = self._values(kind, row, audience or await self._audience(connection, row))
        if not self._database.on_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": FEED_LOCK})
            values["position"] = await connection.scalar(select(tables.event_position.next_value()))
        await connection.execute(insert(tables.event).values(**values))

    async def emit_all(self, connection: AsyncConnection, kind: EventType, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add the events of like changes of several contacts. The last thing before the commit."""
        was = tables.earlier_kind.c
        query = select(was.contact_id, was.nature, was.kind).where(was.contact_id.in_([row["id"] for row in rows])).distinct()
        earlier = (await connection.execute(query)).all()
        events = [
            self._values(kind, row, _audience(row, [one for one in earlier if one.contact_id == row["id"]])) for row in rows
        ]
        if not self._database.on_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": FEED_LOCK})
            positions = select(tables.event_position.next_value()).select_from(func.generate_series(1, len(events)))
            for event, position in zip(events, (await connection.execute(positions)).scalars(), strict=True):
                event["position"] = position
        await connection.execute(insert(tables.event), events)

    def _values(self, kind: EventType, row: Mapping[str, Any], audience: Mapping[str, str]) -> dict[str, Any]:
        now = self._database.clock.now()
        event_id = uuid4()
        return {
            "id": event_id,
            "contact_id": row["id"],
            "version": row["version"],
            "type": short(kind),
            **audience,
            "occurred_at": now,
            "payload": self.frame.payload(kind, str(row["id"]), state(row), event_id, now),
        }

    async def _audience(self, connection: AsyncConnection, row: Mapping[str, Any]) -> dict[str, str]:
        was = tables.earlier_kind.c
        query = select(was.nature, was.kind).where(was.contact_id == row["id"]).distinct()
        return _audience(row, (await connection.execute(query)).all())

    async def after(self, position: int, limit: int, wanted: EventFilter) -> Read:
        """Read events after a position, oldest first. Others than those wanted are passed by, at most `STRETCH` at once."""
        columns = tables.event.c
        async with self._database.read() as connection:
            newest = await head(connection)  # read first: everything up to it can be seen by the time of the second read
            last = min(newest, position + STRETCH)
            query = select(columns.position, columns.payload).where(
                columns.position > position, columns.position <= last, *wanted.conditions()
            )
            rows = (await connection.execute(query.order_by(columns.position).limit(limit))).all()
        events = [ContactEvent.model_validate_json(row.payload) for row in rows]
        return Read(events, rows[-1].position if len(rows) == limit else max(last, position), newest)

    async def head(self) -> int:
        """Give the position of the newest event, 0 when there is none."""
        async with self._database.read() as connection:
            return await head(connection)


def _audience(row: Mapping[str, Any], earlier: Sequence[Any]) -> dict[str, str]:
    """Whoever was told of a person, or of a vraag, must hear that it was none: an event goes to all it ever was."""
    return {
        "natures": " ".join(sorted({row["nature"], *(one.nature for one in earlier)})),
        "channel": row["channel"],
        "kinds": " ".join(sorted({row["kind"], *(one.kind for one in earlier)})),
    }


def short(kind: EventType) -> str:
    """Give the last word of an event's type."""
    return kind.value.rsplit(".", 1)[1]
