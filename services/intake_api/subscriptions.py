"""Subscriptions: who gets events, over what address, signed with which secret."""

import ipaddress
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from onthaal_schema.problems import InvalidInput
from services.intake_api.handover.jetstream import prefix_of
from services.intake_api.store.subscriptions import SubscriptionStore


@dataclass(frozen=True)
class Made:
    """A new subscription with its secret."""

    id: UUID
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Subscriptions:
    """Makes subscriptions."""

    kept: SubscriptionStore

    async def create(self, name: str, url: str, natures: Sequence[str], *, from_start: bool = False) -> Made:
        """Subscribe an address; the secret (Standard Webhooks, 256 random bits) is given this once.

        Raises:
            InvalidInput: the address is not https, unless it is this machine's own.

        """
        check(url)
        secret = "whsec_" + b64encode(os.urandom(32)).decode()
        return Made(await self.kept.subscribe(name[:100], url, secret, natures, from_start=from_start), secret)


def check(url: str) -> None:
    """Refuse an address that events may not go to: not https, with a password in it, or not an address at all."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidInput.at("url", "Must be an absolute https address.") from None
    if parts.scheme == "nats":
        if prefix_of(url) is None:
            raise InvalidInput.at("url", "Must be nats:///PREFIX, such as nats:///onthaal.contacts; servers are a setting.")
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput.at("url", "Must be an absolute https address.")
    if parts.username or parts.password or parts.fragment:
        raise InvalidInput.at("url", "Must not hold a user, a password or a fragment.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidInput.at("url", "Must be https; only this machine's own address may be http.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
