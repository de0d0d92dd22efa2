"""For whom mail is taken: addresses of ours, also with a token after a plus."""

from collections.abc import Iterable
from typing import Final

BOUNCES: Final = "bounce"
"""Reports on mail of ours come back to `bounce+TOKEN@` a domain of ours."""

POSTMASTER: Final = "postmaster"
"""Must reach a person everywhere, with or without a domain (RFC 5321 §4.5.1)."""


class Recipients:
    """Addresses that mail is taken for; without any it is taken for all."""

    def __init__(self, addresses: Iterable[str]) -> None:
        """Know our addresses, written in any case."""
        self._addresses = frozenset(address.lower() for address in addresses)
        self._domains = frozenset(address.rpartition("@")[2] for address in self._addresses)

    def take(self, recipient: str) -> bool:
        """Say whether mail is taken for an address."""
        if not self._addresses:
            return True
        local, _, domain = recipient.lower().rpartition("@")
        if not local:
            return domain == POSTMASTER
        name, plus, _ = local.partition("+")
        if domain in self._domains and (local == POSTMASTER or (name == BOUNCES and plus)):
            return True
        return f"{local}@{domain}" in self._addresses or f"{name}@{domain}" in self._addresses
