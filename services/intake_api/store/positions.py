"""From a moment to a position in the feed."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables

EVENT = tables.event.c

OUT_OF_STEP = timedelta(minutes=2)
"""How far the clocks of two machines, or a slow commit, may put events out of the order of their moments."""


async def head(connection: AsyncConnection) -> int:
    """Give the position of the newest event, 0 when there is none. Every event before it can be seen."""
    newest = select(EVENT.position).order_by(EVENT.position.desc()).limit(1)
    return (await connection.execute(newest)).scalar() or 0


async def before(connection: AsyncConnection, moment: datetime) -> int:
    """Give a position that no event since a moment comes before: halving the primary key, some twenty small reads."""
    low, high = 0, await head(connection)
    while low < high:
        middle = (low + high) // 2
        probe = select(EVENT.position, EVENT.occurred_at).where(EVENT.position > middle).order_by(EVENT.position).limit(1)
        found = (await connection.execute(probe)).first()
        if found is None or found.occurred_at >= moment - OUT_OF_STEP:
            high = middle
        else:
            low = found.position
    return low
