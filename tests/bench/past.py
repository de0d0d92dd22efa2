"""Does a long past slow the hand-over? A million past events and 10,000 dead letters beside an empty database, in one run.

The past belongs to the very subscription that is measured. Ratios are of medians of rounds side by side; above 1 the past is slower.
"""

import asyncio
import gc
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import asyncpg
import uvloop
from sqlalchemy import text

from onthaal_schema.events import EventType
from services.intake_api.handover.dispatcher import Dispatcher
from services.intake_api.handover.webhook import Webhook
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.outbox import EventFrame, Outbox
from tests.bench.drain import Cost, drained, receiver
from tests.bench.servers import postgres
from tests.handing_over import HandOver, event, handing_over

PAST = int(os.environ.get("PAST", "1000000"))
DEAD = int(os.environ.get("DEAD", "10000"))
ROUNDS = int(os.environ.get("ROUNDS", "7"))
EVENTS = int(os.environ.get("EVENTS", "3000"))
SAMPLES = 40
T = TypeVar("T")
FRAME = EventFrame("urn:onthaal:intake", "https://onthaal.example.org/intake/v1/contacts")
KNOWN = {
    "version": 1, "channel": "telefoon", "nature": "person", "kind": "melding", "kindSource": "operator", "unsure": False,
    "anonymous": False, "receivedAt": "2026-03-02T10:00:00Z", "openingHours": {"open": True, "calendarVersion": "1"},
}  # fmt: skip
PAST_EVENTS = """
INSERT INTO event (position, id, contact_id, version, type, natures, channel, kinds, occurred_at, payload)
SELECT nextval('event_position'), gen_random_uuid(), gen_random_uuid(), 1, 'registered', 'person', 'telefoon', 'melding', now(), $1
FROM generate_series(1, $2::int)
"""
PAST_DELIVERIES = """
INSERT INTO delivery (subscription_id, position, contact_id, state, attempts, reason, settled_at, fetched_at)
SELECT $1, position, contact_id, CASE WHEN is_dead THEN 'dead' ELSE 'delivered' END, 1, CASE WHEN is_dead THEN 'HTTP 422' END,
    now(), CASE WHEN NOT is_dead THEN now() END
FROM (SELECT position, contact_id, position % $2::int = 0 AS is_dead FROM event) told
"""
READ = """
UPDATE subscription SET position = told.position, addressed = told.number, delivered = told.number - told.number / $2::int
FROM (SELECT coalesce(max(position), 0) AS position, count(*) AS number FROM event) told WHERE id = $1
"""


@dataclass
class Side:
    """A database under measurement, and the subscription whose past it holds."""

    hand_over: HandOver
    subscription: UUID
    folder: Path

    async def fill(self, dsn: dict, past: int) -> None:
        """Give the subscription a past."""
        connection = await asyncpg.connect(**dsn)
        payload = FRAME.payload(EventType.REGISTERED, str(uuid4()), KNOWN, uuid4(), datetime.now(UTC))
        every = max(1, past // DEAD)
        await connection.execute(PAST_EVENTS, payload, past)
        await connection.execute(PAST_DELIVERIES, self.subscription, every)
        await connection.execute(READ, self.subscription, every)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()

    async def drain(self) -> Cost:
        """Drain a backlog."""
        return await drained(self.folder, self.hand_over, self.subscription, EVENTS)

    async def deliver(self) -> list[float]:
        """Give milliseconds from the commit of single events until they are delivered, and known to be."""
        await self.hand_over.change(self.subscription, status="active")
        running = asyncio.create_task(Dispatcher(self.hand_over.deliveries, {"http": Webhook(self.hand_over.clock)}).run())
        times = []
        for _ in range(SAMPLES + 1):
            await asyncio.sleep(0.02)
            before = await self._delivered()
            begun = time.perf_counter()
            await self.hand_over.tell(event(uuid4()))
            while await self._delivered() == before:
                await asyncio.sleep(0.0005)
            times.append((time.perf_counter() - begun) * 1000)
        running.cancel()
        await asyncio.wait([running])
        await self.hand_over.change(self.subscription, status="paused")
        return times[1:]

    async def _delivered(self) -> int:
        async with self.hand_over.database.read() as connection:
            query = text("SELECT delivered FROM subscription WHERE id = :id")
            return (await connection.execute(query, {"id": self.subscription})).scalar()

    async def page(self) -> list[float]:
        """Give milliseconds that the last page of the feed takes."""
        outbox = Outbox(self.hand_over.database, FRAME)
        last = await outbox.head() - 100
        times = []
        for _ in range(SAMPLES):
            begun = time.perf_counter()
            assert len((await outbox.after(last, 100, EventFilter())).events) == 100
            times.append((time.perf_counter() - begun) * 1000)
        return times


async def side_by_side(sides: Sequence[Side], what: Callable[[Side], Awaitable[T]]) -> list[list[T]]:
    """Measure each side once a round, in random order; the first round warms up."""
    rounds: list[list[T]] = [[] for _ in sides]
    for number in range(ROUNDS + 1):
        for place in random.Random(number).sample(range(len(sides)), len(sides)):
            rounds[place].append(await what(sides[place]))
    return [one[1:] for one in rounds]


def undisturbed(times: Sequence[float]) -> float:
    """Give the lower quartile: what others do on the machine only adds."""
    return statistics.quantiles(times, n=4)[0]


def line(name: str, before: Sequence[float], after: Sequence[float]) -> str:
    ratios = [b / a for a, b in zip(before, after, strict=True)]
    a, b = statistics.median(before), statistics.median(after)
    return f"{name:<44}{a:>10.2f}{b:>10.2f}{b / a:>8.2f}{min(ratios):>12.2f}-{max(ratios):<6.2f}"


async def measure(empty: Side, full: Side) -> None:
    """Measure both, side by side, and print."""
    print(f"\n{PAST:,} past events, {DEAD:,} dead letters, beside an empty database on one PostgreSQL; {ROUNDS} rounds")
    print(f"{'':<44}{'empty':>10}{'past':>10}{'ratio':>8}{'(min-max a round)':>20}")
    sides = (empty, full)
    # the feed first: what is added below is no event of the contract
    pages = await side_by_side(sides, Side.page)
    print(line("feed, a page of 100, ms", *([undisturbed(one) for one in side] for side in pages)), flush=True)
    costs = await side_by_side(sides, Side.drain)
    print(line("draining, µs an event", *([1e6 / cost.rate for cost in side] for side in costs)))
    print(line("draining, processor time of PostgreSQL", *([cost.there for cost in side] for side in costs)), flush=True)
    times = await side_by_side(sides, Side.deliver)
    print(line("commit to delivered, ms", *([undisturbed(one) for one in side] for side in times)), flush=True)


async def main_async() -> None:
    gc.collect()
    gc.set_threshold(20_000, 50, 50)
    gc.freeze()  # as the gateway does when it has started
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        socket = stack.enter_context(postgres(folder / "postgres"))
        receiving = stack.enter_context(receiver())
        dsn = {"user": "postgres", "database": "postgres", "host": socket}
        connection = await asyncpg.connect(**dsn)
        await connection.execute("CREATE DATABASE past")
        await connection.close()
        url = f"postgresql+asyncpg://postgres@/{{}}?host={socket}"
        async with handing_over(url.format("postgres")) as young, handing_over(url.format("past")) as old:
            sides = [Side(one, await one.subscribe(receiving, status="paused"), folder / "postgres") for one in (young, old)]
            await sides[0].fill(dsn, 100)
            await sides[1].fill(dsn | {"database": "past"}, PAST)
            await measure(*sides)


def main() -> None:
    """Measure."""
    uvloop.run(main_async())


if __name__ == "__main__":
    main()
