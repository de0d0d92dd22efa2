"""Counts of contacts over HTTP, as JSON or CSV, from stored counts."""

import csv
import io
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, Nature
from onthaal_schema.problems import INPUT, InvalidInput, Issue
from onthaal_schema.wire import Resource
from starlette.requests import Request
from starlette.responses import Response

from services.intake_api.routes.reading import CallerOf, only
from services.intake_api.store.statistics import DIMENSIONS, Statistics

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
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query()] = None,
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


def _dimensions(by: list[str]) -> list[str]:
    names = [name for given in by for name in given.split(",")]
    if unknown := [name for name in names if name not in DIMENSIONS]:
        detail = f"Must be of {', '.join(DIMENSIONS)}."
        issues = [Issue(type=INPUT + "invalidInput", title="Invalid input", detail=detail, in_="query", name="by") for _ in unknown]
        raise InvalidInput("The input is not valid; see issues.", issues=issues)
    return list(dict.fromkeys(names))


def as_csv(names: list[str], rows: list[dict[str, Any]]) -> str:
    """Write counts as CSV (RFC 4180)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*names, "count"])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
