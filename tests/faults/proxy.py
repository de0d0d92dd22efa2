"""A network that can be cut: a TCP proxy on loopback, to a port or to the socket of a database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum

from tests.running import free_port


class Line(Enum):
    """What becomes of bytes."""

    WELL = "well"
    REFUSED = "refused"  # nobody listens, and who was connected is thrown out
    SILENT = "silent"  # connections stay and nothing comes through, as behind a firewall that forgot them
    HALF_CLOSED = "half closed"  # what is asked goes through, no answer comes back


class Proxy:
    """Carries bytes between a port of its own and an address (`host:port`, or the path of a socket)."""

    def __init__(self, address: str) -> None:
        """Listen on a free port from `open` on."""
        self.port = free_port()
        self.delay_s = 0.0
        self._address = address
        self._line = Line.WELL
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._carriers: set[asyncio.Task[None]] = set()

    async def become(self, line: Line) -> None:
        """Change what becomes of bytes. Whoever was connected before is not connected any more once the line is well again."""
        self._line = line
        if line is Line.REFUSED or line is Line.WELL:
            await self._close()
        if line is not Line.REFUSED and self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def forget(self) -> None:
        """Be well for who connects from now on, and silent for ever to who is connected: no side is told."""
        stale, self._writers, self._line = self._writers, set(), Line.WELL
        self._forgotten = stale
        for carrier in self._carriers:
            carrier.cancel()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        """Carry for the length of a block."""
        await self.become(Line.WELL)
        try:
            yield self
        finally:
            await self.become(Line.REFUSED)
            for carrier in self._carriers:
                carrier.cancel()

    async def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._line is Line.SILENT:
            return
        try:
            there, back = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(back)
        for source, sink, answers in ((reader, back, False), (there, writer, True)):
            task = asyncio.create_task(self._carry(source, sink, answers))
            self._carriers.add(task)
            task.add_done_callback(self._carriers.discard)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address)
        host, port = self._address.rsplit(":", 1)
        return await asyncio.open_connection(host, int(port))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if self._line is Line.SILENT or (self._line is Line.HALF_CLOSED and answers):
                    continue  # swallowed
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                sink.write(data)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()
                return
        sink.transport.abort()
