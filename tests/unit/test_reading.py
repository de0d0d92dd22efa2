"""Bodies as they are read off the wire, whoever sends them."""

import tracemalloc

import pytest
from starlette.requests import Request
from starlette.types import Message

from onthaal_schema.problems import PayloadTooLarge
from services.intake_api.routes.reading import LARGEST_JSON, json_bytes

MEGABYTE = 1_000_000


class Sender:
    """Sends a body in parts of a megabyte."""

    def __init__(self, parts: int) -> None:
        self.left = parts

    async def receive(self) -> Message:
        self.left -= 1
        return {"type": "http.request", "body": b"x" * MEGABYTE, "more_body": self.left > 0}


@pytest.mark.asyncio
async def test_a_body_that_is_too_large_is_read_to_its_end_and_not_kept() -> None:
    sender = Sender(50)
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge):
            await json_bytes(Request({"type": "http", "method": "POST", "headers": []}, sender.receive))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sender.left == 0, "so that the client gets to read the answer"
    assert most < 2 * LARGEST_JSON


@pytest.mark.asyncio
async def test_a_body_of_the_largest_size_is_read() -> None:
    body = await json_bytes(Request({"type": "http", "method": "POST", "headers": []}, Sender(LARGEST_JSON // MEGABYTE).receive))
    assert len(body) == LARGEST_JSON
