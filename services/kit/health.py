"""`/health` (Belgif hlth-res) and `/metrics` of a process, over the services it runs."""

import asyncio
from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import Metric
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.kit.drain import Drain
from services.kit.measures import Exposition, gauge, of_process
from services.kit.service import Service, Supervisor
from services.kit.settings import ProcessSettings


def health_router(services: Sequence[Service], supervisor: Supervisor, drain: Drain, process: ProcessSettings) -> APIRouter:
    """Make the routes.

    `/health` is DOWN when a service cannot work, DEGRADED when a worker keeps failing or a service says so.
    `/health/live` says that the process answers at all: one that does not is to be started again.
    `/health/ready` says that it may be sent requests: it is up, and not about to stop.
    """
    router = APIRouter()
    exposition = Exposition([service.figures for service in services if service.figures])

    async def is_up() -> bool:
        return all(await asyncio.gather(*(service.health() for service in services if service.health)))

    @router.get("/health")
    async def health(_: Request) -> Response:
        up = await is_up()
        degraded = supervisor.failing or any(service.degraded() for service in services if service.degraded)
        return _status("DOWN" if not up else "DEGRADED" if degraded else "UP", up=up)

    @router.get("/health/live")
    async def live(_: Request) -> Response:
        return _status("UP", up=True)

    @router.get("/health/ready")
    async def ready(_: Request) -> Response:
        up = not drain.begun and await is_up()
        return _status("UP" if up else "DOWN", up=up)

    @router.get("/metrics")
    async def metrics(_: Request) -> Response:
        names = [service.name for service in services]
        now = [*of_process(names, process.var), *_of_work(supervisor, drain)]
        return Response(await exposition.text(now), media_type=CONTENT_TYPE_LATEST)

    return router


def _status(status: str, *, up: bool) -> Response:
    return JSONResponse({"status": status}, 200 if up else 503)


def _of_work(supervisor: Supervisor, drain: Drain) -> Iterable[Metric]:
    alive = [((name,), float(name not in supervisor.failing)) for name in supervisor.names]
    yield gauge("onthaal_worker_up", "1 while a worker runs, 0 while it waits to be started again.", alive, ["worker"])
    raised = [((alarm.value,), condition.count) for alarm, condition in supervisor.board.conditions().items()]
    yield gauge("onthaal_alarm_raised", "Alarms that were raised in this process.", raised, ["alarm"])
    yield gauge("onthaal_draining", "1 while the process is about to stop.", [((), float(drain.begun))])
