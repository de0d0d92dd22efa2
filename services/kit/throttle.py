"""Rate limits at public doors, without keeping or writing down anybody's address."""

import hmac
import secrets
from collections.abc import Iterable
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil
from typing import Annotated

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode
from starlette.requests import HTTPConnection

from onthaal_schema.problems import TooManyRequests
from services.kit.clock import Clock
from services.kit.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def networks(value: object) -> object:
    """Read networks with commas between; what is no text is left as it is."""
    if not isinstance(value, str):
        return value
    return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())


class ThrottleSettings(Settings):
    """What a service that limits rates needs to know of its surroundings."""

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(networks)] = Field(
        (),
        description="Networks of reverse proxies, with commas between: only what these say in X-Forwarded-For is believed.",
    )


class Throttle:
    """Admits so many requests from one network in a span of time.

    Counts under an HMAC of the network (/24 or /48) with a random key that lives in memory and changes every day, so
    that nothing which is kept, not even for the length of the limit, tells who came.
    """

    def __init__(self, clock: Clock, rate: str, trusted_proxies: Iterable[Network] = ()) -> None:
        """Admit at a rate such as `20/10 minutes`."""
        self._clock = clock
        self._rate = parse(rate)
        self._trusted = tuple(trusted_proxies)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._key_of_the_day: tuple[date, bytes] = (date.min, b"")

    async def admit(self, connection: HTTPConnection) -> None:
        """Count a request.

        Raises:
            TooManyRequests: it is one too many; the problem says after how many seconds to try again.

        """
        await self.admit_network(client_network(connection, self._trusted))

    async def admit_network(self, network: str) -> None:
        """Count something that came from a network.

        Raises:
            TooManyRequests: it is one too many.

        """
        key = self._pseudonym(network)
        if not await self._limiter.hit(self._rate, key):
            raise TooManyRequests("Wait a moment and try again.", retry_after_sec=await self._wait(key))

    async def _wait(self, key: str) -> int:
        window = await self._limiter.get_window_stats(self._rate, key)
        wait = ceil(window.reset_time - self._clock.now().timestamp())
        return min(max(1, wait), self._rate.get_expiry())

    def _pseudonym(self, network: str) -> str:
        today = self._clock.now().date()
        if self._key_of_the_day[0] != today:
            self._key_of_the_day = (today, secrets.token_bytes(32))
        return hmac.digest(self._key_of_the_day[1], network.encode(), "sha256").hex()


def client_network(connection: HTTPConnection, trusted: tuple[Network, ...]) -> str:
    """Name the network a request comes from: the nearest address that is not one of our own proxies."""
    peer = connection.client.host if connection.client else ""
    claimed = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
    hop = address_of(peer)
    for further in reversed(claimed):
        beyond = address_of(further.strip())
        if hop is None or beyond is None or not any(hop in network for network in trusted):
            break
        hop = beyond
    return str(_network(hop)) if hop else "unknown"


def network_of(peer: str) -> str:
    """Name the network that an address lies in."""
    address = address_of(peer)
    return str(_network(address)) if address else "unknown"


def is_within(peer: str, of: Iterable[Network]) -> bool:
    """Say whether an address lies in one of the networks."""
    address = address_of(peer)
    return address is not None and any(address in network for network in of)


def address_of(text: str) -> Address | None:
    """Read an address; None when it is none. One of IPv4 in the clothes of IPv6 is one of IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(address: Address) -> Network:
    return ip_network((address, 24 if address.version == 4 else 48), strict=False)
