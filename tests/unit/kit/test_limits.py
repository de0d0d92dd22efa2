"""How much a request may carry in front of its body."""

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from services.kit.limits import LARGEST_HEAD, HeadLimit


def client() -> httpx.AsyncClient:
    """Ask an app that says yes to whatever comes through."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(HeadLimit(PlainTextResponse("ja"))), base_url="http://onthaal")


@pytest.mark.asyncio
async def test_a_head_that_no_browser_makes_is_refused() -> None:
    async with client() as asking:
        assert (await asking.get("/", headers={"Cookie": "a" * (LARGEST_HEAD - 1_000)})).text == "ja"
        for answer in (
            await asking.get("/", headers={"Cookie": "a" * LARGEST_HEAD}),
            await asking.get("/", headers={f"x-{number}": "a" * 1_000 for number in range(70)}),
            await asking.get("/", params={"a": "b" * (LARGEST_HEAD - 1_000)}, headers={"Cookie": "a" * 1_000}),
        ):
            assert (answer.status_code, answer.headers["content-type"]) == (431, "application/problem+json")


@pytest.mark.asyncio
async def test_a_socket_with_such_a_head_is_closed() -> None:
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        told.append(message)

    scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": [(b"cookie", b"a" * LARGEST_HEAD)]}
    await HeadLimit(PlainTextResponse("ja"))(scope, receive, send)
    assert [message["type"] for message in told] == ["websocket.close"]
