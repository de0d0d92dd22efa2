"""A mail as it reached us, before anything in it was read."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("5f0c3b1e-6c0f-5d43-9a27-2f6d1b0a7c55")

NULL_SENDER: Final = "<>"
"""The return path of what wants no answer: a report, an automatic reply (RFC 5321 §4.5.5)."""


@dataclass(frozen=True)
class ReceivedMail:
    """A mail as it reached us: its bytes, and what only whoever received it knows."""

    original: bytes = field(repr=False)
    received_at: datetime
    envelope_sender: str | None = None
    envelope_recipients: tuple[str, ...] = ()
    peer: IPv4Address | IPv6Address | None = None
    """Who handed it to us by SMTP; None for a mail from a mailbox."""

    @property
    def contact_id(self) -> UUID:
        """The contact that this mail is: always the same for the same bytes to the same addresses.

        Message-ID has no part in it: it can be missing, empty, used for another mail, or chosen to collide.
        """
        addresses = ",".join(sorted({address.lower() for address in self.envelope_recipients}))
        return uuid5(NAMESPACE, f"{hashlib.sha256(self.original).hexdigest()} {addresses}")
