"""One connection: lines and data come in, answers go out, and it can turn to TLS."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, cast

from services.mail_ingest.smtp.data import Data
from services.mail_ingest.smtp.syntax import LINE_LIMIT

HELD: Final = 131_072
"""Bytes that a client may send ahead of what is read; then the network makes it wait."""

HANDSHAKE_SECONDS: Final = 30
FAREWELL_SECONDS: Final = 5
"""How long a client that does not read its last answer keeps the connection."""

_GREATEST_EXCESS: Final = 10
"""Of a mail that is too large, so many times the limit are heard out, so that its sender gets to read the answer."""


class Gone(Exception):
    """The client has hung up."""


class LineTooLong(Exception):
    """A line was too long; it was read to its end and thrown away."""


class TooMuch(Exception):
    """A client goes on sending what was too large long ago."""


class Wire(asyncio.Protocol):
    """The bytes of a connection. Whatever waits on it raises `Gone` when the client hangs up."""

    def __init__(self, talk: "Callable[[Wire], Awaitable[None]]") -> None:
        """Talk to the client from the moment it has connected."""
        self._talk = talk
        self._received = bytearray()
        self._answers: list[str] = []
        self._arrival: asyncio.Future[None] | None = None
        self._is_paused = False
        self._has_ended = False
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._transport: asyncio.Transport | None = None
        self._talking: asyncio.Future[None] | None = None
        self._farewell: asyncio.TimerHandle | None = None
        self.is_protected = False
        """Whether the connection has turned to TLS."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk."""
        # uvloop's transports are none of asyncio's classes, so asking what they are would say no
        self._transport = cast("asyncio.Transport", transport)
        self._talking = asyncio.ensure_future(self._talk(self))

    def data_received(self, data: bytes) -> None:
        """Keep what comes until it is read."""
        self._received += data
        if len(self._received) > HELD and not self._is_paused and self._transport:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Let the client, which has no more to say, read what it is answered."""
        self._has_ended = True
        self._wake()
        return not self.is_protected

    def connection_lost(self, error: Exception | None) -> None:
        """Wake whoever waits."""
        del error
        self._has_ended = True
        self._transport = None
        self._may_write.set()
        if self._farewell:
            self._farewell.cancel()
        self._wake()

    def pause_writing(self) -> None:
        """Hold back answers that the client does not read."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._may_write.set()

    @property
    def peer(self) -> str:
        """The address of the client; empty on a Unix socket."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return str(name[0]) if isinstance(name, tuple) else ""

    @property
    def is_ahead(self) -> bool:
        """Whether the client has sent more than was read."""
        return bool(self._received)

    async def line(self) -> bytes:
        """Read a line, without its end: CR LF, or LF alone.

        Raises:
            LineTooLong: it was too long.

        """
        searched = 0
        is_too_long = False
        while (end := self._received.find(b"\n", searched)) < 0:
            if len(self._received) > LINE_LIMIT:
                is_too_long = True
                self._received.clear()
            searched = len(self._received)
            await self._more()
        line = bytes(memoryview(self._received)[:end])
        del self._received[: end + 1]
        if is_too_long or end > LINE_LIMIT:
            raise LineTooLong
        return line.removesuffix(b"\r")

    async def data(self, data: Data, limit: int) -> None:
        """Read data to its end.

        Raises:
            TooMuch: it is far above the limit, and goes on.

        """
        while True:
            received, self._received = self._received, bytearray()
            rest = data.feed(bytes(received)) if received else None
            if rest is not None:
                self._received[:0] = rest
                return
            if data.size > _GREATEST_EXCESS * limit:
                raise TooMuch
            await self._more()

    def write(self, *lines: str) -> None:
        """Answer. It is sent with what is answered next, as long as the client is ahead of its answers (RFC 2920 §3.2)."""
        self._answers += lines

    async def flush(self) -> None:
        """Send what is answered, and wait until the client reads it."""
        self._send()
        await self._may_write.wait()

    async def protect(self, context: ssl.SSLContext) -> None:
        """Turn to TLS. What the client sent ahead of it is thrown away: anybody may have put it there (RFC 3207 §4.2).

        Raises:
            Gone: it came to nothing.

        """
        if self._transport is None:
            raise Gone
        loop = asyncio.get_running_loop()
        self._received.clear()
        self.is_protected = True
        try:
            # no time passes between the clearing and the moment from which only TLS is understood
            protected = await loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except OSError as error:
            self.hang_up()
            raise Gone from error
        if protected is None or self._has_ended:
            raise Gone
        self._transport = protected
        self._is_paused = False

    def close(self) -> None:
        """Close when the answers are read, and soon."""
        self._send()
        if self._transport and not self._farewell:
            self._transport.close()
            self._farewell = asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self.hang_up)

    def hang_up(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.abort()

    def _send(self) -> None:
        if self._answers and self._transport and not self._transport.is_closing():
            self._transport.write("".join(f"{line}\r\n" for line in self._answers).encode())
        self._answers.clear()

    async def _more(self) -> None:
        self._send()
        if self._has_ended:
            raise Gone
        if self._is_paused and self._transport:
            self._is_paused = False
            self._transport.resume_reading()
        self._arrival = asyncio.get_running_loop().create_future()
        await self._arrival

    def _wake(self) -> None:
        if self._arrival and not self._arrival.done():
            self._arrival.set_result(None)
