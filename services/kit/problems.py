"""Every answer that is not a success is a problem (RFC 9457) that names the field and never repeats its value."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from onthaal_schema.problems import (
    INPUT,
    BELGIF,
    InvalidInput,
    Issue,
    MethodNotAllowed,
    NotFound,
    Problem,
    ProblemError,
    TooManyRequests,
)
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.kit.logging import error_name, logger

log = logger(__name__)

MEDIA_TYPE = "application/problem+json"
Place = Literal["body", "header", "path", "query"]


def handle_problems(app: FastAPI) -> None:
    """Turn every failure of the app into a problem."""
    app.add_exception_handler(ProblemError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


def answer(error: ProblemError) -> Response:
    """Render a problem."""
    problem = error.problem
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_sec is not None:
        headers["Retry-After"] = str(problem.retry_after_sec)
    return Response(_body(problem), problem.status, headers, MEDIA_TYPE)


def invalid(error: ValidationError, *, tags: Sequence[str] = ()) -> InvalidInput:
    """Turn what pydantic found wrong with a body into a problem; `tags` are discriminator values to leave out of names."""
    return InvalidInput(
        "The input is not valid; see issues.", issues=[_issue(found, "body", tags) for found in error.errors(include_url=False)]
    )


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
    path = [part for part in found["loc"] if part not in tags]
    unknown = found["type"] == "extra_forbidden"
    detail = "This property is not known: leave it out." if unknown else _sentence(found)
    return Issue(
        type=INPUT + ("unknownInput" if unknown else "schemaViolation" if found["type"] == "json_invalid" else "invalidInput"),
        title="Unknown input" if unknown else "Invalid input",
        detail=detail,
        in_=place,
        name=_name(path) or None,
    )


def _sentence(found: Any) -> str:
    # pydantic's own messages name the rule and never the value; those of our validators come after "Value error, "
    text = str(found["msg"]).removeprefix("Value error, ")
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _name(path: Iterable[str | int]) -> str:
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name


async def _expected(_: Request, error: Exception) -> Response:
    return answer(cast("ProblemError", error))


async def _invalid(_: Request, error: Exception) -> Response:
    issues = []
    for found in cast("RequestValidationError", error).errors():
        place, *path = found["loc"]
        issues.append(_issue({**found, "loc": path}, place if place in {"body", "header", "path", "query"} else "body"))
    return answer(InvalidInput("The input is not valid; see issues.", issues=issues))


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
        _body(Problem(type=BELGIF + kind, title="Bad request", status=refused.status_code)),
        refused.status_code,
        media_type=MEDIA_TYPE,
    )


async def _bug(request: Request, error: Exception) -> Response:
    log.error("unexpected failure", error=error_name(error), method=request.method)
    return answer(ProblemError("Something went wrong here; nothing of your request was kept unless you were told so."))


def _body(problem: Problem) -> bytes:
    return problem.model_dump_json(by_alias=True, exclude_none=True).encode()
