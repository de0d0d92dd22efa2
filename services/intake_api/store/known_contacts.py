"""What a turn needs of its contact, remembered for as long as a conversation is alive, so that a turn reads nothing first."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.intake_api.store.vault import DataKey

LONGEST: Final = 60.0
"""Seconds after which the contact is read again, whoever writes to it."""

MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A contact whose messages can be sealed. Whether it still is so, the statement that writes one compares `data_key`."""

    id: UUID
    channel: str
    data_key: bytes
    key: DataKey
    until: float


class KnownContacts:
    """The contacts that somebody wrote to last, in memory only; forgotten after a minute, when erased, and when there are too many."""

    def __init__(self, longest: float = LONGEST, most: int = MOST) -> None:
        """Know nobody yet. Each is forgotten `longest` seconds after it was read, the oldest when there are more than `most`."""
        self._longest = longest
        self._most = most
        self._known: OrderedDict[UUID, KnownContact] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    def find(self, contact_id: UUID) -> KnownContact | None:
        """Give what is known of a contact."""
        found = self._known.get(contact_id)
        return found if found and found.until > time.monotonic() else None

    def learn(self, contact_id: UUID, channel: str, data_key: bytes, key: DataKey) -> KnownContact:
        """Remember a contact."""
        known = KnownContact(contact_id, channel, data_key, key, time.monotonic() + self._longest)
        self.forget(contact_id)
        self._known[contact_id] = known
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        self._sweep_later()
        return known

    def forget(self, contact_id: UUID) -> None:
        """Forget a contact and its key."""
        self._known.pop(contact_id, None)

    def __len__(self) -> int:
        """Count the keys that are in memory."""
        return len(self._known)

    def _sweep_later(self) -> None:
        if self._known and self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._longest, self._forget_the_old)

    def _forget_the_old(self) -> None:
        self._sweep = None
        now = time.monotonic()
        for known in [known for known in self._known.values() if known.until <= now]:
            self.forget(known.id)
        self._sweep_later()
