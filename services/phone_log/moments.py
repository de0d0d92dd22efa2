"""A day and a clock in Brussels, as an operator reads them, turned into moments."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from services.kit.pages import BRUSSELS

LENIENCE = timedelta(minutes=5)
"""How far ahead a clock may be: the gateway's own limit for `receivedAt`."""

LONGEST_PAST_MIDNIGHT = timedelta(hours=6)
"""An end before its start is read as past midnight up to this length; longer is a typing error."""


def moments(day: date, clock: time) -> tuple[datetime, ...]:
    """Give the moments (UTC) at which Brussels reads this: none when skipped, two when repeated."""
    wall = datetime.combine(day, clock, BRUSSELS)
    both = {wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(moment for moment in both if _reads(moment, day, clock)))


def likely(candidates: Iterable[datetime], now: datetime) -> list[datetime]:
    """Order the moments that can be meant, best first: whoever writes one down has mostly just lived it."""
    lived = sorted((moment for moment in candidates if moment <= now), reverse=True)
    return lived + sorted(moment for moment in candidates if now < moment <= now + LENIENCE)


def start_and_end(day: date, start: time, end: time, now: datetime) -> tuple[datetime, datetime] | None:
    """Give start and end of what began on a day and is over by now; nothing when that cannot be.

    An end that reads earlier than the start lies past midnight, or in the hour that clocks repeat in October.
    """
    for end_day, longest in ((day, timedelta(days=1)), (day + timedelta(days=1), LONGEST_PAST_MIDNIGHT)):
        for ended in likely(moments(end_day, end), now):
            started = next(iter(likely(moments(day, start), min(ended, now))), None)
            if started is not None and started <= ended <= started + longest:
                return started, ended
    return None


def _reads(moment: datetime, day: date, clock: time) -> bool:
    # an hour that is skipped reads differently when it comes back from UTC
    wall = moment.astimezone(BRUSSELS)
    return (wall.date(), wall.time()) == (day, clock)
