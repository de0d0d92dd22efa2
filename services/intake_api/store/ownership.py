"""A database knows the keys it was first used with: a node that was given others must not write what they cannot open."""

from sqlalchemy import select, update

from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.vault import UnusableKeys, Vault, same


async def belong(database: Database, vault: Vault) -> None:
    """Bind a new database to these keys; one that is bound must be bound to them.

    Raises:
        UnusableKeys: it is bound to others.

    """
    column = tables.database.c["keys"]
    async with database.write() as connection:
        held = (await connection.execute(select(column))).scalar()
        if held is None:
            # of two nodes that come first, the second one waits here, and then reads what the first one wrote
            await connection.execute(update(tables.database).where(column.is_(None)).values(keys=vault.fingerprint))
            held = (await connection.execute(select(column))).scalar_one()
    if not same(held, vault.fingerprint):
        message = "ONTHAAL_KEY_FILE: the database was made with other keys; give every node the key file of the first one"
        raise UnusableKeys(message)
