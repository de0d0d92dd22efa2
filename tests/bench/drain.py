"""Draining a backlog on PostgreSQL beside the bare loops, in one run.

The floors: claim 100 rows with SKIP LOCKED, post 16 at a time with aiohttp, mark them; and claim 100, post them as one body, mark them.
"""

import asyncio
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import uvloop
from sqlalchemy import text

from services.intake_api.handover.dispatcher import Dispatcher
from services.intake_api.handover.measured import Measured
from services.intake_api.handover.sink import Answer, Fate, Sink
from services.intake_api.handover.webhook import Webhook
from services.intake_api.store.deliveries import Pending, Subscriber
from tests.bench.servers import postgres
from tests.handing_over import HandOver, handing_over
from tests.running import free_port

ROUNDS = int(os.environ.get("ROUNDS", "7"))
SINGLE = int(os.environ.get("EVENTS", "3000"))
BATCHED = 4 * SINGLE
PAYLOAD = {"specversion": "1.0", "id": str(uuid4()), "subject": str(uuid4()), "data": {"x": "y" * 480}}

CLAIM = """
UPDATE bare SET lease = now() + interval '60 seconds' WHERE id IN (
    SELECT id FROM bare WHERE done IS NULL AND (lease IS NULL OR lease < now()) ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
) RETURNING id, payload
"""
EVENTS = """
INSERT INTO event (position, id, contact_id, version, type, natures, channel, kinds, occurred_at, payload)
SELECT nextval('event_position'), gen_random_uuid(), gen_random_uuid(), 1, 'registered', 'person', 'telefoon', 'melding', now(), :payload
FROM generate_series(1, :count)
"""


@dataclass(frozen=True)
class Cost:
    """What handing over took: seconds by the clock, and microseconds of processor time an event, here and in PostgreSQL."""

    rate: float
    here: float
    there: float


class Meter:
    """Measures one slot. Processor time tells what an event costs even while others use the machine."""

    def __init__(self, postgres: Path) -> None:
        self._postmaster = int((postgres / "postmaster.pid").read_text().split()[0])
        self._begun = self._now()

    def read(self, events: int) -> Cost:
        seconds, here, there = (now - begun for now, begun in zip(self._now(), self._begun, strict=True))
        return Cost(events / seconds, here / events * 1e6, there / events * 1e6)

    def _now(self) -> tuple[float, float, float]:
        fields = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields[int(stat.parent.name)] = stat.read_text().rpartition(") ")[2].split()
        served = [ticks for field in fields.values() if int(field[1]) == self._postmaster for ticks in field[11:13]]
        ticks = sum(map(int, [*served, *fields[self._postmaster][11:15]]))  # of children that ended their parent knows
        return time.perf_counter(), time.process_time(), ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def receiver():
    port = free_port()
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("receiver.py")), str(port)])
    try:
        time.sleep(1)
        yield f"http://127.0.0.1:{port}/events"
    finally:
        process.terminate()
        process.wait()


async def bare(folder: Path, dsn: dict, url: str, count: int, *, batch: bool) -> Cost:
    """Drain a plain outbox."""
    connection = await asyncpg.connect(**dsn)
    try:
        await connection.execute("DROP TABLE IF EXISTS bare")
        await connection.execute(
            "CREATE TABLE bare (id bigserial PRIMARY KEY, payload text NOT NULL, lease timestamptz, done timestamptz)"
        )
        await connection.execute("CREATE INDEX ON bare (id) WHERE done IS NULL")
        await connection.execute(
            "INSERT INTO bare (payload) SELECT $1 FROM generate_series(1, $2::int)", json.dumps(PAYLOAD), count
        )
        await connection.execute("ANALYZE bare")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            sixteen = asyncio.Semaphore(16)

            async def post(body: str) -> None:
                async with sixteen, http.post(url, data=body.encode()) as response:
                    assert response.status == 204

            meter = Meter(folder)
            while rows := await connection.fetch(CLAIM):
                if batch:
                    await post(f"[{','.join(row['payload'] for row in rows)}]")
                else:
                    await asyncio.gather(*(post(row["payload"]) for row in rows))
                await connection.execute("UPDATE bare SET done = now() WHERE id = ANY($1)", [row["id"] for row in rows])
            return meter.read(count)
    finally:
        await connection.close()


@dataclass(eq=False)
class Counting:
    """A sink that tells when so many events were taken, so that nobody asks the database about it meanwhile."""

    sink: Sink
    left: int
    all_taken: asyncio.Event = field(default_factory=asyncio.Event)

    def session(self) -> AbstractAsyncContextManager[None]:
        """Keep the other sink's connections for the length of a block."""
        return self.sink.session()

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Hand over, and count."""
        answer = await self.sink.send(subscriber, events)
        self.left -= len(events) if answer.fate is Fate.TAKEN else 0
        if self.left <= 0:
            self.all_taken.set()
        return answer


async def backlog(hand_over: HandOver, count: int) -> None:
    async with hand_over.database.write() as connection:
        await connection.execute(text(EVENTS), {"payload": json.dumps(PAYLOAD), "count": count})


async def standing(hand_over: HandOver, subscription) -> tuple[int, bool]:
    """Give how many events a subscription was delivered, and whether it is owed none."""
    query = text(
        "SELECT delivered, position = (SELECT max(position) FROM event)"
        " AND NOT EXISTS (SELECT 1 FROM claim WHERE subscription_id = id) FROM subscription WHERE id = :id"
    )
    async with hand_over.database.read() as connection:
        return tuple((await connection.execute(query, {"id": subscription})).one())


async def ours(folder: Path, hand_over: HandOver, url: str, count: int, *, batch: int) -> Cost:
    """Drain a backlog of events as the gateway does."""
    async with hand_over.database.write() as connection:
        head = (await connection.execute(text("SELECT coalesce(max(position), 0) FROM event"))).scalar()
    subscription = await hand_over.subscribe(url, batch=batch, position=head, status="paused")
    return await drained(folder, hand_over, subscription, count)


async def drained(folder: Path, hand_over: HandOver, subscription, count: int) -> Cost:
    """Drain a backlog for a subscription that is paused, before and after."""
    await backlog(hand_over, count)
    before, _ = await standing(hand_over, subscription)
    webhook = Measured(Webhook(hand_over.clock), hand_over.clock)
    counting = Counting(webhook, count)
    await hand_over.change(subscription, status="active")
    meter = Meter(folder)
    running = asyncio.create_task(Dispatcher(hand_over.deliveries, {"http": counting}).run())
    await asyncio.wait_for(counting.all_taken.wait(), 300)
    while not (await standing(hand_over, subscription))[1]:
        await asyncio.sleep(0.005)
    cost = meter.read(count)
    running.cancel()
    await asyncio.wait([running])
    after, _ = await standing(hand_over, subscription)
    assert after - before == count, (before, after)
    await hand_over.change(subscription, status="paused")
    return cost


def line(name: str, mine: list[Cost], floor: list[Cost]) -> str:
    ratios = [a.rate / b.rate for a, b in zip(mine, floor, strict=True)]
    rate, here, there = (statistics.median(getattr(cost, what) for cost in mine) for what in ("rate", "here", "there"))
    ratio = rate / statistics.median(cost.rate for cost in floor)
    return f"{name:<56}{rate:>10,.0f}{ratio:>9.2f}{min(ratios):>10.2f}-{max(ratios):<6.2f}{here:>10.0f}{there:>12.0f}"


async def drain(folder: Path, dsn: dict, url: str, receiving: str) -> None:
    print(f"\nDraining a backlog on PostgreSQL, {ROUNDS} rounds; processor time in µs an event")
    print(f"{'':<56}{'events/s':>10}{'x floor':>9}{'(a round)':>17}{'process':>10}{'PostgreSQL':>12}")
    async with handing_over(url) as hand_over:
        for name, count, batch in (("one event a post, 16 posts at once", SINGLE, 1), ("batches of 100", BATCHED, 100)):
            floors, mine = [], []
            slots = [
                (floors, lambda: bare(folder, dsn, receiving, count, batch=batch > 1)),
                (mine, lambda: ours(folder, hand_over, receiving, count, batch=batch)),
            ]
            for number in range(ROUNDS + 1):
                for costs, slot in random.Random(number).sample(slots, 2):
                    costs.append(await slot())
            print(line(f"floor: bare loop, {name}", floors[1:], floors[1:]))
            print(line("onthaal", mine[1:], floors[1:]), flush=True)


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
        await drain(folder / "postgres", dsn, f"postgresql+asyncpg://postgres@/postgres?host={socket}", receiving)


def main() -> None:
    """Run every measurement of the hand-over."""
    uvloop.run(main_async())


if __name__ == "__main__":
    main()
