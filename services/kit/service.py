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


class Supervisor:
    """Keeps workers alive: one that fails is started again after a pause that grows to 30 seconds."""

    def __init__(self, workers: Mapping[str, Work], board: Board) -> None:
        """Take the workers by name; nothing runs yet. Those that fail are told on the board."""
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
        pause = 0.5
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            steady = loop.call_later(STEADY, self.board.settle, Alarm.WORKER_FAILING, name)
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("worker failed", worker=name, error=error_name(error))
            finally:
                steady.cancel()
            if loop.time() - started > STEADY:
                pause = 0.5
            self.failing.add(name)
            self.board.raise_alarm(Alarm.WORKER_FAILING, name)
            WORKER_RESTARTS.labels(name).inc()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)
            self.failing.discard(name)
