"""Files beside the database: kept whole, or refused in a way that tells to try again."""

import os
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from onthaal_schema.intake import FileUpload
from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.store.files import IN_ITS_ROW, IN_ROWS, LocalBlobs, fetch, keep
from services.intake_api.store.vault import DataKey


class Shelf:
    """Blobs with room for some."""

    def __init__(self, room: int = 2) -> None:
        self.room = room
        self.held: dict[UUID, bytes] = {}

    async def put(self, contact: UUID, name: UUID, content: bytes) -> None:
        if len(self.held) == self.room:
            raise ServiceUnavailable("full")
        self.held[name] = content

    async def get(self, contact: UUID, name: UUID) -> bytes:
        return self.held[name]

    async def remove(self, contact: UUID, names: Sequence[UUID]) -> None:
        for name in names:
            del self.held[name]


async def test_a_file_that_cannot_be_written_is_refused_for_now(tmp_path: Path) -> None:
    (tmp_path / "no folder").touch()
    with pytest.raises(ServiceUnavailable):
        await LocalBlobs(tmp_path / "no folder").put(uuid4(), uuid4(), b"scan")


async def test_of_several_files_all_are_kept_or_none() -> None:
    shelf, contact = Shelf(), uuid4()
    key = DataKey(contact, os.urandom(32))
    uploads = [FileUpload(f"{number}.pdf", "application/pdf", bytes(IN_ITS_ROW + 1)) for number in range(3)]
    with pytest.raises(ServiceUnavailable):
        await keep(shelf, contact, key, uploads)
    assert not shelf.held
    kept = await keep(shelf, contact, key, uploads[:2])
    assert {file.row["id"] for file in kept} == set(shelf.held)


async def test_a_small_file_is_kept_in_its_row_and_read_from_there() -> None:
    shelf, contact = Shelf(), uuid4()
    key = DataKey(contact, os.urandom(32))
    for size, beside in ((0, 0), (IN_ITS_ROW, 0), (IN_ITS_ROW + 1, 1)):
        [kept] = await keep(shelf, contact, key, [FileUpload("brief.pdf", "application/pdf", b"x" * size)])
        assert len(shelf.held) == beside
        assert (await fetch(shelf, kept.row, key)).content == b"x" * size
    assert b"xxxx" not in b"".join(shelf.held.values())


async def test_of_many_small_files_so_many_bytes_are_kept_in_rows_and_the_others_are_read_as_well() -> None:
    shelf, contact = Shelf(10), uuid4()
    key = DataKey(contact, os.urandom(32))
    uploads = [FileUpload(f"{number}.pdf", "application/pdf", bytes([number]) * (IN_ITS_ROW - 1)) for number in range(10)]
    kept = await keep(shelf, contact, key, uploads)
    assert len(shelf.held) == 10 - IN_ROWS // (IN_ITS_ROW - 1)
    assert [(await fetch(shelf, file.row, key)).content for file in kept] == [upload.content for upload in uploads]
