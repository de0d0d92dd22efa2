"""The regular week of a channel, read from OSM `opening_hours` expressions."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from opening_hours import OpeningHours as Expression
from opening_hours import ParserError, State  # type: ignore[attr-defined] # its stub leaves ParserError out

from onthaal_schema.channel import Channel
from services.intake_api.opening_hours.rules import CalendarError, RegularHours

_DAY = timedelta(days=1)
_QUOTED = re.compile(r'"[^"]*"')
_HOLIDAY_SELECTOR = re.compile(r"\b(PH|SH)\b")
_SAMPLE = (datetime(2024, 1, 1), datetime(2028, 1, 1))  # noqa: DTZ001 - wall time; a whole leap cycle


class WallHours(NamedTuple):
    """Hours on the clock of one day, in minutes since midnight; 1440 is the midnight that ends it."""

    opens: int
    closes: int


DayHours = tuple[WallHours, ...]
"""The hours of one day, in order and without overlap."""


def merged(hours: Iterable[WallHours]) -> DayHours:
    """Put hours in order and join those that touch or overlap."""
    joined: list[WallHours] = []
    for opens, closes in sorted(hours):
        if joined and opens <= joined[-1].closes:
            joined[-1] = WallHours(joined[-1].opens, max(closes, joined[-1].closes))
        else:
            joined.append(WallHours(opens, closes))
    return tuple(joined)


class RegularWeek:
    """The hours of one channel on any day, before holidays, closures and exceptions.

    Raises CalendarError, naming the channel and the text, for an expression that does not decide between
    open and closed without knowing the holidays.
    """

    def __init__(self, channel: Channel, weeks: Iterable[RegularHours]) -> None:
        newest_first = sorted(weeks, key=lambda week: week.valid_from or date.min, reverse=True)
        starts = [week.valid_from or date.min for week in newest_first]
        if len(set(starts)) < len(starts):
            message = f"opening hours of {channel}: two weeks start on {max(starts, key=starts.count)}"
            raise CalendarError(message)
        expressions = [_read(channel, week.expression) for week in newest_first]
        self._weeks = tuple(zip(starts, expressions, strict=True))

    def hours_on(self, day: date) -> DayHours:
        """Return the hours of this day; hours that run past midnight count on the day they fall on."""
        expression = next((week for start, week in self._weeks if start <= day), None)
        if expression is None:
            return ()
        midnight = datetime.combine(day, time())
        intervals = expression.intervals(midnight, midnight + _DAY)
        return merged(
            WallHours(_minutes(start - midnight), _minutes(end - midnight))
            for start, end, state, _ in intervals
            if state is State.OPEN
        )


def _minutes(since_midnight: timedelta) -> int:
    return int(since_midnight.total_seconds()) // 60


# Evaluated in wall time, without the library's own zone and holidays: it fails on the hour that summer time
# skips, and leaves holidays open without a word when no country is given.
@lru_cache(maxsize=64)
def _read(channel: Channel, text: str) -> Expression:
    if _HOLIDAY_SELECTOR.search(_QUOTED.sub("", text)):
        raise _bad(channel, text, "leave out PH and SH, holidays and closures are settings of their own")
    try:
        expression = Expression(text)
    except ParserError as error:
        raise _bad(channel, text, str(error).splitlines()[-1].strip(" =")) from error
    if expression.warnings:
        raise _bad(channel, text, "; ".join(expression.warnings))
    if any(state is State.UNKNOWN for _, _, state, _ in expression.intervals(*_SAMPLE)):
        raise _bad(channel, text, "hours are open or closed, never unknown")
    return expression


def _bad(channel: Channel, text: str, why: str) -> CalendarError:
    return CalendarError(f"opening hours of {channel}: {text!r} is not a valid expression: {why}")
