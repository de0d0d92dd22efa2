"""The overview of the desk: what must be looked at, the latest contacts, and finding one."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from onthaal_schema.channel import Channel
from onthaal_schema.contact import ContactPage, ContactState, Kind, Nature
from onthaal_schema.intake import Intake
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.requests import ContactQuery
from services.kit.auth import Operator
from services.phone_log import phone_numbers
from services.phone_log.desk.frame import Desk, see
from services.phone_log.form_body import read_fields
from services.phone_log.sheet import LONGEST_LINE

PAGE_SIZE: Final = 25
LIVE: Final = (Channel.TELEFOON, Channel.CHAT)
NOT_SEARCHABLE: Final = "Vul een referentie, een mailadres of een telefoonnummer in."


def add_overview(router: APIRouter, desk: Desk) -> None:
    """Add the overview, the work list's button and the search."""
    Present = Annotated[Operator, Depends(desk.gate)]  # noqa: N806 - a type

    @router.get("/desk")
    async def overview(
        operator: Present,
        kanaal: str = "",
        soort: str = "",
        aard: str = Nature.PERSON,
        vanaf: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        chosen = {"kanaal": kanaal, "soort": soort, "aard": aard}
        intake = desk.intake(operator)
        work, page, hours = await asyncio.gather(intake.work_list(), intake.find(_query(chosen, vanaf)), _live_hours(intake))
        return desk.render(
            "overview.html",
            operator=operator,
            work=work.items,
            contacts=page.items,
            chosen=chosen,
            older=_older(chosen, page),
            newest=not vanaf,
            hours=hours,
        )

    @router.post("/desk/werk/{item_id}/bekeken")
    async def seen(operator: Present, item_id: UUID) -> Response:
        await desk.intake(operator).finish_work(item_id)
        return see("/desk#werk")

    @router.post("/desk/zoeken")
    async def search(operator: Present, request: Request) -> Response:
        sought = (await read_fields(request)).get("zoek", "").strip()
        queries = _sought(sought)
        if not queries:
            errors = {"zoek": NOT_SEARCHABLE}
            return desk.render("found.html", 400, operator=operator, contacts=(), sought=sought, errors=errors)
        found = await _first_found(desk.intake(operator), queries)
        if len(found) == 1:
            return see(f"/desk/contacten/{found[0].id}")
        return desk.render("found.html", operator=operator, contacts=found, sought=sought)


async def _first_found(intake: Intake, queries: Sequence[ContactQuery]) -> Sequence[ContactState]:
    for query in queries:
        items = (await intake.find(query)).items
        if items:
            return items
    return ()


async def _live_hours(intake: Intake) -> list[tuple[Channel, OpeningHours]]:
    answers = await asyncio.gather(*(intake.opening_hours(channel) for channel in LIVE))
    return list(zip(LIVE, answers, strict=True))


def _query(chosen: dict[str, str], before: str) -> ContactQuery:
    return ContactQuery(
        channel=tuple(channel for channel in Channel if channel == chosen["kanaal"]),
        kind=tuple(kind for kind in Kind if kind == chosen["soort"]),
        nature=tuple(nature for nature in Nature if nature == chosen["aard"]),
        page_size=PAGE_SIZE,
        before=before or None,
    )


def _older(chosen: dict[str, str], page: ContactPage) -> str | None:
    if page.next is None:
        return None
    return "/desk?" + urlencode({**chosen, "vanaf": page.next}) + "#contacten"


def _sought(typed: str) -> tuple[ContactQuery, ...]:
    # a mail address has an @; a phone number has only digits, which a reference may have too
    if not typed or len(typed) > LONGEST_LINE or not typed.isprintable():
        return ()
    if "@" in typed:
        return (ContactQuery(email=typed),)
    number = phone_numbers.kept(typed)
    by_reference = ContactQuery(reference=typed)
    return (ContactQuery(phone=number), by_reference) if number else (by_reference,)
