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
from services.kit.bus import Bus
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
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


@dataclass(frozen=True)
class Service:
    """A service as the gateway runs it.

    `static` are folders by the path they are served under, `state` what routes find in `app.state`.
    `before` wraps the whole app, for what must not go through its layers.
    `lifespan` surrounds the life of routes and workers; `health` answers quickly whether the service can do its work,
    `whole` whether it does it as well as it should.
    """

    name: str
    router: APIRouter
    workers: Mapping[str, Work] = field(default_factory=dict)
    static: Mapping[str, Path] = field(default_factory=dict)
    state: Mapping[str, object] = field(default_factory=dict)
    before: Callable[[ASGIApp], ASGIApp] | None = None
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    health: Callable[[], Awaitable[bool]] | None = None
    whole: Callable[[], bool] = lambda: True


class Supervisor:
    """Keeps workers alive: one that fails is started again after a pause that grows to 30 seconds."""

    def __init__(self, workers: Mapping[str, Work]) -> None:
        """Take the workers by name; nothing runs yet."""
        self._workers = workers
        self._tasks: list[asyncio.Task[None]] = []
        self.failing: set[str] = set()

    def start(self) -> None:
        """Start every worker."""
        self._tasks = [asyncio.create_task(self._keep(name, work), name=name) for name, work in self._workers.items()]

    async def stop(self) -> None:
        """Cancel every worker and wait until it has stopped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, name: str, work: Work) -> None:
        pause = 0.5
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("worker failed", worker=name, error=error_name(error))
            if asyncio.get_running_loop().time() - started > 60:
                pause = 0.5
            self.failing.add(name)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)
            self.failing.discard(name)
