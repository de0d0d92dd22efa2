"""A gateway that is told to stop says so, finishes what was begun, sends chats elsewhere, and ends as a success."""

import asyncio
import json
import signal
import smtplib
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from services.chat_relay.frames import PROTOCOL
from tests.running import Gateway

CALL = {"channel": "telefoon", "kind": "melding", "text": "Gesprek"}
MAIL = b"From: jan@example.org\r\nTo: meldpunt@example.org\r\nSubject: Vraag\r\n\r\nHoe werkt het?\r\n"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of one test's own, to be stopped."""
    started = Gateway(tmp_path / "var", settings={"ONTHAAL_HOURS_CHAT": "24/7", "ONTHAAL_DRAIN_NOTICE": "1"}).start()
    yield started
    started.kill()


def process(gateway: Gateway) -> subprocess.Popen[bytes]:
    assert gateway._process
    return gateway._process


def ended(gateway: Gateway) -> int:
    """Wait for its end and give how it ended."""
    code = process(gateway).wait(15)
    gateway._process = None
    return code


def until_draining(gateway: Gateway) -> None:
    end = time.monotonic() + 10
    while httpx.get(f"{gateway.url}/health/ready", timeout=5).status_code == 200:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_readiness_goes_first_and_requests_are_still_answered(gateway: Gateway) -> None:
    assert httpx.get(f"{gateway.url}/health/ready").json() == {"status": "UP"}
    process(gateway).send_signal(signal.SIGTERM)
    until_draining(gateway)
    assert httpx.get(f"{gateway.url}/health/live").status_code == 200
    last = httpx.get(f"{gateway.url}/health")
    assert (last.status_code, last.headers["connection"]) == (200, "close")
    assert ended(gateway) == 0


def test_what_was_begun_is_finished_a_chat_is_sent_elsewhere_and_the_end_is_a_success(gateway: Gateway) -> None:
    contact = uuid4()
    body = json.dumps(CALL).encode()
    head = (
        f"PUT /intake/v1/contacts/{contact} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.token()}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with (
        smtplib.SMTP("127.0.0.1", gateway.smtp_port) as idle,
        socket.create_connection(("127.0.0.1", gateway.port)) as begun,
        smtplib.SMTP("127.0.0.1", gateway.smtp_port) as sending,
        connect(f"ws://127.0.0.1:{gateway.port}/chat/v1/visitor", origin=gateway.url, subprotocols=[PROTOCOL]) as chat,  # type: ignore[arg-type,list-item]
    ):
        chat.send(json.dumps({"type": "hello"}))
        assert json.loads(chat.recv(timeout=30))["type"] == "welcome"
        begun.sendall(head + body[:10])
        sending.ehlo()
        sending.mail("jan@example.org")
        sending.rcpt("meldpunt@example.org")
        assert sending.docmd("DATA")[0] == 354
        sending.send(MAIL[:20])

        started = time.monotonic()
        process(gateway).send_signal(signal.SIGTERM)
        assert idle.getreply()[0] == 421
        with pytest.raises(ConnectionClosed) as closed:
            chat.recv(timeout=15)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        begun.sendall(body[10:])
        begun.settimeout(10)
        assert begun.recv(1000).startswith(b"HTTP/1.1 201")
        sending.send(MAIL[20:] + b".\r\n")
        assert sending.getreply()[0] == 250
    assert ended(gateway) == 0
    assert time.monotonic() - started < 15
    gateway.start()
    with gateway.client() as api:
        assert api.get(f"/contacts/{contact}").json()["text"] == "Gesprek"
        assert {one["channel"] for one in api.post("/contacts/query", json={}).json()["items"]} == {"telefoon", "mail"}


@pytest.mark.timeout(400)
async def test_restarts_under_load_lose_nothing_and_answer_no_error_but_503(tmp_path: Path) -> None:
    gateway = await asyncio.to_thread(Gateway(tmp_path / "var", ("intake_api",)).start)
    token = await asyncio.to_thread(gateway.token)
    answers: Counter[int] = Counter()
    acknowledged: set[UUID] = set()
    stopping = asyncio.Event()

    async def register(http: httpx.AsyncClient) -> None:
        while not stopping.is_set():
            contact = uuid4()
            while contact not in acknowledged:
                try:
                    answer = await http.put(f"/contacts/{contact}", json=CALL)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)  # refused: another process would have taken it
                    continue
                answers[answer.status_code] += 1
                if answer.is_success:
                    acknowledged.add(contact)

    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{gateway.url}/intake/v1", headers=headers, timeout=30) as http:
        load = [asyncio.create_task(register(http)) for _ in range(8)]
        for _ in range(2):
            seen = len(acknowledged)
            while len(acknowledged) < seen + 50:
                await asyncio.sleep(0.02)
            process(gateway).send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(ended, gateway) == 0
            await asyncio.to_thread(gateway.start)
        stopping.set()
        await asyncio.gather(*load)
        held: set[str] = set()
        after = None
        while True:
            page = (await http.get("/events", params={"limit": 500, **({"after": after} if after else {})})).json()
            held |= {event["subject"] for event in page["items"]}
            after = page["cursor"]
            if "next" not in page:
                break
    await asyncio.to_thread(gateway.stop)
    assert {str(contact) for contact in acknowledged} == held
    assert set(answers) <= {200, 201, 503}
