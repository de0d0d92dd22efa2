"""The body of a form post: read within a limit, in memory only, so that no scan touches a disk in clear."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from onthaal_schema.problems import InvalidInput, PayloadTooLarge
from services.phone_log.scans import SentFile

TEXT_LIMIT: Final = 2_000_000
"""Bytes of one field: 500,000 characters of any language."""

DRAINED_LIMIT: Final = 500_000_000
"""A body is read up to here, most of it dropped, so that the browser hears what was wrong."""


@dataclass(frozen=True)
class FormBody:
    """What a form brought. When `too_large` the fields are there and the files are not."""

    fields: dict[str, str] = field(repr=False)
    files: tuple[SentFile, ...]
    too_large: bool


class _InMemory(MultiPartParser):
    spool_max_size = 0  # Starlette's default rolls over to a temporary file; 0 never does

    def __init__(self, request: Request, limit: int) -> None:
        super().__init__(request.headers, _drained(request), max_files=50, max_fields=100, max_part_size=TEXT_LIMIT)
        self._limit = limit
        self._size = 0

    @property
    def too_large(self) -> bool:
        return self._size > self._limit

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is not None:
            self._size += end - start
            if self.too_large:
                return
        super().on_part_data(data, start, end)


async def read_fields(request: Request) -> dict[str, str]:
    """Read a form without files.

    Raises:
        InvalidInput: the body is not a form.
        PayloadTooLarge: a field is larger than anybody types.

    """
    return (await read_form(request, limit=0)).fields


def read_version(fields: Mapping[str, str]) -> int:
    """Read which version of a contact the operator saw; 0, which no contact has, when that cannot be read."""
    typed = fields.get("version", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0


async def read_lists(request: Request) -> dict[str, list[str]]:
    """Read a form without files in which a name may stand more than once.

    Raises:
        InvalidInput: the body is not a form.

    """
    try:
        form = await FormParser(request.headers, _drained(request), max_fields=100, max_part_size=TEXT_LIMIT).parse()
    except MultiPartException:
        raise InvalidInput("The form could not be read.") from None
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        found.setdefault(name, []).append(str(value))
    return found


async def read_form(request: Request, limit: int) -> FormBody:
    """Read a form with files of at most `limit` bytes together.

    Raises:
        InvalidInput: the body is not a form.
        PayloadTooLarge: a field is larger than anybody types.

    """
    try:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            return await _multipart(_InMemory(request, limit))
        form = await FormParser(request.headers, _drained(request), max_fields=100, max_part_size=TEXT_LIMIT).parse()
        return FormBody({name: str(value) for name, value in form.multi_items()}, (), too_large=False)
    except MultiPartException as error:
        if "maximum size" in error.message:
            raise PayloadTooLarge(limit=TEXT_LIMIT) from None
        raise InvalidInput("The form could not be read.") from None


async def _multipart(parser: _InMemory) -> FormBody:
    form = await parser.parse()
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    sent = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    files = () if parser.too_large else tuple([SentFile(file.filename or "", await file.read()) for file in sent])
    await form.close()
    return FormBody(fields, files, parser.too_large)


async def _drained(request: Request) -> AsyncGenerator[bytes, None]:
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > DRAINED_LIMIT:
            raise PayloadTooLarge(limit=DRAINED_LIMIT)
        yield chunk
