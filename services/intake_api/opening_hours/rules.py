"""The rules of the calendar as configuration gives them: hours per channel, extra holidays, closures."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from onthaal_schema.channel import Channel

_TELEPHONE_WEEK = "Mo 09:00-20:00; Tu-Fr 09:00-17:00"
_OFFICE_WEEK = "Mo-Fr 09:00-17:00"
_DAY = re.compile(r"(\d{4}-)?\d{2}-\d{2}")
_YEAR_WITH_29_FEBRUARY = "2024-"


class CalendarError(ValueError):
    """The calendar cannot be built from these rules; the message names the channel and the bad text."""


class OutOfCalendarError(ValueError):
    """The moment or day has no place in the calendar: without a time zone, or out of its range."""


def _real_day(text: str) -> str:
    if not _DAY.fullmatch(text):
        message = f"{text!r} is not a day: write MM-DD (each year) or YYYY-MM-DD"
        raise ValueError(message)
    try:
        date.fromisoformat(text if len(text) > len("MM-DD") else _YEAR_WITH_29_FEBRUARY + text)
    except ValueError as error:
        message = f"{text!r} is not a day: {error}"
        raise ValueError(message) from error
    return text


Day = Annotated[str, AfterValidator(_real_day)]
"""A day of each year, `12-26`, or of one year, `2026-12-26`."""


class _Rule(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class NamedDays(_Rule):
    """Days with a Dutch name, each year (`12-26` to `12-31`, also over New Year) or once (`2026-12-24`).

    `validFrom` and `validThrough` bound the days it concerns, so that a rule that ends leaves earlier years
    as they were.
    """

    first: Day
    last: Day
    label: str = Field(min_length=1)
    valid_from: date | None = None
    valid_through: date | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_day_by_default(cls, given: object) -> object:
        return {"last": given["first"], **given} if isinstance(given, dict) and "first" in given else given

    @model_validator(mode="after")
    def _is_one_range(self) -> Self:
        if len(self.first) != len(self.last):
            message = f"{self.first!r} and {self.last!r}: write the year in both or in neither"
            raise ValueError(message)
        if self._is_dated and self.last < self.first:
            message = f"{self.last!r} is before {self.first!r}"
            raise ValueError(message)
        return self

    @property
    def _is_dated(self) -> bool:
        return len(self.first) > len("MM-DD")

    def covers(self, day: date) -> bool:
        """Tell whether the day is one of these."""
        if not (self.valid_from or date.min) <= day <= (self.valid_through or date.max):
            return False
        text = day.isoformat() if self._is_dated else f"{day:%m-%d}"
        if self.last < self.first:
            return text >= self.first or text <= self.last
        return self.first <= text <= self.last


class RegularHours(_Rule):
    """The week of a channel as an OSM `opening_hours` expression, from `validFrom` until the next one."""

    expression: str
    valid_from: date | None = None


def _dated(given: object) -> object:
    return ({"expression": given},) if isinstance(given, str) else given


_HoursOfChannel = Annotated[tuple[RegularHours, ...], BeforeValidator(_dated), Field(min_length=1)]


def _usual_hours() -> dict[Channel, tuple[RegularHours, ...]]:
    return {
        channel: (RegularHours(expression=_OFFICE_WEEK if channel is Channel.CHAT else _TELEPHONE_WEEK),) for channel in Channel
    }


def _above_usual_hours(
    given: Mapping[Channel, tuple[RegularHours, ...]],
) -> Mapping[Channel, tuple[RegularHours, ...]]:
    return {**_usual_hours(), **given}


def _usual_holidays() -> tuple[NamedDays, ...]:
    return (NamedDays(first="07-11", last="07-11", label="Vlaamse feestdag"),)


def _usual_closures() -> tuple[NamedDays, ...]:
    return (
        NamedDays(first="11-02", last="11-02", label="Allerzielen"),
        NamedDays(first="11-15", last="11-15", label="Koningsdag"),
        NamedDays(first="12-26", last="12-31", label="Kerstsluiting"),
    )


class CalendarRules(_Rule):
    """Everything regular. A channel that `hours` leaves out keeps its usual hours.

    `hours` takes an expression per channel, or several with `validFrom`. `extraHolidays` come on top of the
    Belgian public holidays. Holidays and closures concern all channels; an exception reopens one.
    """

    hours: Annotated[Mapping[Channel, _HoursOfChannel], AfterValidator(_above_usual_hours)] = Field(default_factory=_usual_hours)
    extra_holidays: tuple[NamedDays, ...] = Field(default_factory=_usual_holidays)
    closures: tuple[NamedDays, ...] = Field(default_factory=_usual_closures)
