"""Migrations lead up and down on both engines, and end where the tables say."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from services.intake_api.store.engine import Database
from services.intake_api.store.migrate import migrate
from services.intake_api.store.tables import metadata
from services.kit.clock import SystemClock
from tests.engines import Postgres

Result = TypeVar("Result")


async def looked_at(database: Database, look: Callable[[Connection], Result]) -> Result:
    async with database.read() as connection:
        return await connection.run_sync(look)


def schema(connection: Connection) -> dict[str, object]:
    """Describe every table: columns with their types, keys and indexes."""
    seen = inspect(connection)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table)],
            seen.get_pk_constraint(table)["constrained_columns"],
            sorted(str(index["name"]) for index in seen.get_indexes(table)),
            sorted(tuple(key["constrained_columns"]) for key in seen.get_foreign_keys(table)),
        )
        for table in seen.get_table_names()
    }


def differences(connection: Connection) -> list[object]:
    """Ask Alembic how the database differs from the tables, types and server defaults included."""
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_migrations_lead_down_to_nothing_and_up_to_the_same_again(database_url: str) -> None:
    database = Database(database_url, SystemClock())
    try:
        await migrate(database)
        whole = await looked_at(database, schema)
        assert set(metadata.tables) <= set(whole)

        await migrate(database, "base")
        assert set(await looked_at(database, schema)) <= {"alembic_version"}
        if not database.on_sqlite:
            assert await looked_at(database, lambda connection: inspect(connection).get_sequence_names()) == []

        await migrate(database)
        assert await looked_at(database, schema) == whole
    finally:
        await database.close()


async def test_migrations_end_where_the_tables_say(database_url: str) -> None:
    database = Database(database_url, SystemClock())
    try:
        await migrate(database)
        assert await looked_at(database, differences) == []
    finally:
        await database.close()


async def test_upkeep_may_wait_for_a_lock_and_everything_else_may_not(postgres: Postgres) -> None:
    database = Database(postgres.new_database(), SystemClock())
    try:
        for transaction, limited in ((database.write, True), (database.upkeep, False)):
            async with transaction() as connection:
                for limit in ("lock_timeout", "idle_in_transaction_session_timeout"):
                    assert (await connection.scalar(text(f"SHOW {limit}")) != "0") is limited
    finally:
        await database.close()


async def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    databases = [Database(database_url, SystemClock()) for _ in range(3)]
    try:
        await asyncio.gather(*(migrate(database) for database in databases))
        assert len({await database.epoch() for database in databases}) == 1
        assert await looked_at(databases[0], differences) == []
    finally:
        for database in databases:
            await database.close()
