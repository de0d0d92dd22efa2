"""The one writer of new contacts, when the database does not answer."""

import asyncio
import socket
import time
from typing import Any
from uuid import uuid4

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.new_contact import NewContact
from services.intake_api.store.writer import Writer
from services.kit.clock import SystemClock


def new_contact() -> NewContact:
    row: dict[str, Any] = dict.fromkeys(column.name for column in tables.contact.columns)
    event: dict[str, Any] = dict.fromkeys(column.name for column in tables.event.columns)
    return NewContact(row | {"id": uuid4()}, event)


async def test_who_waits_together_for_a_silent_database_is_told_together() -> None:
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and nobody ever reads from them
    port = silent.getsockname()[1]
    database = Database(f"postgresql+asyncpg://postgres@127.0.0.1:{port}/silent", SystemClock())
    writer = Writer(database)
    began = time.monotonic()
    writes = [asyncio.create_task(writer.write(new_contact())) for _ in range(10)]
    await asyncio.sleep(0)
    running = asyncio.create_task(writer.run())
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert all(isinstance(answer, ServiceUnavailable) for answer in answers), answers
    assert time.monotonic() - began < 25  # connecting takes five seconds to fail; one after the other that would be a minute
    running.cancel()
    await asyncio.wait([running])
    await database.close()
    silent.close()
