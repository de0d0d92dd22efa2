"""The feed has no gaps: a reader who follows it while sixteen write misses nothing, whatever order the commits come in."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain
from uuid import UUID, uuid4

import pytest_asyncio
from sqlalchemy import insert

from onthaal_schema.events import ContactEvent, EventType
from services.intake_api.handover.feed import Asked, Feed
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.migrate import migrate
from services.intake_api.store.outbox import EventFrame, Outbox
from services.kit.clock import SystemClock

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WRITERS = 16
CHANGES = 12


def contact_row(contact_id: UUID) -> dict[str, object]:
    """Give a row of a contact that says nothing."""
    row: dict[str, object] = {column.name: None for column in tables.contact.columns if column.nullable}
    row |= dict.fromkeys(("registered_at", "received_at", "kind_at"), NOW)
    row |= {"id": contact_id, "reference": uuid4().hex[:16], "version": 0, "status": "open", "channel": "telefoon"}
    row |= {
        "nature": "person",
        "kind": "melding",
        "kind_source": "operator",
        "unsure": False,
        "signals": "[]",
        "anonymous": False,
    }
    return row | {"opening": '{"open":true,"calendarVersion":"1"}', "last_sequence": 0, "digest": b""}


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, SystemClock())
    await migrate(opened)
    yield opened
    await opened.close()


async def test_a_reader_sees_each_event_once_while_commits_come_in_any_order(database: Database) -> None:
    outbox = Outbox(database, EventFrame("urn:onthaal:test", "http://127.0.0.1"))
    feed = Feed(database, outbox)
    writing = True

    async def write(count: int) -> list[UUID]:
        rows = [contact_row(uuid4()) for _ in range(count)]
        async with database.write() as connection:
            await connection.execute(insert(tables.contact), rows)
        for version in range(1, CHANGES + 1):
            changed = [{**row, "version": version} for row in rows]
            async with database.write() as connection:
                if count == 1:
                    await outbox.emit(connection, EventType.RETAGGED, changed[0])
                else:
                    await outbox.emit_all(connection, EventType.EXTENDED, changed)
                await asyncio.sleep(random.uniform(0, 0.01))  # a commit takes a while, and never as long as another
        return [UUID(str(row["id"])) for row in rows]

    async def follow() -> list[ContactEvent]:
        found: list[ContactEvent] = []
        cursor = None
        while True:
            last_look = not writing
            page = await feed.page(Asked(cursor, limit=500))  # a reader who lags behind sees no gap in any case
            found += page.items
            if last_look and page.next is None:
                return found
            cursor = page.cursor

    following = asyncio.create_task(follow())
    contacts = await asyncio.gather(*(write(1 + number % 2) for number in range(WRITERS)))
    writing = False
    found = await following

    assert set(Counter(event.id for event in found).values()) == {1}
    for contact in chain(*contacts):
        assert [event.data.version for event in found if event.subject == contact] == list(range(1, CHANGES + 1))
