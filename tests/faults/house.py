"""A gateway in processes of its own with a database, a case service that listens, and clients: the place of a fault."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.engines import Postgres
from tests.faults.case_service import CaseService
from tests.faults.ledger import Ledger
from tests.faults.load import Client, at_work
from tests.faults.proxy import Proxy
from tests.faults.verdict import COALESCED_S, Outcome, compare
from tests.running import Gateway

HOUR_S = 10
"""Seconds into which an hour of waiting is compressed, by ONTHAAL_HANDOVER_PACE."""

PACE = HOUR_S / 3600


@dataclass(frozen=True)
class Run:
    """What is asked of one run of a scenario."""

    name: str
    folder: Path
    rng: random.Random
    kills: int
    seconds: float
    minutes: float = 10
    """After so many minutes nothing is killed any more, on a machine that is too busy for all the kills; the table has their number."""

    began: float = field(default_factory=time.monotonic)

    @property
    def has_time(self) -> bool:
        """Whether there is time to break something once more."""
        return time.monotonic() - self.began < self.minutes * 60


@dataclass
class House:
    """Everything of one scenario that is running."""

    run: Run
    case: CaseService
    ledger: Ledger
    gateways: list[Gateway]
    doors: list[str]
    token: str
    lines: dict[str, Proxy]
    postgres: Postgres | None = None
    faults: int = 0
    starting_s: float = 2
    _children: set[psutil.Process] = field(default_factory=set)

    @property
    def rng(self) -> random.Random:
        """The seeded chance of this run."""
        return self.run.rng

    @asynccontextmanager
    async def at_work(self, people: Sequence[Any] = (), clients: int = 4, pause_s: float = 0.05) -> AsyncIterator[None]:
        """Have clients at work for the length of a block: of the API, unless others are given."""
        chosen = people or [Client(self.doors, self.token, self.ledger, self.rng) for _ in range(clients)]
        async with at_work(chosen, self.ledger, pause_s, self.rng):
            yield

    async def kill_at_random(self, gateway: Gateway, times: int) -> None:
        """Kill a process at random moments, a fifth of the times while it starts, and leave it running."""
        for _ in range(times):
            if not self.run.has_time:
                return
            await asyncio.sleep(self.rng.uniform(0.05, 1.5))
            self._kill(gateway)
            while self.rng.random() < 0.2:
                gateway.launch()
                await asyncio.sleep(self.rng.uniform(0, min(self.starting_s, 3)))
                self._kill(gateway)
            await self.start(gateway)

    def _kill(self, gateway: Gateway) -> None:
        process = gateway._process
        assert process is not None
        if process.poll() is not None:
            message = f"a process ended by itself: {gateway.log.read_text()[-1000:]}"
            raise RuntimeError(message)
        self._children |= set(psutil.Process(process.pid).children(recursive=True))
        gateway.kill()
        self.faults += 1

    async def start(self, gateway: Gateway) -> None:
        """Start a process and wait until it is up."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        gateway.launch()
        async with httpx.AsyncClient(timeout=5) as http:
            while not await _is_up(http, gateway):
                if gateway._process is None or gateway._process.poll() is not None or loop.time() - began > 120:
                    message = f"did not start: {gateway.log.read_text()[-2000:]}"
                    raise RuntimeError(message)
                await asyncio.sleep(0.05)
        self.starting_s = loop.time() - began

    async def outcome(self, patience_s: float = 150, quiet_s: float = COALESCED_S) -> Outcome:
        """Wait until everything is handed over, and compare what clients were told, what is held and what was received."""
        found = await compare(self.doors, self.token, self.ledger, self.case, patience_s, quiet_s)
        left = [process for process in self._children if process.is_running()]
        if left:
            found.problems.append(f"{len(left)} child processes outlived their killed parents")
        found.faults = self.faults
        return found


PROCESSES = {"mail_ingest": "mail", "chat_relay": "chat", "public_site": "contactformulier", "phone_log": ""}
"""The services that face the outside, and the channel that each may write to with its own token."""


@asynccontextmanager
async def in_front(made: House) -> AsyncIterator[dict[str, Gateway]]:
    """Run each service that faces the outside in a process of its own before the intake, without database and keys."""
    intake = made.gateways[0]
    rates = {"ONTHAAL_FORM_RATE": "1000000/minute", "ONTHAAL_CHAT_RATE": "1000000/minute"}
    common = {"ONTHAAL_INTAKE_URL": intake.url, "ONTHAAL_CHAT_ALWAYS": "true"} | rates
    found: dict[str, Gateway] = {}
    try:
        for name, channel in PROCESSES.items():
            own = {}
            if channel:
                token = await asyncio.to_thread(intake.token, f"contacts:write:{channel}")
                own[f"ONTHAAL_{name.upper()}_TOKEN"] = token
            found[name] = Gateway(made.run.folder / name, (name,), common | own)
            await made.start(found[name])
        yield found
    finally:
        for gateway in found.values():
            gateway.kill()


async def _is_up(http: httpx.AsyncClient, gateway: Gateway) -> bool:
    try:
        return (await http.get(f"{gateway.url}/health")).status_code == 200
    except httpx.HTTPError:
        return False


@asynccontextmanager
async def _postgres() -> AsyncIterator[Postgres]:
    server = await asyncio.to_thread(Postgres().start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def house(
    run: Run,
    *,
    database: str = "sqlite",
    nodes: int = 1,
    settings: Mapping[str, str] | None = None,
    of_node: Sequence[Mapping[str, str]] = (),
    behind_a_proxy: bool = False,
    database_behind_a_proxy: bool = False,
    told: str | None = None,
) -> AsyncIterator[House]:
    """Run `nodes` of intake_api on a database, with a case service that is told everything, at another address when one is given."""
    gateways = [Gateway(run.folder / f"node{number}", ("intake_api",)) for number in range(nodes)]
    first = gateways[0]
    first.var.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        case = await stack.enter_async_context(CaseService(run.rng).open())
        lines: dict[str, Proxy] = {}
        postgres = await stack.enter_async_context(_postgres()) if database == "postgresql" else None
        stack.callback(lambda: [gateway.kill() for gateway in gateways])
        address = postgres.new_database() if postgres else f"sqlite+aiosqlite:///{first.var}/onthaal.db"
        if database_behind_a_proxy:
            name, _, socket = address.removeprefix("postgresql+asyncpg://postgres@/").partition("?host=")
            lines["database"] = await stack.enter_async_context(Proxy(f"{socket}/.s.PGSQL.5432").open())
            address = f"postgresql+asyncpg://postgres@127.0.0.1:{lines['database'].port}/{name}"
        shared = {
            "ONTHAAL_HANDOVER_PACE": str(PACE),
            "ONTHAAL_KEY_FILE": os.fspath(first.var / "keys" / "onthaal.json"),
            "ONTHAAL_BLOB_URL": f"file://{first.var / 'files'}",
            "ONTHAAL_DATABASE_URL": address,
            **(settings or {}),
        }
        for number, gateway in enumerate(gateways):
            gateway.settings = shared | dict(of_node[number] if of_node else {})
        token = await asyncio.to_thread(first.token)
        case.trust(await asyncio.to_thread(first.subscribe, told or case.url))
        doors = [gateway.url for gateway in gateways]
        if behind_a_proxy:
            lines["clients"] = await stack.enter_async_context(Proxy(f"127.0.0.1:{first.port}").open())
            doors = [f"http://127.0.0.1:{lines['clients'].port}"]
        made = House(run, case, Ledger(), gateways, doors, token, lines, postgres)
        for gateway in gateways:
            await made.start(gateway)
        yield made
