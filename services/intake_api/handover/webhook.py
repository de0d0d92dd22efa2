"""One signed POST to a subscriber (CloudEvents 1.0 structured mode, Standard Webhooks signature)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from uuid import UUID

import aiohttp
from standardwebhooks.webhooks import Webhook as Signer

from services.intake_api.handover.sink import Answer, Fate
from services.intake_api.store.deliveries import Pending, Subscriber
from services.kit.clock import Clock

TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
LONGEST_RETRY_AFTER = 24 * 3600


class Webhook:
    """Posts events. Follows no redirect, reads no answer's body, and gives up after 20 seconds."""

    def __init__(self, clock: Clock) -> None:
        """Date signatures by a clock."""
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Keep connections for the length of a block."""
        async with aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as http:
            self._http = http
            yield

    async def send(self, subscriber: Subscriber, events: Sequence[Pending]) -> Answer:
        """Post events of one subscription, in their order."""
        event_id, payload = events[0].event_id, events[0].payload
        if self._http is None:
            message = "post within session()"
            raise RuntimeError(message)
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            **self._signature(subscriber, event_id, payload),
        }
        try:
            async with self._http.post(subscriber.url, data=payload.encode(), headers=headers, allow_redirects=False) as response:
                return _meaning(response.status, self._seconds(response.headers.get("Retry-After", "")))
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(Fate.LATER, type(error).__name__)

    def _seconds(self, retry_after: str) -> float:
        """Read how long to wait: seconds, or a date (RFC 9110 §10.2.3); what is neither asks for nothing."""
        if retry_after.isdecimal():
            return float(retry_after)
        try:
            return max(0.0, (parsedate_to_datetime(retry_after) - self._clock.now()).total_seconds())
        except (ValueError, TypeError):
            return 0

    def _signature(self, subscriber: Subscriber, event_id: UUID, payload: str) -> dict[str, str]:
        now = self._clock.now().astimezone(UTC)
        return {
            "webhook-id": str(event_id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Signer(secret).sign(str(event_id), now, payload) for secret in subscriber.secrets),
        }


def _meaning(status: int, retry_after: float) -> Answer:
    """Read a status as DESIGN and Standard Webhooks do: only what will never be taken is refused for good."""
    reason = f"HTTP {status}"
    match status:
        case 200 | 201 | 202 | 204:
            return Answer(Fate.TAKEN)
        case 410:
            return Answer(Fate.GONE, reason)
        case 400 | 413 | 415 | 422:
            return Answer(Fate.REFUSED, reason)
        case _:
            return Answer(Fate.LATER, reason, min(retry_after, LONGEST_RETRY_AFTER))
