"""Addresses of ours, and the tokens that we put into them: `meldpunt+TOKEN@example.be` (RFC 5233)."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

_TOKEN: Final = re.compile(r"[a-z2-7]{32}")


def without_tag(address: str) -> str:
    """Give an address in lower case and without what stands between + and @."""
    local, at, domain = address.lower().partition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def with_tag(address: str, tag: str) -> str:
    """Put a tag into an address."""
    local, at, domain = address.partition("@")
    return f"{local}+{tag}{at}{domain}"


def tokens(addresses: Iterable[str], ours: Collection[str]) -> Iterator[str]:
    """Give what has the form of a token, in those addresses that are ours; whether it is one of ours is not known here."""
    for address in addresses:
        tag = address.lower().partition("@")[0].partition("+")[2]
        if _TOKEN.fullmatch(tag) and without_tag(address) in ours:
            yield tag
