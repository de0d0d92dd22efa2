"""How many posts a subscriber allows (CloudEvents webhook, `WebHook-Allowed-Rate`), over every dispatcher. Pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Pace:
    """The pace of a subscription at a moment, kept as the moment from which the next post is allowed (as GCRA does).

    What was not used is saved up for a second at the most, so that posts come spread over the minute.
    """

    batch: int
    interval: timedelta | None
    start: datetime

    @staticmethod
    def of(subscription: Mapping[str, Any], now: datetime) -> "Pace":
        """Read the pace from a subscription's row."""
        if not subscription["rate"]:
            return Pace(subscription["batch"], None, now)
        interval = timedelta(minutes=1) / subscription["rate"]
        saved = now - max(interval, timedelta(seconds=1)) + interval
        from_then = subscription["paced_until"] or now
        if from_then > now + 2 * interval:
            from_then = now  # written by a clock that has been put back since
        return Pace(subscription["batch"], interval, max(from_then, saved))

    def contacts(self, limit: int, now: datetime) -> int:
        """Give how many contacts may be taken, of at most `limit`."""
        if self.interval is None:
            return limit
        posts = (now - self.start) // self.interval + 1 if self.start <= now else 0
        return min(limit, posts * self.batch)

    def after(self, contacts: int) -> datetime | None:
        """Give the moment from which the next post is allowed, once so many contacts were taken."""
        if self.interval is None:
            return None
        return self.start + self.interval * -(-contacts // self.batch)
