"""Contacts over HTTP, but for registering them (`registering`)."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from onthaal_schema.contact import Contact, ContactPage
from onthaal_schema.message import MessagePage, MessageSubmission
from onthaal_schema.requests import ContactQuery, Correction, Outcome, Retag
from services.intake_api.routes.reading import (
    MOST_MESSAGES,
    CallerOf,
    ReceptionOf,
    body,
    caller,
    only,
    parsed,
    path_id,
    reception,
    with_files,
)

JSON = "application/json"
MESSAGE: TypeAdapter[MessageSubmission] = TypeAdapter(MessageSubmission)

router = APIRouter(prefix="/contacts")


async def append(request: Request) -> Response:
    """Add a message: 201 means it is stored and numbered, 200 that it was already."""
    who = await caller(request)
    contact_id, message_id = path_id(request, "contactId"), path_id(request, "messageId")
    raw, files = await with_files(request, "message")
    stored, created = await reception(request).append(who, contact_id, message_id, parsed(MESSAGE, raw), files)
    return Response(stored.model_dump_json(exclude_none=True), 201 if created else 200, media_type=JSON)


router.add_route("/contacts/{contactId}/messages/{messageId}", append, methods=["PUT"])


@router.post("/query", dependencies=[only()], response_model_exclude_none=True)
async def find(who: CallerOf, desk: ReceptionOf, query: Annotated[ContactQuery, body(ContactQuery)]) -> ContactPage:
    """List contacts without content; what is searched for never stands in a URL."""
    return await desk.find(who, query)


@router.get("/{contactId}", dependencies=[only()])
async def read(request: Request, who: CallerOf, desk: ReceptionOf) -> Response:
    """Read a contact; the read is audited."""
    return _contact(await desk.contact(who, path_id(request, "contactId")))


@router.delete("/{contactId}", dependencies=[only()], status_code=204)
async def erase(request: Request, who: CallerOf, desk: ReceptionOf) -> None:
    """Erase a contact for good."""
    await desk.erase(who, path_id(request, "contactId"))


@router.get("/{contactId}/messages", dependencies=[only("after")], response_model_exclude_none=True)
async def messages(
    request: Request, who: CallerOf, desk: ReceptionOf, after: Annotated[int, Query(ge=0, le=MOST_MESSAGES)] = 0
) -> MessagePage:
    """Read the messages after a sequence number."""
    contact_id: UUID = path_id(request, "contactId")
    items = await desk.read_messages(who, contact_id, after)
    return MessagePage(self=f"/intake/v1/contacts/{contact_id}/messages", items=tuple(items))


@router.get("/{contactId}/files/{fileId}", dependencies=[only()])
async def file(request: Request, who: CallerOf, desk: ReceptionOf) -> Response:
    """Read a file, as a download whatever it is."""
    found = await desk.file(who, path_id(request, "contactId"), path_id(request, "fileId"))
    headers = {
        "Content-Disposition": "attachment",
        "Onthaal-File-Name": json.dumps(found.name),
        "Onthaal-File-Type": found.media_type,
    }
    return Response(found.content, headers=headers, media_type="application/octet-stream")


@router.put("/{contactId}/kind", dependencies=[only()])
async def retag(request: Request, who: CallerOf, desk: ReceptionOf, said: Annotated[Retag, body(Retag)]) -> Response:
    """Say what a contact is; the history keeps what was said before."""
    return _contact(await desk.retag(who, path_id(request, "contactId"), said))


@router.put("/{contactId}/details", dependencies=[only()])
async def correct(
    request: Request, who: CallerOf, desk: ReceptionOf, correction: Annotated[Correction, body(Correction)]
) -> Response:
    """Correct what is known of a contact."""
    return _contact(await desk.correct(who, path_id(request, "contactId"), correction))


@router.put("/{contactId}/completion", dependencies=[only()])
async def complete(request: Request, who: CallerOf, desk: ReceptionOf) -> Response:
    """Confirm that no more is expected now."""
    return _contact(await desk.complete(who, path_id(request, "contactId")))


@router.put("/{contactId}/outcome", dependencies=[only()], status_code=204)
async def record_outcome(request: Request, who: CallerOf, desk: ReceptionOf, outcome: Annotated[Outcome, body(Outcome)]) -> None:
    """Keep what the case service decided."""
    await desk.record_outcome(who, path_id(request, "contactId"), outcome)


def _contact(contact: Contact) -> Response:
    headers = {"ETag": f'"{contact.version}"'}
    return Response(contact.model_dump_json(exclude_none=True), headers=headers, media_type=JSON)
