"""Hours as an operator reads them off the wall, through both nights on which the clocks change."""

from datetime import UTC, date, datetime, time

import pytest

from services.phone_log.moments import moments, start_and_end

SPRING = date(2026, 3, 29)
AUTUMN = date(2026, 10, 25)
LATER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock", "utc"),
    [
        (date(2026, 1, 12), time(18), ["17:00"]),
        (date(2026, 7, 13), time(18), ["16:00"]),
        (SPRING, time(1, 30), ["00:30"]),
        (SPRING, time(2, 30), []),
        (SPRING, time(3, 30), ["01:30"]),
        (AUTUMN, time(2, 30), ["00:30", "01:30"]),
        (AUTUMN, time(3), ["02:00"]),
    ],
)
def test_an_hour_on_the_wall_is_one_moment_except_when_clocks_change(day: date, clock: time, utc: list[str]) -> None:
    assert [f"{moment:%H:%M}" for moment in moments(day, clock)] == utc


def test_a_call_through_the_skipped_hour_lasts_twenty_minutes() -> None:
    started, ended = start_and_end(SPRING, time(1, 50), time(3, 10), LATER) or (LATER, LATER)
    assert (ended - started).total_seconds() == 20 * 60


def test_a_call_through_the_repeated_hour_lasts_twenty_minutes() -> None:
    started, ended = start_and_end(AUTUMN, time(2, 50), time(2, 10), LATER) or (LATER, LATER)
    assert (ended - started).total_seconds() == 20 * 60


def test_within_the_repeated_hour_the_last_one_that_has_been_is_meant() -> None:
    in_the_first = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)
    in_the_second = datetime(2026, 10, 25, 1, 45, tzinfo=UTC)
    for now in (in_the_first, in_the_second):
        started, ended = start_and_end(AUTUMN, time(2, 30), time(2, 40), now) or (LATER, LATER)
        assert (now - started).total_seconds() == 15 * 60
        assert (now - ended).total_seconds() == 5 * 60


def test_just_before_the_clocks_go_back_the_hour_is_the_one_that_was_lived() -> None:
    now = datetime(2026, 10, 25, 0, 58, tzinfo=UTC)
    started, _ = start_and_end(AUTUMN, time(2), time(2, 50), now) or (LATER, LATER)
    assert started == datetime(2026, 10, 25, 0, 0, tzinfo=UTC)


def test_a_call_past_midnight_ends_the_next_day() -> None:
    started, ended = start_and_end(date(2026, 11, 16), time(23, 50), time(0, 10), LATER) or (LATER, LATER)
    assert (ended - started).total_seconds() == 20 * 60


@pytest.mark.parametrize(("start", "end"), [(time(14, 30), time(14, 10)), (time(12), time(11, 59))])
def test_an_end_before_its_start_is_a_typing_error(start: time, end: time) -> None:
    assert start_and_end(date(2026, 11, 16), start, end, LATER) is None


def test_an_end_that_must_still_come_is_refused() -> None:
    now = datetime(2026, 11, 16, 10, 0, tzinfo=UTC)
    assert start_and_end(date(2026, 11, 16), time(10, 30), time(11, 30), now) is None
