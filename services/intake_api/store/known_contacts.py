"""What a turn needs of its contact, remembered for as long as a conversation is alive, so that a turn reads nothing first."""

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

    def __init__(self) -> None:
        """Know nobody yet."""
        self._known: OrderedDict[UUID, KnownContact] = OrderedDict()

    def find(self, contact_id: UUID) -> KnownContact | None:
        """Give what is known of a contact."""
        found = self._known.get(contact_id)
        if found and found.until < time.monotonic():
            self.forget(contact_id)
            return None
        return found

    def learn(self, contact_id: UUID, channel: str, data_key: bytes, key: DataKey) -> KnownContact:
        """Remember a contact."""
        known = KnownContact(contact_id, channel, data_key, key, time.monotonic() + LONGEST)
        self._known.pop(contact_id, None)
        self._known[contact_id] = known
        self._drop_the_oldest()
        return known

    def forget(self, contact_id: UUID) -> None:
        """Forget a contact and its key."""
        self._known.pop(contact_id, None)

    def _drop_the_oldest(self) -> None:
        now = time.monotonic()
        while self._known:
            oldest = next(iter(self._known.values()))
            if len(self._known) <= MOST and oldest.until >= now:
                return
            self.forget(oldest.id)
