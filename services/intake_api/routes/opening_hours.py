"""Opening hours over HTTP: published for everybody, exceptions for who may set them."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import CalendarException, OpeningHours, PublishedOpeningHours
from onthaal_schema.problems import InvalidInput, NotFound
from onthaal_schema.wire import Instant
from services.intake_api.routes.reading import CallerOf, ReceptionOf, json_bytes, only, parsed, path_id

EXCEPTION: TypeAdapter[CalendarException] = TypeAdapter(CalendarException)
EXCEPTIONS: TypeAdapter[list[CalendarException]] = TypeAdapter(list[CalendarException])

router = APIRouter(prefix="/openingHours")


@router.get("", dependencies=[only()])
async def published(desk: ReceptionOf) -> PublishedOpeningHours:
    """Give the hours of the coming year as schema.org `OpeningHoursSpecification`."""
    return await desk.hours.published()


@router.get("/exceptions", dependencies=[only()])
async def exceptions(who: CallerOf, desk: ReceptionOf) -> Response:
    """List every exception that was ever set."""
    who.require("calendar:write", "contacts:read")
    items = EXCEPTIONS.dump_json(list(desk.hours.exceptions), by_alias=True, exclude_none=True)
    return Response(b'{"items":' + items + b"}", media_type="application/json")


@router.put("/exceptions/{exceptionId}", dependencies=[only()])
async def put_exception(request: Request, who: CallerOf, desk: ReceptionOf) -> Response:
    """Set an exception or an emergency close; it counts from now on."""
    rule = parsed(EXCEPTION, await json_bytes(request))
    if rule.id != path_id(request, "exceptionId"):
        raise InvalidInput.at("id", "Must equal the id in the path.")
    settled = await desk.put_exception(who, rule)
    return Response(EXCEPTION.dump_json(settled, by_alias=True, exclude_none=True), media_type="application/json")


@router.delete("/exceptions/{exceptionId}", dependencies=[only()], status_code=204)
async def withdraw_exception(request: Request, who: CallerOf, desk: ReceptionOf) -> None:
    """Let an exception count no longer from now on."""
    await desk.withdraw_exception(who, path_id(request, "exceptionId"))


@router.get("/{channel}", dependencies=[only("at")], response_model_exclude_none=True)
async def at(channel: str, desk: ReceptionOf, at: Annotated[Instant | None, Query()] = None) -> OpeningHours:
    """Say whether a channel is open, why not, and when it opens next."""
    if channel not in set(Channel):
        raise NotFound("There is no such channel.")
    return await desk.opening_hours(Channel(channel), at)
