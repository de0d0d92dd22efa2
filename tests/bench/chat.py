"""A turn of a chat: from its sender until the other side has it, being durable before that; and what an open connection costs.

The floors, in the same run: a bare relay on uvicorn without storage, with as many connections open; one bare durable commit on the
same engine; and for memory a bare FastAPI relay. `python -m tests.bench.chat [latency|idle|apart]`. ROUNDS (default 8) rounds.
"""

import asyncio
import json
import os
import random
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import psutil

from tests.bench.servers import postgres
from tests.running import free_port, running

ROUNDS = int(os.environ.get("ROUNDS", "8"))
SECONDS = 1.5
RATE = 100
"""Messages a second while the time of each is taken."""

CONNECTIONS = (100, 1_000, 5_000)
MANY = 10_000
TITLES = {"bare": "bare relay on uvicorn", "fastapi": "bare relay on FastAPI"}
SETTINGS = {
    "ONTHAAL_HOURS_CHAT": "24/7",
    "ONTHAAL_CHAT_PACE": "100000",
    "ONTHAAL_CHAT_RATE": "100000/minute",
    "ONTHAAL_CHAT_SOCKETS_PER_NETWORK": "20000",
}


class Load:
    """The process that loads."""

    def __enter__(self):
        command = [sys.executable, "-m", "tests.bench.chat_load"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(30)

    def __call__(self, do, target, **order):
        self._process.stdin.write(json.dumps({"do": do, "target": target, **order}).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the load ended")
        return json.loads(answer)


@dataclass
class Contender:
    """A relay, and what was measured of it."""

    title: str
    name: str
    processes: list
    times: list = field(default_factory=list)
    rates: list = field(default_factory=list)
    costs: list = field(default_factory=list)
    pairs: int = 0

    @property
    def memory(self):
        """KiB that its first process holds."""
        return self.processes[0].memory_info().rss / 1024

    @property
    def processor(self):
        """Seconds of processor time so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)


@contextmanager
def bare_relay(kind, load, pinned=()):
    port = free_port()
    process = subprocess.Popen([*pinned, sys.executable, str(Path(__file__).with_name("relay_floor.py")), str(port), kind])
    try:
        while not listens(port):
            time.sleep(0.05)
        load("know", kind, port=port, bare=True)
        yield Contender(f"{TITLES[kind]}, nothing stored", kind, [psutil.Process(process.pid)])
    finally:
        process.terminate()
        process.wait()


def listens(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def onthaal(title, load, **settings):
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), "intake_api", "chat_relay", "phone_log", **SETTINGS | settings) as gateway,
    ):
        load("know", title, port=gateway.port, bare=False, cookies=signed_in(gateway))
        yield Contender(f"onthaal, {title}", title, [psutil.Process(gateway._process.pid)])


@contextmanager
def apart(title, load, **settings):
    """The relay and the intake service as processes of their own, which speak HTTP."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        intake = stack.enter_context(running(Path(folder) / "intake", "intake_api", **SETTINGS | settings))
        tokens = {
            "ONTHAAL_INTAKE_URL": intake.url,
            "ONTHAAL_CHAT_RELAY_TOKEN": intake.token("contacts:write:chat"),
        }
        outside = {name: value for name, value in SETTINGS.items() if "HOURS" not in name}
        relay = stack.enter_context(running(Path(folder) / "relay", "chat_relay", "phone_log", **outside | tokens))
        cookies = signed_in(relay, intake.sign_in_link("Bench").rpartition("#")[2])
        load("know", title, port=relay.port, bare=False, cookies=cookies)
        yield Contender(f"onthaal, {title}", title, [psutil.Process(each._process.pid) for each in (relay, intake)])


def signed_in(gateway, code=None) -> str:
    code = code or gateway.sign_in_link("Bench").rpartition("#")[2]
    answer = httpx.post(f"{gateway.url}/desk/sign-in", data={"code": code}, headers={"Origin": gateway.url})
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


class SqliteCommit:
    """One row a commit, by the driver itself, as durable as ours."""

    title = "one bare durable commit (SQLite FULL)"

    def __init__(self, folder):
        self._database = sqlite3.connect(Path(folder) / "floor.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE turn (id TEXT PRIMARY KEY, body TEXT)")
        self.times = []

    def measure(self, seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            self._database.execute("INSERT INTO turn VALUES (?, ?)", (str(uuid4()), "x" * 190))
            self.times.append((time.perf_counter() - started) * 1000)
            time.sleep(random.expovariate(RATE))


class PostgresCommit:
    """One row a commit, by the driver itself."""

    title = "one bare durable commit (asyncpg)"

    def __init__(self, host):
        self._host = host
        self.times = []

    def measure(self, seconds):
        asyncio.run(self._measure(seconds))

    async def _measure(self, seconds):
        line = await asyncpg.connect(user="postgres", database="postgres", host=self._host)
        await line.execute("CREATE TABLE IF NOT EXISTS floor_turn (id uuid PRIMARY KEY, body text)")
        await line.execute("INSERT INTO floor_turn VALUES ($1, $2)", uuid4(), "x" * 190)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            await line.execute("INSERT INTO floor_turn VALUES ($1, $2)", uuid4(), "x" * 190)
            self.times.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(random.expovariate(RATE))
        await line.close()


def compare(load, connections, bare, ours, commit):
    """Measure in slots of random order, all connections being open at both."""
    pairs = min(50, connections // 10)
    for contender in (bare, ours):
        contender.times, contender.rates, contender.costs = [], [], []
        load("pairs", contender.name, count=pairs - contender.pairs)
        contender.pairs = pairs
        load("idle", contender.name, count=connections - load("alive", contender.name) - 2 * pairs)
    commit.times.clear()
    slots = [bare, ours, commit]
    for _ in range(ROUNDS):
        random.shuffle(slots)
        for slot in slots:
            if slot is commit:
                commit.measure(SECONDS / 2)
            else:
                slot.times += load("paced", slot.name, seconds=SECONDS, rate=RATE)
                began = slot.processor
                slot.rates.append(load("saturated", slot.name, seconds=SECONDS))
                slot.costs.append((slot.processor - began) / slot.rates[-1] / SECONDS * 1e6)
                time.sleep(0.3)
    floors = [percentile(bare.times, at) + percentile(commit.times, at) for at in (50, 99)]
    print(f"\n{connections} open connections, {pairs} pairs talking, {ROUNDS} rounds")
    for slot in (bare, commit, ours):
        rate = ""
        if slot is not commit:
            rate = (
                f"   {statistics.median(slot.rates):7.0f} messages/s   {statistics.median(slot.costs):5.0f} µs of processor each"
            )
        print(f"{slot.title:<44}{shown(slot.times)}{rate}")
    ratios = [percentile(ours.times, at) / floor for at, floor in zip((50, 99), floors, strict=True)]
    undisturbed = percentile(ours.times, 10) / (percentile(bare.times, 10) + percentile(commit.times, 10))
    beyond = percentile(ours.times, 99) / floors[0]
    print(f"{'beside bare relay + one commit':<44}p50 {ratios[0]:7.2f} x    p99 {ratios[1]:7.2f} x", end="")
    print(f"   (p99 beside their p50: {beyond:.1f} x; p10, least disturbed: {undisturbed:.2f} x)", flush=True)


def percentile(times, at):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * at / 100))]


def shown(times: list[float]) -> str:
    return f"p50 {percentile(times, 50):7.2f} ms   p99 {percentile(times, 99):7.2f} ms"


def latency(connections=CONNECTIONS, engines=("SQLite", "PostgreSQL")):
    """Measure turns beside their floor, on both engines."""
    print("\nChat, one message from its sender until the other side has it, stored before that")
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for engine in engines:
            with ExitStack() as each:
                settings, commit = {}, None
                if engine == "PostgreSQL":
                    address = each.enter_context(postgres(folder / "postgres"))
                    settings["ONTHAAL_DATABASE_URL"] = f"postgresql+asyncpg://postgres@/postgres?host={address}"
                    commit = PostgresCommit(address)
                bare = each.enter_context(bare_relay("bare", load))
                ours = each.enter_context(onthaal(engine, load, **settings))
                for count in connections:
                    compare(load, count, bare, ours, commit or SqliteCommit(tempfile.mkdtemp(dir=folder)))
                for contender in (bare, ours):
                    load("close", contender.name)


def processes_apart():
    """Measure one row with the relay apart from the intake service."""
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        bare = stack.enter_context(bare_relay("bare", load))
        ours = stack.enter_context(apart("SQLite, relay apart from intake", load))
        compare(load, 1_000, bare, ours, SqliteCommit(folder))


def idle():
    """Measure the memory of connections that say nothing, and hold many of them on one core."""
    print("\nMemory of an open connection that says nothing, each server on one core")
    pinned = ("taskset", "-c", "0") if shutil.which("taskset") else ()
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        servers = [bare_relay("fastapi", load, pinned), bare_relay("bare", load, pinned), onthaal("SQLite", load)]
        contenders = [stack.enter_context(server) for server in servers]
        for thread in contenders[-1].processes[0].threads():
            os.sched_setaffinity(thread.id, [0])
        floors = {}
        for contender in contenders:
            load("idle", contender.name, count=200)  # what the first ones cost is not theirs alone
            time.sleep(1)
            before, opened_at = contender.memory, time.perf_counter()
            for count in (1_000, 5_000, MANY):
                load("idle", contender.name, count=count - load("alive", contender.name))
                time.sleep(1)
                each = (contender.memory - before) / (count - 200)
                floors.setdefault(count, {})[contender.name] = each
                ratio = each / floors[count].get("fastapi", each)
                print(f"{contender.title:<44}{count:>7} open {each:8.1f} KiB each {ratio:6.2f} x FastAPI", flush=True)
            took = time.perf_counter() - opened_at
            if contender is not contenders[-1]:
                load("close", contender.name)
                time.sleep(2)
                continue
            began = contender.processor, time.perf_counter()
            time.sleep(60)
            busy = (contender.processor - began[0]) / (time.perf_counter() - began[1])
            alive = load("alive", contender.name)
            print(f"{'':<44}{alive:>7} alive after a minute, {busy:.1%} of a core, opened in {took:.0f} s", flush=True)
            load("close", contender.name)
            time.sleep(2)


def main() -> None:
    """Run every measurement."""
    latency()
    processes_apart()
    idle()


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)  # a socket each

if __name__ == "__main__":
    {"latency": latency, "apart": processes_apart, "idle": idle}.get(sys.argv[1] if len(sys.argv) > 1 else "", main)()
