"""How long to go on trying: the ladder of one event, and the circuit breaker of a subscription. Pure rules."""

import random
from dataclasses import dataclass
from datetime import timedelta

LADDER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""How long to wait after each failed attempt; after the one that follows the last wait the event is a dead letter."""
LONGEST_REST = timedelta(hours=1)
"""How long a subscriber may ask to be left alone: one that always asks for it is still tried every hour."""


@dataclass(frozen=True)
class Patience:
    """What is waited for, and for how long.

    After `threshold` failures in a row, of whichever contacts, a subscription is broken: nothing is posted but one probe at a
    time, `first_hold` after the last failure and then ever later, until `longest_hold`. The first answer closes the breaker.
    A claim is held for `lease`, which whoever holds it renews while he lives. `pace` is a factor on every wait but the lease.
    """

    ladder: tuple[timedelta, ...] = LADDER
    threshold: int = 10
    first_hold: timedelta = timedelta(seconds=5)
    longest_hold: timedelta = timedelta(seconds=60)
    lease: timedelta = timedelta(seconds=20)
    pace: float = 1

    def is_broken(self, failures: int) -> bool:
        """Say whether so many failures in a row are the subscriber's, not the event's."""
        return failures >= self.threshold

    def is_used_up(self, attempts: int) -> bool:
        """Say whether an event that failed so often before, and now again, is given up."""
        return attempts >= len(self.ladder)

    def wait(self, attempts: int, retry_after: timedelta = timedelta()) -> timedelta:
        """Give how long to wait after a failure that so many came before, give or take a fifth; no shorter than was asked for."""
        return max(self.ladder[attempts] * _jitter(), retry_after) * self.pace

    def hold(self, failures: int) -> timedelta:
        """Give how long a broken subscription is left alone before it is probed."""
        doublings = min(failures - self.threshold, 16)
        return min(self.longest_hold, self.first_hold * float(2**doublings)) * _jitter() * self.pace


def _jitter() -> float:
    return random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, hides nothing
