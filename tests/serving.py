"""Small servers on loopback that are not ours: each lives for the length of a block."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Silent(BaseHTTPRequestHandler, ABC):
    """Answers every request by `respond`, and prints nothing."""

    @abstractmethod
    def respond(self) -> None:
        """Answer as a test wants it."""

    def do_GET(self) -> None:
        """Answer, whatever the method."""
        self.respond()

    do_HEAD = do_OPTIONS = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Write an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[int]:
    """Serve, on a free port unless one is given; gives the port."""
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
