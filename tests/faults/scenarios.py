"""The faults. Each scenario is a house, a fault at random moments while clients are at work, and the comparison."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from tests.faults import stream
from tests.faults.case_service import Mood
from tests.faults.channels import Chatter, DeskWorker, FormFiller, Mailer, Person
from tests.faults.clock import JumpingClock
from tests.faults.house import House, Run, house, in_front
from tests.faults.ledger import Ledger
from tests.faults.load import at_work
from tests.faults.proxy import Line
from tests.faults.small_disk import small_disk
from tests.faults.verdict import Outcome
from tests.nats import running_nats
from tests.running import Gateway

Scenario = Callable[[Run], Awaitable[Outcome]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    """Put a scenario on the list under the name that the table shows."""

    def add(function: Scenario) -> Scenario:
        SCENARIOS[name] = function
        return function

    return add


async def _spell(made: House, seconds: float) -> None:
    """Let a part of the time pass, of random length."""
    made.faults += 1
    await asyncio.sleep(seconds * made.rng.uniform(0.7, 1.3))


@scenario("SIGKILL of the gateway, SQLite")
async def killed_on_sqlite(run: Run) -> Outcome:
    """Kill the only process there is."""
    async with house(run) as made:
        async with made.at_work():
            await made.kill_at_random(made.gateways[0], run.kills)
        return await made.outcome()


@scenario("SIGKILL of the gateway, PostgreSQL")
async def killed_on_postgresql(run: Run) -> Outcome:
    """Kill the only process there is; its leases outlive it."""
    async with house(run, database="postgresql") as made:
        async with made.at_work():
            await made.kill_at_random(made.gateways[0], run.kills)
        return await made.outcome()


@scenario("SIGKILL of two nodes in turn, PostgreSQL")
async def two_nodes_killed(run: Run) -> Outcome:
    """Kill one node and then the other; clients go to whichever answers."""
    async with house(run, database="postgresql", nodes=2) as made:
        async with made.at_work():
            for number in range(run.kills * 2):
                await made.kill_at_random(made.gateways[number % 2], 1)
        return await made.outcome()


@asynccontextmanager
async def _split(run: Run) -> AsyncIterator[tuple[House, dict[str, Gateway]]]:
    """Run every service in its own process, with people at each door for the length of a block."""
    async with house(run, database="postgresql") as made, in_front(made) as front, AsyncExitStack() as stack:
        ledgers = {name: Ledger() for name in front}
        worker = DeskWorker(front["phone_log"], ledgers["phone_log"], run.rng, await asyncio.to_thread(_link, made))
        await worker.sign_in()
        people: dict[str, Person] = {"phone_log": worker}
        for name, kind in {"mail_ingest": Mailer, "chat_relay": Chatter, "public_site": FormFiller}.items():
            people[name] = kind(front[name], ledgers[name], run.rng)
        for name, person in people.items():
            await stack.enter_async_context(at_work([person], ledgers[name], 0.05, run.rng))
        yield made, front
        await stack.aclose()
        made.ledger = Ledger.together(ledgers.values())
        made.result = await made.outcome()


def _link(made: House) -> str:
    return made.gateways[0].sign_in_link().rpartition("#")[2]


@scenario("SIGKILL of mail_ingest, chat_relay, public_site and phone_log, each apart")
async def services_killed(run: Run) -> Outcome:
    """Kill each of the processes that face the outside; none of them keeps anything."""
    async with _split(run) as (made, front):
        await asyncio.gather(*(made.kill_at_random(gateway, run.kills) for gateway in front.values()))
    return made.result


@scenario("SIGKILL of the intake behind the services that face the outside")
async def intake_killed_behind(run: Run) -> Outcome:
    """Every door must say that nothing is kept, and take the same again."""
    async with _split(run) as (made, _):
        await made.kill_at_random(made.gateways[0], run.kills)
    return made.result


@scenario("PostgreSQL killed (-9) and restarted")
async def postgresql_killed(run: Run) -> Outcome:
    """Kill every process of the database, several times."""
    async with house(run, database="postgresql") as made:
        assert made.postgres is not None
        async with made.at_work():
            for _ in range(max(1, run.kills // 20)):
                await asyncio.sleep(made.rng.uniform(1, 3))
                await asyncio.to_thread(made.postgres.kill)
                await _spell(made, 2)
                await asyncio.to_thread(made.postgres.start)
            await asyncio.sleep(3)
        return await made.outcome()


@scenario("NATS: leader of the stream killed (-9) and restarted")
async def nats_leader_killed(run: Run) -> Outcome:
    """Kill the node that leads the stream; the two others choose another, and nothing is in the stream twice."""
    with running_nats("antwerpen", "brugge", "gent") as servers:
        settings = {"ONTHAAL_NATS_URL": servers.url, "ONTHAAL_NATS_REPLICAS": "3"}
        async with house(run, settings=settings, told=stream.ADDRESS) as made:
            async with made.at_work():
                for _ in range(max(1, run.kills // 20)):
                    await asyncio.sleep(made.rng.uniform(1, 3))
                    (await stream.leader(servers)).kill()
                    await _spell(made, run.seconds)
                    await asyncio.to_thread(servers.start)
            async with stream.read(servers, made.case.taken):
                outcome = await made.outcome()
            if made.case.taken.duplicates:
                outcome.problems.append(f"{made.case.taken.duplicates} events are in the stream twice")
            return outcome


def _mood(name: str, mood: Mood) -> None:
    @scenario(name)
    async def moody(run: Run) -> Outcome:
        async with house(run) as made:
            async with made.at_work():
                await asyncio.sleep(made.rng.uniform(1, 2))
                made.case.mood = mood
                await _spell(made, run.seconds)
                made.case.mood = Mood.WELL
                await asyncio.sleep(2)
            return await made.outcome()


_mood("case service answers 500", Mood.FAILING)
_mood("case service is slow", Mood.SLOW)
_mood("case service closes half-way", Mood.HALF_WAY)
_mood("case service answers after the time-out", Mood.LATE)
_mood("token expired at the case service (401 for an hour, compressed)", Mood.EXPIRED)
_mood("bad deployment of the case service (404)", Mood.MISSING)


def _cut(name: str, line: Line) -> None:
    @scenario(name)
    async def cut(run: Run) -> Outcome:
        async with house(run) as made:
            async with made.at_work():
                await asyncio.sleep(made.rng.uniform(1, 2))
                await made.case.line.become(line)
                await _spell(made, run.seconds)
                await made.case.line.become(Line.WELL)
                await asyncio.sleep(2)
            return await made.outcome()


_cut("case service is down", Line.REFUSED)
_cut("network to the case service goes silent", Line.SILENT)
_cut("network to the case service is half closed", Line.HALF_CLOSED)


@scenario("network between clients and gateway cut, silent, half closed, slow")
async def clients_cut_off(run: Run) -> Outcome:
    """Whoever gets no answer does not know whether it was stored, and sends it again."""
    async with house(run, behind_a_proxy=True) as made:
        line = made.lines["clients"]
        async with made.at_work():
            for fault in (Line.REFUSED, Line.SILENT, Line.HALF_CLOSED):
                await asyncio.sleep(made.rng.uniform(0.5, 1.5))
                await line.become(fault)
                await _spell(made, run.seconds / 4)
                await line.become(Line.WELL)
            line.delay_s = 0.2
            await _spell(made, run.seconds / 4)
            line.delay_s = 0
        return await made.outcome()


@scenario("network between gateway and PostgreSQL cut, half closed, slow")
async def database_cut_off(run: Run) -> Outcome:
    """The answer to a COMMIT is lost with the line."""
    async with house(run, database="postgresql", database_behind_a_proxy=True) as made:
        line = made.lines["database"]
        async with made.at_work():
            for fault in (Line.REFUSED, Line.HALF_CLOSED) * 2:
                await asyncio.sleep(made.rng.uniform(0.5, 1.5))
                await line.become(fault)
                await _spell(made, run.seconds / 5)
                await line.become(Line.WELL)
            line.delay_s = 0.05
            await _spell(made, run.seconds / 5)
            line.delay_s = 0
            await asyncio.sleep(2)
        return await made.outcome()


@scenario("connections to PostgreSQL forgotten by the network, nobody told")
async def database_forgotten(run: Run) -> Outcome:
    """A firewall or a failover drops connections without a word: only a time-out ends the wait."""
    async with house(run, database="postgresql", database_behind_a_proxy=True) as made:
        async with made.at_work():
            for _ in range(2):
                await asyncio.sleep(made.rng.uniform(1, 2))
                await made.lines["database"].forget()
                await _spell(made, run.seconds)
            await asyncio.sleep(2)
        return await made.outcome()


@scenario("disk full, SQLite")
async def disk_full(run: Run) -> Outcome:
    """Nothing can be stored, and that is said; the process lives, and goes on when there is space."""
    with small_disk(run.folder / "disk", 24) as disk:
        kept = {
            "ONTHAAL_DATABASE_URL": f"sqlite+aiosqlite:///{disk.folder}/onthaal.db",
            "ONTHAAL_BLOB_URL": f"file://{disk.folder}/files",
        }
        async with house(run, settings=kept) as made:
            async with made.at_work():
                for _ in range(3):
                    await asyncio.sleep(made.rng.uniform(0.5, 1.5))
                    await asyncio.to_thread(disk.fill)
                    await _spell(made, run.seconds / 3)
                    disk.empty()
                await asyncio.sleep(2)
            outcome = await made.outcome()
            if not made.ledger.refusals.keys() & {"HTTP 503", "HTTP 507"}:
                outcome.problems.append("the full disk was never told")
            return outcome


def _clock(name: str, by: timedelta) -> None:
    @scenario(name)
    async def jumped(run: Run) -> Outcome:
        clock = JumpingClock(run.folder)
        async with house(run, settings=clock.environment) as made:
            async with made.at_work():
                await asyncio.sleep(made.rng.uniform(1, 2))
                clock.jump(by)
                if not await asyncio.to_thread(clock.is_obeyed):
                    message = "the library that moves the clock has no hold on this Python"
                    raise RuntimeError(message)
                await _spell(made, run.seconds)
                clock.jump(timedelta())
                made.faults += 1
                await asyncio.sleep(2)
            return await made.outcome()


_clock("clock jumps an hour ahead and back, SQLite", timedelta(hours=1))
_clock("clock jumps an hour back and ahead, SQLite", timedelta(hours=-1))


@scenario("clock of one of two nodes jumps an hour ahead and back, PostgreSQL")
async def clocks_apart(run: Run) -> Outcome:
    """Leases that one node gave must not look expired, or eternal, to the other."""
    clock = JumpingClock(run.folder)
    async with house(run, database="postgresql", nodes=2, of_node=({}, clock.environment)) as made:
        made.case.mood = Mood.SLOW  # deliveries under way when the clock jumps
        async with made.at_work():
            for by in (timedelta(hours=1), timedelta(), timedelta(hours=-1), timedelta()):
                await asyncio.sleep(made.rng.uniform(1, 2))
                clock.jump(by)
                await _spell(made, run.seconds / 3)
            made.case.mood = Mood.WELL
        return await made.outcome()
