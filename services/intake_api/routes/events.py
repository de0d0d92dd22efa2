"""The feed, subscriptions and dead letters over HTTP."""

from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from starlette.requests import Request

from onthaal_schema.contact import Nature
from onthaal_schema.events import EventPage
from onthaal_schema.wire import Line, Resource, Submitted
from services.intake_api.routes.reading import CallerOf, body, only, path_id
from services.intake_api.store.dead_letters import DeadLetters
from services.intake_api.subscriptions import Subscriptions

router = APIRouter()


class SubscriptionRequest(Submitted):
    """Where to hand events over to. Natures other than `person` are asked for by name."""

    url: Line
    name: Line | None = None
    natures: tuple[Nature, ...] = (Nature.PERSON,)
    from_start: bool = False


class SubscriptionMade(Resource):
    """A new subscription and its secret, which is shown this once."""

    id: UUID
    secret: str


class SubscriptionState(Resource):
    """A subscription and what it is owed."""

    id: UUID
    name: str
    url: str
    status: str
    pending: int
    delivered: int
    dead: int
    created_at: AwareDatetime
    last_error: str | None = None
    last_error_at: AwareDatetime | None = None


class SubscriptionList(Resource):
    """All subscriptions."""

    items: tuple[SubscriptionState, ...]


class DeadLetter(Resource):
    """An event that a subscription will not get unless somebody sends it again."""

    subscription_id: UUID
    subscription: str
    event_id: UUID
    contact_id: UUID
    type: str
    attempts: int
    reason: str | None = None
    settled_at: AwareDatetime


class DeadLetterList(Resource):
    """Dead letters, newest first."""

    items: tuple[DeadLetter, ...]


def subscriptions(request: Request) -> Subscriptions:
    """Give the subscriptions of this process."""
    found: Subscriptions = request.app.state.subscriptions
    return found


def dead(request: Request) -> DeadLetters:
    """Give the dead letters of this process."""
    found: DeadLetters = request.app.state.dead_letters
    return found


@router.get("/events", dependencies=[only("after", "limit", "nature")], response_model_exclude_none=True)
async def events(
    request: Request,
    who: CallerOf,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    nature: Annotated[list[Nature] | None, Query()] = None,
) -> EventPage:
    """Read the events after a cursor, oldest first; each exactly once for a reader that follows the cursors."""
    page: EventPage = await request.app.state.reception.events(who, after, limit, nature or [Nature.PERSON])
    return page


@router.post("/subscriptions", dependencies=[only()], status_code=201)
async def subscribe(
    request: Request, who: CallerOf, wanted: Annotated[SubscriptionRequest, body(SubscriptionRequest)]
) -> SubscriptionMade:
    """Hand events over to an address from now on; the secret is in this answer only."""
    who.require("subscriptions:write")
    name = wanted.name or urlsplit(wanted.url).netloc
    made = await subscriptions(request).create(name, wanted.url, wanted.natures, from_start=wanted.from_start)
    return SubscriptionMade(id=made.id, secret=made.secret)


@router.get("/subscriptions", dependencies=[only()], response_model_exclude_none=True)
async def list_subscriptions(request: Request, who: CallerOf) -> SubscriptionList:
    """List subscriptions with what they are owed and their last error."""
    who.require("subscriptions:write", "handover:read")
    rows: list[dict[str, Any]] = await subscriptions(request).kept.all()
    return SubscriptionList(items=tuple(SubscriptionState.model_validate(row) for row in rows))


@router.get("/deadLetters", dependencies=[only()], response_model_exclude_none=True)
async def dead_letters(request: Request, who: CallerOf) -> DeadLetterList:
    """List the events that were given up, with the reason."""
    who.require("handover:read", "subscriptions:write")
    rows = await dead(request).dead()
    return DeadLetterList(items=tuple(DeadLetter.model_validate(row) for row in rows))


@router.post("/deadLetters/{eventId}/redrive", dependencies=[only()], status_code=202)
async def redrive(request: Request, who: CallerOf) -> None:
    """Deliver a dead letter again."""
    who.require("handover:write", "subscriptions:write")
    await dead(request).redrive(path_id(request, "eventId"))
