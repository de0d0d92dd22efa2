"""A mirror of the files that are not in the database: ciphertext that never changes, so each is copied once, and removed when its contact is erased.

Only files that the database has a row of are copied: their bytes were on the disk before the row was committed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select

from services.intake_api.store import tables
from services.intake_api.store.backup import digest_of
from services.intake_api.store.dump import UnusableBackup
from services.intake_api.store.engine import Database
from services.intake_api.store.key_file import write_secret
from services.intake_api.store.vault import NONCE

MANIFEST: Final = "manifest.jsonl"
TAG: Final = 16
BATCH: Final = 500


@dataclass(frozen=True)
class StoredFile:
    """A file that the database has a row of; `size` is that of its ciphertext."""

    contact: UUID
    id: UUID
    size: int

    @property
    def place(self) -> str:
        """Where it is kept, below the folder of files."""
        return f"{self.contact}/{self.id}"


@dataclass
class Mirrored:
    """What became of the files, in numbers; `missing` and `damaged` name those that need somebody."""

    copied: int
    held: int
    removed: int
    missing: list[str]
    damaged: list[str]


async def stored_files(database: Database) -> AsyncIterator[StoredFile]:
    """List every file that the database has a row of, and whose bytes are not in that row."""
    columns = tables.file.c
    last = UUID(int=0)
    while True:
        beside = select(columns.contact_id, columns.id, columns.size).where(columns.content.is_(None), columns.id > last)
        query = beside.order_by(columns.id).limit(BATCH)
        async with database.read() as connection:
            rows = (await connection.execute(query)).all()
        for row in rows:
            yield StoredFile(UUID(str(row.contact_id)), UUID(str(row.id)), row.size + NONCE + TAG)
        if not rows:
            return
        last = rows[-1].id


class FileMirror:
    """A copy of the files in a folder: `files/CONTACT/FILE`, and a manifest with the digest of each."""

    def __init__(self, folder: Path) -> None:
        """Keep the copy in a folder."""
        self._folder = folder
        self._digests = _read(folder / MANIFEST)

    async def update(self, database: Database, source: Path, erased: Iterable[UUID], *, verify: bool) -> Mirrored:
        """Copy what is new and remove what was erased; with `verify`, read every copy again and copy damaged ones anew."""
        done = Mirrored(0, 0, self._remove({str(contact) for contact in erased}), [], [])
        async for file in stored_files(database):
            if await asyncio.to_thread(self._holds, file, verify):
                done.held += 1
            elif await asyncio.to_thread(self._copy, source, file):
                done.copied += 1
            elif await _has_row(database, file):
                done.missing.append(file.place)
        self._write()
        return done

    async def restore(self, database: Database, target: Path) -> Mirrored:
        """Copy back the files that the restored database has a row of; those of erased contacts it has none of.

        Raises:
            UnusableBackup: the mirror is empty or the database is.

        """
        done = Mirrored(0, 0, 0, [], [])
        async for file in stored_files(database):
            place = target / file.place
            if place.exists() and place.stat().st_size == file.size:
                done.held += 1
            elif file.place not in self._digests:
                done.missing.append(file.place)
            elif await asyncio.to_thread(_copied, self._path(file), place, file.size) == self._digests[file.place]:
                done.copied += 1
            else:
                place.unlink(missing_ok=True)
                done.damaged.append(file.place)
        if self._digests and not done.copied + done.held:
            raise UnusableBackup("the database has no row of any of these files: restore the database first")
        return done

    def _path(self, file: StoredFile) -> Path:
        return self._folder / "files" / file.place

    def _holds(self, file: StoredFile, verify: bool) -> bool:
        path = self._path(file)
        held = file.place in self._digests and path.exists() and path.stat().st_size == file.size
        return held and (not verify or digest_of(path) == self._digests[file.place])

    def _copy(self, source: Path, file: StoredFile) -> bool:
        digest = _copied(source / file.place, self._path(file), file.size)
        if digest is None:
            return False
        self._digests[file.place] = digest
        return True

    def _remove(self, erased: set[str]) -> int:
        gone = [place for place in self._digests if place.split("/")[0] in erased]
        for place in gone:
            path = self._folder / "files" / place
            path.unlink(missing_ok=True)
            if path.parent.exists() and not any(path.parent.iterdir()):
                path.parent.rmdir()
            del self._digests[place]
        return len(gone)

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = (json.dumps({"file": place, "sha256": digest}) + "\n" for place, digest in sorted(self._digests.items()))
        write_secret(self._folder / MANIFEST, "".join(lines).encode())


def _read(manifest: Path) -> dict[str, str]:
    if not manifest.exists():
        return {}
    try:
        lines = [json.loads(line) for line in manifest.read_text().splitlines()]
        return {line["file"]: line["sha256"] for line in lines}
    except (ValueError, KeyError, TypeError):
        raise UnusableBackup(f"{manifest} cannot be read: put it away, and the next backup makes it again") from None


async def _has_row(database: Database, file: StoredFile) -> bool:
    async with database.read() as connection:
        return await connection.scalar(select(tables.file.c.id).where(tables.file.c.id == file.id)) is not None


def _copied(source: Path, target: Path, size: int) -> str | None:
    """Copy a file whole or not at all, and give its digest; nothing when it is not there or not of its size."""
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        return None
    if len(content) != size:
        return None
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(target, content)
    return sha256(content).hexdigest()


class Orphans:
    """Files on the disk that the database has no row of: a crash between file and commit, or between commit and removal.

    Young ones are left alone: the row of a file is committed after its bytes are on the disk.
    """

    def __init__(self, database: Database, folder: Path, age_s: float = 86_400) -> None:
        """Look for files that are older than a day, or another age."""
        self._database = database
        self._folder = folder
        self._age_s = age_s

    async def find(self) -> list[Path]:
        """List them."""
        found: list[Path] = []
        folders = sorted(path for path in self._folder.iterdir() if path.is_dir()) if self._folder.exists() else []
        for start in range(0, len(folders), BATCH):
            chunk = folders[start : start + BATCH]
            held = await self._held([UUID(path.name) for path in chunk if _is_id(path.name)])
            old = [path for folder in chunk for path in folder.iterdir() if self._is_old(path)]
            found += [path for path in old if f"{path.parent.name}/{path.name}" not in held]
        return found

    def remove(self, orphans: Sequence[Path]) -> None:
        """Remove them, and the folders that are empty then."""
        for path in orphans:
            path.unlink(missing_ok=True)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()

    async def _held(self, contacts: Sequence[UUID]) -> set[str]:
        columns = tables.file.c
        query = select(columns.contact_id, columns.id).where(columns.contact_id.in_(contacts))
        async with self._database.read() as connection:
            return {f"{row.contact_id}/{row.id}" for row in (await connection.execute(query)).all()}

    def _is_old(self, path: Path) -> bool:
        known = _is_id(path.name) and _is_id(path.parent.name)
        return known and path.is_file() and time.time() - path.stat().st_mtime > self._age_s


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
