"""Who is connected holds over every relay, and a relay that dies is not believed for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.chat_relay.frames import Availability
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


async def test_the_last_word_on_how_present_an_operator_is_holds_on_every_relay(buses: tuple[Bus, Bus]) -> None:
    noor, elif_ = uuid4(), uuid4()
    now = datetime(2026, 3, 4, 10, tzinfo=UTC)
    told: list[int] = []
    async with relay(buses[0]) as here, relay(buses[1], on_staff=lambda: told.append(1)) as there:
        with here.attend(noor), there.attend(noor), there.attend(elif_):
            await until(lambda: len(here.operators) == len(there.operators) == 2)
            assert (here.available, there.available) == (2, 2)
            here.say(noor, Availability.AWAY, now)
            await until(lambda: there.operators[noor] is Availability.AWAY and there.available == 1)
            assert told
            # said later, by a clock that is behind
            there.say(noor, Availability.BUSY, now - timedelta(hours=1))
            await until(lambda: here.operators[noor] is there.operators[noor] is Availability.BUSY)
            there.say(elif_, Availability.AWAY, now)
            await until(lambda: here.available == there.available == 0)
            assert here.staffed, "who is busy is present"
            there.say(noor, Availability.AWAY, now)
            await until(lambda: not here.staffed and not there.staffed)


async def test_another_page_is_as_present_as_the_operator_said_elsewhere(buses: tuple[Bus, Bus]) -> None:
    noor = uuid4()
    async with relay(buses[0]) as here, relay(buses[1]) as there:
        with here.attend(noor):
            here.say(noor, Availability.BUSY, datetime(2026, 3, 4, 10, tzinfo=UTC))
            await until(lambda: there.operators.get(noor) is Availability.BUSY)
            with there.attend(noor):
                assert there.operators[noor] is Availability.BUSY
        await until(lambda: not there.operators)


async def test_what_an_operator_said_outlives_the_page_and_the_relay_it_was_said_on(buses: tuple[Bus, Bus]) -> None:
    noor, said_at = uuid4(), datetime(2026, 3, 4, 10, tzinfo=UTC)
    async with relay(buses[1]) as there:
        with there.attend(noor):
            async with relay(buses[0]) as here:
                with here.attend(noor):
                    here.say(noor, Availability.AWAY, said_at)
                    await until(lambda: there.operators[noor] is Availability.AWAY)
            await until(lambda: not there._others)
            assert there.operators[noor] is Availability.AWAY
            assert not there.staffed

            later = int(said_at.timestamp() * 1000) + 1
            killed = {"node": str(uuid4()), "operators": f"{noor}:busy:{later}", "visitors": "", "state": 1}
            await buses[0].publish("chat.presence", killed)
            await until(lambda: there.operators[noor] is Availability.BUSY)
            await until(lambda: not there._others)
            assert there.operators[noor] is Availability.BUSY
        assert not there.operators


async def test_an_operator_is_present_until_the_last_relay_with_a_page_of_theirs_is_gone(buses: tuple[Bus, Bus]) -> None:
    noor, told = uuid4(), list[int]()
    async with relay(buses[1], on_staff=lambda: told.append(1)) as there:
        killed = {"node": str(uuid4()), "operators": f"{noor}:available:0", "visitors": "", "state": 1}
        await buses[0].publish("chat.presence", killed)
        await until(lambda: there.available == 1)
        assert there.operators_here == (), "whose lease this relay does not keep"
        async with relay(buses[0]) as here:
            with here.attend(noor):
                await until(lambda: len(there._others) == 2)
                await until(lambda: len(there._others) == 1)
                assert there.available == 1, "the killed relay is forgotten, the operator is not"
            before = len(told)
            await until(lambda: not there.operators and len(told) > before)
