"""Mail over HTTP: what the mail service hands in, asks and settles."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from onthaal_schema.mail import (
    IncomingMail,
    MailboxName,
    MailboxReport,
    MailboxState,
    MailReading,
    MailReceipt,
    OutgoingList,
    OutgoingResult,
    Place,
    SentMail,
)
from onthaal_schema.problems import InvalidInput
from services.intake_api.routes.reading import (
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
MAIL: TypeAdapter[IncomingMail] = TypeAdapter(IncomingMail)
READING: TypeAdapter[MailReading] = TypeAdapter(MailReading)
NAME: TypeAdapter[str] = TypeAdapter(MailboxName)
LARGEST_NUMBER = 2**63 - 1

router = APIRouter()


async def take(request: Request) -> Response:
    """Take a mail in: 201 means it is stored as what the receipt says, 200 that it was already."""
    who = await caller(request)
    mail_id = path_id(request, "mailId")
    raw, files = await with_files(request, "mail")
    mail = parsed(MAIL, raw)
    receipt, created = await reception(request).take_mail(who, mail_id, mail, orjson.loads(raw)["contact"], files)
    return Response(receipt.model_dump_json(exclude_none=True), 201 if created else 200, media_type=JSON)


async def reread(request: Request) -> Response:
    """Replace what was read of a mail."""
    who = await caller(request)
    contact_id = path_id(request, "contactId")
    raw, files = await with_files(request, "reading")
    contact = await reception(request).reread(who, contact_id, parsed(READING, raw), files)
    headers = {"ETag": f'"{contact.version}"'}
    return Response(contact.model_dump_json(exclude_none=True), headers=headers, media_type=JSON)


router.add_route("/mails/{mailId}", take, methods=["PUT"])
router.add_route("/contacts/{contactId}/reading", reread, methods=["PUT"])


@router.put("/mailboxes/{mailboxName}/mails/{mailId}", dependencies=[only()], response_model_exclude_none=True)
async def place(request: Request, who: CallerOf, desk: ReceptionOf, at: Annotated[Place, body(Place)]) -> MailReceipt:
    """Note where a mail that is held lies as well."""
    return await desk.place_mail(who, path_id(request, "mailId"), _mailbox(request), at)


@router.get("/mailboxes/{mailboxName}", dependencies=[only("uidValidity")], response_model_exclude_none=True)
async def mailbox(
    request: Request,
    who: CallerOf,
    desk: ReceptionOf,
    uid_validity: Annotated[int, Query(alias="uidValidity", ge=0, le=LARGEST_NUMBER)],
) -> MailboxState:
    """Say what is held of a mailbox under a numbering."""
    return await desk.mailbox(who, _mailbox(request), uid_validity)


@router.put("/mailboxes/{mailboxName}/report", dependencies=[only()], response_model_exclude_none=True)
async def report(
    request: Request, who: CallerOf, desk: ReceptionOf, seen: Annotated[MailboxReport, body(MailboxReport)]
) -> MailboxState:
    """Keep what a reader saw, and say whether it may go on."""
    return await desk.report_mailbox(who, _mailbox(request), seen)


@router.post("/outgoing/claims", dependencies=[only()], response_model_exclude_none=True)
async def claim(who: CallerOf, desk: ReceptionOf) -> OutgoingList:
    """Claim mails that are to be sent now."""
    return OutgoingList(items=tuple(await desk.claim_outgoing(who)))


@router.put("/outgoing/{outgoingId}/result", dependencies=[only()], status_code=204)
async def settle(
    request: Request, who: CallerOf, desk: ReceptionOf, result: Annotated[OutgoingResult, body(OutgoingResult)]
) -> None:
    """Keep what became of an attempt to send."""
    await desk.settle_outgoing(who, path_id(request, "outgoingId"), result)


@router.put("/contacts/{contactId}/outgoing/{outgoingId}", dependencies=[only()], status_code=204)
async def register_sent(request: Request, who: CallerOf, desk: ReceptionOf, sent: Annotated[SentMail, body(SentMail)]) -> None:
    """Keep that staff mailed somebody."""
    await desk.register_sent(who, path_id(request, "contactId"), path_id(request, "outgoingId"), sent)


def _mailbox(request: Request) -> str:
    try:
        return NAME.validate_python(request.path_params["mailboxName"])
    except ValidationError:
        raise InvalidInput.at("mailboxName", "Must be the name of a mailbox in our settings.", in_="path") from None
