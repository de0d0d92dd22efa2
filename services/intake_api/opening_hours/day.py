"""What a calendar day is for one channel: its hours, and why it is closed outside them."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import ClosedReason, DayException, ExceptionKind
from services.intake_api.opening_hours.public_holidays import public_holiday
from services.intake_api.opening_hours.rules import CalendarRules, NamedDays
from services.intake_api.opening_hours.week import DayHours, RegularWeek, WallHours, merged

_SATURDAY = 5


class DayPlan(NamedTuple):
    """A day's hours in wall time, and the reason and name that hold outside them.

    The note is the label of the last exception, which may have changed the hours without closing the day.
    """

    hours: DayHours
    reason: ClosedReason
    name: str | None
    note: str | None


class DayPlanner:
    """Lays holidays, closures and exceptions over the regular week of one channel."""

    def __init__(self, channel: Channel, rules: CalendarRules) -> None:
        self._week = RegularWeek(channel, rules.hours[channel])
        self._rules = rules

    def regular_hours(self, day: date) -> DayHours:
        """Return the hours of the regular week, as if no day were special."""
        return self._week.hours_on(day)

    def plan(self, day: date, exceptions: Iterable[DayException]) -> DayPlan:
        """Return the day under these exceptions of this channel, the later ones on top of the earlier.

        Replacing a day undoes a closure, since both are decisions; outside its hours it remains a holiday or
        a weekend.
        """
        closure = _name(self._rules.closures, day)
        holiday = public_holiday(day) or _name(self._rules.extra_holidays, day)
        hours = () if closure or holiday else self._week.hours_on(day)
        note: str | None = None
        for exception in exceptions:
            if not exception.first_day <= day <= exception.last_day:
                continue
            note = exception.label
            own = [_wall_hours(text) for text in exception.hours]
            if exception.kind is ExceptionKind.ADD:
                hours = merged((*hours, *own))
            else:
                hours, closure = merged(own), None if own else exception.label
        return DayPlan(hours, *_closed(day, closure, holiday), note)


def _closed(day: date, closure: str | None, holiday: str | None) -> tuple[ClosedReason, str | None]:
    if closure:
        return ClosedReason.CLOSURE, closure
    if holiday:
        return ClosedReason.HOLIDAY, holiday
    return (ClosedReason.WEEKEND if day.weekday() >= _SATURDAY else ClosedReason.OUTSIDE_HOURS), None


def _name(days: Iterable[NamedDays], day: date) -> str | None:
    return next((named.label for named in days if named.covers(day)), None)


def _wall_hours(text: str) -> WallHours:
    opens, _, closes = text.partition("-")
    return WallHours(_minutes(opens), _minutes(closes))


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
