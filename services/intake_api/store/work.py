"""Items of the work list: one for each reason a contact has."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from onthaal_schema.worklist import WorkReason
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.files import KeptFile


def work_row(contact_id: UUID, reason: WorkReason, since: Any) -> dict[str, Any]:
    """Give the row of one item of the work list."""
    return {"id": uuid4(), "contact_id": contact_id, "reason": reason, "since": since, "finished_at": None, "finished_by": None}


def infected(files: Sequence[KeptFile]) -> tuple[WorkReason, ...]:
    """Give the reason that files are, when the virus scanner found something in one."""
    return (WorkReason.INFECTED,) if any(file.label.get("virus") == "found" for file in files) else ()


async def add_work(
    connection: AsyncConnection,
    database: Database,
    contact_id: UUID,
    reasons: Iterable[WorkReason],
    happened: datetime | None = None,
) -> None:
    """Put a contact on the work list; what was finished before it happened is there once more, since it happened once more."""
    items = tables.work_item
    now = database.clock.now()
    for reason in reasons:
        fresh = (sqlite if database.on_sqlite else postgresql).insert(items).values(work_row(contact_id, reason, now))
        again = {"since": fresh.excluded.since, "finished_at": None, "finished_by": None}
        await connection.execute(
            fresh.on_conflict_do_update(
                index_elements=[items.c.contact_id, items.c.reason], set_=again, where=items.c.finished_at <= (happened or now)
            )
        )
