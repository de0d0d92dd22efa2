"""What an operator changes: days, emergency closes, and that history stays as it was."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import DayException, EmergencyClose, ExceptionKind, OpeningHours
from services.intake_api.opening_hours import Calendar, CalendarRules

RULES = CalendarRules()
USUAL = Calendar(RULES)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TUESDAY = date(2026, 6, 16)


def local(text: str) -> datetime:
    """Read a summer moment of Brussels."""
    return datetime.fromisoformat(f"{text}+02:00")


def on_day(
    day: date,
    *hours: str,
    kind: ExceptionKind = ExceptionKind.REPLACE,
    channels: tuple[Channel, ...] = (),
    valid_from: datetime = LONG_AGO,
    valid_until: datetime | None = None,
    number: int = 1,
) -> DayException:
    """Make an exception on one day."""
    return DayException(
        id=UUID(int=number),
        channels=channels,
        label="Personeelsvergadering",
        first_day=day,
        last_day=day,
        kind=kind,
        hours=hours,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def emergency(
    start: str,
    until: str | None = None,
    *,
    valid_from: datetime = LONG_AGO,
    valid_until: datetime | None = None,
) -> EmergencyClose:
    """Close every channel for a while."""
    return EmergencyClose(
        id=UUID(int=9),
        label="Ontruiming",
        closed_from=local(start),
        closed_until=local(until) if until else None,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def told(answer: OpeningHours) -> tuple[bool, str | None, str | None]:
    """Reduce an answer to what a visitor would be told."""
    return answer.open, answer.reason, answer.holiday


def test_a_day_can_be_closed_and_says_why() -> None:
    calendar = Calendar(RULES, [on_day(TUESDAY)])
    answer = calendar.at(Channel.CHAT, local("2026-06-16T10:00"))
    assert told(answer) == (False, "closure", "Personeelsvergadering")
    assert answer.next_opening == local("2026-06-17T09:00")
    assert calendar.at(Channel.CHAT, local("2026-06-15T17:00")).next_opening == local("2026-06-17T09:00")
    assert not calendar.on_day(Channel.BRIEF, TUESDAY).open


def test_an_exception_of_several_days_covers_the_first_and_the_last() -> None:
    week = on_day(TUESDAY).model_copy(update={"last_day": TUESDAY + timedelta(days=2)})
    calendar = Calendar(RULES, [week])
    open_at_ten = [calendar.at(Channel.CHAT, local(f"2026-06-{day}T10:00")).open for day in range(15, 20)]
    assert open_at_ten == [True, False, False, False, True]


def test_replacing_hours_take_the_place_of_the_regular_ones() -> None:
    calendar = Calendar(RULES, [on_day(TUESDAY, "13:00-15:00", "10:00-12:00")])
    at_half_past = [calendar.at(Channel.CHAT, local(f"2026-06-16T{hour:02}:30")).open for hour in range(9, 16)]
    assert at_half_past == [False, True, True, False, True, True, False]
    noon = calendar.at(Channel.CHAT, local("2026-06-16T12:00"))
    assert told(noon) == (False, "outsideHours", None)
    assert noon.next_opening == local("2026-06-16T13:00")


def test_added_hours_come_on_top_of_the_regular_ones() -> None:
    calendar = Calendar(RULES, [on_day(TUESDAY, "16:00-21:00", kind=ExceptionKind.ADD)])
    assert calendar.at(Channel.CHAT, local("2026-06-16T09:00")).open
    assert calendar.at(Channel.CHAT, local("2026-06-16T20:59")).open
    assert not calendar.at(Channel.CHAT, local("2026-06-16T21:00")).open


def test_hours_may_last_until_midnight() -> None:
    calendar = Calendar(RULES, [on_day(TUESDAY, "20:00-24:00", kind=ExceptionKind.ADD)])
    assert calendar.at(Channel.CHAT, local("2026-06-16T23:59:59")).open
    assert not calendar.at(Channel.CHAT, local("2026-06-17T00:00")).open


def test_an_exception_concerns_only_the_channels_it_names() -> None:
    calendar = Calendar(RULES, [on_day(TUESDAY, channels=(Channel.CHAT,))])
    assert not calendar.at(Channel.CHAT, local("2026-06-16T10:00")).open
    assert calendar.at(Channel.TELEFOON, local("2026-06-16T10:00")).open


@pytest.mark.parametrize("kind", list(ExceptionKind))
def test_a_holiday_can_be_staffed_and_is_a_holiday_outside_these_hours(kind: ExceptionKind) -> None:
    calendar = Calendar(RULES, [on_day(date(2026, 12, 25), "10:00-12:00", kind=kind)])
    christmas = datetime(2026, 12, 25, 10, tzinfo=UTC)
    assert calendar.at(Channel.TELEFOON, christmas).open
    assert told(calendar.at(Channel.TELEFOON, christmas + timedelta(hours=2))) == (
        False,
        "holiday",
        "Kerstmis",
    )
    eve = calendar.at(Channel.TELEFOON, christmas - timedelta(hours=12))
    assert eve.next_opening == datetime(2026, 12, 25, 9, tzinfo=UTC)
    assert calendar.on_day(Channel.BRIEF, date(2026, 12, 25)).open


def test_replacing_a_closure_undoes_it_and_adding_to_it_does_not() -> None:
    soon_after = datetime(2026, 12, 28, 13, tzinfo=UTC)
    replaced = Calendar(RULES, [on_day(date(2026, 12, 28), "10:00-12:00")])
    added = Calendar(RULES, [on_day(date(2026, 12, 28), "10:00-12:00", kind=ExceptionKind.ADD)])
    assert replaced.at(Channel.CHAT, soon_after - timedelta(hours=3)).open
    assert added.at(Channel.CHAT, soon_after - timedelta(hours=3)).open
    assert told(replaced.at(Channel.CHAT, soon_after)) == (False, "outsideHours", None)
    assert told(added.at(Channel.CHAT, soon_after)) == (False, "closure", "Kerstsluiting")


def test_the_later_decision_for_a_day_comes_on_top_in_whatever_order_they_are_given() -> None:
    first = on_day(TUESDAY, "10:00-12:00", number=1)
    second = on_day(TUESDAY, number=2, valid_from=LONG_AGO + timedelta(days=1))
    third = on_day(TUESDAY, "14:00-15:00", kind=ExceptionKind.ADD, number=3, valid_from=LONG_AGO + timedelta(days=2))
    for order in ([first, second, third], [third, second, first]):
        calendar = Calendar(RULES, order)
        assert not calendar.at(Channel.CHAT, local("2026-06-16T11:00")).open
        assert calendar.at(Channel.CHAT, local("2026-06-16T14:30")).open


def test_an_emergency_close_goes_above_the_hours_until_its_end() -> None:
    calendar = Calendar(RULES, [emergency("2026-06-16T10:15", "2026-06-16T11:45")])
    assert calendar.at(Channel.TELEFOON, local("2026-06-16T10:14:59")).open
    during = calendar.at(Channel.TELEFOON, local("2026-06-16T10:15"))
    assert told(during) == (False, "closure", "Ontruiming")
    assert during.next_opening == local("2026-06-16T11:45")
    assert calendar.at(Channel.TELEFOON, local("2026-06-16T11:45")).open
    assert calendar.on_day(Channel.BRIEF, TUESDAY).open


def test_an_emergency_close_goes_above_exceptional_hours() -> None:
    added = on_day(TUESDAY, "18:00-22:00", kind=ExceptionKind.ADD)
    calendar = Calendar(RULES, [emergency("2026-06-16T19:00", "2026-06-16T20:00"), added])
    answers = [calendar.at(Channel.CHAT, local(f"2026-06-16T{hour}:30")).open for hour in (18, 19, 20)]
    assert answers == [True, False, True]


def test_an_emergency_close_over_the_night_opens_in_the_morning_after_its_end() -> None:
    calendar = Calendar(RULES, [emergency("2026-06-16T16:00", "2026-06-17T10:00")])
    answer = calendar.at(Channel.CHAT, local("2026-06-16T16:30"))
    assert answer.next_opening == local("2026-06-17T10:00")
    assert calendar.at(Channel.CHAT, local("2026-06-16T18:00")).reason == "closure"


def test_an_emergency_close_without_end_promises_no_opening() -> None:
    calendar = Calendar(RULES, [emergency("2026-06-16T10:00")])
    for moment in (local("2026-06-16T10:00"), local("2026-08-20T10:00")):
        answer = calendar.at(Channel.CHAT, moment)
        assert told(answer) == (False, "closure", "Ontruiming")
        assert answer.next_opening is None


def test_a_letter_of_a_day_closed_from_morning_to_evening_by_emergency_counts_as_closed() -> None:
    calendar = Calendar(RULES, [emergency("2026-06-16T08:00", "2026-06-16T18:00")])
    answer = calendar.on_day(Channel.BRIEF, TUESDAY)
    assert told(answer) == (False, "closure", "Ontruiming")
    assert answer.next_opening == local("2026-06-17T09:00")


def test_withdrawing_an_emergency_close_opens_at_once_and_leaves_what_was_answered() -> None:
    ended = emergency("2026-06-16T10:00", valid_until=local("2026-06-16T11:00"))
    calendar = Calendar(RULES, [ended])
    during = calendar.at(Channel.CHAT, local("2026-06-16T10:59"))
    assert told(during) == (False, "closure", "Ontruiming")
    assert during.next_opening is None
    assert calendar.at(Channel.CHAT, local("2026-06-16T11:00")).open
    assert calendar.on_day(Channel.BRIEF, TUESDAY).open


def test_an_exception_decided_during_the_day_counts_from_that_moment() -> None:
    calendar = Calendar(RULES, [on_day(TUESDAY, valid_from=local("2026-06-16T11:00"))])
    assert calendar.at(Channel.CHAT, local("2026-06-16T10:59")).open
    assert not calendar.at(Channel.CHAT, local("2026-06-16T11:00")).open
    assert calendar.on_day(Channel.BRIEF, TUESDAY).open


def test_a_closed_day_decided_afterwards_changes_no_earlier_answer() -> None:
    calendar = Calendar(RULES, [on_day(TUESDAY, valid_from=local("2026-06-18T09:00"))])
    assert calendar.at(Channel.CHAT, local("2026-06-16T10:00")).open
    assert calendar.on_day(Channel.BRIEF, TUESDAY).open
    assert calendar.at(Channel.CHAT, local("2026-06-15T23:00")).next_opening == local("2026-06-16T09:00")


@settings(max_examples=60, deadline=None)
@given(
    decided=st.integers(0, 96),
    earlier=st.integers(1, 200),
    first=st.integers(-5, 5),
    hours=st.sampled_from([(), ("10:00-12:00",), ("00:00-24:00",)]),
    urgent=st.booleans(),
)
def test_no_exception_ever_changes_an_answer_from_before_it_was_decided(
    *, decided: int, earlier: int, first: int, hours: tuple[str, ...], urgent: bool
) -> None:
    valid_from = local("2026-06-15T00:00") + timedelta(minutes=30 * decided)
    day = TUESDAY + timedelta(days=first)
    rule: DayException | EmergencyClose = on_day(day, *hours, valid_from=valid_from)
    if urgent:
        rule = emergency(f"{day}T08:00", valid_from=valid_from)
    before = valid_from - timedelta(minutes=7 * earlier)
    stored = USUAL.at(Channel.CHAT, before)
    calendar = Calendar(RULES, [rule])
    assert calendar.at(Channel.CHAT, before) == stored.model_copy(update={"calendar_version": calendar.version})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"last_day": date(2026, 6, 15)}, "lastDay"),
        ({"kind": ExceptionKind.ADD}, "hours"),
        ({"hours": ("12:00-09:00",)}, "close after it opens"),
        ({"hours": ("9-12",)}, "pattern"),
        ({"hours": ("09:00-25:00",)}, "pattern"),
        ({"label": "\n"}, "single line"),
        ({"label": ""}, "at least 1"),
        ({"valid_until": LONG_AGO - timedelta(days=1)}, "validUntil"),
        ({"valid_from": datetime(1, 1, 1, tzinfo=UTC)}, "1970"),
        ({"valid_from": datetime(2026, 1, 1)}, "timezone"),  # noqa: DTZ001 - the point of the case
        ({"valid_from": 1_767_225_600}, "moment with its offset"),
        ({"colour": "blue"}, "Extra inputs"),
    ],
)
def test_an_exception_that_makes_no_sense_is_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        DayException.model_validate({**dict(on_day(TUESDAY)), **changes})


def test_an_emergency_close_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValidationError, match="closedUntil must be after closedFrom"):
        emergency("2026-06-16T10:00", "2026-06-16T10:00")
