"""What the servers that a mail came through wrote on it. Anybody can write such headers: only the topmost are our own's."""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from services.mail_ingest import addresses
from services.mail_ingest.charsets import clean_line
from services.mail_ingest.headers import Headers
from services.mail_ingest.received import NULL_SENDER

LIMIT: Final = 50
VERDICT_LIMIT: Final = 2_000

_ENVELOPE_TO: Final = ("x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to")
_COMMENT: Final = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Route:
    """What is told of a mail's way, in the order of the header block: the last server first."""

    return_path: str | None = None
    """The topmost Return-Path: an address, `<>`, or None when there is none that can be read."""
    delivered_to: tuple[str, ...] = ()
    """Delivered-To, one for each delivery: the same address twice is a loop."""
    envelope_to: tuple[str, ...] = ()
    """Other headers that name whom it was sent to, blind copies too."""
    verdicts: tuple[str, ...] = ()
    """Authentication-Results (RFC 8601), comments left out."""
    hops: int = 0
    """How many servers it passed."""
    authors: int = 0
    """How many addresses From names, in all of its headers."""


def read(found: Headers) -> Route:
    """Read the way of a mail from its header block."""
    return Route(
        return_path=_return_path(found),
        delivered_to=_addresses(found, "delivered-to"),
        envelope_to=tuple(address for name in _ENVELOPE_TO for address in _addresses(found, name)),
        verdicts=tuple(_verdict(value) for value in islice(found.all("authentication-results"), LIMIT)),
        hops=sum(name == "received" for name, _ in found.fields),
        authors=sum(bool(box.address) for value in islice(found.all("from"), LIMIT) for box in _mailboxes(value)),
    )


def _return_path(found: Headers) -> str | None:
    topmost = next(found.all("return-path"), "").strip()
    return NULL_SENDER if topmost == NULL_SENDER else addresses.plausible(topmost.strip("<>")) or None


def _addresses(found: Headers, name: str) -> tuple[str, ...]:
    named = (box.address.lower() for value in islice(found.all(name), LIMIT) for box in _mailboxes(value))
    return tuple(islice(filter(None, named), LIMIT))


def _mailboxes(value: str) -> tuple[addresses.Mailbox, ...]:
    return tuple(islice(addresses.mailboxes(value), LIMIT))


def _verdict(value: str) -> str:
    return clean_line(_COMMENT.sub(" ", value[:VERDICT_LIMIT])).lower()
