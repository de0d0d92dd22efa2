"""A day cut into the spans in which the answer does not change, in UTC."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from onthaal_schema.opening_hours import ClosedReason, EmergencyClose
from services.intake_api.opening_hours.day import DayPlan

ZONE = ZoneInfo("Europe/Brussels")


class Span(NamedTuple):
    """From `start` to just before `end`: open, or closed for one reason."""

    start: datetime
    end: datetime
    reason: ClosedReason | None
    name: str | None

    @property
    def is_open(self) -> bool:
        """Tell whether the channel is open throughout."""
        return self.reason is None


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return the day's first moment and the next day's, in UTC: 23, 24 or 25 hours apart."""
    return _instant(day), _instant(day + timedelta(days=1))


def spans_of(day: date, plan: DayPlan, emergencies: Iterable[EmergencyClose]) -> tuple[Span, ...]:
    """Cut a day into spans; an emergency close goes above the plan.

    Hours that begin or end inside the hour that is repeated when summer time ends are taken at their longest.
    """
    first, last = day_bounds(day)
    opened = [(_instant(day, opens), _instant(day, closes, fold=1)) for opens, closes in plan.hours]
    closed = [(max(first, close.closed_from), min(last, close.closed_until or last), close.label) for close in emergencies]
    cuts = {first, last, *(moment for start, end in opened for moment in (start, end))}
    cuts |= {moment for start, end, _ in closed if start < end for moment in (start, end)}
    edges = sorted(cuts)
    return _joined(Span(start, end, *_state(start, opened, closed, plan)) for start, end in pairwise(edges))


def _state(
    moment: datetime,
    opened: list[tuple[datetime, datetime]],
    closed: list[tuple[datetime, datetime, str]],
    plan: DayPlan,
) -> tuple[ClosedReason | None, str | None]:
    for start, end, label in closed:
        if start <= moment < end:
            return ClosedReason.CLOSURE, label
    if any(start <= moment < end for start, end in opened):
        return None, None
    return plan.reason, plan.name


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1][2:] == span[2:]:
            joined[-1] = joined[-1]._replace(end=span.end)
        else:
            joined.append(span)
    return tuple(joined)


def _instant(day: date, minutes: int = 0, *, fold: int = 0) -> datetime:
    wall = datetime.combine(day, time(), ZONE) + timedelta(minutes=minutes)
    return wall.replace(fold=fold).astimezone(UTC)
