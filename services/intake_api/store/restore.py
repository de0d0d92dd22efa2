"""A restored database: another timeline, in which nobody who was erased lives again.

Nothing is served before all of it is done: on SQLite the file is put in place last, on PostgreSQL the revision is
written last, without which no process starts.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, MetaData, delete, func, insert, inspect, make_url, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import DropSequence

from onthaal_schema.contact import Kind, KindSource, Nature, Status
from onthaal_schema.events import EventType
from onthaal_schema.mail import MailOutcome
from services.intake_api import reference
from services.intake_api.store import tables
from services.intake_api.store.backup import Manifest, verify
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.dump import PostgresTools, UnusableBackup, settle_sqlite
from services.intake_api.store.engine import Database
from services.intake_api.store.files import Blobs
from services.intake_api.store.ledger import Erasure, Ledger, sync
from services.intake_api.store.migrate import known, present, upgrade
from services.intake_api.store.outbox import EventFrame, Outbox
from services.intake_api.store.rewrap import require_fit
from services.intake_api.store.taken import adding
from services.intake_api.store.vault import Vault
from services.kit.clock import Clock

LEAP: Final = 1_000_000
"""How far versions leap at a restore: receivers hold later versions than the backup, and must not take what follows for older."""

CHUNK: Final = 500


@dataclass(frozen=True)
class Renewed:
    """What a restore did to the restored database, in numbers."""

    erased: int
    entombed: int
    sessions: int
    codes: int
    pending: int
    tokens: int
    files: Mapping[UUID, Sequence[UUID]]


@dataclass(frozen=True)
class Restoration:
    """Puts backups of a database in the place that the settings name."""

    url: str
    vault: Vault
    frame: EventFrame
    blobs: Blobs
    ledger: Ledger
    postgres: PostgresTools
    clock: Clock

    async def __call__(self, backup: Path, orders: Mapping[UUID, Erasure], *, force: bool) -> tuple[Manifest, Renewed]:
        """Restore a backup and carry out the orders of the ledger: on return it can be served.

        Raises:
            UnusableBackup: it cannot be used, or there is another database in its place; nothing was changed.
            CannotOpen: the keys are not those of the backup; nothing was changed, or on PostgreSQL nothing can be served.

        """
        manifest = await verify(backup, self.postgres)
        manifest.require_vouched(self.vault)
        engine = "sqlite" if self.url.startswith("sqlite") else "postgresql"
        if manifest.engine != engine:
            raise UnusableBackup(f"the backup is of {manifest.engine}, the database of the settings is {engine}")
        if manifest.revision not in known():
            raise UnusableBackup(f"the backup is of a newer version (schema {manifest.revision}): install that version first")
        place = self._on_sqlite if engine == "sqlite" else self._on_postgres
        renewed = await place(backup / manifest.data, manifest, orders, force)
        for contact, names in renewed.files.items():
            await self.blobs.remove(contact, names)
        return manifest, renewed

    async def _on_sqlite(self, data: Path, manifest: Manifest, orders: Mapping[UUID, Erasure], force: bool) -> Renewed:
        target = Path(make_url(self.url).database or "")
        _require_free(target, force)
        draft = target.with_name(f".{target.name}.{token_hex(8)}")
        try:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # before there is anything in it to read
            await asyncio.to_thread(shutil.copyfile, data, draft)
            renewed = await self._renew(f"sqlite+aiosqlite:///{draft.absolute()}", manifest, orders)
            settle_sqlite(draft)
            sync(draft)
            for leftover in ("-wal", "-shm"):  # of the database that was there: they would be read into this one
                target.with_name(target.name + leftover).unlink(missing_ok=True)
            draft.replace(target)
            sync(target.parent)
        finally:
            draft.unlink(missing_ok=True)
        return renewed

    async def _on_postgres(self, data: Path, manifest: Manifest, orders: Mapping[UUID, Erasure], force: bool) -> Renewed:
        database = Database(self.url, self.clock)
        try:
            async with database.upkeep() as connection:
                await _require_alone(connection)
                if await connection.run_sync(lambda sync: inspect(sync).has_table("contact")):
                    _require_force(force, "the database of the settings")
                    await connection.run_sync(_clear)
        finally:
            await database.close()
        await self.postgres.load(self.url, data)
        return await self._renew(self.url, manifest, orders)

    async def _renew(self, url: str, manifest: Manifest, orders: Mapping[UUID, Erasure]) -> Renewed:
        database = Database(url, self.clock)
        contacts = Contacts(database, self.vault, Outbox(database, self.frame), self.blobs, self.ledger)
        try:
            async with database.upkeep() as connection:
                await connection.run_sync(_upgraded, manifest.revision)
                await require_fit(connection, self.vault, each=True)
                return await renew(connection, database, contacts, Outbox(database, self.frame), orders)
        finally:
            await database.close()


async def renew(
    connection: AsyncConnection, database: Database, contacts: Contacts, outbox: Outbox, orders: Mapping[UUID, Erasure]
) -> Renewed:
    """Begin another timeline on a restored database."""
    now = database.clock.now()
    await connection.execute(delete(tables.database))
    await connection.execute(insert(tables.database).values(epoch=uuid4(), made_at=now))
    sessions = (await connection.execute(delete(tables.session))).rowcount
    codes = (await connection.execute(delete(tables.sign_in_code))).rowcount
    await connection.execute(update(tables.claim).values(lease_until=None, holder=None, due_at=now))
    forgiven = {"failures": 0, "failing_since": None, "held_until": None, "paced_until": None}
    await connection.execute(update(tables.subscription).values(**forgiven))
    alive = tables.contact.c.erased_at.is_(None)
    await connection.execute(update(tables.contact).where(alive).values(version=tables.contact.c.version + LEAP))
    files: dict[UUID, Sequence[UUID]] = {}
    entombed = 0
    for chunk in _chunks(list(orders)):
        held = (await connection.execute(select(tables.contact).where(tables.contact.c.id.in_(chunk)))).mappings().all()
        for row in held:
            if row["erased_at"] is None:
                files[row["id"]] = await contacts.destroy(connection, dict(row), "restore")
        for contact in set(chunk) - {UUID(str(row["id"])) for row in held}:
            await _entomb(connection, outbox, orders[contact])
            entombed += 1
        await _entomb_mails(connection, database, [orders[contact] for contact in chunk])
    pending = select(func.count()).where(tables.delivery.c.state == "pending")
    tokens = select(func.count()).where(tables.token.c.revoked_at.is_(None))
    return Renewed(
        erased=len(files),
        entombed=entombed,
        sessions=sessions,
        codes=codes,
        pending=await connection.scalar(pending) or 0,
        tokens=await connection.scalar(tokens) or 0,
        files=files,
    )


async def _entomb(connection: AsyncConnection, outbox: Outbox, order: Erasure) -> None:
    """Keep the tombstone of a contact that came and was erased after the backup: its id must not be used again.

    Whoever may hold it is told once more: the event that told them may have been lost with the database.
    """
    row: dict[str, Any] = {
        "id": order.contact,
        "reference": reference.make(),
        "version": order.version + LEAP,
        "status": Status.COMPLETED,
        "channel": order.channel,
        "nature": order.nature,
        "kind": order.kind,
        "kind_source": KindSource.OPERATOR,
        "kind_confidence": None,
        "unsure": False,
        "kind_at": order.at,
        "sector": None,
        "sector_source": None,
        "signals": "[]",
        "anonymous": True,
        "parse_status": None,
        "received_at": order.at,
        "registered_at": order.at,
        "opening": '{"open":true,"calendarVersion":"unknown"}',
        "last_sequence": 0,
        "digest": b"",
        "erased_at": order.at,
    }
    await connection.execute(insert(tables.contact).values(**row))
    everybody = {"natures": " ".join(sorted(Nature)), "channel": order.channel, "kinds": " ".join(sorted(Kind))}
    await outbox.emit(connection, EventType.ERASED, row, everybody)


async def _entomb_mails(connection: AsyncConnection, database: Database, orders: Sequence[Erasure]) -> None:
    """Keep that the mails of erased contacts were taken in: the mailbox may hold them still, and be read again."""
    rows = [
        {
            "id": UUID(mail),
            "mailbox": mailbox,
            "contact_id": order.contact,
            "outcome": MailOutcome.DUPLICATE,
            "taken_at": order.at,
        }
        for order in orders
        for mail, mailbox in order.mails.items()
    ]
    if rows:
        await connection.execute(adding(database, tables.mail).on_conflict_do_nothing(), rows)


def _upgraded(connection: Connection, revision: str) -> None:
    """Bring a restored database to the schema of this code; the revision was left out when it was loaded."""
    if present(connection) is None:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:revision)"), {"revision": revision})
    upgrade(connection)


def _clear(connection: Connection) -> None:
    found = MetaData()
    found.reflect(connection)
    found.drop_all(connection)
    connection.execute(DropSequence(tables.event_position, if_exists=True))


async def _require_alone(connection: AsyncConnection) -> None:
    query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    others = await connection.scalar(query)
    if others:
        raise UnusableBackup(f"{others} connections are open to the database: stop every process of the gateway first")


def _require_force(force: bool, place: str) -> None:
    if not force:
        raise UnusableBackup(f"{place} is not empty; --force puts the backup in its place, and what it holds is gone")


def _require_free(target: Path, force: bool) -> None:
    if target.exists() and target.stat().st_size:
        _require_force(force, str(target))
        if not settle_sqlite(target):
            raise UnusableBackup(f"{target} is in use: stop every process of the gateway first")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
