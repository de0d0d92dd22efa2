"""What configuration may say, and how a mistake in it is told."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import CalendarException, DayException, EmergencyClose
from services.intake_api.opening_hours import Calendar, CalendarError, CalendarRules


def calendar(**rules: object) -> Calendar:
    """Build a calendar from rules as a setting gives them."""
    return Calendar(CalendarRules.model_validate(rules))


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Make a moment in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "Mo-Fr 9-17",
        "hello",
        "",
        "mo-fr 09:00-17:00",
        "Mo-Fr 09:00-17:00 unknown",
        "Mo-Fr 09:00-17:00; PH off",
    ],
)
def test_a_bad_expression_names_the_channel_and_the_text(expression: str) -> None:
    with pytest.raises(CalendarError) as caught:
        calendar(hours={"chat": expression})
    assert isinstance(caught.value, ValueError)
    assert "chat" in str(caught.value)
    assert repr(expression) in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        ({"hours": {"fax": "24/7"}}, "fax"),
        ({"hours": {"chat": []}}, "chat"),
        ({"closures": [{"first": "02-30", "label": "x"}]}, "02-30"),
        ({"closures": [{"first": "26/12", "label": "x"}]}, "26/12"),
        ({"closures": [{"first": "2026-12-26", "last": "12-31", "label": "x"}]}, "year"),
        ({"closures": [{"first": "2026-12-26", "last": "2026-12-24", "label": "x"}]}, "before"),
        ({"extraHolidays": [{"first": "07-11"}]}, "label"),
        ({"closuers": []}, "closuers"),
    ],
)
def test_a_bad_rule_is_a_value_error_that_names_it(rules: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        calendar(**rules)


def test_two_weeks_from_the_same_day_are_refused() -> None:
    week = {"expression": "Mo 09:00-17:00", "validFrom": "2026-09-01"}
    with pytest.raises(CalendarError, match=r"chat.*2026-09-01"):
        calendar(hours={"chat": [week, week]})


def test_a_channel_that_is_left_out_keeps_its_usual_hours() -> None:
    only_chat = calendar(hours={"chat": "Mo-Su 10:00-12:00"})
    assert only_chat.at(Channel.CHAT, utc(2026, 6, 13, 9)).open
    assert only_chat.at(Channel.TELEFOON, utc(2026, 6, 15, 17)).open
    assert not only_chat.at(Channel.TELEFOON, utc(2026, 6, 13, 9)).open


def test_new_hours_take_over_on_their_day_and_are_known_ahead() -> None:
    hours = [
        {"expression": "Mo-Fr 09:00-17:00"},
        {"expression": "Mo-Fr 11:00-15:00", "validFrom": "2026-09-01"},
    ]
    changing = calendar(hours={"chat": hours})
    assert changing.at(Channel.CHAT, utc(2026, 8, 31, 8)).open
    assert changing.at(Channel.CHAT, utc(2026, 8, 31, 20)).next_opening == utc(2026, 9, 1, 9)
    assert not changing.at(Channel.CHAT, utc(2026, 9, 1, 8)).open


def test_before_its_first_week_a_channel_is_closed() -> None:
    starting = calendar(hours={"chat": [{"expression": "Mo-Fr 09:00-17:00", "validFrom": "2026-09-01"}]})
    answer = starting.at(Channel.CHAT, utc(2026, 8, 31, 8))
    assert (answer.reason, answer.next_opening) == ("outsideHours", utc(2026, 9, 1, 7))


def test_hours_past_midnight_are_open_on_both_days() -> None:
    night = calendar(hours={"chat": "Fr 22:00-02:00"})
    answers = [night.at(Channel.CHAT, utc(2026, 6, 12, 21)), night.at(Channel.CHAT, utc(2026, 6, 12, 23, 30))]
    assert [answer.open for answer in answers] == [True, True]
    assert night.at(Channel.CHAT, utc(2026, 6, 13, 0)).reason == "weekend"


def test_hours_that_end_in_the_repeated_hour_end_the_second_time_it_is_that_late() -> None:
    night = calendar(hours={"chat": "Su 00:00-02:30"})
    answers = [night.at(Channel.CHAT, utc(2026, 10, 25, hour, 29)).open for hour in (0, 1)]
    assert answers == [True, True]
    assert not night.at(Channel.CHAT, utc(2026, 10, 25, 1, 30)).open


def test_a_channel_that_never_opens_promises_nothing() -> None:
    answer = calendar(hours={"chat": "off"}).at(Channel.CHAT, utc(2026, 6, 16, 10))
    assert (answer.open, answer.next_opening) == (False, None)


def test_an_opening_more_than_a_year_away_is_not_promised() -> None:
    far = calendar(hours={"chat": [{"expression": "24/7", "validFrom": "2028-01-03"}]})
    assert far.at(Channel.CHAT, utc(2026, 12, 1)).next_opening is None
    assert far.at(Channel.CHAT, utc(2027, 1, 10)).next_opening == utc(2028, 1, 2, 23)


def test_without_extra_holidays_11_july_is_an_ordinary_day() -> None:
    assert calendar(extraHolidays=[]).at(Channel.CHAT, utc(2025, 7, 11, 10)).open
    assert not calendar().at(Channel.CHAT, utc(2025, 7, 11, 10)).open


def test_a_closure_may_run_over_new_year_and_may_be_of_one_year() -> None:
    closures = [
        {"first": "12-24", "last": "01-03", "label": "Winter"},
        {"first": "2026-08-03", "last": "2026-08-14", "label": "Verhuis"},
    ]
    closing = calendar(closures=closures)
    winter = [closing.on_day(Channel.CHAT, day).holiday for day in (date(2026, 12, 24), date(2028, 1, 3))]
    assert winter == ["Winter", "Winter"]
    assert closing.on_day(Channel.CHAT, date(2026, 8, 14)).holiday == "Verhuis"
    assert closing.on_day(Channel.CHAT, date(2027, 8, 13)).open
    assert closing.on_day(Channel.CHAT, date(2028, 1, 4)).open


def test_a_holiday_that_is_abolished_stays_one_in_earlier_years() -> None:
    feast = {
        "first": "07-11",
        "label": "Vlaamse feestdag",
        "validFrom": "2024-01-01",
        "validThrough": "2025-12-31",
    }
    ending = calendar(extraHolidays=[feast])
    open_days = [ending.on_day(Channel.CHAT, date(year, 7, 11)).open for year in (2023, 2024, 2025, 2028)]
    assert open_days == [True, False, False, True]


def test_the_version_is_the_same_for_the_same_calendar() -> None:
    assert Calendar(CalendarRules()).version == calendar(hours={"chat": "Mo-Fr 09:00-17:00"}).version
    assert len(Calendar(CalendarRules()).version) == 12


def exceptions_on_the_wire(offset: str) -> list[DayException | EmergencyClose]:
    """Read two exceptions as the API takes them, at one moment written in some offset."""
    adapter: TypeAdapter[DayException | EmergencyClose] = TypeAdapter(CalendarException)
    day = (
        f'{{"type":"day","id":"{UUID(int=1)}","channels":["chat"],"label":"Feest","firstDay":"2026-06-16",'
        f'"lastDay":"2026-06-16","validFrom":"{offset}"}}'
    )
    close = f'{{"type":"emergencyClose","id":"{UUID(int=2)}","label":"Brand","closedFrom":"{offset}","validFrom":"{offset}"}}'
    return [adapter.validate_json(day), adapter.validate_json(close)]


def test_the_version_does_not_depend_on_order_or_on_how_a_moment_is_written() -> None:
    in_utc, in_brussels = (exceptions_on_the_wire(text) for text in ("2026-06-01T10:00:00Z", "2026-06-01T12:00:00+02:00"))
    one, other = Calendar(CalendarRules(), in_utc), Calendar(CalendarRules(), reversed(in_brussels))
    assert one.version == other.version


def test_the_version_changes_with_every_rule_and_exception() -> None:
    versions = [
        calendar().version,
        calendar(hours={"chat": "Mo-Fr 09:00-16:00"}).version,
        calendar(extraHolidays=[]).version,
        calendar(closures=[]).version,
        *(Calendar(CalendarRules(), [rule]).version for rule in exceptions_on_the_wire("2026-06-01T10:00:00Z")),
    ]
    assert len(set(versions)) == len(versions)
