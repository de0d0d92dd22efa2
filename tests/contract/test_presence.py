"""Who is connected holds over every relay, and a relay that dies is not believed for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID, uuid4

from services.chat_relay.presence import LEASE, Presence
from services.kit.bus import Bus, Subscription
from tests.nats import Nats, buses, mortal_nats, nats, over_nats, until

__all__ = ["buses", "mortal_nats", "nats"]


@asynccontextmanager
async def relay(
    bus: Bus, on_change: Callable[[UUID], None] = lambda _: None, on_staff: Callable[[], None] = lambda: None
) -> AsyncIterator[Presence]:
    """A relay that says who is there until the end of the block."""
    presence = Presence(bus, on_change, on_staff)
    running = asyncio.create_task(presence.run())
    try:
        yield presence
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_who_is_connected_to_one_relay_is_there_for_the_other(buses: tuple[Bus, Bus]) -> None:
    noted: list[UUID] = []
    conversation = uuid4()
    async with relay(buses[0]) as here, relay(buses[1], noted.append) as there:
        assert not there.staffed
        with here.attend(uuid4()), here.visit(conversation):
            assert here.staffed
            assert here.is_here(conversation)
            await until(lambda: there.staffed and there.is_here(conversation))
            assert not there.is_here(uuid4())
            with there.attend(uuid4()), there.visit(conversation):
                await until(lambda: here._others)
        await until(lambda: not there.staffed and not there.is_here(conversation))
        assert not here.staffed
    assert noted[0] == noted[-1] == conversation
    assert len(noted) == 4, "came and went, there and here"


async def test_a_visitor_with_two_pages_is_there_until_both_are_closed(buses: tuple[Bus, Bus]) -> None:
    conversation = uuid4()
    async with relay(buses[0]) as here, relay(buses[1]) as there:
        with here.visit(conversation):
            with here.visit(conversation), there.visit(conversation):
                await until(lambda: there._others)
            await asyncio.sleep(0.2)
            assert here.is_here(conversation)
            assert there.is_here(conversation)
        await until(lambda: not there.is_here(conversation))


async def test_a_relay_that_starts_knows_at_once_who_is_there(buses: tuple[Bus, Bus]) -> None:
    async with relay(buses[0]) as here:
        with here.attend(uuid4()):
            await asyncio.sleep(0.2)
            async with relay(buses[1]) as late:
                began = time.monotonic()
                await until(lambda: late.staffed)
                assert time.monotonic() - began < 1.2, "asked, rather than waited for the next word"


async def test_a_relay_that_stops_says_so_and_one_that_dies_is_not_believed_for_long(buses: tuple[Bus, Bus]) -> None:
    noted: list[UUID] = []
    conversation = uuid4()
    async with relay(buses[1], noted.append) as there:
        async with relay(buses[0]) as here:
            with here.attend(uuid4()):
                await until(lambda: there.staffed)
                here_ends = time.monotonic()
        await until(lambda: not there.staffed)
        assert time.monotonic() - here_ends < LEASE / 2

        killed = {"node": str(uuid4()), "operators": f"{uuid4()}:available:0", "visitors": str(conversation), "state": 1}
        await buses[0].publish("chat.presence", killed)
        await until(lambda: there.staffed and there.is_here(conversation))
        began = time.monotonic()
        await until(lambda: not there.staffed and len(noted) == 2)
        assert LEASE - 2 < time.monotonic() - began < LEASE + 5
        assert noted == [conversation] * 2


async def test_presence_comes_back_with_nats(mortal_nats: Nats) -> None:
    async with AsyncExitStack() as stack:
        first, second = over_nats(mortal_nats), over_nats(mortal_nats)
        await stack.enter_async_context(first.session())
        await stack.enter_async_context(second.session())
        here = await stack.enter_async_context(relay(first))
        there = await stack.enter_async_context(relay(second))
        with here.attend(uuid4()):
            await until(lambda: there.staffed)
            mortal_nats.stop()
            assert here.staffed
            await until(lambda: not there.staffed)
            mortal_nats.start()
            await until(lambda: there.staffed)


async def test_two_thousand_visitors_of_one_relay_are_told_in_one_word(buses: tuple[Bus, Bus]) -> None:
    conversations = [uuid4() for _ in range(2000)]
    async with relay(buses[0]) as here, relay(buses[1]) as there, AsyncExitStack() as stack:
        for conversation in conversations:
            stack.enter_context(here.visit(conversation))
        await until(lambda: all(map(there.is_here, conversations)))


async def asked(heard: Subscription) -> None:
    async with asyncio.timeout(5):
        while "ask" not in await heard.next():
            continue


async def test_a_relay_that_missed_a_word_asks_for_all_of_it(buses: tuple[Bus, Bus]) -> None:
    first, second, node = uuid4(), uuid4(), str(uuid4())
    async with buses[0].listen("chat.presence") as heard, relay(buses[1]) as there:
        await asked(heard)
        await buses[0].publish("chat.presence", {"node": node, "operators": "", "visitors": str(first), "state": 1})
        await until(lambda: there.is_here(first))
        came = {"node": node, "operators": "", "came": str(second), "went": str(first), "state": 2, "after": 1}
        await buses[0].publish("chat.presence", came)
        await until(lambda: there.is_here(second) and not there.is_here(first))
        await buses[0].publish("chat.presence", came | {"came": str(first), "went": "", "state": 9, "after": 8})
        await asked(heard)
        assert not there.is_here(first)
