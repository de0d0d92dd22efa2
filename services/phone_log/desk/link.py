"""A mail that may belong to another contact: both beside each other, and a person decides.

Somebody answered a mail of ours from an address that the other contact does not know, or a mail may have come in before. A wrong link
shows somebody's story to another.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from onthaal_schema.contact import Contact
from onthaal_schema.intake import Intake
from onthaal_schema.message import Message
from onthaal_schema.problems import Conflict, Erased, NotFound, StateConflict
from onthaal_schema.requests import Correction
from onthaal_schema.worklist import WorkItem, WorkReason
from services.kit.auth import Operator
from services.phone_log.desk.frame import NOTHING, Desk, Told, see
from services.phone_log.form_body import read_fields, read_version

CHANGED: Final = "Een collega wijzigde dit contact intussen. Hieronder staat wat er nu bekend is; kies opnieuw."
DECIDED: Final = (WorkReason.POSSIBLE_LINK, WorkReason.POSSIBLE_DUPLICATE)
NOT_CHOSEN: Final = "Kies een van de twee knoppen."
CONFIRMED: Final = {"ja": "verbonden", "nee": "apart"}
MESSAGES_SHOWN: Final = 3


@dataclass(frozen=True)
class Beside:
    """A contact as it is shown beside another, with the last that was said."""

    contact: Contact
    messages: tuple[Message, ...]


def add_link(router: APIRouter, desk: Desk) -> None:
    """Add the page on which two contacts are compared, and its two buttons."""
    Present = Annotated[Operator, Depends(desk.gate)]  # noqa: N806 - a type

    @router.get("/desk/contacten/{contact_id}/verband")
    async def compare(operator: Present, contact_id: UUID) -> Response:
        return await _page(desk, operator, contact_id)

    @router.post("/desk/contacten/{contact_id}/verband")
    async def decide(operator: Present, contact_id: UUID, request: Request) -> Response:
        fields = await read_fields(request)
        intake, chosen = desk.intake(operator), fields.get("hoort", "")
        if chosen not in CONFIRMED:  # sent by Ctrl + Enter, without either button
            return await _page(desk, operator, contact_id, Told(400, NOT_CHOSEN))
        if chosen == "ja" and not await _joined(intake, contact_id, fields):
            return await _page(desk, operator, contact_id, Told(409, CHANGED))
        if chosen == "nee":
            await _part(intake, contact_id, fields)
        await _finish(intake, contact_id)
        return see(f"/desk/contacten/{contact_id}?{CONFIRMED[chosen]}=1")


async def _page(desk: Desk, operator: Operator, contact_id: UUID, told: Told = NOTHING) -> Response:
    intake = desk.intake(operator)
    this = await _beside(intake, contact_id)
    reasons = {item.reason for item in await _items(intake, contact_id)}
    linked = this.contact.possible_link
    if linked is None and not reasons:
        return see(f"/desk/contacten/{contact_id}")
    try:
        other = await _beside(intake, linked) if linked else None
    except (Erased, NotFound):
        other = None
    twice = WorkReason.POSSIBLE_DUPLICATE in reasons
    return desk.render("link.html", told.status, operator=operator, this=this, other=other, message=told.message, twice=twice)


async def _joined(intake: Intake, contact_id: UUID, fields: Mapping[str, str]) -> bool:
    """Say of the contact that the operator saw that it belongs to the other one that they saw; or that it changed since."""
    other = (await intake.contact(contact_id)).possible_link
    if other is None or str(other) != fields.get("bij"):
        return False
    try:
        await intake.correct(contact_id, Correction(version=read_version(fields), related_to=other))
    except (Conflict, StateConflict):
        return False
    return True


async def _part(intake: Intake, contact_id: UUID, fields: Mapping[str, str]) -> None:
    """Say that the two that the operator saw do not belong together."""
    with suppress(ValueError):  # the other one was not shown
        await intake.correct(contact_id, Correction(not_related_to=UUID(fields.get("bij", ""))))


async def _beside(intake: Intake, contact_id: UUID) -> Beside:
    contact = await intake.contact(contact_id)
    after = max(contact.last_sequence - MESSAGES_SHOWN, 0)
    return Beside(contact, tuple(await intake.messages(contact_id, after)) if contact.last_sequence else ())


async def _finish(intake: Intake, contact_id: UUID) -> None:
    for item in await _items(intake, contact_id):
        await intake.finish_work(item.id)


async def _items(intake: Intake, contact_id: UUID) -> list[WorkItem]:
    return [item for item in (await intake.work_list()).items if item.contact.id == contact_id and item.reason in DECIDED]
