"""The composition root: one process runs every service, or the named ones."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from onthaal_schema.intake import Intake, IntakeClient
from onthaal_schema.nodes import Nodes
from services.intake_api.settings import IntakeSettings
from services.kit import logging
from services.kit.alarms import Board
from services.kit.auth import SignInNeeded, to_sign_in
from services.kit.bus import Bus, LocalBus, NatsBus
from services.kit.clock import Clock, SystemClock
from services.kit.drain import FINISH, STOP, Drain, DrainingServer
from services.kit.health import health_router
from services.kit.http_protocol import BoundedHttp
from services.kit.limits import BodyLimit, HeadLimit
from services.kit.logging import Traces
from services.kit.measures import beat
from services.kit.nats import NatsLink
from services.kit.pages import STATIC, Headers
from services.kit.problems import handle_problems
from services.kit.service import House, IntakeAccess, Service, Supervisor
from services.kit.settings import InvalidSettings, ProcessSettings, read, refuse_unknown
from services.settings import SERVICES, RemoteSettings, settings_classes

log = logging.logger(__name__)


class RemoteAccess:
    """`IntakeAccess` over HTTP, for a process without the intake service."""

    def __init__(self, url: str, tokens: RemoteSettings) -> None:
        """Reach the intake service at an address, or at its nodes."""
        self._nodes = Nodes(url)
        self._tokens = tokens
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(30, connect=5))

    def own(self, service: str) -> Intake:
        """Speak with the service's own token."""
        return IntakeClient(self._nodes, getattr(self._tokens, f"{service}_token", None), http=self._http)

    def operator(self, token: str) -> Intake:
        """Speak with an operator's token."""
        return IntakeClient(self._nodes, token, http=self._http)

    def anonymous(self) -> Intake:
        """Speak without a token."""
        return IntakeClient(self._nodes, http=self._http)


class Gateway(FastAPI):
    """The app, behind what every request passes first: headers, the limit of a body, and the hot path."""

    def stand_before(self, wraps: Sequence[Callable[[ASGIApp], ASGIApp]], limit: int, drain: Drain) -> None:
        """Put layers before the app, the last one outermost."""
        front: ASGIApp = super().__call__
        for wrap in wraps:
            front = wrap(front)
        self._front = Traces(Headers(HeadLimit(BodyLimit(front, limit)), drain))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._front(scope, receive, send)


def build(names: Sequence[str] = SERVICES, clock: Clock | None = None, drain: Drain | None = None) -> FastAPI:
    """Make the app of the named services. It stops accepting that it is ready when `drain` begins.

    Raises:
        InvalidSettings: naming the setting, before anything is opened.

    """
    classes = settings_classes()
    refuse_unknown(classes.values(), os.environ)
    for kind in classes.values():
        read(kind)
    process = read(ProcessSettings)
    clock = clock or SystemClock()
    board = Board(clock)
    services = _services(names, process, clock, board)
    return _app(services, process, board, drain or Drain())


def _services(names: Sequence[str], process: ProcessSettings, clock: Clock, board: Board) -> list[Service]:
    services: list[Service] = []
    access: IntakeAccess
    if "intake_api" in names:
        from services.intake_api.service import create  # noqa: PLC0415 - a process without it must not load keys or database

        made = create(process, clock, board)
        services.append(made.service)
        access = made.access
    elif process.intake_url:
        access = RemoteAccess(process.intake_url, read(RemoteSettings))
    else:
        message = "ONTHAAL_INTAKE_URL: needed when this process does not run intake_api"
        raise InvalidSettings(message)
    if others := [name for name in names if name != "intake_api"]:
        bus = _bus(process)
        services.append(Service("bus", APIRouter(), lifespan=bus.session, degraded=lambda: not bus.is_whole))
        house = House(process, access, clock, bus, board)
        services += [import_module(f"services.{name}.service").create(house) for name in others]
    return services


def _bus(process: ProcessSettings) -> Bus:
    return NatsBus(NatsLink(process.nats_url, "onthaal bus", echo=False)) if process.nats_url else LocalBus()


def _app(services: Sequence[Service], process: ProcessSettings, board: Board, drain: Drain) -> FastAPI:
    workers = {f"{service.name}.{name}": work for service in services for name, work in service.workers.items()}
    supervisor = Supervisor({**workers, "process.beat": beat}, board)
    app = Gateway(openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(services, supervisor, process, drain))
    handle_problems(app)
    app.add_exception_handler(SignInNeeded, to_sign_in)
    app.include_router(health_router(services, supervisor, drain, process))
    for service in services:
        app.include_router(service.router)
        for name, value in service.state.items():
            setattr(app.state, name, value)
        for path, folder in service.static.items():
            app.mount(path, StaticFiles(directory=folder))
        _document(app, service)
    app.mount("/static/kit", StaticFiles(directory=STATIC))
    app.state.process = process
    wraps = [service.before for service in services if service.before]
    app.stand_before(wraps, read(IntakeSettings).largest_contact, drain)
    return app


def _document(app: FastAPI, service: Service) -> None:
    folder = Path(__file__).parent / service.name / "doc"
    if folder.is_dir():
        app.mount(f"/doc/{service.name}", StaticFiles(directory=folder))


def _lifespan(
    services: Sequence[Service], supervisor: Supervisor, process: ProcessSettings, drain: Drain
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in services:
                await stack.enter_async_context(service.lifespan())
            supervisor.start()
            stack.push_async_callback(supervisor.stop, STOP)
            finishing = asyncio.create_task(_finish(services, drain))
            stack.push_async_callback(_end, finishing, drain)
            gc.collect()
            gc.set_threshold(20_000, 50, 50)
            gc.freeze()  # the imported heap is not walked again: keeps pauses out of the slowest answers
            log.info("started", count=len(services), host=process.host, port=process.port)
            yield

    return lifespan


async def _finish(services: Sequence[Service], drain: Drain) -> None:
    """Let every other door than HTTP finish, at the same time as the server finishes its requests."""
    await drain.wait()
    await asyncio.gather(*(service.drain() for service in services if service.drain))


async def _end(finishing: "asyncio.Task[None]", drain: Drain) -> None:
    drain.begin()
    await asyncio.wait([finishing], timeout=FINISH)
    finishing.cancel()


def serve(names: Sequence[str]) -> None:
    """Run the named services until told to stop; what was begun is finished first."""
    process = read(ProcessSettings)
    logging.configure(process.log_level)
    # a thread that tags keeps the others waiting for this long at a time; the usual 5 ms are as long as a whole answer
    sys.setswitchinterval(0.0005)
    drain = Drain()
    app = build(names, drain=drain)
    config = uvicorn.Config(
        app,
        host=process.host,
        port=process.port,
        loop="uvloop",
        http=BoundedHttp,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=65_536,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        access_log=False,
        proxy_headers=False,  # what to believe of a proxy is a setting of the throttle
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=FINISH,
        timeout_keep_alive=65,
    )
    server = DrainingServer(config, drain, process.drain_notice)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())
