"""Brings a database to the schema of this code. Safe to run from several processes at once."""

from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from services.intake_api.store.engine import Database

FOLDER: Final = Path(__file__).parents[3] / "migrations"
LOCK: Final = 0x0E7E48


async def migrate(database: Database, revision: str = "head") -> None:
    """Apply the migrations up (or down) to a revision, in one transaction."""
    async with database.write() as connection:
        if not database.on_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await connection.run_sync(_run, revision)
    if revision == "head":
        await database.epoch()


def _run(connection: Connection, revision: str) -> None:
    config = configuration(connection)
    known = ScriptDirectory.from_config(config).get_current_head()
    present = MigrationContext.configure(connection).get_current_revision()
    if revision == "head" and present == known:
        return
    downwards = revision == "base"
    (command.downgrade if downwards else command.upgrade)(config, revision)


def configuration(connection: Any) -> Config:
    """Give Alembic's configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
