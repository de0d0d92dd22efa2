"""How much one connection and one network may ask. Keeps no address: only counts under a key that lives in memory."""

import hmac
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from services.chat_relay.frames import Rate


class Allowance:
    """Counts the frames of one connection, by type; each type is a bucket that refills."""

    def __init__(self, rates: Mapping[str, Rate], pace: float = 1.0) -> None:
        """Start with every bucket full; frames may come `pace` times as often as the rates say."""
        self._rates = rates
        self._pace = pace
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, kind: str, now: float) -> bool:
        """Say whether one more frame of this type may come at this moment (seconds on any steady clock)."""
        rate = self._rates[kind]
        burst = rate.burst * self._pace
        left, since = self._left.get(kind, (burst, now))
        left = min(burst, left + (now - since) * rate.per_second * self._pace)
        allowed = left >= 1
        self._left[kind] = (left - allowed, now)
        return allowed


class CrowdedNetworkError(Exception):
    """A network has as many connections open as it may have."""


class Crowd:
    """Counts open connections per network, under a keyed hash with a random key that is never stored."""

    def __init__(self, limit: int) -> None:
        """Allow at most `limit` connections from one network at once."""
        self._limit = limit
        self._key = secrets.token_bytes(32)
        self._open: Counter[bytes] = Counter()

    @contextmanager
    def enter(self, network: str) -> Iterator[str]:
        """Count a connection for the length of a block, and give the pseudonym of its network: nobody else needs the address.

        Raises:
            CrowdedNetworkError: there are too many already.

        """
        place = hmac.digest(self._key, network.encode(), "sha256")
        if self._open[place] >= self._limit:
            raise CrowdedNetworkError
        self._open[place] += 1
        try:
            yield place.hex()
        finally:
            self._open[place] -= 1
            if not self._open[place]:
                del self._open[place]
