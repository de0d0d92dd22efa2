"""Registering a call or a letter: nothing typed is lost, and sending twice never makes two contacts."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from onthaal_schema.contact import BriefSubmission, PhoneSubmission
from onthaal_schema.intake import FileUpload
from onthaal_schema.problems import Conflict, Erased, PayloadTooLarge, ProblemError
from services.kit.auth import Operator
from services.kit.pages import brussels
from services.kit.scanning import scanned
from services.phone_log import registration
from services.phone_log.desk import words
from services.phone_log.desk.frame import Desk, Told, see
from services.phone_log.form_body import FormBody, read_form
from services.phone_log.registration import NotAccepted
from services.phone_log.scans import uploads

SIGNED_OUT: Final = (
    "Je bent niet meer aangemeld. Er is niets bewaard, en wat je invulde staat hier nog. "
    "Meld je aan in een ander tabblad, en druk daarna hier opnieuw op Bewaren."
)
NOT_KEPT: Final = (
    "Niet bewaard. Wat je invulde staat hier nog: wacht even en druk opnieuw op Bewaren. Er komt nooit een tweede contact."
)
NOT_ALLOWED: Final = "Niet bewaard: je hebt geen rechten om dit te registreren."
NOT_UNDERSTOOD: Final = "Niet bewaard: het register neemt dit zo niet aan. Kijk na wat je invulde."


@dataclass(frozen=True)
class Form:
    """One of the two forms: its template, and how a new one is filled in."""

    template: str
    fresh: Callable[[Desk], dict[str, str]]
    read: Callable[[Desk, FormBody], tuple[PhoneSubmission | BriefSubmission, list[FileUpload]]]


def add_registering(router: APIRouter, desk: Desk) -> None:
    """Add both forms, each empty and sent."""
    _add(router, desk, "/desk/telefoon/new", Form("call.html", _fresh_call, _call))
    _add(router, desk, "/desk/brief/new", Form("letter.html", _fresh_letter, _letter))


def _add(router: APIRouter, desk: Desk, path: str, form: Form) -> None:
    @router.get(path)
    async def page(operator: Annotated[Operator, Depends(desk.gate)]) -> Response:
        return _page(desk, form, operator, Told(fields=form.fresh(desk)))

    @router.post(path)
    async def send(operator: Annotated[Operator | None, Depends(desk.present)], request: Request) -> Response:
        body = await read_form(request, desk.settings.scan_limit)
        if operator is None:
            return _page(desk, form, None, Told(401, SIGNED_OUT, fields=body.fields))
        return await _register(desk, form, operator, body)


async def _register(desk: Desk, form: Form, operator: Operator, body: FormBody) -> Response:
    contact_id = _contact_id(body.fields)
    try:
        submission, files = form.read(desk, body)
        await desk.intake(operator).register(contact_id, submission, await scanned(files, desk.scanner))
    except NotAccepted as found:
        status = 413 if body.too_large else 400
        return _page(desk, form, operator, Told(status, errors=found.errors, fields=body.fields))
    except (Conflict, Erased):
        return desk.render("already.html", 409, operator=operator, contact_id=contact_id)
    except ProblemError as problem:
        return _page(desk, form, operator, _not_kept(desk, body.fields, problem))
    return see(f"/desk/contacten/{contact_id}?bewaard=1")


def _not_kept(desk: Desk, fields: Mapping[str, str], problem: ProblemError) -> Told:
    status = problem.problem.status
    if isinstance(problem, PayloadTooLarge):
        return Told(413, errors={"scans": _too_large(desk)}, fields=fields)
    texts = {400: NOT_UNDERSTOOD, 401: SIGNED_OUT, 403: NOT_ALLOWED}
    return Told(status, texts.get(status, NOT_KEPT), fields=fields)


def _page(desk: Desk, form: Form, operator: Operator | None, told: Told) -> Response:
    return desk.render(
        form.template,
        told.status,
        operator=operator,
        fields=defaultdict(str, told.fields),
        contact_id=_contact_id(told.fields),
        errors=told.errors,
        message=told.message,
        scan_limit=desk.settings.scan_limit,
    )


def _contact_id(fields: Mapping[str, str]) -> UUID:
    try:
        return UUID(fields.get("contact", ""))
    except ValueError:
        return uuid4()


def _fresh_call(desk: Desk) -> dict[str, str]:
    now = desk.house.clock.now()
    return {
        "contact": str(uuid4()),
        "nature": registration.CallNature.PERSON,
        "day": brussels(now, "%Y-%m-%d"),
        "started": brussels(now, "%H:%M"),
        "language": "nl",
    }


def _fresh_letter(desk: Desk) -> dict[str, str]:
    return {
        "contact": str(uuid4()),
        "received_on": brussels(desk.house.clock.now(), "%Y-%m-%d"),
        "language": "nl",
    }


def _call(desk: Desk, body: FormBody) -> tuple[PhoneSubmission, list[FileUpload]]:
    return registration.call(body.fields, desk.house.clock.now()), []


def _letter(desk: Desk, body: FormBody) -> tuple[BriefSubmission, list[FileUpload]]:
    files, refused = uploads(body.files, "scan")
    wrong = _too_large(desk) if body.too_large else " ".join(["Scan:", *refused]) if refused else None
    found = {"scans": wrong} if wrong else {}
    try:
        letter = registration.letter(body.fields, desk.house.clock.now(), scanned=bool(files or found))
    except NotAccepted as also:
        raise NotAccepted({**also.errors, **found}) from None
    if found:
        raise NotAccepted(found)
    return letter, files


def _too_large(desk: Desk) -> str:
    limit = words.size(desk.settings.scan_limit)
    return f"Scan: de bestanden zijn samen groter dan {limit}. Scan in grijswaarden, of voeg de rest later toe bij het contact."
