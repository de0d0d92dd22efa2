"""Every answer that is not a success is a problem (RFC 9457) that names the field and never repeats its value."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from onthaal_schema.problems import (
    BELGIF,
    INPUT,
    InvalidInput,
    Issue,
    MethodNotAllowed,
    NotFound,
    Place,
    Problem,
    ProblemError,
    TooManyRequests,
)
from services.kit.logging import error_name, logger, trace_id

log = logger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST_ISSUES = 50
MOST_FAULTS: Final = 10_000
"""Of a body with more faults none is named: pydantic takes seconds to tell of a million."""


def handle_problems(app: FastAPI) -> None:
    """Turn every failure of the app into a problem."""
    app.add_exception_handler(ProblemError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


def answer(error: ProblemError) -> Response:
    """Render a problem."""
    problem = _traceable(error.problem)
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_sec is not None:
        headers["Retry-After"] = str(problem.retry_after_sec)
    return Response(_body(problem), problem.status, headers, MEDIA_TYPE)


def _traceable(problem: Problem) -> Problem:
    """Let `instance` (RFC 9457 §3.1.5) be what the log's lines about this request bear as `trace`."""
    trace = trace_id()
    return problem.model_copy(update={"instance": UUID(trace).urn}) if trace else problem


def invalid(error: ValidationError, *, tags: Sequence[str] = ()) -> InvalidInput:
    """Turn what pydantic found wrong with a body into a problem; `tags` are discriminator values to leave out of names."""
    if error.error_count() > MOST_FAULTS:
        return InvalidInput("The input is not valid: it holds thousands of faults.")
    faults = error.errors(include_url=False, include_input=False)[:MOST_ISSUES]
    return InvalidInput.of_issues(*(_issue(found, "body", tags) for found in faults))


def parse(model: type[BaseModel], body: bytes) -> Any:
    """Read a JSON body strictly.

    Raises:
        InvalidInput: naming each wrong field.

    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None


def _issue(found: Any, place: Place, tags: Sequence[str] = ()) -> Issue:
    path = [part for part in found["loc"] if part not in tags] + _pointed_at(found)
    unknown = found["type"] == "extra_forbidden"
    detail = "This property is not known: leave it out." if unknown else _sentence(found)
    return Issue(
        type=INPUT + ("unknownInput" if unknown else "schemaViolation" if found["type"] == "json_invalid" else "invalidInput"),
        title="Unknown input" if unknown else "Invalid input",
        detail=detail,
        in_=place,
        name=_name(path) or None,
    )


def _pointed_at(found: Any) -> list[str]:
    """Give the property that a fault of a whole object is about: the discriminator, or what our validator names first."""
    if found["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return [found["ctx"]["discriminator"].strip("'")]
    first = _own_words(found).partition(" ")[0]
    return [first] if first != "must" and _PROPERTY.fullmatch(first) else []


def _sentence(found: Any) -> str:
    text = _own_words(found)
    if text:
        return (f"M{text[1:]}" if text.startswith("must ") else text) + "."
    # pydantic's own words are not passed on: some of them repeat the value
    return _SENTENCES.get(found["type"], "Is not valid.").format_map({**found.get("ctx", {}), **_choices(found)})


def _own_words(found: Any) -> str:
    """Give what a validator of ours said: "must …", or the name of a property and what is wrong with it."""
    return str(found["msg"]).removeprefix("Value error, ").removesuffix(".") if found["type"] == "value_error" else ""


def _choices(found: Any) -> dict[str, str]:
    # pydantic lists them as 'a' or 'b', and as <Kind.A: 'a'> or <Kind.B: 'b'>
    told = found.get("ctx", {})
    return {"choices": ", ".join(_QUOTED.findall(told.get("expected_tags") or told.get("expected") or ""))}


_QUOTED: Final = re.compile("'([^']*)'")
_PROPERTY: Final = re.compile("[a-z]+([A-Z][a-z]+)*")

_MOMENT: Final = "Must be a moment with its offset, as 2026-11-22T09:30:00+01:00."
_DAY: Final = "Must be a day, as 2026-11-22."
_WHOLE: Final = "Must be a whole number."

_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "This is required.",
    "union_tag_not_found": "This is required.",
    "union_tag_invalid": "Must be one of {choices}.",
    "enum": "Must be one of {choices}.",
    "literal_error": "Must be one of {choices}.",
    "string_type": "Must be text.",
    "string_too_long": "Must be at most {max_length} characters.",
    "string_too_short": "Must be at least {min_length} characters.",
    "string_pattern_mismatch": "Does not have the right form.",
    "bool_type": "Must be true or false.",
    "bool_parsing": "Must be true or false.",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "Must be a smaller number.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than_equal": "Must be at most {le}.",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "timezone_aware": _MOMENT,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "uuid_type": "Must be a UUID.",
    "uuid_parsing": "Must be a UUID.",
    "model_type": "Must be an object.",
    "model_attributes_type": "Must be an object.",
    "dict_type": "Must be an object.",
    "list_type": "Must be a list.",
    "tuple_type": "Must be a list.",
    "json_invalid": "The body is not valid JSON: {error}.",
}
"""What a caller reads, by pydantic's type of error."""


def _name(path: Iterable[str | int]) -> str:
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name[:_LONGEST_NAME]


_LONGEST_NAME: Final = 200
"""A property's name is the caller's text too: no more of it comes back than it takes to find the place."""


async def _expected(_: Request, error: Exception) -> Response:
    return answer(cast("ProblemError", error))


async def _invalid(_: Request, error: Exception) -> Response:
    issues = []
    for found in cast("RequestValidationError", error).errors():
        place, *path = found["loc"]
        issues.append(_issue({**found, "loc": path}, place if place in {"body", "header", "path", "query"} else "body"))
    return answer(InvalidInput.of_issues(*issues))


async def _http(_: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    known = {404: NotFound, 405: MethodNotAllowed, 429: TooManyRequests}
    problem = known.get(refused.status_code)
    if problem:
        answered = answer(problem())
        if refused.headers:
            answered.headers.update(refused.headers)
        return answered
    kind = "badRequest" if refused.status_code < 500 else "internalServerError"
    return Response(
        _body(_traceable(Problem(type=BELGIF + kind, title="Bad request", status=refused.status_code))),
        refused.status_code,
        media_type=MEDIA_TYPE,
    )


async def _bug(request: Request, error: Exception) -> Response:
    return unexpected(request.method, error)


def unexpected(method: str, error: Exception) -> Response:
    """Answer a failure that nobody expected: it is logged by name and place, and nothing of it is shown."""
    log.error("unexpected failure", error=error_name(error), method=method)
    return answer(ProblemError("Something went wrong here; nothing of your request was kept unless you were told so."))


def _body(problem: Problem) -> bytes:
    return problem.model_dump_json(by_alias=True, exclude_none=True).encode()
