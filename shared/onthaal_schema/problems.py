"""Problems as RFC 9457 and the Belgif REST guide write them, and as exceptions that both sides raise."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self
from uuid import uuid4

from pydantic import Field

from onthaal_schema.wire import Resource

BELGIF = "urn:problem-type:belgif:"
INPUT = "urn:problem-type:belgif:input-validation:"
INPUT_EXT = "urn:problem-type:belgif-ext:input-validation:"
OWN = "urn:problem-type:onthaal:intake:"


Place = Literal["body", "header", "path", "query"]
"""Where an input stands."""


class Issue(Resource):
    """One thing wrong with one input. The value is never repeated: it may be somebody's story."""

    type: str
    title: str
    detail: str
    in_: Place = Field(alias="in")
    name: str | None = None


class Problem(Resource):
    """The body of every answer that is not a success (`application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    issues: tuple[Issue, ...] | None = None
    limit: int | None = None
    retry_after_sec: int | None = None
    required_scopes: tuple[str, ...] | None = None


class ProblemError(Exception):
    """An expected failure. Says what to do; holds nothing that a person wrote."""

    type: ClassVar[str] = BELGIF + "internalServerError"
    title: ClassVar[str] = "Internal server error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str | None = None, *, issues: Sequence[Issue] = (), **extra: Any) -> None:
        """Describe the failure; `extra` are further members of `Problem`."""
        super().__init__(self.title)
        self.problem = Problem(
            type=self.type,
            title=self.title,
            status=self.status,
            detail=detail,
            instance=f"urn:uuid:{uuid4()}",
            issues=tuple(issues) or None,
            **extra,
        )

    @staticmethod
    def of(problem: Problem) -> "ProblemError":
        """Turn a received problem into the exception that the other side raised."""
        kinds = _by_type()
        error = kinds.get(problem.type, _by_status(problem.status)).__new__(kinds.get(problem.type, _by_status(problem.status)))
        Exception.__init__(error, problem.title)
        error.problem = problem
        return error


class InvalidInput(ProblemError):
    """The request cannot be understood or accepted; each issue names a field."""

    type = BELGIF + "badRequest"
    title = "Bad request"
    status = 400

    @classmethod
    def at(cls, name: str, detail: str, *, in_: Place = "body") -> Self:
        """Refuse one property of the body, or one parameter."""
        return cls.of_issues(Issue(type=INPUT + "invalidInput", title="Invalid input", detail=detail, in_=in_, name=name or None))

    @classmethod
    def unknown(cls, *names: str, detail: str = "Leave it out.", in_: Place = "body") -> Self:
        """Refuse what is not known (Belgif req-valid)."""
        kind, title = INPUT + "unknownInput", "Unknown input"
        return cls.of_issues(*(Issue(type=kind, title=title, detail=detail, in_=in_, name=name) for name in names))

    @classmethod
    def of_issues(cls, *issues: Issue) -> Self:
        """Refuse for the given reasons."""
        return cls("The input is not valid; see issues.", issues=issues)


class NoAccessToken(ProblemError):
    """No token was sent."""

    type = BELGIF + "noAccessToken"
    title = "No access token"
    status = 401


class InvalidAccessToken(ProblemError):
    """The token is unknown, revoked or malformed."""

    type = BELGIF + "invalidAccessToken"
    title = "Invalid access token"
    status = 401


class ExpiredAccessToken(ProblemError):
    """The token was good and has expired."""

    type = BELGIF + "expiredAccessToken"
    title = "Expired access token"
    status = 401


class MissingScope(ProblemError):
    """The token is good but does not reach this far."""

    type = BELGIF + "missingScope"
    title = "Missing scope"
    status = 403


class NotFound(ProblemError):
    """There is no such resource."""

    type = BELGIF + "resourceNotFound"
    title = "Resource not found"
    status = 404


class MethodNotAllowed(ProblemError):
    """The resource exists and does not take this method."""

    type = OWN + "methodNotAllowed"
    title = "Method not allowed"
    status = 405


class Conflict(ProblemError):
    """The identifier is taken by other content."""

    type = OWN + "otherContent"
    title = "The identifier is already used for other content"
    status = 409


class StateConflict(ProblemError):
    """The resource is in a state that does not allow this."""

    type = OWN + "stateConflict"
    title = "Not possible in the present state"
    status = 409


class Erased(ProblemError):
    """The contact was erased; only its tombstone remains."""

    type = OWN + "erased"
    title = "The contact was erased"
    status = 410


class PayloadTooLarge(ProblemError):
    """The body is larger than the limit, which is given in bytes."""

    type = BELGIF + "payloadTooLarge"
    title = "Payload too large"
    status = 413


class HeadersTooLarge(ProblemError):
    """The address and the headers are larger than any browser makes them (RFC 6585 §5)."""

    type = OWN + "headersTooLarge"
    title = "Request header fields too large"
    status = 431


class UnsupportedMediaType(ProblemError):
    """The body is in a format that this resource does not take."""

    type = OWN + "unsupportedMediaType"
    title = "Unsupported media type"
    status = 415


class TooManyRequests(ProblemError):
    """Too many requests; try again after the given number of seconds."""

    type = BELGIF + "tooManyRequests"
    title = "Too many requests"
    status = 429


class ServiceUnavailable(ProblemError):
    """Nothing was stored, or it is not known; send the same again after the given number of seconds."""

    type = BELGIF + "serviceUnavailable"
    title = "Service unavailable"
    status = 503


def _by_type() -> dict[str, type[ProblemError]]:
    return {kind.type: kind for kind in ProblemError.__subclasses__()}


def _by_status(status: int) -> type[ProblemError]:
    return next((kind for kind in ProblemError.__subclasses__() if kind.status == status), ProblemError)
