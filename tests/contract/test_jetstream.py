"""The JetStream sink against a real server: what it says is taken is in the stream, once and in its order."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import nats as client
import pytest
from nats.js.api import StreamConfig
from pydantic import SecretStr

from onthaal_schema.jetstream import follow
from onthaal_schema.receiver import ReceivedContact, Receiver
from services.intake_api.handover.jetstream import JetStream, Shape, prefix_of, stream_name
from services.intake_api.handover.sink import Answer, Fate
from services.intake_api.store.deliveries import Pending, Subscriber
from services.kit.nats import NatsLink
from tests.nats import Nats, mortal_nats, nats

__all__ = ["mortal_nats", "nats"]

TAKEN = Answer(Fate.TAKEN)


def event(contact: UUID, version: int = 1) -> Pending:
    """An event as the outbox holds it."""
    event_id = uuid4()
    payload = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "urn:onthaal:intake",
        "type": "be.vlaanderen.meldpunt.onthaal.v1.contacts.notify.registered",
        "subject": str(contact),
        "time": "2026-11-25T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"contactId": str(contact), "version": version, "channel": "chat"},
    }
    return Pending(version, event_id, json.dumps(payload), datetime.now(UTC))


def erased(contact: UUID) -> Pending:
    """An event that a receiver handles without fetching the contact."""
    sent = event(contact)
    payload = json.loads(sent.payload)
    payload |= {"type": f"{payload['type'].rpartition('.')[0]}.erased", "service": "be.vlaanderen.meldpunt.onthaal.v1"}
    payload["data"] |= {
        "nature": "person",
        "kind": "melding",
        "kindSource": "model",
        "anonymous": True,
        "receivedAt": payload["time"],
        "openingHours": {"open": True, "calendarVersion": "1"},
        "links": {"contact": f"https://onthaal.example/intake/v1/contacts/{contact}"},
    }
    return sent._replace(payload=json.dumps(payload))


def to(prefix: str) -> Subscriber:
    return Subscriber(uuid4(), f"nats:///{prefix}", 1, ("whsec_",))


@asynccontextmanager
async def sinking(servers: Nats, shape: Shape | None = None, patience: float = 20) -> AsyncIterator[JetStream]:
    sink = JetStream(NatsLink(SecretStr(servers.url), "test"), shape or Shape(), patience)
    async with sink.session():
        yield sink


async def held(servers: Nats, prefix: str) -> list[dict[str, Any]]:
    return await servers._events(stream_name(prefix))


def versions(events: Sequence[dict[str, Any]], contact: UUID) -> list[int]:
    return [found["data"]["version"] for found in events if found["subject"] == str(contact)]


async def test_a_message_is_the_cloud_event_with_its_attributes_in_headers(nats: Nats) -> None:
    contact = uuid4()
    sent = event(contact)
    async with sinking(nats) as sink:
        assert await sink.send(to("first.contacts"), [sent]) == TAKEN
    [found] = await held(nats, "first.contacts")
    headers = found.pop("_headers")
    assert found.pop("_subject") == "first.contacts.chat.registered"
    assert found == json.loads(sent.payload)
    assert headers["Nats-Msg-Id"] == headers["ce-id"] == str(sent.event_id)
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["ce-subject"] == str(contact)
    assert headers["ce-specversion"] == "1.0"


async def test_what_is_sent_again_is_dropped_by_the_server(nats: Nats) -> None:
    sent = [event(uuid4()) for _ in range(20)]
    async with sinking(nats) as sink, sinking(nats) as other:
        for one in (sink, other, sink):
            assert await one.send(to("again"), sent) == TAKEN
    assert [found["id"] for found in await held(nats, "again")] == [str(one.event_id) for one in sent]


async def test_a_batch_keeps_the_order_of_each_contact(nats: Nats) -> None:
    contacts = [uuid4() for _ in range(30)]
    async with sinking(nats) as sink:
        assert await sink.send(to("batch"), [event(who, version) for version in range(1, 6) for who in contacts]) == TAKEN
    found = await held(nats, "batch")
    assert all(versions(found, who) == [1, 2, 3, 4, 5] for who in contacts)


async def test_stream_and_consumers_are_declared_changed_and_declared_again(nats: Nats) -> None:
    async with sinking(nats, Shape(duplicates_s=60, consumers=("cases",))) as sink:
        await sink.send(to("shaped"), [event(uuid4())])
    async with sinking(nats, Shape(duplicates_s=120, keep_s=3600, consumers=("cases", "statistics"))) as sink:
        await sink.send(to("shaped"), [event(uuid4())])
        connection = await client.connect(nats.url)
        stream = connection.jetstream()
        info = await stream.stream_info("SHAPED")
        assert (info.config.duplicate_window, info.config.max_age, info.state.messages) == (120, 3600, 2)
        assert {found.name for found in await stream.consumers_info("SHAPED")} == {"cases", "statistics"}
        assert {found.num_pending for found in await stream.consumers_info("SHAPED")} == {2}
        await stream.delete_stream("SHAPED")
        assert await sink.send(to("shaped"), [event(uuid4())]) == TAKEN
        assert (await stream.stream_info("SHAPED")).state.messages == 1
        await connection.close()


async def test_a_full_stream_refuses_what_is_new_and_drops_nothing(nats: Nats) -> None:
    async with sinking(nats, Shape(most_bytes=4000), patience=0.5) as sink:
        answers = [await sink.send(to("small"), [event(uuid4())]) for _ in range(12)]
    taken = [answer for answer in answers if answer == TAKEN]
    assert 0 < len(taken) == len(await held(nats, "small")) < 12
    assert answers[-1].fate is Fate.LATER
    assert "10077" in answers[-1].reason


async def test_a_stream_of_somebody_else_is_not_taken_over(nats: Nats) -> None:
    connection = await client.connect(nats.url)
    await connection.jetstream().add_stream(StreamConfig(name="OTHERS", subjects=["others.>"]))
    async with sinking(nats, patience=0.5) as sink:
        answer = await sink.send(to("others.contacts"), [event(uuid4())])
    assert (answer.fate, answer.reason) == (Fate.LATER, "BadRequestError 10065")
    assert (await connection.jetstream().stream_info("OTHERS")).state.messages == 0
    await connection.close()


async def test_a_server_that_is_away_is_waited_for(mortal_nats: Nats) -> None:
    sent = [event(uuid4()) for _ in range(3)]
    async with sinking(mortal_nats) as sink:
        assert await sink.send(to("contacts"), sent[:1]) == TAKEN
        mortal_nats.stop()
        waiting = asyncio.create_task(sink.send(to("contacts"), sent[:2]))
        await asyncio.sleep(1)
        assert not waiting.done()
        mortal_nats.start()
        assert await waiting == TAKEN
    async with sinking(mortal_nats, patience=0.5) as hasty:
        mortal_nats.stop()
        answer = await hasty.send(to("contacts"), sent)
        assert answer.fate is Fate.LATER
        assert answer.reason in {"ConnectionClosedError", "TimeoutError"}
        mortal_nats.start()
        while await hasty.send(to("contacts"), sent) != TAKEN:
            await asyncio.sleep(0.1)
    assert [found["id"] for found in await held(mortal_nats, "contacts")] == [str(one.event_id) for one in sent]


async def test_a_reader_acknowledges_what_is_handled_gets_the_rest_again_and_gives_up_nonsense(mortal_nats: Nats) -> None:
    handed: list[str] = []

    async def on_contact(received: ReceivedContact) -> None:
        handed.append(str(received.event.subject))
        if len(handed) == 1:
            raise ConnectionError

    connection = await client.connect(mortal_nats.url)
    receiver = Receiver("whsec_b250aGFhbC10ZXN0LXNlY3JldC0wMDAwMDAwMQ==", "http://127.0.0.1:1", "token", on_contact)
    following = asyncio.create_task(follow(connection, receiver, "CASES", "cases"))
    contacts = [uuid4() for _ in range(3)]
    try:
        await asyncio.sleep(1)  # it waits for a stream that is not declared yet
        async with sinking(mortal_nats, Shape(consumers=("cases",))) as sink:
            nonsense = event(uuid4())
            for sent in [nonsense, *(erased(who) for who in contacts)]:
                assert await sink.send(to("cases"), [sent]) == TAKEN
        stream = connection.jetstream()
        async with asyncio.timeout(30):
            while (state := await stream.consumer_info("CASES", "cases")).num_pending or state.num_ack_pending:
                await asyncio.sleep(0.1)
        assert handed == [str(who) for who in (*contacts, contacts[0])]
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await receiver.close()
        await connection.close()


async def test_without_servers_nothing_is_lost_and_the_reason_says_what_to_set() -> None:
    sink = JetStream(None, Shape())
    async with sink.session():
        assert await sink.send(to("contacts"), [event(uuid4())]) == Answer(Fate.LATER, "ONTHAAL_NATS_URL is not set")


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("nats:///onthaal.contacts", "onthaal.contacts"),
        ("nats:///dossiers", "dossiers"),
        ("nats:///onthaal.business", "onthaal.business"),
        ("nats:///onthaal", None),
        ("nats:///onthaal.bus", None),
        ("nats:///onthaal.bus.chat", None),
        ("nats:///_INBOX.x", None),
        ("nats:///onthaal_contacts", None),
        ("nats:///Onthaal.contacts", None),
        ("nats:///", None),
        ("nats:///onthaal.>", None),
        ("nats:///onthaal.*.x", None),
        ("nats:///.dossiers", None),
        ("nats:///dossiers ", None),
        ("nats:///dossiers?x=1", None),
        ("nats://noor:geheim@host/dossiers", None),
        ("https:///dossiers", None),
    ],
)
def test_an_address_names_a_subject_and_nothing_else(url: str, prefix: str | None) -> None:
    assert prefix_of(url) == prefix
