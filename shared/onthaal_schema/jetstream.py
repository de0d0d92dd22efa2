"""Events from a NATS JetStream stream into the same `Receiver` that takes webhooks.

    async with await nats.connect("nats://cases:secret@nats:4222", max_reconnect_attempts=-1) as connection:
        await follow(connection, receiver, stream="ONTHAAL_CONTACTS", consumer="cases")

The gateway declares stream and consumers (`ONTHAAL_NATS_CONSUMERS=cases`). Needs the extra `jetstream`.
"""

import asyncio
import logging
from typing import Final, assert_never

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js.client import JetStreamContext

from onthaal_schema.receiver import Receipt, Receiver

log = logging.getLogger(__name__)

AT_ONCE: Final = 10
WAIT: Final = 5.0
AGAIN: Final = 5.0
"""Seconds until an event that was not handled comes again."""


async def follow(connection: Client, receiver: Receiver, stream: str, consumer: str) -> None:
    """Hand events to the receiver until cancelled, through restarts of the servers.

    An event is acknowledged when it is handled, sent back when it must come again, and given up when it is no event.
    """
    reading = await connection.jetstream().pull_subscribe_bind(consumer, stream)
    while True:
        for message in await _some(reading):
            try:
                await _answer(message, await receiver.take(message.data))
            except Error as error:  # not told: it comes again, and the receiver knows it
                log.warning("an event was not acknowledged: %s", type(error).__name__)


async def _some(reading: JetStreamContext.PullSubscription) -> list[Msg]:
    try:
        return await reading.fetch(AT_ONCE, WAIT)
    except TimeoutError:
        return []
    except Error as error:  # a cluster that has no leader now, or a stream that is not declared yet
        log.warning("the stream cannot be read: %s", type(error).__name__)
        await asyncio.sleep(1)
        return []


async def _answer(message: Msg, receipt: Receipt) -> None:
    match receipt:
        case Receipt.HANDLED | Receipt.ALREADY_HANDLED:
            await message.ack()
        case Receipt.TRY_AGAIN:
            await message.nak(AGAIN)
        case Receipt.MALFORMED | Receipt.TOO_LARGE | Receipt.NOT_TRUSTED:
            log.error("message %d of the stream is no event: %s", message.metadata.sequence.stream, receipt)
            await message.term()
        case _:
            assert_never(receipt)
