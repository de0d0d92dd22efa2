"""Counts of contacts over HTTP, as JSON or CSV, from stored counts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, Nature
from onthaal_schema.conversation import Waits
from onthaal_schema.problems import InvalidInput
from onthaal_schema.wire import Day, Resource
from services.intake_api.routes.reading import CallerOf, only
from services.intake_api.store.statistics import DIMENSIONS, Statistics, as_csv
from services.intake_api.store.waits import Waiting

router = APIRouter()

PARAMETERS = ("by", "from", "until", "channel", "kind", "nature", "format")


class Counts(Resource):
    """Contacts counted by the asked dimensions."""

    self: str
    items: tuple[dict[str, Any], ...]
    total: int


@router.get("/statistics/contacts", dependencies=[only(*PARAMETERS)], response_model=Counts)
async def contacts(
    request: Request,
    who: CallerOf,
    by: Annotated[list[str] | None, Query()] = None,
    since: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query()] = None,
    channel: Annotated[list[Channel] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    nature: Annotated[list[Nature] | None, Query()] = None,
    format: Annotated[str, Query(pattern="^(json|csv)$")] = "json",  # noqa: A002 - the parameter's name
) -> Any:
    """Count contacts by month, channel and so on; persons only, unless another nature is asked for."""
    who.require("statistics:read", "contacts:read", "events:read")
    names = _dimensions(by or ["month", "channel"])
    counts: Statistics = request.app.state.statistics
    await counts.catch_up()
    rows = await counts.table(names, since, until, channel=channel or (), kind=kind or (), nature=nature or (Nature.PERSON,))
    if format == "csv":
        return Response(as_csv(names, rows), media_type="text/csv; charset=utf-8")
    return Counts(self="/intake/v1/statistics/contacts", items=tuple(rows), total=sum(row["count"] for row in rows))


class WaitsByMonth(Resource):
    """How long visitors of the chat waited."""

    self: str
    items: tuple[Waits, ...]


@router.get("/statistics/conversations", dependencies=[only("from", "until")])
async def conversations(
    request: Request,
    who: CallerOf,
    since: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query()] = None,
) -> WaitsByMonth:
    """Say by month how many conversations there were, how many nobody took, and how long their visitors waited."""
    who.require("statistics:read", "contacts:read", "events:read")
    waiting: Waiting = request.app.state.waiting
    return WaitsByMonth(self="/intake/v1/statistics/conversations", items=tuple(await waiting.by_month(since, until)))


def _dimensions(by: list[str]) -> list[str]:
    names = [name for given in by for name in given.split(",")]
    if not set(names) <= set(DIMENSIONS):
        raise InvalidInput.at("by", f"Must be of {', '.join(DIMENSIONS)}.", in_="query")
    return list(dict.fromkeys(names))
