"""The pull feed over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, Nature
from onthaal_schema.delivery import Change
from onthaal_schema.events import EventPage
from services.intake_api.handover.feed import Asked
from services.intake_api.routes.reading import CallerOf, ReceptionOf, only
from services.intake_api.store.filters import EventFilter

router = APIRouter()

PERSONS = [Nature.PERSON]
FILTERS = ("nature", "type", "channel", "kind")


@router.get("/events", dependencies=[only("after", "limit", "wait", *FILTERS)], response_model_exclude_none=True)
async def events(
    who: CallerOf,
    desk: ReceptionOf,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    wait: Annotated[int, Query(ge=0, le=30)] = 0,
    nature: Annotated[list[Nature] | None, Query()] = None,
    type: Annotated[list[Change] | None, Query()] = None,  # noqa: A002 - the parameter's name
    channel: Annotated[list[Channel] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
) -> EventPage:
    """Read the events after a cursor, oldest first; each exactly once for a reader that follows the cursors."""
    wanted = EventFilter(*(tuple(dict.fromkeys(names or ())) for names in (nature or PERSONS, type, channel, kind)))
    return await desk.events(who, Asked(after, limit, wait, wanted))
