"""Chat conversations and the work list over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from onthaal_schema.conversation import Attendance, ColleagueList, Conversation, ConversationList, HandOver, Transcript
from onthaal_schema.worklist import WorkList
from services.intake_api.routes.reading import MOST_MESSAGES, CallerOf, ReceptionOf, body, only, path_id

router = APIRouter()


@router.get("/conversations", dependencies=[only()], response_model_exclude_none=True)
async def open_conversations(who: CallerOf, desk: ReceptionOf) -> ConversationList:
    """List the conversations that have not ended, longest waiting first."""
    return ConversationList(items=tuple(await desk.open_conversations(who)))


@router.get("/conversations/{contactId}", dependencies=[only("after")], response_model_exclude_none=True)
async def transcript(
    request: Request, who: CallerOf, desk: ReceptionOf, after: Annotated[int, Query(ge=-1, le=MOST_MESSAGES)] = -1
) -> Transcript:
    """Read a conversation and its turns after a sequence number."""
    return await desk.transcript(who, path_id(request, "contactId"), after)


@router.post("/conversations/{contactId}/take", dependencies=[only()], response_model_exclude_none=True)
async def take(request: Request, who: CallerOf, desk: ReceptionOf) -> Conversation:
    """Take a waiting conversation; of two who try, one gets 409."""
    return await desk.take(who, path_id(request, "contactId"))


@router.post("/conversations/{contactId}/release", dependencies=[only()], response_model_exclude_none=True)
async def release(request: Request, who: CallerOf, desk: ReceptionOf) -> Conversation:
    """Give a conversation back to the queue."""
    return await desk.release(who, path_id(request, "contactId"))


@router.post("/conversations/{contactId}/end", dependencies=[only()], response_model_exclude_none=True)
async def end(request: Request, who: CallerOf, desk: ReceptionOf) -> Conversation:
    """End a conversation."""
    return await desk.end(who, path_id(request, "contactId"))


@router.post("/conversations/{contactId}/handOver", dependencies=[only()], response_model_exclude_none=True)
async def hand_over(request: Request, who: CallerOf, desk: ReceptionOf, to: Annotated[HandOver, body(HandOver)]) -> Conversation:
    """Give a conversation to a colleague."""
    return await desk.hand_over(who, path_id(request, "contactId"), to)


@router.post("/conversations/{contactId}/turnAway", dependencies=[only()], response_model_exclude_none=True)
async def turn_away(request: Request, who: CallerOf, desk: ReceptionOf) -> Conversation:
    """End a conversation that nobody took before the hours were over."""
    return await desk.turn_away(who, path_id(request, "contactId"))


@router.post("/conversations/attend", dependencies=[only()], response_model_exclude_none=True)
async def attend(who: CallerOf, desk: ReceptionOf, attendance: Annotated[Attendance, body(Attendance)]) -> ConversationList:
    """Say who is connected to a relay; the conversations that changed because somebody is gone come back."""
    return ConversationList(items=tuple(await desk.attend(who, attendance)))


@router.get("/operators", dependencies=[only()], response_model_exclude_none=True)
async def colleagues(who: CallerOf, desk: ReceptionOf) -> ColleagueList:
    """List the operators who may serve conversations."""
    return ColleagueList(items=tuple(await desk.colleagues(who)))


@router.get("/workItems", dependencies=[only()], response_model_exclude_none=True)
async def work_list(who: CallerOf, desk: ReceptionOf) -> WorkList:
    """List what a person must look at, most urgent first."""
    return await desk.work_list(who)


@router.post("/workItems/{itemId}/finish", dependencies=[only()], status_code=204)
async def finish_work(request: Request, who: CallerOf, desk: ReceptionOf) -> None:
    """Say that a person looked at it."""
    await desk.finish_work(who, path_id(request, "itemId"))
