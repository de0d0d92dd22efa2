"""Reading requests: who calls, and a body that is checked once, strictly, with each fault named."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from onthaal_schema.channel import Channel
from onthaal_schema.contact import ContactSubmission
from onthaal_schema.intake import FileUpload
from onthaal_schema.problems import INPUT, InvalidInput, Issue, NoAccessToken, UnsupportedMediaType
from onthaal_schema.wire import on_one_line
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from services.intake_api.caller import NOBODY, Caller
from services.intake_api.reception import Reception
from services.kit.problems import invalid

LARGEST_JSON = 4_000_000
MOST_FILES = 50
ROLES = ("attachment", "scan", "original")

Model = TypeVar("Model", bound=BaseModel)
SUBMISSION: TypeAdapter[ContactSubmission] = TypeAdapter(ContactSubmission)
CHANNELS = tuple(channel.value for channel in Channel)


def reception(request: Request) -> Reception:
    """Give the use cases of this process."""
    found: Reception = request.app.state.reception
    return found


async def caller(request: Request) -> Caller:
    """Say who calls, by the bearer token (RFC 6750)."""
    header = request.headers.get("authorization")
    if header is None:
        raise NoAccessToken("Send a token: Authorization: Bearer TOKEN.")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NoAccessToken("Send a token: Authorization: Bearer TOKEN.")
    return await reception(request).caller(token.strip())


def nobody() -> Caller:
    """Say that it does not matter who calls."""
    return NOBODY


def path_id(request: Request, name: str) -> UUID:
    """Read an id in the path: a UUID, as RFC 9562 writes it."""
    text = request.path_params[name]
    try:
        return UUID(text)
    except ValueError:
        issue = Issue(type=INPUT + "invalidInput", title="Invalid input", detail="Must be a UUID.", in_="path", name=name)
        raise InvalidInput("The input is not valid; see issues.", issues=[issue]) from None


def body(model: type[Model]) -> Dependency:
    """Give a dependency that reads a JSON body."""

    async def read(request: Request) -> Model:
        return parsed(TypeAdapter(model), await json_bytes(request))

    return Depends(read)  # type: ignore[no-any-return]


def only(*names: str) -> Dependency:
    """Give a dependency that refuses query parameters that are not known (Belgif req-valid)."""

    def check(request: Request) -> None:
        unknown = [name for name in request.query_params if name not in names]
        if unknown:
            issues = [
                Issue(type=INPUT + "unknownInput", title="Unknown input", detail="Leave it out.", in_="query", name=name[:100])
                for name in unknown
            ]
            raise InvalidInput("The input is not valid; see issues.", issues=issues)

    return Depends(check)  # type: ignore[no-any-return]


async def json_bytes(request: Request) -> bytes:
    """Read a JSON body."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType("Send application/json.")
    return await request.body()


def parsed(adapter: TypeAdapter[Any], raw: bytes) -> Any:
    """Check a JSON body, once and strictly."""
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        _refuse_surrogates(raw)
        raise _named(error) from None


def submission(raw: bytes) -> tuple[ContactSubmission, dict[str, Any]]:
    """Check a submitted contact; the second value is the same as JSON, as it was sent."""
    return parsed(SUBMISSION, raw), orjson.loads(raw)


def _named(error: ValidationError) -> InvalidInput:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    if faults and faults[0]["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return InvalidInput.at("channel", f"Must be one of {', '.join(CHANNELS)}.")
    first = {fault["loc"][0] for fault in faults if fault["loc"]}
    return invalid(error, tags=[tag for tag in (*CHANNELS, "day", "emergencyClose") if tag in first])


def _refuse_surrogates(raw: bytes) -> None:
    """Name the fields with half a character in them: the parser only says that the JSON is broken."""
    try:
        names = list(_with_surrogates(json.loads(raw), ""))
    except (ValueError, RecursionError):
        return
    if names:
        detail = "Holds half a character (a lone surrogate): send valid Unicode."
        issues = [Issue(type=INPUT + "invalidInput", title="Invalid input", detail=detail, in_="body", name=name) for name in names]
        raise InvalidInput("The input is not valid; see issues.", issues=issues)


def _with_surrogates(value: Any, name: str) -> Iterator[str]:
    match value:
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            yield name
        case dict():
            for key, held in value.items():
                yield from _with_surrogates(held, f"{name}.{key}" if name else key)
        case list():
            for place, held in enumerate(value):
                yield from _with_surrogates(held, f"{name}[{place}]")
        case _:
            return


async def with_files(request: Request, part: str) -> tuple[bytes, list[FileUpload]]:
    """Read a body that is JSON, or multipart with a JSON part and files (roles: attachment, scan, original)."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await json_bytes(request), []
    try:
        form = await request.form(max_files=MOST_FILES, max_fields=10, max_part_size=LARGEST_JSON)
    except MultiPartException:
        raise InvalidInput.at("", "The multipart body cannot be read.") from None
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
    return await held.read() if isinstance(held, UploadFile) else held.encode("utf-8", "surrogatepass")


def _files(form: FormData, part: str) -> Iterator[tuple[str, UploadFile]]:
    for name, held in form.multi_items():
        if name == part:
            continue
        if name not in ROLES or not isinstance(held, UploadFile):
            raise InvalidInput.at(name[:100], f"Not a known part: files go under {', '.join(ROLES)}.", kind=INPUT + "unknownInput")
        yield name, held


async def _upload(role: Any, file: UploadFile) -> FileUpload:
    name = "".join(character for character in (file.filename or "file") if character.isprintable())[:400]
    try:
        media_type = on_one_line((file.content_type or "application/octet-stream")[:200])
    except ValueError:
        media_type = "application/octet-stream"
    return FileUpload(name=name or "file", media_type=media_type, content=await file.read(), role=role)




CallerOf = Annotated[Caller, Depends(caller)]
ReceptionOf = Annotated[Reception, Depends(reception)]
