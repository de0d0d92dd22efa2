"""Operators whose token was verified a moment ago: each turn of a chat comes with one, and a signature costs more than a commit."""

import time
from collections import OrderedDict
from typing import Final

from services.intake_api.caller import Caller

FRESH: Final = 10.0
"""Seconds for which a verified token is believed; a signing key that is taken away stops working within these."""

MOST: Final = 1_000


class Recognised:
    """Callers by their token, in memory, for a few seconds and no longer than the token lives."""

    def __init__(self) -> None:
        """Recognise nobody yet."""
        self._callers: OrderedDict[str, tuple[Caller, float, float]] = OrderedDict()

    def find(self, token: str, now: float) -> Caller | None:
        """Give who holds a token, if it was verified a moment ago and has not expired at `now` (seconds since 1970)."""
        caller, fresh_until, expires = self._callers.get(token, (None, 0.0, 0.0))
        return caller if time.monotonic() < fresh_until and now < expires else None

    def learn(self, token: str, caller: Caller, expires: float) -> Caller:
        """Remember who holds a token."""
        self._callers.pop(token, None)
        self._callers[token] = (caller, time.monotonic() + FRESH, expires)
        if len(self._callers) > MOST:
            self._callers.popitem(last=False)
        return caller
