"""Operators whose token was verified before: each turn of a chat comes with one, and a signature costs more than a commit."""

from collections import OrderedDict
from typing import Final

from services.intake_api.caller import Caller

MOST: Final = 1_000


class Recognised:
    """Callers by their token, in memory, until the token expires or another key signs tokens."""

    def __init__(self) -> None:
        """Recognise nobody yet."""
        self._keys: object = None
        self._callers: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def find(self, token: str, now: float, keys: object) -> Caller | None:
        """Give who holds a token, if these very keys verified it and it has not expired at `now` (seconds since 1970)."""
        if keys is not self._keys:
            self._callers.clear()
            self._keys = keys
        caller, expires = self._callers.get(token, (None, 0.0))
        return caller if now < expires else None

    def learn(self, token: str, caller: Caller, expires: float) -> Caller:
        """Remember who holds a token, which the keys given last have verified."""
        self._callers.pop(token, None)
        self._callers[token] = (caller, expires)
        if len(self._callers) > MOST:
            self._callers.popitem(last=False)
        return caller
