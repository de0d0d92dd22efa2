"""What the hand-over signs is what the library of Standard Webhooks signs and verifies."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook as Library

from services.intake_api.handover.allowed import NOT_ALLOWED, Allowed
from services.intake_api.handover.sink import Answer, Fate
from services.intake_api.handover.webhook import Webhook
from services.intake_api.store.deliveries import Pending, Subscriber
from services.kit.clock import SetClock
from tests.receiving import receiving

pytestmark = pytest.mark.asyncio

SECRETS = ("whsec_b250aGFhbC10ZXN0LXNlY3JldC0wMDAwMDAwMQ==", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "YQ==")
PAYLOADS = (
    '{"subject":"","data":{"version":1}}',
    '{"subject":"één — 電話","data":{"version":1}}',
    '{"subject":"","data":{"version":1},"long":"' + "x" * 100_000 + '"}',
)


@pytest.mark.parametrize("batch", [1, 50])
async def test_a_post_is_signed_as_the_library_signs(batch: int) -> None:
    now = datetime.now(UTC)
    webhook = Webhook(SetClock(now))
    with receiving() as receiver:
        async with webhook.session():
            for payload in PAYLOADS:
                event: Any = Pending(1, uuid4(), payload, now)
                await webhook.send(Subscriber(uuid4(), receiver.url, batch, SECRETS), [event])
    assert len(receiver.attempts) == len(PAYLOADS)
    for attempt in receiver.attempts:
        sent = attempt.body.decode()
        signed = [Library(secret).sign(attempt.headers["webhook-id"], now, sent) for secret in SECRETS]
        assert attempt.headers["webhook-signature"].split() == signed
        for secret in SECRETS:
            assert Library(secret).verify(sent, dict(attempt.headers)) is not None


async def test_a_host_that_is_no_longer_named_gets_nothing_and_loses_nothing() -> None:
    now = datetime.now(UTC)
    with receiving() as receiver:
        event: Any = Pending(1, uuid4(), PAYLOADS[0], now)
        subscriber = Subscriber(uuid4(), receiver.url, 1, SECRETS)
        narrowed = Allowed(Webhook(SetClock(now)), ("*.vlaanderen.be",))
        async with narrowed.session():
            assert await narrowed.send(subscriber, [event]) == Answer(Fate.LATER, NOT_ALLOWED)
        assert not receiver.attempts
        named = Allowed(Webhook(SetClock(now)), ("127.0.0.1",))
        async with named.session():
            assert (await named.send(subscriber, [event])).fate is Fate.TAKEN
    assert len(receiver.attempts) == 1
