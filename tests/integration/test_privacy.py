"""A marker goes in through every channel, as a person would send it, and is then looked for in everything that was written."""

import base64
import json
import smtplib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.sync.client import connect

from services.chat_relay.frames import PROTOCOL
from tests.integration.test_form import post, reviewed
from tests.receiving import Receiver, receiving
from tests.running import Gateway, running

MARKER = "Zwxq9Merkteken"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A case service."""
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="module")
def own(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, split: bool
) -> Iterator[Gateway]:
    """A gateway of which everything written can be searched."""
    if split:
        shared: Gateway = request.getfixturevalue("gateway")
        shared.subscribe(receiver.url)
        yield shared
        return
    with running(tmp_path_factory.mktemp("privacy"), ONTHAAL_HOURS_CHAT="24/7", ONTHAAL_LOG_LEVEL="DEBUG") as gateway:
        gateway.subscribe(f"{receiver.url}")
        yield gateway


def by_form(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url, timeout=30) as browser:
        typed = {"text": f"Verhaal {MARKER}", "name": f"An {MARKER}", "email": f"{MARKER}@voorbeeld.be"}
        answer = post(browser, "send", reviewed(browser, **typed))
    assert answer.status_code == 200, answer.text
    assert MARKER not in answer.text


def by_mail(gateway: Gateway) -> None:
    head = f"From: {MARKER} <{MARKER}@voorbeeld.be>\r\nTo: {MARKER}@x.be\r\nSubject: {MARKER}\r\nMessage-ID: <{uuid4()}@voorbeeld.be>"
    mail = f"{head}\r\n\r\nOver {MARKER}.\r\n"
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as server:
        server.sendmail(f"{MARKER}@voorbeeld.be", f"{MARKER}@x.be", mail)


def by_desk(gateway: Gateway) -> str:
    with httpx.Client(base_url=gateway.url, headers={"Origin": gateway.url}, timeout=30) as desk:
        code = gateway.sign_in_link().rpartition("#")[2]
        assert desk.post("/desk/sign-in", data={"code": code}).status_code == 303
        call = {
            "contact": str(uuid4()),
            "nature": "person",
            "day": "2025-11-17",
            "started": "10:00",
            "ended": "10:10",
            "kind": "",
        }
        told = {"text": f"Beller {MARKER}", "name": MARKER, "phone": "0470 55 66 77"}
        assert desk.post("/desk/telefoon/new", data=call | told).status_code == 303
        letter = {
            "contact": str(uuid4()),
            "received_on": "2025-11-14",
            "kind": "melding",
            "text": f"Brief {MARKER}",
            "name": MARKER,
        }
        scan = {"scans": (f"{MARKER}.pdf", b"%PDF-1.7\n" + MARKER.encode() + b"\n%%EOF", "application/pdf")}
        assert desk.post("/desk/brief/new", data=letter, files=scan).status_code == 303
        page = desk.get(f"/desk/contacten/{call['contact']}")
        assert MARKER in page.text
        assert desk.post("/desk/zoeken", data={"q": f"{MARKER}@voorbeeld.be"}).status_code < 500
        return str(call["contact"])


def by_chat(gateway: Gateway) -> None:
    address = f"ws://127.0.0.1:{gateway.port}/chat/v1/visitor"
    with connect(address, origin=gateway.url, subprotocols=[PROTOCOL]) as visitor:  # type: ignore[arg-type,list-item]
        visitor.send(json.dumps({"type": "hello"}))
        welcome = next_of(visitor, "welcome")
        proof = {"conversation": welcome["conversation"], "token": welcome["token"]}
        visitor.send(json.dumps({"type": "start", **proof, "text": f"Dag {MARKER}", "language": "nl"}))
        next_of(visitor, "sent")
        visitor.send(json.dumps({"type": "say", "message": str(uuid4()), "text": f"Nog iets {MARKER}"}))
        next_of(visitor, "sent")


def next_of(socket: Any, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(timeout=30))
        if frame["type"] == kind:
            return frame


def spellings() -> set[bytes]:
    words = {MARKER, MARKER.lower(), MARKER.upper()}
    plain = {word.encode(code) for word in words for code in ("utf-8", "utf-16-le")}
    return plain | {base64.b64encode(word)[:-4] for word in plain} | {word.hex().encode() for word in plain}


def test_what_people_say_is_nowhere_in_clear(own: Gateway, receiver: Receiver) -> None:
    by_form(own)
    by_mail(own)
    by_desk(own)
    by_chat(own)
    with own.client() as api:
        for channel in ("brief", "chat", "contactformulier", "mail", "telefoon"):
            assert api.post("/contacts/query", json={"channel": [channel]}).json()["items"], channel
        receiver.wait(lambda: len({attempt.contact for attempt in receiver.attempts}) >= 5, 90)
        feed = api.get("/events").text
    written = [*own.written(), ("feed", feed.encode())]
    assert any(name.endswith("onthaal.db") or "/base/" in name for name, _ in written)
    for name, content in written:
        for spelled in spellings():
            assert spelled not in content, name
