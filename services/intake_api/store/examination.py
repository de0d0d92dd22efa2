"""What `onthaal doctor` asks of the database. Nothing is changed by asking."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal_column, select, text, update

from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.migrate import present
from services.intake_api.store.states import PENDING
from services.intake_api.store.vault import Vault

CONTACT = tables.contact.c
CLAIM = tables.claim.c
DELIVERY = tables.delivery.c
TOKEN = tables.token.c


class Examination:
    """Questions to a database."""

    def __init__(self, database: Database) -> None:
        """Ask a database."""
        self._database = database

    async def revision(self) -> str | None:
        """Give the migration that it is at; None for an empty one."""
        async with self._database.read() as connection:
            return await connection.run_sync(present)

    async def write(self) -> None:
        """Write something that stays as it is.

        Raises:
            ServiceUnavailable: nothing can be written.

        """
        async with self._database.write() as connection:
            made_at = tables.database.c.made_at
            await connection.execute(update(tables.database).values(made_at=made_at))

    async def seconds_ahead(self) -> float:
        """Say how many seconds its clock is ahead of this machine's; on SQLite it is the same clock."""
        if self._database.on_sqlite:
            return 0
        async with self._database.read() as connection:
            theirs: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        return (theirs - self._database.clock.now()).total_seconds()

    async def open_newest_key(self, vault: Vault) -> bool:
        """Open the data key of the newest contact; false when there is none.

        Raises:
            CannotOpen: the keys are not those that the database was written with.

        """
        query = select(CONTACT.id, CONTACT.data_key).where(CONTACT.data_key.is_not(None))
        async with self._database.read() as connection:
            row = (await connection.execute(query.order_by(CONTACT.received_at.desc(), CONTACT.id.desc()).limit(1))).first()
        if row is not None:
            vault.key(row.id, row.data_key)
        return row is not None

    async def orphaned_claims(self) -> int:
        """Count the claims of contacts that are owed nothing."""
        owed: Select[Any] = (
            select(literal_column("1"))
            .select_from(tables.delivery)
            .where(
                DELIVERY.subscription_id == CLAIM.subscription_id,
                DELIVERY.contact_id == CLAIM.contact_id,
                DELIVERY.state == PENDING,
            )
        )
        async with self._database.read() as connection:
            query = select(func.count()).select_from(tables.claim).where(~owed.exists())
            return int((await connection.execute(query)).scalar_one())

    async def tokens_ending(self, before: datetime) -> list[Any]:
        """List the names of tokens that end before a moment, with when they do."""
        query = select(TOKEN.name, TOKEN.expires_at).where(
            TOKEN.revoked_at.is_(None), TOKEN.expires_at.is_not(None), TOKEN.expires_at < before
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query.order_by(TOKEN.expires_at))).all())
