"""One signed POST to a subscriber: CloudEvents 1.0, structured or batched mode, with Standard Webhooks signatures."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from uuid import UUID, uuid5

import aiohttp

from services.intake_api.handover.sink import Answer, Fate
from services.intake_api.store.deliveries import Pending, Subscriber
from services.intake_api.store.patience import LONGEST_REST
from services.kit.clock import Clock

TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
LONGEST_RETRY_AFTER = 24 * 3600
LARGEST_ANSWER = 65_536
"""Bytes of an answer's body that are read, and thrown away, to use the connection again; above them it is closed."""
BATCHES = UUID("6c0f0b0e-2f6b-5c53-9d0c-6f1f4b6f7a11")
TAKEN = Answer(Fate.TAKEN)


class Webhook:
    """Posts events. Follows no redirect, keeps nothing of an answer's body, and gives up after 20 seconds."""

    def __init__(self, clock: Clock, timeout: aiohttp.ClientTimeout = TIMEOUT) -> None:
        """Date signatures by a clock."""
        self._clock = clock
        self._timeout = timeout
        self._http: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Keep connections for the length of a block."""
        # how many are open is the lanes' to say: one limit for all would let a slow subscriber use up the others' connections
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Onthaal"},
            skip_auto_headers=("Accept", "Accept-Encoding"),
        ) as http:
            self._http = http
            yield

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Post events of one subscription, in their order: as an array where the subscription takes batches."""
        if self._http is None:
            message = "post within session()"
            raise RuntimeError(message)
        post_id, kind, text = _written(subscriber, events)
        body = text.encode()
        headers = {
            "Content-Type": f"application/{kind}; charset=utf-8",
            **_signature(subscriber, post_id, body, self._clock.now()),
        }
        try:
            async with self._http.post(subscriber.url, data=body, headers=headers, allow_redirects=False) as response:
                answer = _meaning(response.status, self._seconds(response.headers.get("Retry-After")))
                await _read_out(response)
                return answer
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(Fate.LATER, type(error).__name__)

    def _seconds(self, retry_after: str | None) -> float:
        """Read how long to wait: seconds, or a date (RFC 9110 §10.2.3); what is neither asks for nothing."""
        if retry_after is None:
            return 0
        if retry_after.isdecimal():
            return float(retry_after)
        try:
            return max(0.0, (parsedate_to_datetime(retry_after) - self._clock.now()).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return 0


def _written(subscriber: Subscriber, events: Sequence[Pending]) -> tuple[str, str, str]:
    """Give the id of a post, the same whenever the same events are posted, the kind of its content, and the content."""
    if subscriber.batch == 1:
        return str(events[0].event_id), "cloudevents+json", events[0].payload
    post_id = uuid5(BATCHES, "".join(str(event.event_id) for event in events))
    return str(post_id), "cloudevents-batch+json", f"[{','.join(event.payload for event in events)}]"


def _signature(subscriber: Subscriber, post_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Sign as Standard Webhooks §"Signature scheme" says, with each secret; the library takes four times as long."""
    at = str(int(now.timestamp()))
    signed = b"%b.%b.%b" % (post_id.encode(), at.encode(), body)
    return {
        "webhook-id": post_id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join([f"v1,{_digest(secret, signed)}" for secret in subscriber.secrets]),
    }


def _digest(secret: str, signed: bytes) -> str:
    digest = _keyed(secret).copy()
    digest.update(signed)
    return b64encode(digest.digest()).decode()


@lru_cache(maxsize=256)
def _keyed(secret: str) -> hmac.HMAC:
    """Give a digest that has read the key already; each post goes on from a copy."""
    return hmac.new(b64decode(secret.removeprefix("whsec_")), digestmod="sha256")


async def _read_out(response: aiohttp.ClientResponse) -> None:
    """Read a short body to its end; the status has said everything, so a body that is long or breaks off changes nothing."""
    left = LARGEST_ANSWER
    try:
        while left > 0 and (part := await response.content.read(left)):
            left -= len(part)
    except (TimeoutError, aiohttp.ClientError, OSError):
        response.close()


def _meaning(status: int, retry_after: float) -> Answer:
    """Read a status as DESIGN and Standard Webhooks do: only what will never be taken is refused for good."""
    reason = f"HTTP {status}"
    match status:
        case 200 | 201 | 202 | 204:
            return TAKEN
        case 410:
            return Answer(Fate.GONE, reason)
        case 400 | 413 | 415 | 422:
            return Answer(Fate.REFUSED, reason)
        case 429 | 503:  # said of the service, not of the event (RFC 9110 §10.2.3)
            return Answer(
                Fate.LATER, reason, min(retry_after, LONGEST_RETRY_AFTER), min(retry_after, LONGEST_REST.total_seconds())
            )
        case _:
            return Answer(Fate.LATER, reason, min(retry_after, LONGEST_RETRY_AFTER))
