"""The hours as schema.org publishes them."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import (
    DayException,
    EmergencyClose,
    ExceptionKind,
    PublishedOpeningHours,
)
from services.intake_api.opening_hours import Calendar, CalendarRules, OutOfCalendarError

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
JUNE = (date(2026, 6, 1), date(2026, 6, 30))
WORKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


def lines(calendar: Calendar, channel: Channel, first: date, last: date) -> list[dict[str, object]]:
    """Return the published lines of a channel without the fixed type."""
    published = calendar.specification(first, last).model_dump(mode="json")
    (point,) = (point for point in published["contactPoint"] if point["contactType"] == channel)
    assert all(line.pop("@type") == "OpeningHoursSpecification" for line in point["hoursAvailable"])
    return list(point["hoursAvailable"])


def exception(first: date, *hours: str, kind: ExceptionKind = ExceptionKind.REPLACE) -> DayException:
    """Make an exception of one day."""
    return DayException(
        id=UUID(int=1),
        label="Studiedag",
        first_day=first,
        last_day=first,
        kind=kind,
        hours=hours,
        valid_from=LONG_AGO,
    )


def test_an_ordinary_month_is_just_the_week() -> None:
    usual = Calendar(CalendarRules())
    assert lines(usual, Channel.TELEFOON, *JUNE) == [
        {"dayOfWeek": ["Monday"], "opens": "09:00", "closes": "20:00"},
        {"dayOfWeek": WORKDAYS[1:], "opens": "09:00", "closes": "17:00"},
    ]
    assert lines(usual, Channel.CHAT, *JUNE) == [{"dayOfWeek": WORKDAYS, "opens": "09:00", "closes": "17:00"}]


def test_holidays_and_closures_are_dated_lines_without_hours() -> None:
    _, *special = lines(Calendar(CalendarRules()), Channel.CHAT, date(2026, 12, 7), date(2027, 1, 10))
    assert special == [
        {"name": "Kerstmis", "validFrom": "2026-12-25", "validThrough": "2026-12-25"},
        {"name": "Kerstsluiting", "validFrom": "2026-12-26", "validThrough": "2026-12-31"},
        {"name": "Nieuwjaar", "validFrom": "2027-01-01", "validThrough": "2027-01-01"},
    ]


def test_exceptional_hours_are_dated_lines_with_hours_and_their_label() -> None:
    short_day = Calendar(CalendarRules(), [exception(date(2026, 6, 16), "09:00-11:00", "13:00-15:00")])
    _, *special = lines(short_day, Channel.CHAT, *JUNE)
    bounds = {"name": "Studiedag", "validFrom": "2026-06-16", "validThrough": "2026-06-16"}
    assert special == [
        {**bounds, "opens": "09:00", "closes": "11:00"},
        {**bounds, "opens": "13:00", "closes": "15:00"},
    ]


def test_an_emergency_close_shows_what_is_left_of_its_days() -> None:
    fire = EmergencyClose(id=UUID(int=2), label="Brand", closed_from=datetime(2026, 6, 16, 10, tzinfo=UTC), valid_from=LONG_AGO)
    _, *special = lines(Calendar(CalendarRules(), [fire]), Channel.CHAT, *JUNE)
    bounds = {"name": "Brand", "validFrom": "2026-06-16", "validThrough": "2026-06-16"}
    assert special == [
        {**bounds, "opens": "09:00", "closes": "12:00"},
        {"name": "Brand", "validFrom": "2026-06-17", "validThrough": "2026-06-30"},
    ]


def test_a_withdrawn_exception_is_not_published() -> None:
    withdrawn = exception(date(2026, 6, 16)).model_copy(update={"valid_until": datetime(2026, 6, 1, tzinfo=UTC)})
    assert len(lines(Calendar(CalendarRules(), [withdrawn]), Channel.CHAT, *JUNE)) == 1


def test_round_the_clock_is_published_as_a_whole_day_and_the_evening_until_midnight() -> None:
    rules = CalendarRules.model_validate({"hours": {"chat": "24/7", "mail": "Mo-Fr 18:00-24:00"}})
    always = lines(Calendar(rules), Channel.CHAT, *JUNE)
    assert always == [{"dayOfWeek": [*WORKDAYS, "Saturday", "Sunday"], "opens": "00:00", "closes": "23:59"}]
    evening = lines(Calendar(rules), Channel.MAIL, *JUNE)
    assert evening == [{"dayOfWeek": WORKDAYS, "opens": "18:00", "closes": "00:00"}]


def test_weeks_that_follow_one_another_are_published_with_their_bounds() -> None:
    weeks = [{"expression": "Mo 09:00-17:00"}, {"expression": "Mo 10:00-12:00", "validFrom": "2026-06-15"}]
    calendar = Calendar(CalendarRules.model_validate({"hours": {"chat": weeks}}))
    monday = {"dayOfWeek": ["Monday"]}
    assert lines(calendar, Channel.CHAT, *JUNE) == [
        {
            **monday,
            "opens": "09:00",
            "closes": "17:00",
            "validFrom": "2026-06-01",
            "validThrough": "2026-06-14",
        },
        {
            **monday,
            "opens": "10:00",
            "closes": "12:00",
            "validFrom": "2026-06-15",
            "validThrough": "2026-06-30",
        },
    ]


@pytest.mark.parametrize("last", [date(2026, 5, 31), date(2028, 6, 30), date(2200, 1, 1)])
def test_a_range_that_is_empty_or_too_long_is_refused(last: date) -> None:
    with pytest.raises(OutOfCalendarError):
        Calendar(CalendarRules()).specification(date(2026, 6, 1), last)


def test_every_channel_is_published_with_zone_and_version_and_reads_back() -> None:
    calendar = Calendar(CalendarRules())
    published = calendar.specification(*JUNE)
    assert [point.contact_type for point in published.contact_point] == list(Channel)
    assert (published.time_zone, published.calendar_version) == ("Europe/Brussels", calendar.version)
    assert published.model_dump(mode="json")["@context"] == "https://schema.org"
    assert PublishedOpeningHours.model_validate_json(published.model_dump_json()) == published
