"""Subscriptions: who gets events, over what address, signed with which secret."""

import ipaddress
import os
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from onthaal_schema.handover import (
    SubscriptionChange,
    SubscriptionMade,
    SubscriptionRequest,
    SubscriptionSecret,
    SubscriptionState,
    SubscriptionStatus,
)
from onthaal_schema.problems import InvalidInput, NotFound, StateConflict
from services.intake_api.handover.handshake import Consent, Handshake
from services.intake_api.handover.jetstream import prefix_of
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.subscriptions import REMOVED, NewSubscription, SubscriptionStore

ACTIVE, UNVERIFIED, PAUSED, DISABLED = map(str, SubscriptionStatus)
FILTERS = ("natures", "types", "channels", "kinds")
FORMER_SECRET = timedelta(hours=24)
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|[0-9a-f:.]+")
"""A name or an address. What else a parser lets pass, such as a backslash, another may read as the end of the name."""


@dataclass(frozen=True)
class Made:
    """A new subscription with its secret, and why it is unverified, if it is."""

    id: UUID
    secret: str = field(repr=False)
    refusal: str | None = None

    def shown(self) -> SubscriptionMade:
        """Show it, this once."""
        status = SubscriptionStatus.UNVERIFIED if self.refusal else SubscriptionStatus.ACTIVE
        return SubscriptionMade(id=self.id, secret=self.secret, status=status, last_error=self.refusal)


@dataclass(frozen=True)
class Subscriptions:
    """Makes and changes subscriptions. `hosts` are those that events may go to (`*.example.org`); any when there are none."""

    kept: SubscriptionStore
    handshake: Handshake | None = None
    hosts: Sequence[str] = ()

    async def create(self, name: str, url: str, natures: Sequence[str], *, from_start: bool = False) -> Made:
        """Subscribe a plain receiver to every event about these natures; see `make`."""
        wanted = NewSubscription(name[:100], url, _new_secret(), EventFilter(natures), from_start=from_start)
        return await self._make(wanted)

    async def make(self, asked: SubscriptionRequest) -> Made:
        """Subscribe an address; the secret (Standard Webhooks, 256 random bits) is given this once.

        Raises:
            InvalidInput: the address is not one that events may go to, or the request contradicts itself.

        """
        if asked.from_start and asked.since:
            raise InvalidInput.at("since", "Send fromStart or since, not both.")
        check(asked.url, self.hosts)
        wanted = NewSubscription(
            (asked.name or urlsplit(asked.url).netloc)[:100],
            asked.url,
            _new_secret(),
            EventFilter(asked.natures, asked.types, asked.channels, asked.kinds),
            batch=asked.batch,
            plain=not asked.handshake,
            from_start=asked.from_start,
            since=asked.since,
        )
        return await self._make(wanted)

    async def _make(self, wanted: NewSubscription) -> Made:
        check(wanted.url, self.hosts)
        _refuse_handshake(wanted.url, plain=wanted.plain)
        made = await self.kept.subscribe(wanted)
        refusal = None if wanted.plain else (await self._ask(made, wanted.url)).refusal
        return Made(made, wanted.secret, refusal)

    async def all(self) -> list[SubscriptionState]:
        """List the subscriptions with what they are owed."""
        return [_shown(row) for row in await self.kept.all()]

    async def one(self, subscription_id: UUID) -> SubscriptionState:
        """Show a subscription with what it is owed."""
        return _shown(await self.kept.one(subscription_id))

    async def named(self, word: str) -> SubscriptionState:
        """Find a subscription by its id, or by its name when only one has it.

        Raises:
            NotFound: none has it, or several.

        """
        found = [one for one in await self.all() if word in {str(one.id), one.name}]
        if len(found) != 1:
            raise NotFound(
                f"{len(found) or 'No'} subscriptions are called {word!r}; `onthaal subscriptions list` shows their ids."
            )
        return found[0]

    async def change(self, subscription_id: UUID, change: SubscriptionChange) -> SubscriptionState:
        """Change what is given. Another address is asked again, when the receiver is to be asked.

        Raises:
            InvalidInput: the address is not one that events may go to.
            NotFound: there is none.

        """
        present = await self.kept.one(subscription_id)
        values = _columns(change, present)
        wanted = present | values
        url, plain = wanted["url"], wanted["plain"]
        check(url, self.hosts)
        _refuse_handshake(url, plain=plain)
        unasked = not plain and (url != present["url"] or present["plain"])
        if unasked:
            # one that is paused stays so when it consents: somebody paused it, somebody resumes it
            values |= {"rate": None, "status": PAUSED if present["status"] == PAUSED else UNVERIFIED}
        elif plain and not present["plain"]:
            values |= {"rate": None, **({"status": ACTIVE} if present["status"] == UNVERIFIED else {})}
        if values:
            await self.kept.change(subscription_id, values, refiltered=any(name in values for name in FILTERS))
        if unasked:
            await self._ask(subscription_id, url)
        return await self.one(subscription_id)

    async def pause(self, subscription_id: UUID) -> SubscriptionState:
        """Hand nothing over until it is resumed; what happens meanwhile is kept for it."""
        await self.kept.move(subscription_id, PAUSED, allowed=(ACTIVE, DISABLED))
        return await self.one(subscription_id)

    async def resume(self, subscription_id: UUID) -> SubscriptionState:
        """Hand over again, from where it was: a paused subscription, or one that was disabled by a 410."""
        check((await self.kept.one(subscription_id))["url"], self.hosts)
        healthy = {"failures": 0, "failing_since": None, "held_until": None}
        await self.kept.move(subscription_id, ACTIVE, allowed=(PAUSED, DISABLED), **healthy)
        return await self.one(subscription_id)

    async def verify(self, subscription_id: UUID) -> SubscriptionState:
        """Ask a receiver again whether it wants events; `lastError` says why it does not.

        Raises:
            NotFound: there is none.
            StateConflict: it is a plain receiver, which is not asked.

        """
        present = await self.kept.one(subscription_id)
        if present["plain"]:
            raise StateConflict("This is a plain receiver, which is not asked. Change `handshake` to true to ask it.")
        check(present["url"], self.hosts)
        await self._ask(subscription_id, present["url"])
        return await self.one(subscription_id)

    async def rotate(self, subscription_id: UUID, keep_former: timedelta = FORMER_SECRET) -> SubscriptionSecret:
        """Give a new secret; for a while deliveries are signed with both, so that the receiver can change over in peace."""
        secret = _new_secret()
        until: datetime = await self.kept.rotate(subscription_id, secret, keep_former)
        return SubscriptionSecret(secret=secret, former_until=until)

    async def delete(self, subscription_id: UUID) -> None:
        """Hand nothing over any more, and forget what it was owed."""
        await self.kept.move(subscription_id, REMOVED, allowed=(ACTIVE, UNVERIFIED, PAUSED, DISABLED))

    async def _ask(self, subscription_id: UUID, url: str) -> Consent:
        if self.handshake is None:
            message = "nobody here can ask a receiver"
            raise RuntimeError(message)
        consent = await self.handshake.ask(url)
        if consent.refusal:
            refused = {"status": UNVERIFIED, "last_error": consent.refusal[:200], "last_error_at": self.kept.now()}
            await self.kept.change(subscription_id, refused)
        else:
            await self.kept.consented(subscription_id, consent.rate)
        return consent


def check(url: str, hosts: Sequence[str] = ()) -> None:
    """Refuse an address that events may not go to: not https, not of an allowed host, with a password, or no address at all.

    The list of hosts is what keeps events and requests inside (SSRF): a name on it is trusted to resolve where it should.
    Without one, https alone binds the name to its certificate.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidInput.at("url", "Must be an absolute https address.") from None
    if parts.scheme == "nats":
        if prefix_of(url) is None:
            raise InvalidInput.at(
                "url", "Must be nats:///PREFIX in small letters, such as nats:///onthaal.contacts; servers are a setting."
            )
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput.at("url", "Must be an absolute https address.")
    if not _HOST.fullmatch(parts.hostname):
        raise InvalidInput.at("url", "Must name a host by its name or address.")
    if parts.username or parts.password or parts.fragment:
        raise InvalidInput.at("url", "Must not hold a user, a password or a fragment.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidInput.at("url", "Must be https; only this machine's own address may be http.")
    if hosts and not any(fnmatchcase(parts.hostname, host.lower()) for host in hosts):
        raise InvalidInput.at("url", "Must be an address of a host that ONTHAAL_SUBSCRIPTION_HOSTS names.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_handshake(url: str, *, plain: bool) -> None:
    if not plain and url.startswith("nats:"):
        raise InvalidInput.at("handshake", "A stream is not asked: leave it out, or give an https address.")


def _new_secret() -> str:
    return "whsec_" + b64encode(os.urandom(32)).decode()


def _columns(change: SubscriptionChange, present: dict[str, Any]) -> dict[str, Any]:
    """Write a change as columns, those that stay as they are left out."""
    given = {name: value for name in ("url", "name", "batch") if (value := getattr(change, name)) is not None}
    if "name" in given:
        given["name"] = given["name"][:100]
    if change.handshake is not None:
        given["plain"] = not change.handshake
    filters = {name: present[name].split() for name in FILTERS}
    filters |= {name: value for name in FILTERS if (value := getattr(change, name)) is not None}
    given |= EventFilter(**filters).columns()
    return {name: value for name, value in given.items() if value != present[name]}


def _shown(row: dict[str, Any]) -> SubscriptionState:
    absent = {"rate", "held_until", "last_error", "last_error_at", "former_secret_until"}
    return SubscriptionState(
        **{
            name: row[name]
            for name in ("id", "name", "url", "status", "batch", "pending", "dead", "behind", "failures", "created_at")
        },
        **{name: tuple(row[name].split()) for name in FILTERS},
        **{name: row[name] for name in absent},
        handshake=not row["plain"],
        registered=row["addressed"],
        delivered=row["delivered"],
        difference=max(row["difference"], row["missing"]),
        replaying_since=row["replay_since"] if row["replay_position"] is not None else None,
    )
