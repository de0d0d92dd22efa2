"""The case service that reads a NATS stream instead of being posted to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson

from onthaal_schema.events import ContactEvent
from tests.faults.case_service import Taken
from tests.nats import Nats, Node

ADDRESS = "nats:///onthaal.contacts"
STREAM = "ONTHAAL_CONTACTS"


async def leader(servers: Nats) -> Node:
    """Give the node that leads the stream, once there is one."""
    while not (name := await asyncio.to_thread(servers.leader, STREAM)):
        await asyncio.sleep(0.2)
    return servers.nodes[name]


@asynccontextmanager
async def read(servers: Nats, taken: Taken) -> AsyncIterator[None]:
    """Take what is in the stream, and what comes into it for the length of a block, in its order."""
    reading = asyncio.create_task(_follow(servers, taken))
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def _follow(servers: Nats, taken: Taken) -> None:
    while True:
        if await asyncio.to_thread(servers.count, STREAM) > taken.deliveries:
            for told in (await asyncio.to_thread(servers.events, STREAM))[taken.deliveries :]:
                event = {name: value for name, value in told.items() if not name.startswith("_")}
                body = orjson.dumps(event)
                taken.take(ContactEvent.model_validate_json(body), body)
        await asyncio.sleep(0.5)
