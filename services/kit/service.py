"""What a service is to the gateway that runs it: routes, workers that are kept alive, and a state of health."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fastapi import APIRouter
from starlette.types import ASGIApp

from onthaal_schema.intake import Intake
from onthaal_schema.problems import ServiceUnavailable
from services.kit.alarms import Alarm, Board
from services.kit.bus import Bus
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.kit.measures import WORKER_RESTARTS, Figures
from services.kit.settings import ProcessSettings

log = logger(__name__)

Work = Callable[[], Awaitable[None]]
"""A worker: runs until it is cancelled; when it raises, it is started again."""


class IntakeAccess(Protocol):
    """How a service reaches the intake service: as itself, as an operator, or as nobody in particular."""

    def own(self, service: str) -> Intake:
        """Speak with the service's own token, which reaches its own channel only."""
        ...

    def operator(self, token: str) -> Intake:
        """Speak with an operator's token, so that rights and audit are the operator's."""
        ...

    def anonymous(self) -> Intake:
        """Speak without a token: opening hours, keys, signing in."""
        ...


@dataclass(frozen=True)
class House:
    """What the gateway hands to each service when it makes it."""

    process: ProcessSettings
    intake: IntakeAccess
    clock: Clock
    bus: Bus
    alarms: Board


@dataclass(frozen=True)
class Service:
    """A service as the gateway runs it.

    `static` are folders by the path they are served under, `state` what routes find in `app.state`.
    `before` wraps the whole app, for what must not go through its layers.
    `lifespan` surrounds the life of routes and workers; `health` answers quickly whether the service can do its work,
    `degraded` whether it does it less well than it should. `figures` are told in `/metrics`, beside counters of its own.
    `drain` finishes what came in by other doors than HTTP; it is awaited before any worker is stopped.
    """

    name: str
    router: APIRouter
    workers: Mapping[str, Work] = field(default_factory=dict)
    static: Mapping[str, Path] = field(default_factory=dict)
    state: Mapping[str, object] = field(default_factory=dict)
    before: Callable[[ASGIApp], ASGIApp] | None = None
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    health: Callable[[], Awaitable[bool]] | None = None
    degraded: Callable[[], bool] | None = None
    figures: Figures | None = None
    drain: Callable[[], Awaitable[None]] | None = None


STEADY = 60.0
"""Seconds after which a worker that had failed is trusted again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker that failed is started again."""

WAIT = 1.0
"""Seconds before a worker that could not reach the database is started again, however long that lasts."""


class Supervisor:
    """Keeps workers alive: one that fails is started again after a pause that grows to 30 seconds.

    One that finds the database away has not failed: it waits a second, and again, and is there when the database is.
    """

    def __init__(self, workers: Mapping[str, Work], board: Board, wait: float = WAIT) -> None:
        """Take the workers by name; nothing runs yet. Those that fail are told on the board."""
        self._wait = wait
        self._workers = workers
        self.board = board
        self._tasks: list[asyncio.Task[None]] = []
        self.failing: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The workers."""
        return tuple(self._workers)

    def start(self) -> None:
        """Start every worker."""
        self._tasks = [asyncio.create_task(self._keep(name, work), name=name) for name, work in self._workers.items()]

    async def stop(self, patience: float) -> None:
        """Cancel every worker and wait until it has stopped, so many seconds at the most."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, stuck = await asyncio.wait(self._tasks, timeout=patience)
            for task in stuck:
                log.error("worker does not stop", worker=task.get_name())

    async def _keep(self, name: str, work: Work) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            started = loop.time()
            try:
                await self._run(name, work)
            except ServiceUnavailable:  # there is an alarm for that already, and it is over as soon as the database is back
                log.warning("worker waits for the database", worker=name)
                await self._rest(name, self._wait)
                continue
            except Exception as error:
                log.exception("worker failed", worker=name, error=error_name(error))
            if loop.time() - started > STEADY:
                pause = FIRST_PAUSE
            self.board.raise_alarm(Alarm.WORKER_FAILING, name)
            WORKER_RESTARTS.labels(name).inc()
            await self._rest(name, pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run(self, name: str, work: Work) -> None:
        steady = asyncio.get_running_loop().call_later(STEADY, self.board.settle, Alarm.WORKER_FAILING, name)
        try:
            await work()
        finally:
            steady.cancel()

    async def _rest(self, name: str, pause: float) -> None:
        self.failing.add(name)
        await asyncio.sleep(pause)
        self.failing.discard(name)
