"""The calendar against a rule written out by hand, for every half hour of eight years."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
import pytest

from onthaal_schema.channel import Channel
from services.intake_api.opening_hours import Calendar, CalendarRules

BRUSSELS = ZoneInfo("Europe/Brussels")
HALF_HOUR = timedelta(minutes=30)
FIRST, END, HORIZON = (datetime(year, month, 1, tzinfo=UTC) for year, month in ((2024, 1), (2032, 1), (2032, 2)))
PUBLIC_HOLIDAYS = holidays.country_holidays("BE", language="nl", years=range(2023, 2034))


class Expected(NamedTuple):
    """What the calendar should say."""

    open: bool
    reason: str | None
    name: str | None


def closed_all_day(day: date) -> Expected | None:
    """Say why nobody works on this day, if so."""
    closures = {(11, 2): "Allerzielen", (11, 15): "Koningsdag"}
    closures |= {(12, number): "Kerstsluiting" for number in range(26, 32)}
    extra = {(7, 11): "Vlaamse feestdag"}
    month_day = (day.month, day.day)
    if month_day in closures:
        return Expected(open=False, reason="closure", name=closures[month_day])
    if day in PUBLIC_HOLIDAYS or month_day in extra:
        return Expected(open=False, reason="holiday", name=PUBLIC_HOLIDAYS.get(day) or extra[month_day])
    if day.strftime("%a") in ("Sat", "Sun"):
        return Expected(open=False, reason="weekend", name=None)
    return None


def expected(channel: Channel, moment: datetime) -> Expected:
    """Work out the answer from the clock on the wall in Brussels."""
    wall = moment.astimezone(BRUSSELS)
    if closed := closed_all_day(wall.date()):
        return closed
    closing_hour = 20 if channel is Channel.TELEFOON and wall.strftime("%a") == "Mon" else 17
    if 9 <= wall.hour < closing_hour:
        return Expected(open=True, reason=None, name=None)
    return Expected(open=False, reason="outsideHours", name=None)


def with_next_opening(channel: Channel) -> Iterator[tuple[datetime, Expected, datetime | None]]:
    """Walk back from the horizon: the next opening is the open half hour seen last."""
    next_open: datetime | None = None
    moment = HORIZON
    while moment > FIRST:
        moment -= HALF_HOUR
        answer = expected(channel, moment)
        if answer.open:
            next_open = moment
        if moment < END:
            yield moment, answer, None if answer.open else next_open


@pytest.mark.parametrize("channel", [Channel.TELEFOON, Channel.CHAT])
def test_every_half_hour_of_2024_to_2031_is_answered_as_by_hand(channel: Channel) -> None:
    calendar = Calendar(CalendarRules())
    wrong = []
    count = 0
    for moment, by_hand, next_open in with_next_opening(channel):
        answer = calendar.at(channel, moment)
        count += 1
        if (answer.open, answer.reason, answer.holiday, answer.next_opening) != (*by_hand, next_open):
            wrong.append((moment, by_hand, next_open, answer))
    assert wrong == []
    assert count == 140_256


def changes_to_and_from_summer_time() -> list[datetime]:
    """Find the sixteen moments at which the clock in Brussels is put forward or back."""
    hours = (FIRST + timedelta(hours=number) for number in range((END - FIRST) // timedelta(hours=1)))
    return [
        hour for hour in hours if hour.astimezone(BRUSSELS).utcoffset() != (hour - HALF_HOUR).astimezone(BRUSSELS).utcoffset()
    ]


def test_in_the_nights_the_clock_changes_monday_morning_is_the_next_opening_to_the_minute() -> None:
    calendar = Calendar(CalendarRules())
    changes = changes_to_and_from_summer_time()
    assert len(changes) == 16
    for change in changes:
        monday = change.astimezone(BRUSSELS).date() + timedelta(days=1)
        nine_on_monday = datetime(monday.year, monday.month, monday.day, 9, tzinfo=BRUSSELS)
        offsets = (-120, -30, -1, 0, 1, 30, 59, 61, 120)
        if closed_all_day(monday):
            continue
        for minutes in offsets:
            answer = calendar.at(Channel.TELEFOON, change + timedelta(minutes=minutes))
            assert (answer.reason, answer.next_opening) == ("weekend", nine_on_monday)
