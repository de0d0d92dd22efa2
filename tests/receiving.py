"""A case service's door on loopback: a real HTTP server that answers webhooks as a test says, and keeps what it got."""

import json
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(frozen=True)
class Answer:
    """What the receiver answers to one attempt."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    drop: bool = False
    body: bytes = b""


@dataclass(frozen=True)
class Attempt:
    """One request that came in."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer
    connection: int = 0

    @property
    def event(self) -> dict[str, Any]:
        """The event in it."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in it: several in a batch."""
        found = json.loads(self.body)
        return found if isinstance(found, list) else [found]

    @property
    def contact(self) -> str:
        """The contact that the event is about."""
        return str(self.event["subject"])

    @property
    def what(self) -> str:
        """The last word of the event's type."""
        return str(self.event["type"]).rsplit(".", 1)[1]

    @property
    def version(self) -> int:
        """The version of the contact that the event tells of."""
        return int(self.event["data"]["version"])

    @property
    def was_taken(self) -> bool:
        """Whether it was answered with success."""
        return not self.answer.drop and 200 <= self.answer.status < 300


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a shorter queue drops who connects at once, and they come back a second later


class Receiver:
    """Receives webhooks. Answers 204 unless a test set other answers, for every contact or for one."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.attempts: list[Attempt] = []
        self.always = Answer()
        self._next: dict[str, deque[Answer]] = defaultdict(deque)
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"

    def will_answer(self, contact: object, *answers: Answer) -> None:
        """Set the answers to the next attempts about a contact, in order."""
        self._next[str(contact)].extend(answers)

    def about(self, contact: object) -> list[Attempt]:
        """Give the attempts about a contact, in order."""
        return [attempt for attempt in tuple(self.attempts) if any(event["subject"] == str(contact) for event in attempt.events)]

    def taken(self, contact: object) -> list[Attempt]:
        """Give the attempts about a contact that were answered with success."""
        return [attempt for attempt in self.about(contact) if attempt.was_taken]

    def wait(self, until: Callable[[], object], patience_s: float = 20) -> None:
        """Wait until what was received is as it should be."""
        with self._changed:
            if not self._changed.wait_for(until, patience_s):
                seen = [(attempt.what, attempt.version, attempt.answer.status) for attempt in self.attempts[-10:]]
                pytest.fail(f"not received within {patience_s} s; the last of {len(self.attempts)}: {seen}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver._received(self.path, dict(self.headers.items()), body, self.client_address[1])
                time.sleep(answer.delay_s)
                if answer.drop:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    self.close_connection = True  # the gateway was killed, or gave up waiting

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _received(self, path: str, headers: Mapping[str, str], body: bytes, connection: int) -> Answer:
        with self._changed:
            found = json.loads(body)
            contacts = [event["subject"] for event in (found if isinstance(found, list) else [found])]
            answers = next((self._next[contact] for contact in contacts if self._next[contact]), None)
            answer = answers.popleft() if answers else self.always
            lower = {name.lower(): value for name, value in headers.items()}
            self.attempts.append(Attempt(time.monotonic(), path, lower, body, answer, connection))
            self._changed.notify_all()
        return answer

    @contextmanager
    def open(self) -> Iterator["Receiver"]:
        """Serve for the length of a block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive webhooks for the length of a block."""
    with Receiver().open() as receiver:
        yield receiver
