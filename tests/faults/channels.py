"""People at the four doors of the split deployment: they go on until they are told that it is stored."""

import asyncio
import json
import random
from abc import ABC, abstractmethod
from typing import Any
from uuid import UUID, uuid4

import aiosmtplib
import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin, Subprotocol

from services.chat_relay.frames import PROTOCOL
from tests.faults.ledger import Ledger
from tests.faults.load import AGAIN_S, LONGEST_FAULT_S, PATIENCE_S, NeverTakenError
from tests.running import Gateway

OURS = "meldpunt@example.be"
AWAY = (OSError, TimeoutError, httpx.HTTPError, aiosmtplib.SMTPException, WebSocketException, EOFError)


class RefusedError(Exception):
    """An answer that was no success; the message names it as the ledger does."""


class Person(ABC):
    """Somebody who brings one contact after another to the process of one service."""

    def __init__(self, gateway: Gateway, ledger: Ledger, rng: random.Random) -> None:
        """Go to a process."""
        self.gateway = gateway
        self.ledger = ledger
        self.rng = rng

    @abstractmethod
    async def serve_one(self) -> None:
        """Bring one contact."""

    async def close(self) -> None:  # noqa: B027 - most hold nothing between two contacts
        """Leave."""

    async def _until_taken(self, attempt: Any) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_FAULT_S
        while loop.time() < end:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    return await attempt()
            except RefusedError as refused:
                self.ledger.refused(str(refused))
            except AWAY:
                self.ledger.refused("no answer")
            await asyncio.sleep(AGAIN_S * self.rng.uniform(0.5, 1.5))
        message = f"{type(self).__name__}: never taken: {dict(self.ledger.refusals)}"
        raise NeverTakenError(message)


class Mailer(Person):
    """A mail server that keeps a mail until it is told 250."""

    async def serve_one(self) -> None:
        """Send one mail."""
        name = uuid4().hex
        raw = f"From: {name}@example.be\r\nTo: {OURS}\r\nSubject: Vraag\r\nMessage-ID: <{name}@example.be>\r\n\r\nIk wil iets melden. {name}\r\n"

        async def attempt() -> str:
            client = aiosmtplib.SMTP(
                hostname="127.0.0.1", port=self.gateway.smtp_port, use_tls=False, start_tls=False, timeout=PATIENCE_S
            )
            try:
                async with client:
                    await client.ehlo()
                    await client.mail(f"{name}@example.be")
                    await client.rcpt(OURS)
                    return (await client.data(raw.encode())).message
            except aiosmtplib.SMTPResponseException as error:
                if error.code < 0:
                    raise
                raise RefusedError(f"SMTP {error.code}") from None

        self.ledger.took(UUID((await self._until_taken(attempt)).split()[-1]))


class FormFiller(Person):
    """A visitor of the contact form, without JavaScript."""

    async def serve_one(self) -> None:
        """Send one form."""
        contact = uuid4()
        fields = {
            "contact_id": str(contact),
            "opened": "1700000000",
            "lang": "nl",
            "text": f"Formulier {contact}",
            "kind": "melding",
            "step": "send",
        }
        parts = [(name, (None, value.encode())) for name, value in fields.items()]

        async def attempt() -> None:
            async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
                answer = await http.post(f"{self.gateway.url}/contact", files=parts)
            if answer.status_code != 200:
                raise RefusedError(f"HTTP {answer.status_code}")

        await self._until_taken(attempt)
        self.ledger.took(contact)


class DeskWorker(Person):
    """An operator who registers calls; `cookies` are of a session at the desk."""

    def __init__(self, gateway: Gateway, ledger: Ledger, rng: random.Random, link: str) -> None:
        """Sign in with a one-time code when the first call comes."""
        super().__init__(gateway, ledger, rng)
        self._http = httpx.AsyncClient(
            base_url=gateway.url, headers={"Origin": gateway.url, "Accept": "text/html"}, timeout=PATIENCE_S
        )
        self._link: str | None = link

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def sign_in(self) -> None:
        """Use the one-time code, while nothing is broken yet."""
        answer = await self._http.post("/desk/sign-in", data={"code": self._link, "next": "/desk"})
        assert answer.status_code == 303, answer.text

    async def serve_one(self) -> None:
        """Register one call."""
        contact = uuid4()
        call = {"contact": str(contact), "nature": "person", "day": "2025-11-17", "started": "18:00", "ended": "18:25"}
        call |= {"text": f"Oproep {contact}", "kind": "vraag"}

        async def attempt() -> None:
            answer = await self._http.post("/desk/telefoon/new", data=call)
            if answer.status_code != 303 or "bewaard" not in answer.headers["location"]:
                raise RefusedError(f"HTTP {answer.status_code}")

        await self._until_taken(attempt)
        self.ledger.took(contact)


class Chatter(Person):
    """A visitor who chats, and takes the conversation up again on a new connection when one breaks."""

    async def serve_one(self) -> None:
        """Start a conversation and say three things."""
        hers: dict[str, str] = {}
        said = [str(uuid4()) for _ in range(3)]
        told: set[str] = set()

        async def attempt() -> None:
            address = f"ws://127.0.0.1:{self.gateway.port}/chat/v1/visitor"
            asked = {"origin": Origin(self.gateway.url), "subprotocols": [Subprotocol(PROTOCOL)], "compression": None}
            async with connect(address, open_timeout=3, close_timeout=1, **asked) as socket:
                await self._begin(socket, hers, told)
                for message in said:
                    if message not in told:
                        await self._ask(socket, {"type": "say", "message": message, "text": f"Beurt {message}"}, "sent")
                        told.add(message)
                        self.ledger.took(UUID(hers["conversation"]), UUID(message))

        await self._until_taken(attempt)

    async def _begin(self, socket: Any, hers: dict[str, str], told: set[str]) -> None:
        if "started" in told:
            await socket.send(json.dumps({"type": "resume", **hers, "after": 0}))
            return
        welcome = await self._ask(socket, {"type": "hello"}, "welcome")
        hers.setdefault("conversation", welcome["conversation"])
        if hers["conversation"] == welcome["conversation"]:
            hers["token"] = welcome["token"]
        await self._ask(socket, {"type": "start", **hers, "text": f"Dag {hers['conversation']}", "language": "nl"}, "sent")
        told.add("started")
        self.ledger.took(UUID(hers["conversation"]))

    async def _ask(self, socket: Any, frame: dict[str, Any], wanted: str) -> dict[str, Any]:
        await socket.send(json.dumps(frame))
        while True:
            answer: dict[str, Any] = json.loads(await socket.recv())
            if answer["type"] == wanted:
                return answer
            if answer["type"] in {"failed", "error", "closed"}:
                raise RefusedError(f"chat {answer.get('reason') or answer.get('code')}")
