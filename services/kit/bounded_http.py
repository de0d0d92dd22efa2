"""HTTP/1.1 as uvicorn speaks it, which keeps no endless head in memory, and waits for ever neither for half a request nor to be read.

uvicorn with httptools reads a head, and what stands around the pieces of a body, of any length into memory, and has no time for a
request to come in: one connection could fill the memory, and many could take every descriptor. The rule for time is that of Apache's
`mod_reqtimeout`: so many seconds, and one more for every so many bytes that came.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.kit.limits import LARGEST_HEAD

SLOWEST: Final = 500
"""Bytes a second that a request must have on the long run."""


class BoundedHttp(HttpToolsProtocol):
    """One connection. Tells why it closes, as long as nothing was answered."""

    patience: ClassVar[float] = 20.0
    """Seconds that a request has to come in, beside those for its bytes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Speak as the server's settings say."""
        super().__init__(*args, **kwargs)
        self._since: float | None = None
        self._came = 0
        self._beside = 0
        self._in_head = True
        self._unread = 0
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._wait_for_request()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came, unless it is too much for a head; what came at once with the first byte is for `HeadLimit` to judge."""
        self._came += len(data)
        self._beside += len(data)
        super().data_received(data)
        if self._beside > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket, which has limits of its own."""
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request."""
        super().on_message_begin()
        self._wait_for_request()

    def on_headers_complete(self) -> None:
        """Begin to answer; a body may still have to come."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand on a piece of a body; what stands around it may be as long as itself."""
        self._beside -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait no more: the request is here, and the server's turn."""
        self._since = None
        super().on_message_complete()

    def _wait_for_request(self) -> None:
        self._since = self.loop.time()
        self._came = self._beside = 0
        self._in_head = True

    def _stop_waiting(self) -> None:
        self._since = None
        if self._watch:
            self._watch.cancel()

    def _look(self) -> None:
        """Refuse a request that is late, and look again when the next one may be: no timer is touched while requests come in.

        Nor is it waited longer, from one look to the next, for somebody who takes nothing of an answer.
        """
        now = self.loop.time()
        unread, self._unread = self._unread, self.transport.get_write_buffer_size()
        if 0 < self._unread == unread:
            self.transport.abort()
            return
        if self._since is not None and self.flow.read_paused:
            self._since = now  # it is we who do not read
        due = now + self.patience if self._since is None else self._since + self.patience + self._came / SLOWEST
        if due > now:
            self._watch = self.loop.call_at(due, self._look)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_waiting()
        if self._in_head or not self.cycle.response_started:
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode())
        self.transport.close()
