"""How contract objects look on the wire: lowerCamelCase, frozen, absent rather than null (Belgif REST guide)."""

import re
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f]")


def without_nul(text: str) -> str:
    """Return the text, or refuse it: a NUL passes SQLite and fails PostgreSQL."""
    if "\0" in text:
        message = "must not contain a NUL character: remove it"
        raise ValueError(message)
    return text


def on_one_line(text: str) -> str:
    """Return the text, or refuse it: a line break in a name or subject is a header injection waiting to happen."""
    if _CONTROL.search(text):
        message = "must be a single line without control characters"
        raise ValueError(message)
    return text


Line = Annotated[str, StringConstraints(max_length=400), AfterValidator(on_one_line)]
"""A short text on one line: a name, a label. At most 400 characters."""

Subject = Annotated[str, StringConstraints(max_length=998), AfterValidator(on_one_line)]
"""A subject. At most 998 characters, the line limit of RFC 5322 §2.1.1."""

Text = Annotated[str, StringConstraints(max_length=500_000), AfterValidator(without_nul)]
"""What somebody wrote or what an operator noted. At most 500,000 characters."""

_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})", re.ASCII | re.IGNORECASE)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _as_moment(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and _MOMENT.fullmatch(value)):
        return value
    message = "must be a moment with its offset, as 2026-11-22T09:30:00+01:00"
    raise ValueError(message)


def _as_day(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    message = "must be a day, as 2026-11-22"
    raise ValueError(message)


# pydantic takes "0" and "1700000000" for a date even when strict, so the form is checked first
Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_as_moment)]
"""A moment with its offset, in the form of RFC 3339 and no other."""

Day = Annotated[date, Field(strict=False), BeforeValidator(_as_day)]
"""A day, `2026-11-22`."""

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
"""A language, ISO 639-1, lower case."""


class Submitted(BaseModel):
    """Something a caller sends: strict types, unknown properties refused."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
    )


class Resource(BaseModel):
    """Something the gateway answers: a reader ignores properties that a later version adds."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
    )


def to_wire(value: BaseModel) -> str:
    """Write a contract object as the JSON that both adapters of `Intake` send: set values only."""
    return value.model_dump_json(by_alias=True, exclude_none=True)
