"""Where the bytes of files are kept, encrypted with their contact's key: small ones in their row, others beside the database."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import orjson

from onthaal_schema.intake import FileContent, FileUpload
from onthaal_schema.problems import NotFound, ProblemError, ServiceUnavailable
from services.intake_api.store.opened import file_place
from services.intake_api.store.vault import DataKey

IN_ITS_ROW: Final = 262_144
"""Bytes up to which a file is kept in its row: the commit of its contact covers it, which costs less than two flushes of its own."""

IN_ROWS: Final = 524_288
"""Bytes of the files that come together which are kept in rows, so that a batch of contacts is never too much for one statement."""


class Blobs(Protocol):
    """Keeps bytes under a contact and a name."""

    async def put(self, contact: UUID, name: UUID, content: bytes) -> None:
        """Keep bytes: on return they are durable.

        Raises:
            ServiceUnavailable: they cannot be kept now, and nothing of them is.

        """
        ...

    async def get(self, contact: UUID, name: UUID) -> bytes:
        """Read bytes.

        Raises:
            NotFound: there are none.

        """
        ...

    async def remove(self, contact: UUID, names: Sequence[UUID]) -> None:
        """Forget bytes; absent ones are no failure."""
        ...


class LocalBlobs:
    """Files in a folder, one folder a contact."""

    def __init__(self, folder: Path) -> None:
        """Keep everything below a folder."""
        self._folder = folder

    async def put(self, contact: UUID, name: UUID, content: bytes) -> None:
        """Keep bytes: on return they are on the disk."""
        try:
            await asyncio.to_thread(self._put, contact, name, content)
        except OSError as error:
            with suppress(OSError):  # what a full disk took of it is room that the next one needs
                await self.remove(contact, [name])
            raise ServiceUnavailable("The file cannot be stored now; send the same again.", retry_after_sec=2) from error

    async def get(self, contact: UUID, name: UUID) -> bytes:
        """Read bytes."""
        try:
            return await asyncio.to_thread(self._path(contact, name).read_bytes)
        except FileNotFoundError:
            raise NotFound("There is no such file.") from None

    async def remove(self, contact: UUID, names: Sequence[UUID]) -> None:
        """Forget bytes."""
        for name in names:
            await asyncio.to_thread(self._path(contact, name).unlink, missing_ok=True)

    def _path(self, contact: UUID, name: UUID) -> Path:
        return self._folder / str(contact) / str(name)

    def _put(self, contact: UUID, name: UUID, content: bytes) -> None:
        path = self._path(contact, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True)
class KeptFile:
    """A file whose bytes are kept; `row` is what the database will know of it."""

    row: dict[str, Any]
    label: dict[str, str]

    @property
    def sha256(self) -> str:
        """The digest of the bytes, hexadecimal."""
        return self.label["sha256"]


async def keep(
    blobs: Blobs, contact: UUID, key: DataKey, uploads: Sequence[FileUpload], message: UUID | None = None, first: int = 0
) -> list[KeptFile]:
    """Encrypt files and keep their bytes, all of them or none. They are listed by number, of which `first` is the first.

    Raises:
        ServiceUnavailable: they cannot be kept now.

    """
    kept: list[KeptFile] = []
    try:
        for number, (upload, in_row) in enumerate(zip(uploads, _in_row(uploads), strict=True), first):
            kept.append(await _keep(None if in_row else blobs, contact, key, upload, number, message))
    except ProblemError:
        await forget(blobs, contact, kept)
        raise
    return kept


def _in_row(uploads: Sequence[FileUpload]) -> Iterator[bool]:
    """Tell of each file whether it is kept in its row."""
    room = IN_ROWS
    for upload in uploads:
        small = len(upload.content) <= min(room, IN_ITS_ROW)
        room -= len(upload.content) if small else 0
        yield small


async def _keep(
    blobs: Blobs | None, contact: UUID, key: DataKey, upload: FileUpload, number: int, message: UUID | None
) -> KeptFile:
    """Encrypt a file and keep its bytes, under a name of our own; in its row when there is nowhere else."""
    file_id, content = uuid4(), None
    if blobs is None:
        digest, content = _sealed(upload, key, file_id)
    else:
        digest, sealed = await asyncio.to_thread(_sealed, upload, key, file_id)
        await blobs.put(contact, file_id, sealed)
    label = {"name": upload.name, "mediaType": upload.media_type, "role": upload.role, "sha256": digest}
    label |= {name: said for name, said in (("sniffed", upload.sniffed), ("virus", upload.virus)) if said}
    row = {
        "id": file_id,
        "contact_id": contact,
        "message_id": message,
        "number": number,
        "size": len(upload.content),
        "sealed": key.seal(orjson.dumps(label), file_place(file_id)),
        "content": content,
    }
    return KeptFile(row, label)


def _sealed(upload: FileUpload, key: DataKey, file_id: UUID) -> tuple[str, bytes]:
    return sha256(upload.content).hexdigest(), key.seal(upload.content, file_id.bytes)


async def forget(blobs: Blobs, contact: UUID, kept: Sequence[KeptFile]) -> None:
    """Forget the bytes of files whose rows were not stored; those that were to be in their row are nowhere."""
    await blobs.remove(contact, [file.row["id"] for file in kept if file.row["content"] is None])


async def fetch(blobs: Blobs, row: dict[str, Any], key: DataKey) -> FileContent:
    """Read a file back."""
    label = orjson.loads(key.open(row["sealed"], file_place(row["id"])))
    sealed = row["content"] if row["content"] is not None else await blobs.get(row["contact_id"], row["id"])
    content = await asyncio.to_thread(key.open, sealed, row["id"].bytes)
    return FileContent(name=label["name"], media_type=label["mediaType"], content=content)
