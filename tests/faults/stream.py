"""The case service that reads a NATS stream instead of being posted to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import nats.errors
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
        with suppress(asyncio.CancelledError):
            await reading


async def _follow(servers: Nats, taken: Taken) -> None:
    while True:
        with suppress(httpx.HTTPError, nats.errors.Error, TimeoutError):  # a cluster that has just lost a node is asked again
            await _take(servers, taken)
        await asyncio.sleep(0.5)


async def _take(servers: Nats, taken: Taken) -> None:
    if await asyncio.to_thread(servers.count, STREAM) > taken.deliveries:
        for told in (await asyncio.to_thread(servers.events, STREAM))[taken.deliveries :]:
            event = {name: value for name, value in told.items() if not name.startswith("_")}
            body = orjson.dumps(event)
            taken.take(ContactEvent.model_validate_json(body), body)
