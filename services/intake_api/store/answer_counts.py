"""How many acknowledgements went out today: the fuse that stops whatever no rule about a single mail can see."""

from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import case, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.answering import DailyLimits
from services.intake_api.correspondent import domain_of
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.taken import adding
from services.intake_api.store.vault import Vault

COUNTED = tables.answer_count.c

EVERYWHERE: Final = ""
"""Stands for all domains together."""


class Limit(StrEnum):
    """Which limit of a day was reached."""

    IN_ALL = "dailyLimit"
    OF_DOMAIN = "dailyLimitOfDomain"


async def count_answer(
    connection: AsyncConnection, database: Database, vault: Vault, limits: DailyLimits, address: str
) -> Limit | None:
    """Count an answer that is about to be sent; gives the limit that forbids it, if one does."""
    today = database.clock.now().date()
    everywhere, domain = (vault.digest(name.encode(), b"answered domain") for name in (EVERYWHERE, domain_of(address)))
    # the row of all domains first: whoever else counts waits for it, and nobody for two
    counted = await _count(connection, database, everywhere, limits.in_all, today)
    if counted is None:
        return Limit.IN_ALL
    if counted == 1:  # a new day: who was written to before is nobody's business any more
        await connection.execute(delete(tables.answer_count).where(COUNTED.day != today))
    if await _count(connection, database, domain, limits.to_one_domain, today) is None:
        back = update(tables.answer_count).where(COUNTED.domain == everywhere)
        await connection.execute(back.values(count=COUNTED.count - 1))
        return Limit.OF_DOMAIN
    return None


async def _count(connection: AsyncConnection, database: Database, domain: bytes, most: int, today: date) -> int | None:
    """Count one more today; None when there were as many as there may be. Other days do not count."""
    fresh = adding(database, tables.answer_count).values(domain=domain, day=today, count=1)
    still = COUNTED.day == fresh.excluded.day
    counted: int | None = await connection.scalar(
        fresh.on_conflict_do_update(
            index_elements=[COUNTED.domain],
            set_={"day": fresh.excluded.day, "count": case((still, COUNTED.count + 1), else_=1)},
            where=(~still) | (COUNTED.count < most),
        ).returning(COUNTED.count)
    )
    return counted
