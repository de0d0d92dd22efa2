"""The receiver kit, as a case service uses it, against a gateway that answers contacts and a feed."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from standardwebhooks import Webhook

from onthaal_schema.receiver import (
    LARGEST_DELIVERY,
    CatchUpStopped,
    OnContact,
    Receipt,
    ReceivedContact,
    Receiver,
    SeenEvents,
    SeenInFile,
    SeenInMemory,
    asgi,
)

pytestmark = pytest.mark.asyncio

SECRET = "whsec_b250aGFhbC10ZXN0LXNlY3JldC0wMDAwMDAwMQ=="
OTHER_SECRET = "whsec_b250aGFhbC10ZXN0LXNlY3JldC0wMDAwMDAwMg=="
TOKEN = "a-token"
SERVICE = "be.vlaanderen.meldpunt.onthaal.v1"
STATE = {
    "channel": "mail",
    "nature": "person",
    "kind": "melding",
    "kindSource": "model",
    "anonymous": False,
    "receivedAt": "2026-03-02T10:00:00Z",
    "openingHours": {"open": True, "calendarVersion": "1"},
}


@dataclass
class Gateway:
    """Answers contacts and a feed as Onthaal does; counts what was asked."""

    url: str = ""
    version: int = 9
    erased: bool = False
    down: bool = False
    pages: list[list[dict[str, object]]] = field(default_factory=list)
    reads: int = 0

    async def contact(self, request: web.Request) -> web.Response:
        self.reads += 1
        if self.down:
            return web.Response(status=502)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _problem("urn:problem-type:belgif:invalidAccessToken", 401)
        if self.erased:
            return _problem("urn:problem-type:onthaal:intake:erased", 410)
        known = {
            "id": request.match_info["id"],
            "reference": "K7-M2-P",
            "status": "open",
            "version": self.version,
        }
        return web.json_response(STATE | known | {"registeredAt": "2026-03-02T10:00:01Z", "text": "Het gaat om de trainer."})

    async def events(self, request: web.Request) -> web.Response:
        at = int(request.query.get("after", "0"))
        items = self.pages[at] if at < len(self.pages) else []
        after = min(at + 1, len(self.pages))
        more = {"next": f"{self.url}/intake/v1/events?after={after}"} if after < len(self.pages) else {}
        return web.json_response({"self": str(request.url), "items": items, "cursor": str(after)} | more)


def _problem(kind: str, status: int) -> web.Response:
    body = {"type": kind, "title": "No", "status": status}
    return web.json_response(body, status=status, content_type="application/problem+json")


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    answers = Gateway()
    app = web.Application()
    app.router.add_get("/intake/v1/contacts/{id}", answers.contact)
    app.router.add_get("/intake/v1/events", answers.events)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    answers.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield answers
    await runner.cleanup()


@dataclass
class CaseService:
    """Keeps what it received, unless it is told to fail."""

    received: list[ReceivedContact] = field(default_factory=list)
    failing: bool = False

    async def on_contact(self, received: ReceivedContact) -> None:
        await asyncio.sleep(0.01)
        if self.failing:
            message = "the case service's own database is away"
            raise RuntimeError(message)
        self.received.append(received)


@pytest.fixture
def service() -> CaseService:
    return CaseService()


@pytest.fixture(params=["memory", "file"])
def seen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SeenEvents]:
    if request.param == "memory":
        yield SeenInMemory()
    else:
        with closing(SeenInFile(tmp_path / "seen.sqlite")) as file:
            yield file


@asynccontextmanager
async def receiving(
    gateway: Gateway,
    on_contact: OnContact,
    seen: SeenEvents | None = None,
    secrets: str | list[str] = SECRET,
    token: str = TOKEN,
) -> AsyncIterator[Receiver]:
    receiver = Receiver(secrets, gateway.url, token, on_contact, seen)
    yield receiver
    await receiver.close()


def event(contact: UUID | None = None, version: int = 1, what: str = "registered") -> dict[str, object]:
    contact = contact or uuid4()
    data = STATE | {"contactId": str(contact), "version": version, "links": {"contact": "http://unused"}}
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "urn:onthaal:test",
        "type": f"{SERVICE}.contacts.notify.{what}",
        "service": SERVICE,
        "subject": str(contact),
        "time": "2026-03-02T10:00:01Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def signed(content: dict[str, object], secret: str = SECRET, at: datetime | None = None) -> tuple[dict[str, str], bytes]:
    body = json.dumps(content)
    at = at or datetime.now(UTC)
    name = str(content.get("id", "msg"))
    headers = {
        "Content-Type": "application/cloudevents+json",
        "Webhook-Id": name,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(name, at, body),
    }
    return headers, body.encode()


async def test_a_signed_event_reaches_the_callback_with_the_fetched_contact(gateway: Gateway, service: CaseService) -> None:
    contact = uuid4()
    async with receiving(gateway, service.on_contact) as receiver:
        receipt = await receiver.handle(*signed(event(contact)))
    assert receipt.status == 204
    [received] = service.received
    assert received.event.subject == contact
    assert received.contact is not None
    assert (received.contact.reference, received.contact.text) == ("K7-M2-P", "Het gaat om de trainer.")


def signed_batch(events: list[dict[str, object]]) -> tuple[dict[str, str], bytes]:
    body, at, name = json.dumps(events), datetime.now(UTC), str(uuid4())
    signature = Webhook(SECRET).sign(name, at, body)
    return {"Webhook-Id": name, "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}, body.encode()


async def test_a_batch_is_handled_in_the_order_of_each_contact(gateway: Gateway, service: CaseService, seen: SeenEvents) -> None:
    contacts = [uuid4() for _ in range(20)]
    batch = [event(contact, version) for version in (1, 2, 3) for contact in contacts]
    async with receiving(gateway, service.on_contact, seen) as receiver:
        assert await receiver.handle(*signed_batch(batch)) is Receipt.HANDLED
        assert await receiver.handle(*signed_batch(batch)) is Receipt.ALREADY_HANDLED
    for contact in contacts:
        versions = [one.event.data.version for one in service.received if one.event.subject == contact]
        assert versions == sorted(versions)
        assert versions


async def test_a_batch_comes_again_when_one_of_its_events_could_not_be_handled(gateway: Gateway, seen: SeenEvents) -> None:
    good, bad = uuid4(), uuid4()
    handled: list[UUID] = []
    failing = True

    async def on_contact(received: ReceivedContact) -> None:
        if failing and received.event.subject == bad:
            message = "not now"
            raise RuntimeError(message)
        handled.append(received.event.subject)

    batch = [event(bad), event(good)]
    async with receiving(gateway, on_contact, seen) as receiver:
        assert (await receiver.handle(*signed_batch(batch))).status == 503
        failing = False
        assert (await receiver.handle(*signed_batch(batch))).status == 204
    assert sorted(handled) == sorted([good, bad])


@pytest.mark.parametrize("body", [[{"id": "x"}], "text", [[]], [event(), {}]])
async def test_a_batch_that_holds_anything_else_is_malformed(
    gateway: Gateway, service: CaseService, body: list[dict[str, object]]
) -> None:
    async with receiving(gateway, service.on_contact) as receiver:
        assert await receiver.handle(*signed_batch(body)) is Receipt.MALFORMED
    assert service.received == []


async def test_a_changed_body_is_not_trusted(gateway: Gateway, service: CaseService) -> None:
    headers, body = signed(event())
    async with receiving(gateway, service.on_contact) as receiver:
        receipt = await receiver.handle(headers, body.replace(b"melding", b"vraag"))
    assert (receipt.status, service.received, gateway.reads) == (401, [], 0)


async def test_another_secret_is_not_trusted(gateway: Gateway, service: CaseService) -> None:
    async with receiving(gateway, service.on_contact) as receiver:
        receipt = await receiver.handle(*signed(event(), OTHER_SECRET))
    assert (receipt.status, service.received) == (401, [])


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
async def test_a_delivery_of_another_time_is_not_trusted(gateway: Gateway, service: CaseService, age: timedelta) -> None:
    async with receiving(gateway, service.on_contact) as receiver:
        receipt = await receiver.handle(*signed(event(), at=datetime.now(UTC) - age))
    assert (receipt.status, service.received) == (401, [])


async def test_a_delivery_that_took_four_minutes_is_trusted(gateway: Gateway, service: CaseService) -> None:
    async with receiving(gateway, service.on_contact) as receiver:
        receipt = await receiver.handle(*signed(event(), at=datetime.now(UTC) - timedelta(minutes=4)))
    assert receipt is Receipt.HANDLED


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
async def test_while_secrets_rotate_the_old_and_the_new_are_trusted(gateway: Gateway, service: CaseService, secret: str) -> None:
    async with receiving(gateway, service.on_contact, secrets=[SECRET, OTHER_SECRET]) as receiver:
        assert await receiver.handle(*signed(event(), secret)) is Receipt.HANDLED


@pytest.mark.parametrize("signature", ["", "v1", "v1,not-base64!", "v2,AAAA", "v1,é", "v1,a,b"])
async def test_a_broken_signature_is_not_trusted_and_does_no_harm(gateway: Gateway, service: CaseService, signature: str) -> None:
    headers, body = signed(event())
    async with receiving(gateway, service.on_contact) as receiver:
        assert (await receiver.handle(headers | {"Webhook-Signature": signature}, body)).status == 401
        assert (await receiver.handle({}, body)).status == 401
        assert (await receiver.handle(headers | {"Webhook-Timestamp": "nan"}, b"\xff")).status == 401


async def test_a_signed_body_that_is_no_event_is_malformed(gateway: Gateway, service: CaseService) -> None:
    async with receiving(gateway, service.on_contact) as receiver:
        receipt = await receiver.handle(*signed({"id": "1", "hello": "world"}))
    assert (receipt.status, service.received) == (400, [])


async def test_a_huge_body_is_refused_unread(gateway: Gateway, service: CaseService) -> None:
    async with receiving(gateway, service.on_contact) as receiver:
        assert (await receiver.handle(*signed(event() | {"padding": "x" * LARGEST_DELIVERY}))).status == 413


async def test_twelve_equal_deliveries_at_once_are_handled_once(gateway: Gateway, service: CaseService, seen: SeenEvents) -> None:
    delivery = signed(event())
    async with receiving(gateway, service.on_contact, seen) as receiver:
        receipts = await asyncio.gather(*(receiver.handle(*delivery) for _ in range(12)))
    assert {receipt.status for receipt in receipts} == {204}
    assert len(service.received) == 1


async def test_a_failing_callback_gets_the_event_again(gateway: Gateway, service: CaseService, seen: SeenEvents) -> None:
    delivery = signed(event())
    async with receiving(gateway, service.on_contact, seen) as receiver:
        service.failing = True
        assert (await receiver.handle(*delivery)).status == 503
        service.failing = False
        assert await receiver.handle(*delivery) is Receipt.HANDLED
        assert await receiver.handle(*delivery) is Receipt.ALREADY_HANDLED
    assert len(service.received) == 1


async def test_a_failure_is_logged_without_what_a_person_wrote(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    async def on_contact(received: ReceivedContact) -> None:
        raise ValueError(received.contact)

    async with receiving(gateway, on_contact) as receiver:
        assert await receiver.handle(*signed(event())) is Receipt.TRY_AGAIN
    assert "ValueError" in caplog.text
    assert "trainer" not in caplog.text


async def test_when_the_gateway_is_away_the_event_is_asked_again(
    gateway: Gateway, service: CaseService, seen: SeenEvents
) -> None:
    delivery = signed(event())
    async with receiving(gateway, service.on_contact, seen) as receiver:
        gateway.down = True
        assert (await receiver.handle(*delivery)).status == 503
        gateway.down = False
        assert (await receiver.handle(*delivery)).status == 204
    assert len(service.received) == 1


async def test_a_refused_token_does_not_lose_the_event(gateway: Gateway, service: CaseService, seen: SeenEvents) -> None:
    delivery = signed(event())
    async with receiving(gateway, service.on_contact, seen, token="revoked") as receiver:
        assert (await receiver.handle(*delivery)).status == 503
    async with receiving(gateway, service.on_contact, seen) as receiver:
        assert await receiver.handle(*delivery) is Receipt.HANDLED


async def test_a_contact_older_than_its_event_is_fetched_again_later(gateway: Gateway, service: CaseService) -> None:
    delivery = signed(event(version=3))
    async with receiving(gateway, service.on_contact) as receiver:
        gateway.version = 2
        assert (await receiver.handle(*delivery)).status == 503
        gateway.version = 3
        assert (await receiver.handle(*delivery)).status == 204


async def test_an_event_older_than_what_was_handled_is_ignored(gateway: Gateway, service: CaseService, seen: SeenEvents) -> None:
    contact = uuid4()
    async with receiving(gateway, service.on_contact, seen) as receiver:
        assert await receiver.handle(*signed(event(contact, 3, "retagged"))) is Receipt.HANDLED
        assert await receiver.handle(*signed(event(contact, 1))) is Receipt.ALREADY_HANDLED
        assert await receiver.handle(*signed(event(contact, 4, "completed"))) is Receipt.HANDLED
        assert await receiver.handle(*signed(event(uuid4(), 1))) is Receipt.HANDLED
    assert [received.event.data.version for received in service.received] == [3, 4, 1]


async def test_of_states_that_arrive_together_the_latest_is_the_last_that_is_handled(
    gateway: Gateway, service: CaseService, seen: SeenEvents
) -> None:
    contact = uuid4()
    deliveries = [signed(event(contact, version)) for version in (2, 1, 5, 3, 4)]
    async with receiving(gateway, service.on_contact, seen) as receiver:
        await asyncio.gather(*(receiver.handle(*delivery) for delivery in deliveries))
    handled = [received.event.data.version for received in service.received]
    assert handled == sorted(handled)
    assert handled[-1] == 5


async def test_an_erased_event_is_handed_on_without_a_contact(gateway: Gateway, service: CaseService) -> None:
    async with receiving(gateway, service.on_contact) as receiver:
        assert await receiver.handle(*signed(event(version=4, what="erased"))) is Receipt.HANDLED
    assert service.received[0].erased
    assert gateway.reads == 0


async def test_a_contact_erased_meanwhile_is_handed_on_as_erased(gateway: Gateway, service: CaseService) -> None:
    gateway.erased = True
    async with receiving(gateway, service.on_contact) as receiver:
        assert await receiver.handle(*signed(event())) is Receipt.HANDLED
    assert service.received[0].contact is None


async def test_what_was_handled_is_remembered_through_a_restart(gateway: Gateway, service: CaseService, tmp_path: Path) -> None:
    delivery = signed(event())
    for expected in (Receipt.HANDLED, Receipt.ALREADY_HANDLED):
        with closing(SeenInFile(tmp_path / "seen.sqlite")) as seen:
            async with receiving(gateway, service.on_contact, seen) as receiver:
                assert await receiver.handle(*delivery) is expected
    assert len(service.received) == 1


async def test_catching_up_handles_what_the_feed_holds_and_webhooks_did_not_bring(
    gateway: Gateway, service: CaseService, seen: SeenEvents
) -> None:
    events = [event() for _ in range(5)]
    gateway.pages = [events[:2], events[2:4], events[4:]]
    async with receiving(gateway, service.on_contact, seen) as receiver:
        await receiver.handle(*signed(events[3]))
        cursor = await receiver.catch_up()
        assert cursor == "3"
        assert await receiver.catch_up(cursor) == "3"
    assert [str(received.event.id) for received in service.received] == [str(events[at]["id"]) for at in (3, 0, 1, 2, 4)]


async def test_catching_up_stops_at_a_failure_and_goes_on_from_there(gateway: Gateway, service: CaseService) -> None:
    gateway.pages = [[event()], [event()]]
    async with receiving(gateway, service.on_contact) as receiver:
        service.failing = True
        with pytest.raises(CatchUpStopped) as stopped:
            await receiver.catch_up()
        service.failing = False
        assert await receiver.catch_up(stopped.value.cursor) == "2"
    assert len(service.received) == 2


async def test_the_asgi_app_answers_deliveries_at_its_path_alone(gateway: Gateway, service: CaseService) -> None:
    headers, body = signed(event())
    async with receiving(gateway, service.on_contact) as receiver:
        transport = httpx.ASGITransport(asgi(receiver, path="/events"))
        async with httpx.AsyncClient(transport=transport, base_url="http://cases") as client:
            assert (await client.post("/events", headers=headers, content=body)).status_code == 204
            assert (await client.post("/events", headers=headers, content=b"x" * (LARGEST_DELIVERY + 1))).status_code == 413
            assert (await client.get("/events")).status_code == 405
            consent = await client.options("/events", headers={"WebHook-Request-Origin": "onthaal.example"})
            assert (consent.status_code, consent.headers["WebHook-Allowed-Origin"]) == (200, "onthaal.example")
            assert (await client.options("/", headers={"WebHook-Request-Origin": "onthaal.example"})).status_code == 404
            assert (await client.post("/", headers=headers, content=body)).status_code == 404
    assert len(service.received) == 1
