"""Backups of the database: a folder each, with the copy and a manifest that says what is in it."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection, create_engine, func, inspect, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake_api.store import tables
from services.intake_api.store.dump import PostgresTools, UnusableBackup, copy_sqlite
from services.intake_api.store.engine import Database
from services.intake_api.store.ledger import Erasure, Ledger, sync
from services.intake_api.store.rewrap import number_of
from services.intake_api.store.vault import Vault, same

MANIFEST: Final = "manifest.json"
COUNTED: Final = (tables.contact, tables.message, tables.file, tables.event)


class Manifest(BaseModel):
    """What a backup holds. `master_keys` are the numbers of the keys that are needed to open it, `mac` vouches for all the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 2
    engine: str
    taken_at: datetime
    revision: str
    epoch: UUID
    counts: dict[str, int]
    master_keys: tuple[int, ...]
    data: Literal["onthaal.db", "onthaal.pgdump"]
    size: int
    sha256: str
    mac: str = ""

    def vouched(self, vault: Vault) -> "Manifest":
        """Vouch for it with the key of digests, which stays when master keys change."""
        return self.model_copy(update={"mac": self._mac(vault)})

    def require_vouched(self, vault: Vault) -> None:
        """Refuse what was written or changed without the keys: it could hold tokens, operators and addresses of others.

        Raises:
            UnusableBackup: nobody vouches for it, or it is of another database.

        """
        if not same(self.mac.encode(), self._mac(vault).encode()):
            raise UnusableBackup(
                "the backup was changed by somebody without these keys, or is of another database: use another one"
            )

    def _mac(self, vault: Vault) -> str:
        return vault.digest(self.model_dump_json(exclude={"mac"}).encode(), b"backup").hex()


@dataclass(frozen=True)
class Contents:
    """What a database holds at one moment."""

    revision: str
    epoch: UUID
    counts: dict[str, int]
    master_keys: tuple[int, ...]

    @staticmethod
    def of(connection: Connection) -> "Contents":
        """Look."""
        if not inspect(connection).has_table("alembic_version"):
            raise UnusableBackup("the database is empty: there is nothing to back up")
        counts = {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in COUNTED}
        erased = select(func.count()).where(tables.contact.c.erased_at.is_not(None))
        counts["erased"] = connection.scalar(erased) or 0
        key = tables.contact.c.data_key
        numbers = connection.scalars(select(number_of(key)).where(key.is_not(None)).distinct())
        return Contents(
            revision=connection.scalar(text("SELECT version_num FROM alembic_version")) or "",
            epoch=UUID(str(connection.scalar(select(tables.database.c.epoch)))),
            counts=counts,
            master_keys=tuple(sorted(number[0] for number in numbers)),
        )


class DatabaseBackups:
    """Backups of one database in folders below another."""

    def __init__(self, database: Database, url: str, vault: Vault, postgres: PostgresTools) -> None:
        """Back up a database; PostgreSQL by its own tools."""
        self._database = database
        self._vault = vault
        self._url = url
        self._postgres = postgres

    async def take(self, parent: Path, ledger: Ledger) -> tuple[Path, Manifest]:
        """Back up the database as it is at one moment, while others read and write: on return it is verified and on the disk.

        The tombstones of the database that the ledger does not hold are added to it.
        """
        now = self._database.clock.now()
        target = parent / f"database-{now:%Y%m%dT%H%M%S.%fZ}"
        draft = _draft(target)
        try:
            async with self._database.read() as connection:
                ledger.add_missing(await tombstones(connection))
            manifest = await self._fill(draft, now)
            await verify(draft, self._postgres)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        sync(parent)
        return target, manifest

    async def _fill(self, draft: Path, now: datetime) -> Manifest:
        contents, data = await (self._copy_sqlite(draft) if self._database.on_sqlite else self._copy_postgres(draft))
        manifest = Manifest(
            engine="sqlite" if self._database.on_sqlite else "postgresql",
            taken_at=now,
            data=data.name,
            size=data.stat().st_size,
            sha256=await asyncio.to_thread(digest_of, data),
            **vars(contents),
        ).vouched(self._vault)
        (draft / MANIFEST).write_text(manifest.model_dump_json(indent=2))
        for path in (data, draft / MANIFEST, draft):
            sync(path)
        return manifest

    async def _copy_sqlite(self, draft: Path) -> tuple[Contents, Path]:
        data = draft / "onthaal.db"
        await asyncio.to_thread(copy_sqlite, Path(make_url(self._url).database or ""), data)
        return await asyncio.to_thread(contents_of_sqlite, data), data

    async def _copy_postgres(self, draft: Path) -> tuple[Contents, Path]:
        data = draft / "onthaal.pgdump"
        async with self._database.reading.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            snapshot = await connection.scalar(text("SELECT pg_export_snapshot()"))
            contents = await connection.run_sync(Contents.of)
            await self._postgres.dump(self._url, str(snapshot), data)
        data.chmod(0o600)
        return contents, data


def _draft(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if target.exists():
        raise UnusableBackup(f"{target} was made at this very moment")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.mkdir(mode=0o700)
    return draft


def contents_of_sqlite(path: Path) -> Contents:
    """Look into a copy of a SQLite database."""
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            return Contents.of(connection)
    finally:
        engine.dispose()


async def verify(backup: Path, postgres: PostgresTools) -> Manifest:
    """Check that a backup is whole: its digest is that of its manifest, and its engine can read it.

    Raises:
        UnusableBackup: saying what is wrong.

    """
    manifest = read_manifest(backup)
    data = backup / manifest.data
    if not data.is_file():
        raise UnusableBackup(f"{data} is missing")
    if data.stat().st_size != manifest.size or await asyncio.to_thread(digest_of, data) != manifest.sha256:
        raise UnusableBackup(f"{data} is damaged: it is not what its manifest says; use an earlier backup")
    if manifest.engine == "sqlite":
        if (await asyncio.to_thread(contents_of_sqlite, data)).counts != manifest.counts:
            raise UnusableBackup(f"{data} does not hold what its manifest says")
    elif not any("TABLE DATA public contact " in line for line in await postgres.contents(data)):
        raise UnusableBackup(f"{data} holds no contacts")
    return manifest


def read_manifest(backup: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        UnusableBackup: there is none that can be read.

    """
    try:
        return Manifest.model_validate_json((backup / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise UnusableBackup(f"{backup} is not a backup of a database: it holds no {MANIFEST} that can be read") from None


async def tombstones(connection: AsyncConnection) -> list[Erasure]:
    """List what was erased, as the ledger holds it."""
    columns = tables.contact.c
    query = select(columns.id, columns.erased_at, columns.version, columns.channel, columns.nature, columns.kind)
    rows = (await connection.execute(query.where(columns.erased_at.is_not(None)))).mappings().all()
    mails = await _mails_of_erased(connection)
    return [Erasure.of({**row, "version": row["version"] - 1}, row["erased_at"], mails.get(UUID(str(row["id"])))) for row in rows]


async def _mails_of_erased(connection: AsyncConnection) -> dict[UUID, dict[str, str]]:
    mail = tables.mail.c
    query = select(mail.id, mail.mailbox, mail.contact_id).join(tables.contact, tables.contact.c.id == mail.contact_id)
    found: dict[UUID, dict[str, str]] = {}
    for row in await connection.execute(query.where(tables.contact.c.erased_at.is_not(None), mail.id != mail.contact_id)):
        found.setdefault(UUID(str(row.contact_id)), {})[str(row.id)] = row.mailbox
    return found


async def erased_in(database: Database) -> list[UUID]:
    """List the ids of whoever was erased."""
    async with database.read() as connection:
        return [erasure.contact for erasure in await tombstones(connection)]


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
