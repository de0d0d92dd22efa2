"""Who stands behind an address, so that one sender with many addresses counts as one. Only for counting: mail goes to the address itself.

Forwarders and mail servers write a sender's address into one of their own, another one each day: SRS
(https://www.libsrs2.net/srs/srs.pdf), its form at Microsoft 365, and BATV (draft-levine-smtp-batv).
"""

import re
from typing import Final

_FORWARDED: Final = re.compile(
    r"(?:srs0[=+-]|srs1[=+-][^=]+=[^=]+=[=+-]|[^=]+\+srs=)[^=]+=[^=]+=(?P<domain>[^=@]+)=(?P<local>[^@]+)@[^@]+"
)
_TAGGED: Final = re.compile(r"(?:ms)?prvs1?=[^=]+=(?P<sender>[^@]+@[^@]+)")
_MOST: Final = 5
"""How often an address is unwrapped: forwarders of forwarders write SRS1, so that more is no mail's way."""


def correspondent(address: str) -> str:
    """Give the address in lower case, out of what forwarders wrote around it, and without what stands between + and @."""
    known = address.strip().casefold()
    for _ in range(_MOST):
        if forwarded := _FORWARDED.fullmatch(known):
            known = f"{forwarded['local']}@{forwarded['domain']}"
        elif tagged := _TAGGED.fullmatch(known):
            known = tagged["sender"]
        else:
            break
    local, at, domain = known.rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def domain_of(address: str) -> str:
    """Give the domain of whoever stands behind an address."""
    return correspondent(address).rpartition("@")[2]
