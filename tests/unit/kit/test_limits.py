"""How much a request may carry in front of its body."""

import time

import httpx
import pytest
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onthaal_schema.problems import ProblemError
from services.kit.limits import LARGEST_HEAD, HeadLimit


def client(app: ASGIApp) -> httpx.AsyncClient:
    """Ask an app behind the limit."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(HeadLimit(app)), base_url="http://onthaal")


@pytest.mark.asyncio
async def test_a_head_that_no_browser_makes_is_refused() -> None:
    async with client(PlainTextResponse("ja")) as asking:
        assert (await asking.get("/", headers={"Cookie": "a" * (LARGEST_HEAD - 1_000)})).text == "ja"
        for answer in (
            await asking.get("/", headers={"Cookie": "a" * LARGEST_HEAD}),
            await asking.get("/", headers={f"x-{number}": "a" * 1_000 for number in range(70)}),
            await asking.get("/", params={"a": "b" * (LARGEST_HEAD - 1_000)}, headers={"Cookie": "a" * 1_000}),
        ):
            assert (answer.status_code, answer.headers["content-type"]) == (431, "application/problem+json")


async def tell_cookie(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a cookie, after reading all of them."""
    await PlainTextResponse(HTTPConnection(scope).cookies["token"])(scope, receive, send)


@pytest.mark.asyncio
@pytest.mark.parametrize("filling", ["\\", '\\"', "\\1", "\\001", '"', ";", "=", "a=;", " "])
async def test_long_cookies_of_others_are_read_in_time(filling: str) -> None:
    async with client(tell_cookie) as asking:
        began = time.process_time()
        answer = await asking.get("/", headers={"Cookie": f'other="{filling * (60_000 // len(filling))}"; token=a-b_c.d='})
    assert time.process_time() - began < 0.4
    assert answer.text == "a-b_c.d="


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


def test_a_problem_is_told_from_every_other_by_its_type() -> None:
    kinds = [kind.type for kind in ProblemError.__subclasses__()]
    assert len(kinds) == len(set(kinds))
