"""Asking a receiver whether it wants events (CloudEvents HTTP webhook 1.0, §4): before anything is sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp

TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=5)
FASTEST: Final = 1_000_000
"""Deliveries a minute that nobody counts any more."""


@dataclass(frozen=True)
class Consent:
    """What a receiver answered. `refusal` says why it is none; `rate` is how many deliveries a minute it allows, if it says."""

    refusal: str | None = None
    rate: int | None = None


class Handshake(Protocol):
    """Asks receivers."""

    async def ask(self, url: str) -> Consent:
        """Ask whether events may be sent to an address."""
        ...


class OptionsHandshake:
    """Asks with OPTIONS, under the name of our origin. Follows no redirect and reads no body."""

    def __init__(self, origin: str) -> None:
        """Speak for an origin: a host name."""
        self.origin = origin

    async def ask(self, url: str) -> Consent:
        """Ask whether events may be sent to an address."""
        headers = {"WebHook-Request-Origin": self.origin}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as http,
                http.options(url, headers=headers, allow_redirects=False) as response,
            ):
                return self._meaning(response.status, response.headers)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Consent(f"the receiver could not be asked: {type(error).__name__}")

    def _meaning(self, status: int, headers: Mapping[str, str]) -> Consent:
        """Read an answer: success alone is no consent, the receiver must name our origin, or all."""
        allowed = headers.get("WebHook-Allowed-Origin", "")
        if not 200 <= status < 300:
            return Consent(f"the receiver answered OPTIONS with HTTP {status}")
        if allowed.strip().lower() not in {"*", self.origin.lower()}:
            return Consent("the receiver does not allow our origin: it must answer WebHook-Allowed-Origin")
        return _with_rate(headers.get("WebHook-Allowed-Rate", "*").strip())


def _with_rate(rate: str) -> Consent:
    if rate == "*":
        return Consent()
    if rate.isascii() and rate.isdigit() and int(rate[:9]) > 0 and len(rate) < 10:
        return Consent(rate=min(int(rate), FASTEST))
    return Consent("the receiver answers a WebHook-Allowed-Rate that is neither * nor a number of deliveries a minute")
