"""The mail listener by itself, before an intake that behaves as told, and a client that says exactly what it is told to say."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

from onthaal_schema.mail import MailOutcome, MailReceipt
from onthaal_schema.problems import ServiceUnavailable
from services.kit.alarms import Board
from services.kit.clock import SystemClock
from services.mail_ingest.listener import Listener
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.reception import Taker
from services.mail_ingest.smtp.settings import ListenerSettings

OURS = "meldpunt@example.be"
NOWHERE = (ip_network("192.0.2.0/24"),)
"""Networks in which nobody is: with these as relays of our own, clients on this machine are strangers."""


@dataclass
class House:
    """A listener that listens, and what was handed in by it."""

    listener: Listener
    mails: list[ReceivedMail] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it speaks SMTP."""
        assert self.listener.port is not None
        return self.listener.port


def listener(store: Taker | None = None, **settings: Any) -> Listener:
    """Make a listener on a free port."""
    return Listener(ListenerSettings(smtp_port=0, **settings), store or Nowhere(), SystemClock(), Board(SystemClock()))


class Nowhere:
    """Takes no mail in."""

    async def take_in(self, mail: ReceivedMail) -> MailReceipt:
        """Refuse."""
        raise ServiceUnavailable


@asynccontextmanager
async def listening(before: Callable[[ReceivedMail], Awaitable[None]] | None = None, **settings: Any) -> AsyncIterator[House]:
    """Run a listener; `before` is awaited for each mail before it counts as stored, and may raise."""

    class Store:
        async def take_in(self, mail: ReceivedMail) -> MailReceipt:
            if before:
                await before(mail)
            house.mails.append(mail)
            return MailReceipt(mail_id=mail.mail_id, outcome=MailOutcome.ACCEPTED, contact_id=uuid4())

    house = House(listener(Store(), **settings))
    running = asyncio.create_task(house.listener.run())
    try:
        while house.listener.port is None and not running.done():
            await asyncio.sleep(0.01)
        yield house
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Client:
    """A client of SMTP or LMTP that can do everything wrong."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.greeting = ""

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> str:
        """Read one answer: its last line."""
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), 10)).decode()
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    async def answers(self, count: int) -> list[str]:
        """Read so many answers, the code of each."""
        return [(await self.answer())[:3] for _ in range(count)]

    async def say(self, *lines: str) -> str:
        """Send lines and give the last answer."""
        answer = ""
        for line in lines:
            await self.send(f"{line}\r\n".encode())
            answer = await self.answer()
        return answer

    async def begin(self, *recipients: str, greeting: str = "EHLO") -> None:
        """Greet, and come as far as the data."""
        await self.say(f"{greeting} client.example", "MAIL FROM:<noor@example.be>")
        for recipient in recipients or (OURS,):
            await self.say(f"RCPT TO:<{recipient}>")
        assert (await self.say("DATA")).startswith("354")

    async def rest(self) -> bytes:
        """Read until the other side closes, or cuts off what it no longer listens to."""
        read = b""
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                while line := await self._reader.readline():
                    read += line
        return read

    async def protect(self, trusted: str) -> None:
        """Begin to speak TLS."""
        await self._writer.start_tls(ssl.create_default_context(cafile=trusted), server_hostname="localhost")

    def certificate(self) -> bytes:
        """Give the certificate that the other side showed."""
        shown: bytes = self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return shown

    def hang_up(self) -> None:
        """Close without a word, as when a cable is cut."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close."""
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def client(port: int, source: str = "127.0.0.1") -> AsyncIterator[Client]:
    """Connect from an address of this machine, and read the greeting."""
    async with _client(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))) as connected:
        yield connected


@asynccontextmanager
async def local_client(socket: str) -> AsyncIterator[Client]:
    """Connect to a Unix socket, and read the greeting."""
    async with _client(*await asyncio.open_unix_connection(socket)) as connected:
        yield connected


@asynccontextmanager
async def _client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[Client]:
    connected = Client(reader, writer)
    connected.greeting = await connected.answer()
    try:
        yield connected
    finally:
        await connected.close()
