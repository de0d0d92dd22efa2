"""`/health` (Belgif hlth-res) and `/metrics` of a process, over the services it runs."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.kit.service import Service, Supervisor


def health_router(services: Sequence[Service], supervisor: Supervisor) -> APIRouter:
    """Make the routes; a worker that keeps failing or a broker that is away makes it DEGRADED, a service that cannot work DOWN."""
    router = APIRouter()

    @router.get("/health")
    async def health(_: Request) -> Response:
        checks = [service.health() for service in services if service.health]
        up = all(await asyncio.gather(*checks))
        whole = not supervisor.failing and all(service.whole() for service in services)
        status = "DOWN" if not up else "UP" if whole else "DEGRADED"
        return JSONResponse({"status": status}, 200 if up else 503)

    @router.get("/metrics")
    async def metrics(_: Request) -> Response:
        failing = GaugeMetricFamily("onthaal_worker_failing", "Workers that have failed and wait to be started again.")
        failing.add_metric([], len(supervisor.failing))
        return Response(_text([failing]), media_type=CONTENT_TYPE_LATEST)

    return router


def _text(families: Sequence[GaugeMetricFamily]) -> bytes:
    own = "".join(
        f"# HELP {family.name} {family.documentation}\n# TYPE {family.name} {family.type}\n"
        + "".join(f"{sample.name} {sample.value}\n" for sample in family.samples)
        for family in families
    )
    return generate_latest(REGISTRY) + own.encode()
