"""Moments and days that people will look up."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import OpeningHours
from services.intake_api.opening_hours import Calendar, CalendarRules, OutOfCalendarError

USUAL = Calendar(CalendarRules())
BRUSSELS = ZoneInfo("Europe/Brussels")


def at(text: str, channel: Channel = Channel.TELEFOON) -> OpeningHours:
    """Ask the usual calendar at an ISO moment."""
    return USUAL.at(channel, datetime.fromisoformat(text))


def moment(text: str) -> datetime:
    """Read an ISO moment."""
    return datetime.fromisoformat(text)


def test_saturday_is_weekend_until_monday_nine() -> None:
    answer = at("2026-06-13T11:00+02:00")
    assert (answer.open, answer.reason, answer.holiday) == (False, "weekend", None)
    assert answer.next_opening == moment("2026-06-15T09:00+02:00")


def test_monday_evening_is_a_telephone_service() -> None:
    assert at("2026-06-15T18:00+02:00", Channel.TELEFOON).open
    chat = at("2026-06-15T18:00+02:00", Channel.CHAT)
    assert (chat.open, chat.reason) == (False, "outsideHours")
    assert chat.next_opening == moment("2026-06-16T09:00+02:00")


@pytest.mark.parametrize("channel", [Channel.MAIL, Channel.CONTACTFORMULIER, Channel.BRIEF])
def test_written_channels_keep_the_hours_of_the_telephone(channel: Channel) -> None:
    assert at("2026-06-15T19:59:59+02:00", channel).open
    assert not at("2026-06-15T20:00+02:00", channel).open
    assert not at("2026-06-16T17:00+02:00", channel).open


def test_opening_and_closing_are_exact_to_the_microsecond() -> None:
    nine = moment("2026-06-16T09:00+02:00")
    assert not USUAL.at(Channel.CHAT, nine - timedelta(microseconds=1)).open
    assert USUAL.at(Channel.CHAT, nine).open
    assert USUAL.at(Channel.CHAT, nine + timedelta(hours=8, microseconds=-1)).open
    assert not USUAL.at(Channel.CHAT, nine + timedelta(hours=8)).open


@pytest.mark.parametrize(
    ("text", "name", "next_opening"),
    [
        ("2026-12-25T10:00+01:00", "Kerstmis", "2027-01-04T09:00+01:00"),
        ("2027-12-25T10:00+01:00", "Kerstmis", "2028-01-03T09:00+01:00"),
        ("2025-07-11T10:00+02:00", "Vlaamse feestdag", "2025-07-14T09:00+02:00"),
        ("2026-05-25T10:00+02:00", "Pinkstermaandag", "2026-05-26T09:00+02:00"),
        ("2026-05-14T10:00+02:00", "O. L. H. Hemelvaart", "2026-05-15T09:00+02:00"),
        ("2026-11-01T10:00+01:00", "Allerheiligen", "2026-11-03T09:00+01:00"),
    ],
)
def test_a_holiday_has_its_dutch_name_even_on_a_weekend(text: str, name: str, next_opening: str) -> None:
    answer = at(text)
    assert (answer.reason, answer.holiday) == ("holiday", name)
    assert answer.next_opening == moment(next_opening)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2026-11-02T10:00+01:00", "Allerzielen"),
        ("2027-11-15T10:00+01:00", "Koningsdag"),
        ("2026-11-15T10:00+01:00", "Koningsdag"),
        ("2026-12-26T10:00+01:00", "Kerstsluiting"),
        ("2026-12-31T23:59+01:00", "Kerstsluiting"),
    ],
)
def test_a_closure_comes_before_the_weekend_it_falls_in(text: str, name: str) -> None:
    answer = at(text)
    assert (answer.reason, answer.holiday) == ("closure", name)


@pytest.mark.parametrize("text", ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"])
def test_the_night_summer_time_begins_is_answered(text: str) -> None:
    answer = at(text)
    assert (answer.open, answer.reason) == (False, "weekend")
    assert answer.next_opening == moment("2026-03-30T07:00:00Z")


def test_the_first_monday_of_winter_time_opens_an_hour_later_in_utc() -> None:
    assert at("2026-10-24T12:00Z").next_opening == moment("2026-10-26T08:00:00Z")
    assert not at("2026-10-26T07:30Z").open


@pytest.mark.parametrize("zone", [UTC, BRUSSELS, timezone(timedelta(hours=-11)), timezone(timedelta(hours=14))])
def test_the_zone_in_which_a_moment_is_written_makes_no_difference(zone: ZoneInfo) -> None:
    monday_evening = moment("2026-06-15T19:30+02:00").astimezone(zone)
    assert USUAL.at(Channel.TELEFOON, monday_evening).open
    assert not USUAL.at(Channel.TELEFOON, monday_evening + timedelta(hours=1)).open


def test_next_opening_is_told_in_utc() -> None:
    next_opening = at("2026-06-13T11:00+02:00").next_opening
    assert next_opening is not None
    assert next_opening.isoformat() == "2026-06-15T07:00:00+00:00"


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(OutOfCalendarError, match="no time zone"):
        USUAL.at(Channel.MAIL, datetime(2026, 6, 15, 10))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:00Z"])
def test_a_moment_outside_the_years_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(OutOfCalendarError, match="1970 to 2199"):
        at(text)


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
def test_the_outermost_moments_of_the_calendar_are_answered(text: str) -> None:
    assert not at(text).open


def test_a_letter_with_a_date_counts_as_open_when_that_day_has_hours() -> None:
    monday = USUAL.on_day(Channel.BRIEF, date(2026, 6, 15))
    assert (monday.open, monday.reason, monday.next_opening) == (True, None, None)


@pytest.mark.parametrize(
    ("day", "reason", "name", "next_opening"),
    [
        (date(2026, 6, 13), "weekend", None, "2026-06-15T09:00+02:00"),
        (date(2026, 12, 25), "holiday", "Kerstmis", "2027-01-04T09:00+01:00"),
        (date(2026, 11, 2), "closure", "Allerzielen", "2026-11-03T09:00+01:00"),
        (date(2026, 3, 29), "weekend", None, "2026-03-30T09:00+02:00"),
    ],
)
def test_a_letter_of_a_closed_day_says_why(day: date, reason: str, name: str | None, next_opening: str) -> None:
    answer = USUAL.on_day(Channel.BRIEF, day)
    assert (answer.open, answer.reason, answer.holiday) == (False, reason, name)
    assert answer.next_opening == moment(next_opening)


def test_a_letter_from_before_the_calendar_is_refused() -> None:
    with pytest.raises(OutOfCalendarError):
        USUAL.on_day(Channel.BRIEF, date(1900, 1, 1))


def test_the_answer_on_the_wire_has_only_what_applies() -> None:
    wire = at("2026-06-15T18:00+02:00").model_dump(mode="json", by_alias=True, exclude_none=True)
    assert wire == {"open": True, "calendarVersion": USUAL.version}
