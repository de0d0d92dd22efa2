"""The HTTP adapter when nobody answers: what does no harm twice is asked again, at the next node; the rest is asked once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from onthaal_schema.channel import Channel
from onthaal_schema.contact import FormSubmission
from onthaal_schema.intake import PAUSES, IntakeClient
from onthaal_schema.nodes import Nodes
from onthaal_schema.operator import SignIn
from onthaal_schema.problems import ServiceUnavailable

EVERY_TIME = 1 + len(PAUSES)


@asynccontextmanager
async def hanging_up() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that reads a request and closes; tells what it was asked."""
    asked: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ", 1)[0].decode())
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        await server.wait_closed()


async def test_a_contact_is_sent_again_until_it_is_given_up() -> None:
    async with hanging_up() as (address, asked), IntakeClient(address) as client:
        submission = FormSubmission(channel=Channel.CONTACTFORMULIER, text="Dag", anonymous=True)
        with pytest.raises(ServiceUnavailable):
            await client.register(uuid4(), submission)
        assert asked == ["PUT"] * EVERY_TIME


async def test_a_sign_in_code_that_may_have_been_used_is_not_sent_again() -> None:
    async with hanging_up() as (address, asked), IntakeClient(address) as client:
        with pytest.raises(ServiceUnavailable):
            await client.sign_in(SignIn(code="x" * 43))
        assert asked == ["POST"]


async def test_each_node_is_asked_in_turn() -> None:
    async with hanging_up() as (one, first), hanging_up() as (other, second), IntakeClient(f"{one} {other}/") as client:
        with pytest.raises(ServiceUnavailable):
            await client.keys()
        assert len(first) == len(second) == EVERY_TIME // 2


def test_callers_stay_with_a_node_until_it_fails_and_one_failure_is_left_once() -> None:
    nodes = Nodes("http://a http://b http://c")
    first = nodes.current
    assert nodes.current == first
    nodes.leave(first)
    second = nodes.current
    assert second != first
    nodes.leave(first)  # another call that failed at the same node
    assert nodes.current == second
    with pytest.raises(ValueError, match="empty"):
        Nodes(" ")
