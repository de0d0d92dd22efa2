"""HTTP/1.1 as the server speaks it, with an end to what comes before a body."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ENDLESS: Final = 1_000_000
"""Bytes in which neither headers ended nor any of a body came. httptools keeps them all, and copies them again with each packet."""

_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """Closes on whoever sends headers without end. What is not as bad as that is answered by `HeadLimit`."""

    _vain = 0

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._vain += len(data)
        super().data_received(data)
        if self._vain > ENDLESS and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._vain = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._vain = 0
        super().on_body(body)
