"""Brings a database to the schema of this code. Safe to run from several processes at once."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, inspect, text

from services.intake_api.store.engine import Database

FOLDER: Final = Path(__file__).parents[3] / "migrations"
LOCK: Final = 0x0E7E48
HEAD: Final = "0005"
"""The newest migration. A test holds it equal to the folder, so that looking does not take a second of imports."""


async def migrate(database: Database, revision: str = "head") -> None:
    """Apply the migrations up (or down) to a revision, in one transaction."""
    async with database.upkeep() as connection:
        if not database.on_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await connection.run_sync(_run, revision)
    if revision == "head":
        await database.epoch()


def upgrade(connection: Connection) -> None:
    """Apply every migration that is missing, within the caller's transaction."""
    _run(connection, "head")


def _run(connection: Connection, revision: str) -> None:
    if revision == "head" and present(connection) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - most starts find nothing to do

    (command.downgrade if revision == "base" else command.upgrade)(configuration(connection), revision)


def present(connection: Connection) -> str | None:
    """Give the revision that a database is at, if any."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def known() -> set[str]:
    """List the revisions that this code knows."""
    return {path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py")}


def configuration(connection: Any) -> Any:
    """Give Alembic's configuration for an open connection."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
