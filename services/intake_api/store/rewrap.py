"""What the master keys wrap: data keys of contacts and secrets of subscriptions, counted and wrapped again."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Table, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.vault import Vault

BATCH: Final = 200
"""So few that whoever commits meanwhile waits for milliseconds."""

PASSES: Final = 5

WRAPPED: Final[tuple[tuple[Table, Column[Any]], ...]] = (
    (tables.contact, tables.contact.c.data_key),
    (tables.subscription, tables.subscription.c.sealed_secret),
    (tables.subscription, tables.subscription.c.sealed_former_secret),
)
"""Every column that holds what `Vault.wrap` gave, bound to the id of its row."""


def number_of(column: Column[Any]) -> Any:
    """Give the number of the master key that a value is wrapped with, as one byte."""
    return func.substr(column, text("1"), text("1"), type_=LargeBinary)


class Wrapped:
    """The wrapped secrets of a database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Open them with a vault."""
        self._database = database
        self._vault = vault

    async def counts(self) -> Counter[int]:
        """Count what each master key wraps."""
        counts: Counter[int] = Counter()
        async with self._database.read() as connection:
            for _, column in WRAPPED:
                query = select(number_of(column), func.count()).where(column.is_not(None)).group_by(number_of(column))
                for number, count in (await connection.execute(query)).all():
                    counts[number[0]] += count
        return counts

    async def rewrap(self, current: int, progress: Callable[[int], None]) -> int:
        """Wrap everything with the current master key, while others read and write; gives how many were wrapped again.

        A value that somebody changes meanwhile is left to them; rows that come in wrapped by a process that has not seen
        the new key yet are found by the next pass.
        """
        total = 0
        for _ in range(PASSES):
            found = sum([await self._pass(table, column, current, progress) for table, column in WRAPPED])
            if not found:
                break
            total += found
        return total

    async def _pass(self, table: Table, column: Column[Any], current: int, progress: Callable[[int], None]) -> int:
        total, last = 0, UUID(int=0)
        wanted = (column.is_not(None), number_of(column) != bytes([current]))
        while True:
            query = select(table.c.id, column).where(table.c.id > last, *wanted).order_by(table.c.id).limit(BATCH)
            async with self._database.write() as connection:
                rows = (await connection.execute(query)).all()
                for row_id, value in rows:
                    await self._replace(connection, table, column, row_id, value)
            if not rows:
                return total
            last, total = rows[-1][0], total + len(rows)
            progress(len(rows))

    async def _replace(self, connection: AsyncConnection, table: Table, column: Column[Any], row_id: UUID, value: bytes) -> None:
        again = self._vault.wrap(self._vault.unwrap(value, row_id.bytes), row_id.bytes)
        unchanged = update(table).where(table.c.id == row_id, column == value)
        await connection.execute(unchanged.values({column.name: again}))


async def require_fit(connection: AsyncConnection, vault: Vault, *, each: bool = False) -> None:
    """Open the key of one contact, or of one for each master key.

    Raises:
        CannotOpen: the key file is not that of this database, or lacks a master key.

    """
    columns = tables.contact.c
    query = select(columns.id, columns.data_key).where(columns.data_key.is_not(None)).limit(1)
    queries = [query]
    if each:
        numbers = select(number_of(columns.data_key)).where(columns.data_key.is_not(None)).distinct()
        found = (await connection.scalars(numbers)).all()
        queries = [query.where(number_of(columns.data_key) == number) for number in found]
    for one in queries:
        row = (await connection.execute(one)).first()
        if row is not None:
            vault.key(row.id, row.data_key)
