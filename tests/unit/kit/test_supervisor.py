"""Workers are kept alive, counted, and told of when they keep failing."""

import asyncio

from onthaal_schema.problems import ServiceUnavailable
from services.kit.alarms import Alarm, Board
from services.kit.clock import SystemClock
from services.kit.measures import WORKER_RESTARTS
from services.kit.service import Supervisor


async def test_a_worker_that_fails_is_started_again_counted_and_raised() -> None:
    starts = 0
    again = asyncio.Event()

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise RuntimeError
        again.set()
        await asyncio.Event().wait()

    board = Board(SystemClock())
    supervisor = Supervisor({"test.work": work}, board)
    supervisor.start()
    async with asyncio.timeout(20):
        await again.wait()
    assert not supervisor.failing
    assert board.conditions()[Alarm.WORKER_FAILING].count == 1  # it is trusted again only after a while
    assert WORKER_RESTARTS.labels("test.work")._value.get() == 1
    await supervisor.stop(5)


async def test_a_worker_that_finds_the_database_away_waits_for_it_and_is_no_failure() -> None:
    starts = 0
    back = asyncio.Event()

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts < 20:  # a pause that grows would have taken minutes
            raise ServiceUnavailable
        back.set()
        await asyncio.Event().wait()

    board = Board(SystemClock())
    supervisor = Supervisor({"test.waiting": work}, board, wait=0.01)
    supervisor.start()
    async with asyncio.timeout(20):
        await back.wait()
    assert not supervisor.failing
    assert not board.conditions()
    assert WORKER_RESTARTS.labels("test.waiting")._value.get() == 0
    await supervisor.stop(5)


async def test_a_worker_that_does_not_stop_holds_nothing_up() -> None:
    release = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()

    supervisor = Supervisor({"test.stuck": work}, Board(SystemClock()))
    supervisor.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await supervisor.stop(0.05)
    release.set()
    await supervisor.stop(5)
