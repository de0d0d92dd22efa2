"""Events into a NATS JetStream stream, for subscriptions to `nats:///PREFIX`: durable, and each once, when it answers.

A message is the same CloudEvent that a webhook carries (structured mode; CloudEvents NATS binding 1.0.3 §3.2), under the
subject `PREFIX.CHANNEL.WHAT`, such as `onthaal.contacts.chat.registered`. Its `Nats-Msg-Id` is the event's id, by which
the server drops what is sent again. Stream and durable consumers are declared from here.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from nats import errors
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    Header,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BadRequestError

from services.intake_api.handover.sink import Answer, Fate
from services.intake_api.settings import IntakeSettings
from services.intake_api.store.deliveries import Pending, Subscriber
from services.kit.nats import NatsLink
from services.kit.settings import ProcessSettings

ANSWER: Final = 3.0
"""Seconds that one acknowledgement may take."""

PATIENCE: Final = 12.0
"""Seconds that one attempt goes on: a cluster that lost a leader takes about six to choose another."""

PAUSE: Final = 0.25
NAME_IN_USE: Final = 10058
PREFIX: Final = re.compile(r"(?!onthaal(\.bus(\..*)?)?$)[a-z0-9-]+(\.[a-z0-9-]+)*")
"""Not what would let the stream keep what others say live on the bus of the gateway; nor capitals or `_`, so that each has its own stream."""


@dataclass(frozen=True)
class Shape:
    """How streams are kept, and who reads them."""

    replicas: int = 1
    duplicates_s: float = 36 * 3600
    keep_s: float = 90 * 24 * 3600
    most_bytes: int = -1
    consumers: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: IntakeSettings) -> "Shape":
        """Read the settings."""
        return cls(
            settings.nats_replicas,
            settings.nats_duplicates_hours * 3600,
            settings.nats_keep_days * 24 * 3600,
            settings.nats_most_bytes,
            tuple(settings.nats_consumers.split()),
        )

    def stream(self, prefix: str) -> StreamConfig:
        """Describe the stream of a prefix. When it is full it refuses what is new, which is then kept here, and drops nothing."""
        return StreamConfig(
            name=stream_name(prefix),
            subjects=[f"{prefix}.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            num_replicas=self.replicas,
            max_age=self.keep_s,
            max_bytes=self.most_bytes,
            duplicate_window=min(self.duplicates_s, self.keep_s),
            allow_direct=True,
        )

    def consumer(self, name: str) -> ConsumerConfig:
        """Describe a durable consumer: everything from the start, again until it is acknowledged."""
        return ConsumerConfig(
            name=name,
            durable_name=name,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=30,
            max_deliver=-1,
            max_ack_pending=1000,
        )


def jetstream(process: ProcessSettings, settings: IntakeSettings) -> "JetStream":
    """Make the sink from the settings."""
    link = NatsLink(process.nats_url, "onthaal hand-over") if process.nats_url else None
    return JetStream(link, Shape.of(settings))


class JetStream:
    """Publishes events, and says that they are taken when the stream has them."""

    def __init__(self, link: NatsLink | None, shape: Shape, patience: float = PATIENCE) -> None:
        """Publish over a link; without one nothing can be handed over."""
        self._link = link
        self._shape = shape
        self._patience = patience
        self._declared: dict[str, object] = {}
        self._declaring = asyncio.Lock()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Keep connected for the length of a block."""
        if self._link is None:
            yield
            return
        async with self._link.session():
            yield

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Publish events of one subscription; each contact's in their order, the next when the one before is stored."""
        if self._link is None:
            return Answer(Fate.LATER, "ONTHAAL_NATS_URL is not set")
        if (prefix := prefix_of(subscriber.url)) is None:
            return Answer(Fate.LATER, "not a subject")
        outgoing = [Outgoing.of(prefix, event) for event in events]
        end = asyncio.get_running_loop().time() + self._patience
        while True:
            try:
                await self._publish(prefix, outgoing)
            except errors.MaxPayloadError:
                return Answer(Fate.REFUSED, "larger than the server takes")
            except (errors.Error, OSError, TimeoutError) as error:
                self._declared.pop(prefix, None)  # it may be the stream that is gone
                if asyncio.get_running_loop().time() > end:
                    return Answer(Fate.LATER, reason_of(error))
                await asyncio.sleep(PAUSE)
            else:
                return Answer(Fate.TAKEN)

    async def _publish(self, prefix: str, outgoing: Sequence["Outgoing"]) -> None:
        client = self._link.client if self._link else None
        if client is None:
            raise errors.ConnectionClosedError
        stream = client.jetstream(timeout=ANSWER)
        if self._declared.get(prefix) is not client:
            async with self._declaring:
                await self._declare(stream, prefix)
                self._declared[prefix] = client
        for wave in waves(outgoing):
            answers = await asyncio.gather(*(event.publish(stream) for event in wave), return_exceptions=True)
            for failure in (answer for answer in answers if isinstance(answer, BaseException)):
                raise failure

    async def _declare(self, stream: JetStreamContext, prefix: str) -> None:
        config = self._shape.stream(prefix)
        try:
            await stream.add_stream(config)
        except BadRequestError as refusal:
            if refusal.err_code != NAME_IN_USE:
                raise
            await stream.update_stream(config)
        for name in self._shape.consumers:
            await stream.add_consumer(stream_name(prefix), self._shape.consumer(name))


@dataclass(frozen=True)
class Outgoing:
    """A message as it is published."""

    contact: str
    subject: str
    body: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, prefix: str, event: Pending) -> "Outgoing":
        """Write an event as a message. Nothing personal is in subject and headers."""
        known: dict[str, Any] = orjson.loads(event.payload)
        what = known["type"].rsplit(".", 1)[1]
        attributes = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")
        return cls(
            known["subject"],
            f"{prefix}.{known['data']['channel']}.{what}",
            event.payload.encode(),
            {
                Header.MSG_ID.value: str(event.event_id),
                Header.EXPECTED_STREAM.value: stream_name(prefix),
                "content-type": "application/cloudevents+json; charset=utf-8",
                **{f"ce-{name}": known[name] for name in attributes},
            },
        )

    async def publish(self, stream: JetStreamContext) -> None:
        """Publish it and wait until it is stored."""
        await stream.publish(self.subject, self.body, headers=dict(self.headers))


def waves(outgoing: Iterable[Outgoing]) -> list[list[Outgoing]]:
    """Sort messages so that each wave holds one of a contact at the most: within a wave an order is not promised."""
    found: list[list[Outgoing]] = []
    depth: dict[str, int] = {}
    for message in outgoing:
        wave = depth[message.contact] = depth.get(message.contact, -1) + 1
        if wave == len(found):
            found.append([])
        found[wave].append(message)
    return found


def prefix_of(url: str) -> str | None:
    """Read the subject's prefix of `nats:///PREFIX`; nothing when it is not one."""
    parts = urlsplit(url)
    prefix = parts.path.removeprefix("/")
    right = parts.scheme == "nats" and not (parts.netloc or parts.query or parts.fragment)
    return prefix if right and PREFIX.fullmatch(prefix) else None


def stream_name(prefix: str) -> str:
    """Name the stream of a prefix: ONTHAAL_CONTACTS of onthaal.contacts."""
    return prefix.replace(".", "_").upper()


def reason_of(error: Exception) -> str:
    """Name what went wrong, by class and by JetStream's number for it."""
    if isinstance(error, APIError) and error.err_code:
        return f"{type(error).__name__} {error.err_code}"
    return type(error).__name__
