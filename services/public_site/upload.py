"""What a browser posts: fields and files, held in memory only, with limits that keep what was typed."""

import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from onthaal_schema.intake import FileUpload
from onthaal_schema.problems import InvalidInput, PayloadTooLarge, UnsupportedMediaType
from services.kit.media_types import sniffed

MEGABYTE: Final = 1024 * 1024
FILES_LIMIT: Final = 20 * MEGABYTE
MAX_FILES: Final = 5
MAX_FIELDS: Final = 60
FIELD_LIMIT: Final = 4 * MEGABYTE
BODY_LIMIT: Final = 200 * MEGABYTE
MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")


@dataclass(frozen=True)
class Posted:
    """A posted form. `too_much` says that files were left out because they are too large or too many."""

    fields: Mapping[str, str] = field(repr=False)
    files: tuple[FileUpload, ...] = ()
    too_much: bool = False


class _InMemory(MultiPartParser):
    """Keeps files off the disk, and reads past those that are too much: the fields before them are not lost."""

    spool_max_size = FILES_LIMIT + 1

    def __init__(self, request: Request) -> None:
        super().__init__(request.headers, _limited(request), max_files=100, max_fields=MAX_FIELDS, max_part_size=FIELD_LIMIT)
        self.size = 0

    @property
    def too_much(self) -> bool:
        return self.size > FILES_LIMIT

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is not None:
            self.size += end - start
            if self.too_much:
                return
        super().on_part_data(data, start, end)


async def read(request: Request) -> Posted:
    """Read a posted form, whether it came as multipart or urlencoded.

    Raises:
        InvalidInput: it cannot be read as a form.
        PayloadTooLarge: a field or the whole is larger than anybody types.
        UnsupportedMediaType: it is not a form.

    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        match kind:
            case "multipart/form-data":
                return await _multipart(request)
            case "application/x-www-form-urlencoded":
                form = await FormParser(
                    request.headers, _limited(request), max_fields=MAX_FIELDS, max_part_size=FIELD_LIMIT
                ).parse()
                return Posted({name: value for name, value in form.items() if isinstance(value, str)})
            case _:
                raise UnsupportedMediaType("Send a form.")
    except MultiPartException as error:
        if "maximum" in error.message.lower():
            raise PayloadTooLarge("A field is too large.", limit=FIELD_LIMIT) from None
        raise InvalidInput("This cannot be read as a form.") from None


async def _multipart(request: Request) -> Posted:
    parser = _InMemory(request)
    form = await parser.parse()
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    chosen = [value for _, value in form.multi_items() if isinstance(value, UploadFile) and value.filename]
    too_much = parser.too_much or len(chosen) > MAX_FILES
    files = () if too_much else tuple([await _file(upload) for upload in chosen])
    await form.close()
    return Posted(fields, files, too_much)


async def _file(upload: UploadFile) -> FileUpload:
    claimed = (upload.content_type or "").partition(";")[0].strip().lower()
    media_type = claimed if MEDIA_TYPE.fullmatch(claimed) else "application/octet-stream"
    content = await upload.read()
    return FileUpload(_label(upload.filename or ""), media_type, content, sniffed=sniffed(content, media_type))


def _label(name: str) -> str:
    # older browsers send the whole path, which holds the name of the account
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable())[-200:] or "bestand"


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise PayloadTooLarge("The form is too large.", limit=BODY_LIMIT)
        yield chunk
