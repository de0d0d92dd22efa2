"""The hand-over at the desk: who gets events, what was given up and why, and sending it again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from onthaal_schema.handover import DeadLetterFilter, DeadLetterPage
from onthaal_schema.problems import NotFound
from services.kit.auth import Operator
from services.phone_log.desk.frame import NOTHING, Desk, Told, see
from services.phone_log.form_body import read_lists

PATH: Final = "/desk/doorsturen"
PAGE_SIZE: Final = 50
NOTHING_CHOSEN: Final = "Niets gekozen: vink aan wat opnieuw verstuurd moet worden."
GONE: Final = "Dit werd intussen al opnieuw verstuurd."


def add_handover(router: APIRouter, desk: Desk) -> None:
    """Add the page of dead letters and its buttons."""
    Present = Annotated[Operator, Depends(desk.gate)]  # noqa: N806 - a type

    @router.get(PATH)
    async def handover(
        operator: Present,
        vanaf: Annotated[str, Query(max_length=100)] = "",
        opnieuw: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        return await _page(desk, operator, vanaf, sent=opnieuw)

    @router.post(PATH)
    async def again(operator: Present, request: Request) -> Response:
        fields = await read_lists(request)
        # a letter's own button names it, whatever is ticked; "alles" is everything, on every page
        chosen = () if "alles" in fields else _ids(fields.get("een", ()) or fields.get("event", ()))
        if not chosen and "alles" not in fields:
            return await _page(desk, operator, told=Told(400, NOTHING_CHOSEN))
        try:
            sent = await desk.intake(operator).redrive(DeadLetterFilter(event_ids=chosen))
        except NotFound:
            return await _page(desk, operator, told=Told(409, GONE))
        return see(f"{PATH}?opnieuw={sent.count}")


async def _page(desk: Desk, operator: Operator, before: str = "", told: Told = NOTHING, *, sent: int | None = None) -> Response:
    intake = desk.intake(operator)
    subscriptions, page = await asyncio.gather(
        intake.subscriptions(), intake.dead_letters(DeadLetterFilter(), PAGE_SIZE, before or None)
    )
    return desk.render(
        "handover.html",
        told.status,
        operator=operator,
        subscriptions=subscriptions,
        letters=page.items,
        total=page.total,
        older=_older(page),
        newest=not before,
        may_send="handover:write" in operator.scopes,
        message=told.message,
        sent=sent,
    )


def _older(page: DeadLetterPage) -> str | None:
    return f"{PATH}?{urlencode({'vanaf': page.next})}" if page.next else None


def _ids(texts: Sequence[str]) -> tuple[UUID, ...]:
    found = []
    for text in texts[:PAGE_SIZE]:
        with suppress(ValueError):
            found.append(UUID(text))
    return tuple(found)
