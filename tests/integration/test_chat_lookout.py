"""One look in the store for every operator of a relay: how often it looks, who is told, and who may not see the list any more."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.kit.clock import SetClock
from tests.integration.test_chat import Desk, Visitor, at_a_set_clock, serving, signed_in, visiting
from tests.integration.test_chat_waiting import until, waiting
from tests.running import Gateway

OPERATORS = 4
PAGES = 4
LOOK = 4.8
"""Seconds after which it looks without a hint, at the latest."""


@dataclass
class House:
    """A gateway that runs in this process, and its clock."""

    gateway: Gateway
    clock: SetClock


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with at_a_set_clock(tmp_path, monkeypatch) as (gateway, clock):
        yield House(gateway, clock)


@contextmanager
def looks() -> Iterator[list[float]]:
    """Note when the list of conversations is read from the database, by any service of this process."""
    noted: list[float] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM conversation" in statement and "ORDER BY conversation.started_at" in statement:
            noted.append(time.monotonic())

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@asynccontextmanager
async def desks(house: House) -> AsyncIterator[list[Desk]]:
    """Open several pages of several operators."""
    cookies = [await asyncio.to_thread(signed_in, house.gateway, f"Collega {number}") for number in range(OPERATORS)]
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(serving(house.gateway, held)) for held in cookies * PAGES]
        for page in pages:
            await page.send("attend", availability="available")  # who says nothing at all is let go
        yield pages


async def all_see(pages: list[Desk], visitor: Visitor, **expected: object) -> None:
    """Wait until every page lists the conversation so."""

    def fits(entry: dict[str, Any]) -> bool:
        return entry["conversation"] == visitor.conversation and all(entry[name] == value for name, value in expected.items())

    await asyncio.gather(*(page.until_listed(lambda entries: any(map(fits, entries))) for page in pages))


async def expires(desk: Desk) -> None:
    """Wait until the page is told that its token does not hold any more, and is closed."""
    async with asyncio.timeout(2 * LOOK):
        await desk.next("expired")
        with pytest.raises(ConnectionClosed) as closed:
            await desk.next("queue")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_each_change_is_read_once_for_everybody_and_shown_to_all_at_once(house: House) -> None:
    async with desks(house) as pages, waiting(house.gateway) as visitor:
        await all_see(pages, visitor, status="waiting")
        first, began, changes = pages[0], time.monotonic(), 6
        with looks() as noted:
            for _ in range(changes // 2):
                await first.send("take", conversation=visitor.conversation)  # its list may change before it is answered
                async with asyncio.timeout(LOOK / 2):  # sooner than anybody looks without a hint
                    await all_see(pages, visitor, status="assigned", operator="Collega 0")
                await first.send("release", conversation=visitor.conversation)
                async with asyncio.timeout(LOOK / 2):
                    await all_see(pages, visitor, status="waiting", because="givenBack")
        unasked = (time.monotonic() - began) / 3 + 1
        assert changes <= len(noted) <= changes + unasked


async def test_every_page_of_who_has_a_conversation_lists_it_as_theirs_and_no_other(house: House) -> None:
    async with desks(house) as pages, waiting(house.gateway) as visitor:
        await pages[1].send("take", conversation=visitor.conversation)
        await all_see(pages[1::OPERATORS], visitor, mine=True)
        await all_see(
            [page for number, page in enumerate(pages) if number % OPERATORS != 1], visitor, mine=False, status="assigned"
        )


async def test_many_changes_at_once_are_read_together(house: House) -> None:
    async with desks(house) as pages, AsyncExitStack() as stack:
        visitors = [await stack.enter_async_context(visiting(house.gateway)) for _ in range(20)]
        await asyncio.gather(*(visitor.hello() for visitor in visitors))
        with looks() as noted:
            await asyncio.gather(*(visitor.start("Dag") for visitor in visitors))
            await asyncio.gather(*(page.until_listed(lambda entries: len(entries) == len(visitors)) for page in pages))
        between = [later - earlier for earlier, later in pairwise(noted)]
        assert min(between, default=1) > 0.04, "never more often than twenty times a second"
        await until(visitors[0], "waiting", available=OPERATORS)
        for visitor in visitors:
            await visitor.send("end")


async def test_nobody_looks_when_nobody_is_there_and_who_comes_sees_the_list_at_once(house: House) -> None:
    noor = await asyncio.to_thread(signed_in, house.gateway, "Noor")
    async with visiting(house.gateway) as visitor:
        await (await visitor.hello()).start("Dag")
    await asyncio.sleep(LOOK)  # the last look for the visitor who was there
    with looks() as noted:
        await asyncio.sleep(LOOK)
        assert noted == []
        for _ in range(2):
            async with serving(house.gateway, noor) as desk, asyncio.timeout(LOOK / 2):
                [listed] = (await desk.next("queue"))["conversations"]
                assert (listed["conversation"], listed["here"]) == (visitor.conversation, False)
        assert noted


async def test_an_operator_sees_within_seconds_that_a_visitor_is_gone(house: House) -> None:
    noor = await asyncio.to_thread(signed_in, house.gateway, "Noor")
    async with serving(house.gateway, noor) as desk:
        await desk.send("attend", availability="available")
        async with visiting(house.gateway) as visitor:
            await (await visitor.hello()).start("Dag")
            await all_see([desk], visitor, here=True)
        async with asyncio.timeout(2 * LOOK):
            await all_see([desk], visitor, here=False)


async def test_who_does_nothing_is_told_that_the_token_is_too_old(house: House) -> None:
    async with desks(house) as pages:
        await asyncio.gather(*(page.next("queue") for page in pages))
        house.clock.advance(timedelta(minutes=11))
        await asyncio.gather(*(expires(page) for page in pages))


async def test_a_token_of_a_stolen_key_shows_nothing_any_more_and_the_session_gets_another(house: House) -> None:
    noor = await asyncio.to_thread(signed_in, house.gateway, "Noor")
    async with serving(house.gateway, noor) as desk:
        await desk.send("attend", availability="available")
        await desk.next("queue")
        await asyncio.to_thread(house.gateway.command, "keys", "sign-anew", "--stolen")
        await expires(desk)
    async with serving(house.gateway, noor) as desk:  # with the secret of the session beside the token
        await desk.next("queue")
    only_token = next(cookie for cookie in noor.split("; ") if "token" in cookie)
    with pytest.raises(InvalidStatus, match="401"):
        async with serving(house.gateway, only_token):
            pass
