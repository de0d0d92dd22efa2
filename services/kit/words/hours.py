"""Moments and weeks, as a person says them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from services.kit.pages import BRUSSELS
from services.kit.words import Words

DayHours = Sequence[tuple[int, int]]
"""The hours of a day, in minutes since midnight."""

Week = Sequence[DayHours]
"""Seven days, Monday first."""


def moment(at: datetime, words: Words) -> str:
    """Write a moment on the clock of Brussels: maandag 23 november om 9 uur."""
    local = at.astimezone(BRUSSELS)
    form = "hours.time" if local.minute else "hours.time_whole"
    return words(
        "hours.moment",
        weekday=words.all("hours.days")[local.weekday()],
        day=local.day,
        month=words.all("hours.months")[local.month - 1],
        time=words(form, hour=local.hour, minute=f"{local.minute:02}"),
    )


def week(days: Week, words: Words) -> Iterable[str]:
    """Write a week: days that follow one another with the same hours are one line, closed days are none."""
    for hours, numbered in groupby(enumerate(days), lambda number_and_hours: tuple(map(tuple, number_and_hours[1]))):
        numbers = [number for number, _ in numbered]
        if hours:
            yield words("hours.line", days=_days(numbers, words), hours=", ".join(_span(span, words) for span in hours))


def _days(numbers: Sequence[int], words: Words) -> str:
    names = words.all("hours.days")
    if len(numbers) == 1:
        return names[numbers[0]]
    return words("hours.range", first=names[numbers[0]], last=names[numbers[-1]])


def _span(span: tuple[int, ...], words: Words) -> str:
    opens, closes = (_clock(minutes) for minutes in span)
    return words("hours.span", opens=opens, closes=closes)


def _clock(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour}.{minute:02}" if minute else str(hour)
