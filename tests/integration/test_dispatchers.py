"""Several dispatchers on one PostgreSQL, each its own process; and the plans by which PostgreSQL serves them."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from services.intake_api.store.deliveries import Claimed, Later, Patience, Served
from services.kit.clock import SetClock
from tests.engines import Postgres
from tests.handing_over import KEYS, contacts, event, handing_over, until
from tests.receiving import Answer, receiving

pytestmark = pytest.mark.asyncio

PLANNED = ("WITH", "SELECT", "UPDATE", "INSERT", "DELETE")
ROOT = Path(__file__).parents[2]
PAST = """
INSERT INTO event (position, id, contact_id, version, type, natures, channel, kinds, occurred_at, payload)
SELECT nextval('event_position'), gen_random_uuid(), gen_random_uuid(), 1, 'registered', 'person', 'mail', 'vraag', now(), '{}'
FROM generate_series(1, 20000)
"""
DONE = """
INSERT INTO delivery (subscription_id, position, contact_id, state, attempts)
SELECT :id, position, contact_id, CASE WHEN position % 10 = 0 THEN 'dead' ELSE 'delivered' END, 1 FROM event
"""


@contextmanager
def dispatcher(url: str, lease: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.dispatching", url, KEYS.to_json(), str(lease)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}"}
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_two_dispatchers_share_the_work_and_one_that_is_killed_loses_nothing(postgres: Postgres) -> None:
    url = postgres.new_database()
    with receiving() as receiver:
        async with handing_over(url) as hand_over:
            with dispatcher(url, 4) as one, dispatcher(url, 4):
                subscription = await hand_over.subscribe(receiver.url)
                many = contacts(1500)
                await hand_over.tell(*(event(contact, version) for version in (1, 2) for contact in many))

                async def are_delivered(count: int) -> bool:
                    return bool((await hand_over.subscription(subscription))["delivered"] == count)

                await until(lambda: are_delivered(3000), 60)
                assert set(Counter(attempt.event["id"] for attempt in receiver.attempts).values()) == {1}
                assert {attempt.connection for attempt in receiver.attempts}.__len__() > 16, "both have posted"

                receiver.always = Answer(delay_s=0.05)
                await hand_over.tell(*(event(contact, version) for version in (3, 4) for contact in many[:400]))
                await until(lambda: len(receiver.attempts) > 3100)
                one.kill()
                receiver.always = Answer()
                await until(lambda: are_delivered(3800), 60)
        taken = Counter(attempt.event["id"] for attempt in receiver.attempts)
        assert len(taken) == 3800
        for contact in many[:400:20]:
            first = list(dict.fromkeys(attempt.version for attempt in receiver.taken(contact)))
            assert first == [1, 2, 3, 4]


def served_of(claimed: Claimed, *, failing: bool) -> Served:
    if failing:
        return Served(claimed, later=Later(claimed.events[0].position, "HTTP 500"))
    return Served(claimed, tuple(owed.position for owed in claimed.events))


async def test_the_clocks_of_two_nodes_may_be_an_hour_apart(postgres: Postgres) -> None:
    url = postgres.new_database()
    ahead = SetClock(datetime.now(UTC) + timedelta(hours=1))
    patience = Patience(ladder=(timedelta(seconds=0.3),) * 9)
    async with handing_over(url, patience, ahead) as fast, handing_over(url, patience) as right:
        subscription = await fast.subscribe("http://127.0.0.1:9/")
        await fast.tell(event(uuid4()))
        for one, other in ((fast, right), (right, fast)):
            [held] = (await one.deliveries.take(subscription, 10)).claimed
            assert (await other.deliveries.take(subscription, 10)).claimed == []
            await one.deliveries.settle(subscription, [served_of(held, failing=True)])
            assert (await one.deliveries.take(subscription, 10)).claimed == []
            await asyncio.sleep(0.5)
            assert {outlook.is_due for outlook in await other.deliveries.outlook()} == {True}


async def test_a_claim_that_is_renewed_at_the_moment_of_its_settlement_is_free_soon(postgres: Postgres) -> None:
    async with handing_over(postgres.new_database()) as hand_over:
        subscription = await hand_over.subscribe("http://127.0.0.1:9/")
        await hand_over.tell(event(uuid4()))
        [held] = (await hand_over.deliveries.take(subscription, 10)).claimed
        async with hand_over.database.write() as connection:
            await connection.execute(text("UPDATE claim SET lease_until = lease_until + interval '1 second'"))
            settling = asyncio.create_task(hand_over.deliveries.settle(subscription, [served_of(held, failing=False)]))
            await asyncio.sleep(0.3)
            assert not settling.done(), "it waits for the renewal"
        settled = await settling
        again = (await hand_over.deliveries.take(subscription, 10)).claimed
        assert bool(again) == settled.more
        assert [one.events for one in again] == [[]] * len(again)
        await hand_over.deliveries.settle(subscription, [Served(one) for one in again])
        row = await hand_over.subscription(subscription)
        assert (row["delivered"], row["pending"], row["claims"]) == (1, 0, [])


def scans(plan: dict[str, Any]) -> list[str]:
    """Name the tables that a plan reads from one end to the other."""
    here = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return here + [name for below in plan.get("Plans", []) for name in scans(below)]


async def test_nothing_that_was_delivered_is_read_again(postgres: Postgres) -> None:
    async with handing_over(postgres.new_database()) as hand_over:
        async with hand_over.database.write() as connection:
            await connection.execute(text(PAST))
        swift = await hand_over.subscribe("http://127.0.0.1:9/", position=20_000)
        paced = await hand_over.subscribe("http://127.0.0.1:9/", position=20_000, rate=60_000)
        async with hand_over.database.write() as connection:
            for subscription in (swift, paced):
                await connection.execute(text(DONE), {"id": subscription})
        async with hand_over.database.read() as connection:
            await connection.execute(text("ANALYZE event"))
            await connection.execute(text("ANALYZE delivery"))
            await connection.commit()
        asked: dict[str, Any] = {}

        def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            asked.setdefault(statement, parameters)

        engine = hand_over.database.writing.sync_engine
        sqlalchemy_event.listen(engine, "before_cursor_execute", remember)
        await hand_over.tell(*(event(contact) for contact in contacts(30)))
        asked.clear()
        async with hand_over.database.line() as line:
            line.add_query_logger(lambda query: asked.setdefault(query.query, query.args))
        for subscription in (swift, paced):
            for failing in (False, True, False):
                await hand_over.deliveries.outlook()
                taken = await hand_over.deliveries.take(subscription, 10)
                served = [served_of(one, failing=failing) for one in taken.claimed]
                await hand_over.deliveries.settle(subscription, served)
        sqlalchemy_event.remove(engine, "before_cursor_execute", remember)

        planned = {statement: values for statement, values in asked.items() if statement.lstrip().startswith(PLANNED)}
        assert len(planned) > 15
        async with hand_over.database.line() as line:
            for statement, parameters in planned.items():
                plan = await line.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *parameters)
                assert not {"event", "delivery"} & set(scans(plan[0]["Plan"])), statement
