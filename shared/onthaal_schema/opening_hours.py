"""Opening hours: the fact kept with a contact, the published week, and the exceptions an operator sets."""

from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from onthaal_schema.channel import Channel
from onthaal_schema.wire import Day, Instant, Resource, Submitted, on_one_line, to_wire


class ClosedReason(StrEnum):
    """Why a channel is closed: the first that applies, in this order."""

    CLOSURE = "closure"
    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    OUTSIDE_HOURS = "outsideHours"


class OpeningHours(Resource):
    """Whether the channel was open when the contact came in. Settled once, at that moment; never recomputed.

    Closed always has a `reason`. `holiday` is the Dutch name of the holiday, or what the closure is called.
    `next_opening` (UTC) is what was known at that moment; absent when open, and when nothing opens in a year.
    """

    open: bool
    reason: ClosedReason | None = None
    holiday: str | None = None
    next_opening: AwareDatetime | None = None
    calendar_version: str

    @cached_property
    def wire(self) -> str:
        """The same as JSON, written once: every contact of a day has the same answer."""
        return to_wire(self)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.open == (self.reason is not None):
            message = "reason is given when closed, and only then"
            raise ValueError(message)
        if self.open and self.next_opening is not None:
            message = "nextOpening is given only when closed"
            raise ValueError(message)
        if self.holiday is not None and self.reason not in (ClosedReason.CLOSURE, ClosedReason.HOLIDAY):
            message = "holiday is given only with reason holiday or closure"
            raise ValueError(message)
        return self


class DayOfWeek(StrEnum):
    """A day of the week, as schema.org names it."""

    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


def _is_absent(value: object) -> bool:
    return value is None


WallTime = Annotated[
    time,
    PlainSerializer(lambda moment: f"{moment:%H:%M}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
"""A time on the clock in the published time zone, `HH:MM`."""


class OpeningHoursSpecification(Resource):
    """One line of published hours (https://schema.org/OpeningHoursSpecification).

    Without `opens` it says closed. `closes` before `opens` runs past midnight; a whole day is 00:00 to 23:59.
    Without `dayOfWeek` it holds for each day from `validFrom` through `validThrough`, above the regular week.
    A day of the week that no line names is closed.
    """

    type: Literal["OpeningHoursSpecification"] = Field(default="OpeningHoursSpecification", alias="@type")
    name: str | None = Field(default=None, exclude_if=_is_absent)
    day_of_week: tuple[DayOfWeek, ...] | None = Field(default=None, exclude_if=_is_absent)
    opens: WallTime | None = Field(default=None, exclude_if=_is_absent)
    closes: WallTime | None = Field(default=None, exclude_if=_is_absent)
    valid_from: date | None = Field(default=None, exclude_if=_is_absent)
    valid_through: date | None = Field(default=None, exclude_if=_is_absent)


class ChannelOpeningHours(Resource):
    """The published hours of one channel (https://schema.org/ContactPoint): the week, then what differs."""

    type: Literal["ContactPoint"] = Field(default="ContactPoint", alias="@type")
    contact_type: Channel
    hours_available: tuple[OpeningHoursSpecification, ...]


class PublishedOpeningHours(Resource):
    """The published hours of every channel, as JSON-LD, with the version of the calendar they come from."""

    context: Literal["https://schema.org"] = Field(default="https://schema.org", alias="@context")
    type: Literal["Organization"] = Field(default="Organization", alias="@type")
    contact_point: tuple[ChannelOpeningHours, ...]
    time_zone: str
    calendar_version: str


def _in_order(hours: str) -> str:
    opens, _, closes = hours.partition("-")
    if closes <= opens:
        message = "must close after it opens, on the same day (24:00 is midnight)"
        raise ValueError(message)
    return hours


_HOURS = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"

Hours = Annotated[str, StringConstraints(pattern=_HOURS), AfterValidator(_in_order)]
"""Hours within one day, `09:00-12:00`."""

_YEARS = range(1970, 2200)


def _in_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        message = f"must lie in the years {_YEARS.start} to {_YEARS.stop - 1}"
        raise ValueError(message)
    return moment.astimezone(UTC)


Moment = Annotated[Instant, AfterValidator(_in_utc)]
"""A moment with its offset; kept in UTC, so that one moment is written one way."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(on_one_line)]
"""Why, in Dutch, in words the public may read: `Personeelsvergadering`."""


class _ExceptionRule(Submitted):
    """What every exception has. It counts for moments from `validFrom` until `validUntil`, for no other.

    `validFrom` is when it was decided, `validUntil` when it was withdrawn.
    """

    id: UUID
    channels: tuple[Channel, ...] = ()
    label: Label
    valid_from: Moment
    valid_until: Moment | None = None

    @model_validator(mode="after")
    def _is_valid_for_some_time(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            message = "validUntil must not be before validFrom"
            raise ValueError(message)
        return self


class ExceptionKind(StrEnum):
    """Whether the hours come in the place of the day's own, or on top of them."""

    REPLACE = "replace"
    ADD = "add"


class DayException(_ExceptionRule):
    """Other hours from `firstDay` through `lastDay`, on the named channels (none named: on all).

    `replace` without hours closes these days. Of two on one day the later `validFrom` comes on top.
    """

    type: Literal["day"] = "day"
    first_day: Day
    last_day: Day
    kind: ExceptionKind = ExceptionKind.REPLACE
    hours: tuple[Hours, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.last_day < self.first_day:
            message = "lastDay must not be before firstDay"
            raise ValueError(message)
        if self.kind is ExceptionKind.ADD and not self.hours:
            message = "kind add needs hours: send at least one, or kind replace to close the day"
            raise ValueError(message)
        return self


class EmergencyClose(_ExceptionRule):
    """Closed from one moment until another, above all hours; without `closedUntil`, until withdrawn."""

    type: Literal["emergencyClose"] = "emergencyClose"
    closed_from: Moment
    closed_until: Moment | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.closed_until is not None and self.closed_until <= self.closed_from:
            message = "closedUntil must be after closedFrom"
            raise ValueError(message)
        return self


CalendarException = Annotated[DayException | EmergencyClose, Field(discriminator="type")]
"""An exception to the regular hours; `type` says which. Read it with a `pydantic.TypeAdapter`."""
