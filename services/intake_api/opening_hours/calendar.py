"""The calendar: whether a channel is open at a moment or on a day, and when it opens next."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import (
    CalendarException,
    ClosedReason,
    DayException,
    EmergencyClose,
    OpeningHours,
    PublishedOpeningHours,
)
from services.intake_api.opening_hours.day import DayPlan, DayPlanner
from services.intake_api.opening_hours.public_holidays import check_public_holidays
from services.intake_api.opening_hours.publication import PublishedDay, channel_opening_hours
from services.intake_api.opening_hours.rules import CalendarRules, OutOfCalendarError
from services.intake_api.opening_hours.spans import ZONE, Span, day_bounds, spans_of

_YEARS = range(1970, 2200)
_DAYS_REMEMBERED = 4096
_DAYS_LOOKED_AHEAD = 366
_DAYS_PUBLISHED = 2 * 366
_PUBLICATIONS_REMEMBERED = 8

_Answer = tuple[datetime, datetime, OpeningHours]


class Calendar:
    """Rules and exceptions, compiled once; a change of either makes a new calendar. Threads may share it.

    An exception counts for moments from its `validFrom` until its `validUntil`: adding or withdrawing one
    later leaves every earlier answer as it was, next opening included. Raises CalendarError for rules that
    cannot be read.
    """

    def __init__(self, rules: CalendarRules, exceptions: Iterable[CalendarException] = ()) -> None:
        check_public_holidays()
        self._exceptions = tuple(sorted(exceptions, key=lambda rule: (rule.valid_from, rule.id)))
        self.version = _version(rules, self._exceptions)
        self._turns = sorted({moment for rule in self._exceptions for moment in _turns_of(rule)})
        self._planners = {channel: DayPlanner(channel, rules) for channel in Channel}
        self._spans = lru_cache(_DAYS_REMEMBERED)(self._find_spans)
        self._answers = lru_cache(_DAYS_REMEMBERED)(self._find_answers)
        self._specifications = lru_cache(_PUBLICATIONS_REMEMBERED)(self._specify)

    def at(self, channel: Channel, moment: datetime) -> OpeningHours:
        """Return whether the channel is open at this moment, by what was decided up to then.

        Raises OutOfCalendarError for a moment without a time zone, or outside the years 1970 to 2199.
        """
        in_utc = _in_utc(moment)
        day = in_utc.astimezone(ZONE).date()
        answers = self._answers(channel, bisect_right(self._turns, in_utc), day)
        return next(answer for _, end, answer in answers if in_utc < end)

    def on_day(self, channel: Channel, day: date) -> OpeningHours:
        """Return whether the channel has hours on this day, for a letter that has a date and no time.

        When closed: the first reason that applies on that day, and the next opening as known at its end.
        """
        answers = [answer for _, _, answer in self._answers_through(channel, _covered(day))]
        by_reason = {answer.reason: answer for answer in answers}
        if None in by_reason:
            return by_reason[None]
        first = next(by_reason[reason] for reason in ClosedReason if reason in by_reason)
        return first.model_copy(update={"next_opening": answers[-1].next_opening})

    def specification(self, first_day: date, last_day: date) -> PublishedOpeningHours:
        """Return the hours of every channel for publication, by all exceptions that are not withdrawn.

        First the regular week, then each holiday, closure and exception from `first_day` through `last_day`.
        Raises OutOfCalendarError for more than two years, or days outside the years 1970 to 2199.
        """
        return self._specifications(first_day, last_day)

    def _specify(self, first_day: date, last_day: date) -> PublishedOpeningHours:
        length = (_covered(last_day) - _covered(first_day)).days + 1
        if not 0 < length <= _DAYS_PUBLISHED:
            message = f"hours are published for 1 to {_DAYS_PUBLISHED} days at a time, not {length}"
            raise OutOfCalendarError(message)
        days = [first_day + timedelta(days=number) for number in range(length)]
        return PublishedOpeningHours(
            contact_point=tuple(
                channel_opening_hours(channel, [self._published(channel, day) for day in days]) for channel in Channel
            ),
            time_zone=ZONE.key,
            calendar_version=self.version,
        )

    def _published(self, channel: Channel, day: date) -> PublishedDay:
        now_known = len(self._turns)
        plan = self._plan(channel, day, self._known(channel, now_known))
        spans = self._spans(channel, now_known, day)
        return PublishedDay(day, self._planners[channel].regular_hours(day), spans, plan.note)

    def _answers_through(self, channel: Channel, day: date) -> Iterator[_Answer]:
        start, end = day_bounds(day)
        turns = [start, *(turn for turn in self._turns if start < turn < end), end]
        for begin, until in pairwise(turns):
            for answer in self._answers(channel, bisect_right(self._turns, begin), day):
                if answer[0] < until and begin < answer[1]:
                    yield answer

    def _find_answers(self, channel: Channel, turn: int, day: date) -> tuple[_Answer, ...]:
        return tuple((span.start, span.end, self._answer(channel, turn, day, span)) for span in self._spans(channel, turn, day))

    def _answer(self, channel: Channel, turn: int, day: date, span: Span) -> OpeningHours:
        return OpeningHours(
            open=span.is_open,
            reason=span.reason,
            holiday=span.name,
            next_opening=None if span.is_open else self._next_opening(channel, turn, day, span.end),
            calendar_version=self.version,
        )

    def _next_opening(self, channel: Channel, turn: int, day: date, after: datetime) -> datetime | None:
        days = (day + timedelta(days=ahead) for ahead in range(_DAYS_LOOKED_AHEAD + 1))
        spans = (span for later in days for span in self._spans(channel, turn, later))
        return next((span.start for span in spans if span.is_open and span.start >= after), None)

    def _find_spans(self, channel: Channel, turn: int, day: date) -> tuple[Span, ...]:
        known = self._known(channel, turn)
        emergencies = (rule for rule in known if isinstance(rule, EmergencyClose))
        return spans_of(day, self._plan(channel, day, known), emergencies)

    def _plan(self, channel: Channel, day: date, known: Iterable[DayException | EmergencyClose]) -> DayPlan:
        return self._planners[channel].plan(day, (rule for rule in known if isinstance(rule, DayException)))

    def _known(self, channel: Channel, turn: int) -> list[DayException | EmergencyClose]:
        concerned = (rule for rule in self._exceptions if not rule.channels or channel in rule.channels)
        return [rule for rule in concerned if self._is_known(rule, turn)]

    def _is_known(self, rule: DayException | EmergencyClose, turn: int) -> bool:
        if turn == 0:
            return False
        moment = self._turns[turn - 1]
        return rule.valid_from <= moment and (rule.valid_until is None or moment < rule.valid_until)


def _turns_of(rule: DayException | EmergencyClose) -> Iterator[datetime]:
    yield rule.valid_from
    if rule.valid_until is not None:
        yield rule.valid_until


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = "the moment has no time zone"
        raise OutOfCalendarError(message)
    if moment.year not in _YEARS:
        raise _out_of_years(moment.year)
    return moment.astimezone(UTC)


def _covered(day: date) -> date:
    if day.year not in _YEARS:
        raise _out_of_years(day.year)
    return day


def _out_of_years(year: int) -> OutOfCalendarError:
    return OutOfCalendarError(f"the calendar covers {_YEARS.start} to {_YEARS.stop - 1}, not {year}")


def _version(rules: CalendarRules, exceptions: Iterable[DayException | EmergencyClose]) -> str:
    content = {
        "rules": rules.model_dump(mode="json"),
        "exceptions": [rule.model_dump(mode="json") for rule in exceptions],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
