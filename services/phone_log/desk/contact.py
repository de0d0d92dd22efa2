"""One contact: what is known of it, and what an operator does with it. Every reading of it is audited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from onthaal_schema.contact import Contact, Kind, KindSource, Nature
from onthaal_schema.message import Direction, Message, MessageSubmission
from onthaal_schema.problems import Conflict, ProblemError, StateConflict
from onthaal_schema.requests import Retag
from services.kit.auth import Operator
from services.kit.scanning import scanned
from services.phone_log import registration
from services.phone_log.desk.frame import NOTHING, Desk, Told, see
from services.phone_log.form_body import read_fields, read_form, read_version
from services.phone_log.registration import NotAccepted
from services.phone_log.scans import uploads
from services.phone_log.sheet import Sheet

CHANGED: Final = "Een collega wijzigde dit contact intussen. Hieronder staat wat er nu bekend is; breng je wijziging opnieuw aan."
NOTE_KEPT_BACK: Final = "Niet bewaard. Je notitie staat hier nog: wacht even en druk opnieuw op Toevoegen."
NOTE_SIGNED_OUT: Final = (
    "Niet bewaard: je bent niet meer aangemeld. Meld je aan in een ander tabblad en druk daarna opnieuw op Toevoegen."
)
CONFIRMED: Final = {
    "bewaard": "Bewaard. Lees de referentie voor:",
    "aangepast": "De wijziging is bewaard.",
    "toegevoegd": "De notitie is toegevoegd.",
    "verbonden": "Dit contact hoort nu bij het andere.",
    "apart": "Dit is een contact apart.",
}


@dataclass(frozen=True)
class Opened:
    """A contact with its messages."""

    contact: Contact
    messages: Sequence[Message]


def add_contact(router: APIRouter, desk: Desk) -> None:
    """Add the page of a contact."""

    @router.get("/desk/contacten/{contact_id}")
    async def contact(operator: Annotated[Operator, Depends(desk.gate)], contact_id: UUID, request: Request) -> Response:
        done = next((name for name in CONFIRMED if name in request.query_params), "")
        return _page(desk, operator, await _open(desk, operator, contact_id), done=done)

    _add_tagging(router, desk)
    _add_notes(router, desk)


def _add_tagging(router: APIRouter, desk: Desk) -> None:
    Present = Annotated[Operator, Depends(desk.gate)]  # noqa: N806 - a type

    @router.post("/desk/contacten/{contact_id}/soort")
    async def retag(operator: Present, contact_id: UUID, request: Request) -> Response:
        sheet = Sheet(await read_fields(request))
        kind, nature = sheet.choice("kind", "Melding of vraag", Kind), sheet.choice("nature", "Aard", Nature)
        if kind is None:
            sheet.refuse("kind", "Melding of vraag: kies een van beide.")
        if kind is None or sheet.errors:
            return _page(desk, operator, await _open(desk, operator, contact_id), Told(400, errors=sheet.errors))
        await desk.intake(operator).retag(contact_id, Retag(kind=kind, nature=nature))
        return see(f"/desk/contacten/{contact_id}?aangepast=1")

    @router.post("/desk/contacten/{contact_id}/gegevens")
    async def correct(operator: Present, contact_id: UUID, request: Request) -> Response:
        fields = await read_fields(request)
        try:
            await desk.intake(operator).correct(contact_id, registration.correction(fields, read_version(fields)))
        except NotAccepted as found:
            opened = await _open(desk, operator, contact_id)
            return _page(desk, operator, opened, Told(400, errors=found.errors, fields=fields))
        except (Conflict, StateConflict):
            return _page(desk, operator, await _open(desk, operator, contact_id), Told(409, CHANGED))
        return see(f"/desk/contacten/{contact_id}?aangepast=1")

    @router.post("/desk/contacten/{contact_id}/bevestigen")
    async def complete(operator: Present, contact_id: UUID) -> Response:
        await desk.intake(operator).complete(contact_id)
        return see(f"/desk/contacten/{contact_id}?aangepast=1")


def _add_notes(router: APIRouter, desk: Desk) -> None:
    @router.post("/desk/contacten/{contact_id}/notities")
    async def note(operator: Annotated[Operator | None, Depends(desk.present)], contact_id: UUID, request: Request) -> Response:
        body = await read_form(request, desk.settings.scan_limit)
        if operator is None:
            return _kept_note(desk, contact_id, body.fields, 401, NOTE_SIGNED_OUT)
        sheet = Sheet(body.fields)
        text = sheet.text("note", "Notitie")
        files, refused = uploads(body.files, "attachment")
        if text is None:
            sheet.refuse("note", "Notitie: schrijf iets op, ook bij een bestand.")
        if refused or body.too_large:
            sheet.refuse("note_files", "Bestanden: " + ("samen te groot." if body.too_large else " ".join(refused)))
        if text is None or sheet.errors:
            opened = await _open(desk, operator, contact_id)
            return _page(desk, operator, opened, Told(400, errors=sheet.errors, fields=body.fields))
        message = MessageSubmission(direction=Direction.NOTE, text=text)
        try:
            checked = await scanned(files, desk.scanner)
            await desk.intake(operator).append(contact_id, _message_id(body.fields), message, checked)
        except ProblemError as problem:
            if problem.problem.status < 500:
                raise
            return _kept_note(desk, contact_id, body.fields, 503, NOTE_KEPT_BACK)
        return see(f"/desk/contacten/{contact_id}?toegevoegd=1#berichten")


async def _open(desk: Desk, operator: Operator, contact_id: UUID) -> Opened:
    intake = desk.intake(operator)
    contact = await intake.contact(contact_id)
    return Opened(contact, await intake.messages(contact_id) if contact.last_sequence else ())


def _page(desk: Desk, operator: Operator, opened: Opened, told: Told = NOTHING, *, done: str = "") -> Response:
    return desk.render(
        "contact.html",
        told.status,
        operator=operator,
        contact=opened.contact,
        messages=opened.messages,
        done=CONFIRMED.get(done, ""),
        fresh=done == "bewaard",
        message=told.message,
        errors=told.errors,
        fields=_filled_in(opened.contact, told.fields),
        scan_limit=desk.settings.scan_limit,
    )


def _kept_note(desk: Desk, contact_id: UUID, fields: dict[str, str], status: int, message: str) -> Response:
    kept = {"message": str(_message_id(fields)), "note": fields.get("note", "")}
    return desk.render("kept_note.html", status, operator=None, contact_id=contact_id, fields=kept, message=message)


def _filled_in(contact: Contact, sent: Mapping[str, str]) -> dict[str, str]:
    known = {**_known(contact), "message": str(uuid4()), "note": ""}
    # a box that is not ticked is not sent at all
    return {**known, **({"anonymous": ""} if "version" in sent else {}), **sent}


def _known(contact: Contact) -> dict[str, str]:
    """Fill the correction form in with what is known."""
    answer = {True: "ja", False: "nee", None: ""}
    person, safe = contact.person, contact.safe_contact
    return {
        "version": str(contact.version),
        "anonymous": "1" if contact.anonymous else "",
        "name": (person and person.name) or "",
        "phone": (person and person.phone) or "",
        "email": (person and person.email) or "",
        "role": (person and person.role) or "",
        "minor": answer[person.minor if person else None],
        # a guess of the model is not offered: saving something else would make it the operator's word
        "sector": "" if contact.sector_source is KindSource.MODEL else contact.sector or "",
        "language": contact.language or "",
        "safe_channel": (safe and safe.channel) or "",
        "safe_times": (safe and safe.times) or "",
        "safe_note": (safe and safe.note) or "",
        "safe_voicemail": answer[safe.voicemail if safe else None],
        "safe_neutral": answer[safe.neutral_sender if safe else None],
    }


def _message_id(fields: dict[str, str]) -> UUID:
    try:
        return UUID(fields.get("message", ""))
    except ValueError:
        return uuid4()
