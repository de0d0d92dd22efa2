"""Dead letters over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request

from onthaal_schema.handover import DeadLetterFilter, DeadLetterPage, Redriven
from onthaal_schema.opening_hours import Moment
from onthaal_schema.wire import Line
from services.intake_api.routes.reading import CallerOf, body, only, path_id
from services.intake_api.routes.subscriptions import SteeringOf

router = APIRouter(prefix="/deadLetters")

Asked = Annotated[str | None, Query(max_length=100)]


@router.get(
    "", dependencies=[only("subscriptionId", "reason", "since", "until", "pageSize", "before")], response_model_exclude_none=True
)
async def dead_letters(
    who: CallerOf,
    hand: SteeringOf,
    subscription_id: Annotated[UUID | None, Query(alias="subscriptionId")] = None,
    reason: Annotated[Line | None, Query()] = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    page_size: Annotated[int, Query(alias="pageSize", ge=1, le=200)] = 200,
    before: Asked = None,
) -> DeadLetterPage:
    """List the events that were given up, with the reason."""
    which = DeadLetterFilter(subscription_id=subscription_id, reason=reason, since=since, until=until)
    return await hand.dead_letters(who, which, page_size, before)


@router.post("/redrive", dependencies=[only()], status_code=202)
async def redrive(who: CallerOf, hand: SteeringOf, which: Annotated[DeadLetterFilter, body(DeadLetterFilter)]) -> Redriven:
    """Deliver dead letters again: all, or those that fit everything that is given."""
    return await hand.redrive(who, which)


@router.post("/{eventId}/redrive", dependencies=[only()], status_code=202)
async def redrive_one(request: Request, who: CallerOf, hand: SteeringOf) -> Redriven:
    """Deliver a dead letter again."""
    return await hand.redrive(who, DeadLetterFilter(event_ids=(path_id(request, "eventId"),)))
