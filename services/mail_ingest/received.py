"""A mail as it reached us, before anything in it was read."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self
from uuid import UUID, uuid5

from onthaal_schema.mail import Place

NAMESPACE: Final = UUID("5f0c3b1e-6c0f-5d43-9a27-2f6d1b0a7c55")

NULL_SENDER: Final = "<>"
"""The return path of what wants no answer: a report, an automatic reply (RFC 5321 §4.5.5)."""

LISTENER: Final = "smtp"
"""The mailbox of what came by SMTP or LMTP."""

HEADER_LIMIT: Final = 262_144


@dataclass(frozen=True)
class ReceivedMail:
    """A mail as it reached us: its bytes, and what only whoever received it knows."""

    original: bytes = field(repr=False)
    received_at: datetime
    envelope_sender: str | None = None
    envelope_recipients: tuple[str, ...] = ()
    peer: IPv4Address | IPv6Address | None = None
    """Who handed it to us by SMTP; None for a mail from a mailbox."""
    mailbox: str = LISTENER
    place: Place | None = None
    too_large: int | None = None
    """The size in bytes of a mail that is too large to be taken; then `original` are its headers alone."""

    @cached_property
    def mail_id(self) -> UUID:
        """The same for the same bytes in the same mailbox, from the same sender, whenever and however often they come.

        Message-ID has no part in it: it can be missing, empty, used for another mail, or chosen to collide. The sender of the
        envelope has: two people may send the same word without anything that names them.
        """
        size = "" if self.too_large is None else f" headers of {self.too_large}"
        sender = f" from {self.envelope_sender}" if self.mailbox == LISTENER and self.envelope_sender else ""
        return uuid5(NAMESPACE, f"{self.mailbox} {hashlib.sha256(self.original).hexdigest()}{size}{sender}")

    def headers_alone(self) -> Self:
        """Give what is left of a mail that turns out too large: its headers."""
        ends = (self.original.find(gap) for gap in (b"\r\n\r\n", b"\n\n"))
        end = min((found for found in ends if found >= 0), default=HEADER_LIMIT)
        return replace(self, original=self.original[: min(end, HEADER_LIMIT)], too_large=len(self.original))
