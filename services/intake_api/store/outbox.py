"""The outbox: each change of a contact leaves its event in the same transaction, at a position without gaps before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.events import SERVICE, ContactEvent, EventType
from services.intake_api.store import tables
from services.intake_api.store.engine import FEED_LOCK, Database


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
        "signals": orjson.Fragment(row["signals"]),
        "anonymous": row["anonymous"],
        "receivedAt": row["received_at"],
        "openingHours": orjson.Fragment(row["opening"]),
        "parseStatus": row["parse_status"],
    })  # fmt: skip


def present(properties: dict[str, Any]) -> dict[str, Any]:
    """Leave absent properties out (Belgif jsn-null)."""
    return {name: value for name, value in properties.items() if value is not None}


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
        now = self._database.clock.now()
        event_id = uuid4()
        values: dict[str, Any] = {
            "id": event_id,
            "contact_id": row["id"],
            "version": row["version"],
            "type": short(kind),
            **(audience or await self._audience(connection, row)),
            "occurred_at": now,
            "payload": self.frame.payload(kind, str(row["id"]), state(row), event_id, now),
        }
        if not self._database.on_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": FEED_LOCK})
            values["position"] = await connection.scalar(select(tables.event_position.next_value()))
        await connection.execute(insert(tables.event).values(**values))

    async def _audience(self, connection: AsyncConnection, row: Mapping[str, Any]) -> dict[str, str]:
        """Whoever was told of a person, or of a vraag, must hear that it was none: an event goes to all it ever was."""
        was = tables.earlier_kind.c
        earlier = (await connection.execute(select(was.nature, was.kind).where(was.contact_id == row["id"]).distinct())).all()
        return {
            "natures": " ".join(sorted({row["nature"], *(one.nature for one in earlier)})),
            "channel": row["channel"],
            "kinds": " ".join(sorted({row["kind"], *(one.kind for one in earlier)})),
        }

    async def after(self, position: int, limit: int, natures: Sequence[str]) -> tuple[list[ContactEvent], int]:
        """Read the events after a position, oldest first, and the position that was read up to."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_after(position, limit))).all()
        events = [
            ContactEvent.model_validate_json(row.payload) for row in rows if not set(natures).isdisjoint(row.natures.split())
        ]
        return events, rows[-1].position if rows else position

    async def head(self) -> int:
        """Give the position of the newest event, 0 when there is none."""
        async with self._database.read() as connection:
            newest = select(tables.event.c.position).order_by(tables.event.c.position.desc()).limit(1)
            return (await connection.execute(newest)).scalar() or 0


def _after(position: int, limit: int) -> Any:
    columns = tables.event.c
    return (
        select(columns.position, columns.natures, columns.payload)
        .where(columns.position > position)
        .order_by(columns.position)
        .limit(limit)
    )


def short(kind: EventType) -> str:
    """Give the last word of an event's type."""
    return kind.value.rsplit(".", 1)[1]
