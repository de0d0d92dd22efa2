"""Subscriptions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from onthaal_schema.handover import (
    Replay,
    SecretRotation,
    SubscriptionChange,
    SubscriptionList,
    SubscriptionMade,
    SubscriptionRequest,
    SubscriptionSecret,
    SubscriptionState,
)
from services.intake_api.routes.reading import CallerOf, body, only, path_id, reception
from services.intake_api.steering import Steering

MERGE_PATCH = "application/merge-patch+json"

router = APIRouter(prefix="/subscriptions")


def steering(request: Request) -> Steering:
    """Give the use cases of the hand-over."""
    return reception(request).steering


SteeringOf = Annotated[Steering, Depends(steering)]


@router.post("", dependencies=[only()], status_code=201, response_model_exclude_none=True)
async def subscribe(
    who: CallerOf, hand: SteeringOf, wanted: Annotated[SubscriptionRequest, body(SubscriptionRequest)], response: Response
) -> SubscriptionMade:
    """Hand events over to an address; the secret is in this answer only."""
    made = await hand.subscribe(who, wanted)
    response.headers["Location"] = f"/intake/v1/subscriptions/{made.id}"
    return made


@router.get("", dependencies=[only()], response_model_exclude_none=True)
async def all_subscriptions(who: CallerOf, hand: SteeringOf) -> SubscriptionList:
    """List subscriptions with what they are owed and their last error."""
    return SubscriptionList(items=tuple(await hand.subscriptions(who)))


@router.get("/{subscriptionId}", dependencies=[only()], response_model_exclude_none=True)
async def one(request: Request, who: CallerOf, hand: SteeringOf) -> SubscriptionState:
    """Show a subscription."""
    return await hand.subscription(who, path_id(request, "subscriptionId"))


@router.patch("/{subscriptionId}", dependencies=[only()], response_model_exclude_none=True)
async def change(
    request: Request, who: CallerOf, hand: SteeringOf, given: Annotated[SubscriptionChange, body(SubscriptionChange, MERGE_PATCH)]
) -> SubscriptionState:
    """Change what is given; the rest stays."""
    return await hand.change(who, path_id(request, "subscriptionId"), given)


@router.delete("/{subscriptionId}", dependencies=[only()], status_code=204)
async def delete(request: Request, who: CallerOf, hand: SteeringOf) -> None:
    """Hand nothing over any more, and forget what was owed."""
    await hand.delete(who, path_id(request, "subscriptionId"))


@router.post("/{subscriptionId}/pause", dependencies=[only()], response_model_exclude_none=True)
async def pause(request: Request, who: CallerOf, hand: SteeringOf) -> SubscriptionState:
    """Hand nothing over until it is resumed; what happens meanwhile is kept for it."""
    return await hand.pause(who, path_id(request, "subscriptionId"))


@router.post("/{subscriptionId}/resume", dependencies=[only()], response_model_exclude_none=True)
async def resume(request: Request, who: CallerOf, hand: SteeringOf) -> SubscriptionState:
    """Hand over again, from where it was."""
    return await hand.resume(who, path_id(request, "subscriptionId"))


@router.post("/{subscriptionId}/verify", dependencies=[only()], response_model_exclude_none=True)
async def verify(request: Request, who: CallerOf, hand: SteeringOf) -> SubscriptionState:
    """Ask the receiver again whether it wants events."""
    return await hand.verify(who, path_id(request, "subscriptionId"))


@router.post("/{subscriptionId}/rotate", dependencies=[only()])
async def rotate(
    request: Request, who: CallerOf, hand: SteeringOf, rotation: Annotated[SecretRotation, body(SecretRotation)]
) -> SubscriptionSecret:
    """Give another secret, in this answer only; for a while deliveries are signed with both."""
    return await hand.rotate(who, path_id(request, "subscriptionId"), rotation)


@router.post("/{subscriptionId}/replay", dependencies=[only()], status_code=202, response_model_exclude_none=True)
async def replay(request: Request, who: CallerOf, hand: SteeringOf, asked: Annotated[Replay, body(Replay)]) -> SubscriptionState:
    """Deliver everything since a moment again; while it goes on, `replayingSince` says so."""
    return await hand.replay(who, path_id(request, "subscriptionId"), asked)
