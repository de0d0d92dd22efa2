"""The hours as schema.org publishes them: a regular week, and above it the days that differ."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple, TypedDict

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import (
    ChannelOpeningHours,
    DayOfWeek,
    OpeningHoursSpecification,
)
from services.intake_api.opening_hours.spans import ZONE, Span
from services.intake_api.opening_hours.week import DayHours

_DAYS_OF_WEEK = tuple(DayOfWeek)
_MINUTES_IN_A_DAY = 24 * 60
_LAST_MINUTE = time(23, 59)

ClockHours = tuple[tuple[time, time], ...]


class PublishedDay(NamedTuple):
    """A day as it is regularly, as it will be, and what is noted with an exception."""

    day: date
    regular: DayHours
    spans: tuple[Span, ...]
    note: str | None

    @property
    def regular_hours(self) -> ClockHours:
        """The hours of the regular week."""
        return tuple((_clock(opens), _closing(_clock(opens), _clock(closes))) for opens, closes in self.regular)

    @property
    def hours(self) -> ClockHours:
        """The hours under holidays, closures and exceptions."""
        opens = [(_local(span.start), _local(span.end)) for span in self.spans if span.is_open]
        return tuple((start, _closing(start, end)) for start, end in opens)

    @property
    def name(self) -> str | None:
        """What the holiday, closure or exception is called, if it is one."""
        return next((span.name for span in self.spans if span.name), self.note)


class _Run(NamedTuple):
    first: date
    last: date
    week: dict[int, ClockHours]


class _Bounds(TypedDict, total=False):
    valid_from: date
    valid_through: date


def channel_opening_hours(channel: Channel, days: Iterable[PublishedDay]) -> ChannelOpeningHours:
    """Write down these consecutive days of one channel."""
    days = tuple(days)
    return ChannelOpeningHours(contact_type=channel, hours_available=(*_weeks(days), *_special_days(days)))


def _weeks(days: Iterable[PublishedDay]) -> Iterator[OpeningHoursSpecification]:
    runs = _runs(days)
    for run in runs:
        bounds = _Bounds(valid_from=run.first, valid_through=run.last) if len(runs) > 1 else _Bounds()
        for (opens, closes), numbers in _weekdays_by_hours(run.week):
            names = tuple(_DAYS_OF_WEEK[number] for number in numbers)
            yield OpeningHoursSpecification(day_of_week=names, opens=opens, closes=closes, **bounds)


def _weekdays_by_hours(week: dict[int, ClockHours]) -> list[tuple[tuple[time, time], list[int]]]:
    weekdays: dict[tuple[time, time], list[int]] = {}
    for number in sorted(week):
        for hours in week[number]:
            weekdays.setdefault(hours, []).append(number)
    return sorted(weekdays.items(), key=lambda entry: (entry[1][0], entry[0]))


def _runs(days: Iterable[PublishedDay]) -> list[_Run]:
    runs: list[_Run] = []
    for day in days:
        number, hours = day.day.weekday(), day.regular_hours
        if runs and runs[-1].week.get(number, hours) == hours:
            runs[-1].week[number] = hours
            runs[-1] = runs[-1]._replace(last=day.day)
        else:
            runs.append(_Run(day.day, day.day, {number: hours}))
    return runs


def _special_days(days: Iterable[PublishedDay]) -> Iterator[OpeningHoursSpecification]:
    special = [day for day in days if day.name or day.hours != day.regular_hours]
    for _, group in groupby(enumerate(special), key=_same_line):
        same = [day for _, day in group]
        bounds = _Bounds(valid_from=same[0].day, valid_through=same[-1].day)
        for opens, closes in same[0].hours or ((None, None),):
            yield OpeningHoursSpecification(name=same[0].name, opens=opens, closes=closes, **bounds)


def _same_line(numbered: tuple[int, PublishedDay]) -> tuple[date, str | None, ClockHours]:
    number, day = numbered
    return day.day - timedelta(days=number), day.name, day.hours


def _clock(minutes: int) -> time:
    return time(*divmod(minutes % _MINUTES_IN_A_DAY, 60))


def _local(moment: datetime) -> time:
    return moment.astimezone(ZONE).time()


def _closing(opens: time, closes: time) -> time:
    return _LAST_MINUTE if opens == closes == time() else closes
