"""Reading requests: who calls, and a body that is checked once, strictly, with each fault named."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from onthaal_schema.channel import Channel
from onthaal_schema.contact import ContactSubmission
from onthaal_schema.intake import FileUpload
from onthaal_schema.problems import INPUT, InvalidInput, Issue, NoAccessToken, PayloadTooLarge, UnsupportedMediaType
from onthaal_schema.wire import on_one_line
from services.intake_api.caller import NOBODY, Caller
from services.intake_api.reception import Reception
from services.kit.problems import MOST_FAULTS, invalid

LARGEST_JSON = 4_000_000
MOST_FILES = 50
MOST_ISSUES = 50
LONGEST_NAME = 200
"""Characters of the name of a property that come back."""
MOST_MESSAGES = 2**31 - 1
"""The largest sequence number that the database counts to."""
ROLES = ("attachment", "scan", "original", "display")
VIRUS = ("clean", "found", "notScanned")
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Model = TypeVar("Model", bound=BaseModel)
SUBMISSION: TypeAdapter[ContactSubmission] = TypeAdapter(ContactSubmission)
CHANNELS = tuple(channel.value for channel in Channel)


def reception(request: Request) -> Reception:
    """Give the use cases of this process."""
    found: Reception = request.app.state.reception
    return found


async def caller(request: Request) -> Caller:
    """Say who calls."""
    return await authorized(reception(request), request.headers.get("authorization"))


async def authorized(desk: Reception, header: str | None) -> Caller:
    """Say who calls, by the header with the bearer token (RFC 6750)."""
    if header is None:
        raise NoAccessToken("Send a token: Authorization: Bearer TOKEN.")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NoAccessToken("Send a token: Authorization: Bearer TOKEN.")
    return await desk.caller(token.strip())


def nobody() -> Caller:
    """Say that it does not matter who calls."""
    return NOBODY


def path_id(request: Request, name: str) -> UUID:
    """Read an id in the path: a UUID, as RFC 9562 writes it."""
    return as_id(request.path_params[name], name)


def as_id(text: str, name: str) -> UUID:
    """Read an id that stood in the path under a name."""
    if not _UUID.fullmatch(text):
        raise InvalidInput.at(name, "Must be a UUID.", in_="path")
    return UUID(text)


def body(model: type[Model], *also: str) -> Dependency:
    """Give a dependency that reads a JSON body; `also` are further content types it may have."""

    async def read(request: Request) -> Model:
        checked: Model = parsed(TypeAdapter(model), await json_bytes(request, *also))
        return checked

    return Depends(read)  # type: ignore[no-any-return]


def only(*names: str) -> Dependency:
    """Give a dependency that refuses query parameters that are not known (Belgif req-valid)."""

    def check(request: Request) -> None:
        only_known(request, names)

    return Depends(check)  # type: ignore[no-any-return]


def only_known(request: Request, known: Sequence[str] = ()) -> None:
    """Refuse query parameters that are not known."""
    if not request.scope["query_string"]:
        return
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise InvalidInput.unknown(*(name[:100] for name in unknown[:MOST_ISSUES]), in_="query")


async def json_bytes(request: Request, *also: str) -> bytes:
    """Read a JSON body."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in {"application/json", *also}:
        raise UnsupportedMediaType("Send application/json.")
    return await _whole(request)


async def _whole(request: Request) -> bytes:
    """Read a body to its end, so that the client gets to read the answer, but keep no more than JSON may be: from anybody."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_JSON:
            parts.clear()
        else:
            parts.append(part)
    return small(b"".join(parts), size)


def small(raw: bytes, size: int | None = None) -> bytes:
    """Give the bytes, unless they are, or were, too many for JSON."""
    if (size or len(raw)) > LARGEST_JSON:
        raise PayloadTooLarge(f"Send at most {LARGEST_JSON} bytes of JSON.", limit=LARGEST_JSON)
    return raw


def parsed(adapter: TypeAdapter[Any], raw: bytes) -> Any:
    """Check a JSON body, once and strictly."""
    _refuse_nulls(raw)
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        _refuse_surrogates(raw)
        raise _named(error) from None


def submission(raw: bytes) -> tuple[ContactSubmission, dict[str, Any]]:
    """Check a submitted contact; the second value is the same as JSON, as it was sent but for what was null.

    We write absent values as absent (Belgif jsn-null), and read them however a channel writes them: a contact is not
    refused for a form.
    """
    if b"null" in raw:
        raw = _without_nulls(raw)
    return parsed(SUBMISSION, raw), orjson.loads(raw)


def _without_nulls(raw: bytes) -> bytes:
    try:
        return orjson.dumps(_present(orjson.loads(raw)))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return raw  # broken in another way, which the parser tells


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _present(held) for name, held in value.items() if held is not None}
    return value


def _named(error: ValidationError) -> InvalidInput:
    if error.error_count() > MOST_FAULTS:
        return invalid(error)
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    first = {fault["loc"][0] for fault in faults if fault["loc"]}
    return invalid(error, tags=[tag for tag in (*CHANNELS, "day", "emergencyClose") if tag in first])


def _refuse_nulls(raw: bytes) -> None:
    """Name the properties that are null: what is absent is left out (Belgif jsn-null)."""
    if b"null" in raw:
        _refuse_where(raw, lambda value: value is None, "Leave it out instead of null.")


def _refuse_surrogates(raw: bytes) -> None:
    """Name the properties with half a character in them: the parser only says that the JSON is broken."""
    if b"\\ud" in raw or b"\\uD" in raw:
        _refuse_where(raw, _has_surrogate, "Holds half a character (a lone surrogate): send valid Unicode.")


def _refuse_where(raw: bytes, wrong: Callable[[Any], bool], detail: str) -> None:
    try:
        names = list(islice(_places(json.loads(raw), "", wrong), MOST_ISSUES))
    except (ValueError, RecursionError):
        return  # broken in another way, which the parser tells
    if names:
        raise InvalidInput.of_issues(*(
            Issue(type=INPUT + "invalidInput", title="Invalid input", detail=detail, in_="body", name=name or None)
            for name in names
        ))  # fmt: skip


def _has_surrogate(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)


def _places(value: Any, name: str, wrong: Callable[[Any], bool]) -> Iterator[str]:
    if wrong(value):
        yield name.encode("ascii", "replace").decode()
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in held:
        below = f"{name}[{part}]" if isinstance(part, int) else f"{name}.{part}" if name else part
        yield from _places(inner, below[:LONGEST_NAME], wrong)


async def with_files(request: Request, part: str) -> tuple[bytes, list[FileUpload]]:
    """Read a body that is JSON, or multipart with a JSON part and files (each under its role)."""
    only_known(request)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await json_bytes(request), []
    try:
        form = await request.form(max_files=MOST_FILES, max_fields=10, max_part_size=LARGEST_JSON)
    except (MultiPartException, HTTPException):  # starlette turns the first into the second
        detail = f"The multipart body cannot be read: send the part {part} and at most {MOST_FILES} files."
        raise InvalidInput.at(part, detail) from None
    async with _closing(form):
        return await _json_part(form, part), [await _upload(name, file) for name, file in _files(form, part)]


class _closing:  # noqa: N801 - reads as the word it is
    def __init__(self, form: FormData) -> None:
        self._form = form

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        await self._form.close()


async def _json_part(form: FormData, part: str) -> bytes:
    held = form.get(part)
    if held is None:
        raise InvalidInput.at(part, "This part is missing: send it as application/json.")
    return small(await held.read() if isinstance(held, UploadFile) else held.encode("utf-8", "surrogatepass"))


def _files(form: FormData, part: str) -> Iterator[tuple[str, UploadFile]]:
    for name, held in form.multi_items():
        if name == part:
            continue
        if name not in ROLES or not isinstance(held, UploadFile):
            raise InvalidInput.unknown(name[:100], detail=f"Not a known part: files go under {', '.join(ROLES)}.")
        yield name, held


async def _upload(role: Any, file: UploadFile) -> FileUpload:
    name = "".join(character for character in (file.filename or "file") if character.isprintable())[:400]
    try:
        media_type = on_one_line((file.content_type or "application/octet-stream")[:200])
    except ValueError:
        media_type = "application/octet-stream"
    return FileUpload(
        name=name or "file",
        media_type=media_type,
        content=await file.read(),
        role=role,
        sniffed=_sniffed(file),
        virus=_virus(file),
    )


def _sniffed(file: UploadFile) -> str | None:
    said = "".join(character for character in file.headers.get("onthaal-sniffed", "") if character.isprintable())
    return said[:200] or None


def _virus(file: UploadFile) -> Any:
    said = file.headers.get("onthaal-virus")
    if said is not None and said not in VIRUS:
        raise InvalidInput.at("Onthaal-Virus", f"Must be one of {', '.join(VIRUS)}.", in_="header")
    return said


CallerOf = Annotated[Caller, Depends(caller)]
ReceptionOf = Annotated[Reception, Depends(reception)]
