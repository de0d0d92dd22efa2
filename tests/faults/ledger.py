"""What clients were told: kept by the harness, out of reach of every process that is killed."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

WAITED_OUT = frozenset({"no answer", "HTTP 429", "HTTP 503", "HTTP 507", "SMTP 421", "SMTP 451", "chat unavailable"})
"""Answers that tell a client clearly to send the same again; any other refusal is a finding."""


@dataclass
class Ledger:
    """Contacts and messages that were answered with success, and every answer that was not."""

    contacts: set[UUID] = field(default_factory=set)
    messages: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    refusals: Counter[str] = field(default_factory=Counter)
    longest_stall: float = 0
    _last: float | None = None

    def took(self, contact: UUID, message: UUID | None = None) -> None:
        """Write down that a client was told that this is stored."""
        self.contacts.add(contact)
        if message:
            self.messages[contact].add(message)
        self._note_success()

    @classmethod
    def together(cls, ledgers: "Iterable[Ledger]") -> "Ledger":
        """Lay the ledgers of several channels together; the longest stall is the longest of any channel."""
        whole = cls()
        for ledger in ledgers:
            whole.contacts |= ledger.contacts
            whole.messages.update(ledger.messages)
            whole.refusals += ledger.refusals
            whole.longest_stall = max(whole.longest_stall, ledger.longest_stall)
        return whole

    def refused(self, how: str) -> None:
        """Write down an answer that was no success."""
        self.refusals[how] += 1

    @property
    def surprises(self) -> dict[str, int]:
        """Refusals that no client can make sense of: a 500, a conflict with itself, a token that is not known."""
        return {how: count for how, count in self.refusals.items() if how not in WAITED_OUT}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure the time between two successes of anybody, for the length of a block."""
        self._last = time.monotonic()
        try:
            yield
        finally:
            self._last = None

    def _note_success(self) -> None:
        if self._last is not None:
            now = time.monotonic()
            self.longest_stall = max(self.longest_stall, now - self._last)
            self._last = now
