"""The receiver as an ASGI app, for any server; no web framework is needed."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

LARGEST_DELIVERY: Final = 4 * 1024 * 1024
"""Bytes. Events are thin: one is a few kB, and a batch holds as many as your subscription allows."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Answer(Protocol):
    """What became of a delivery."""

    @property
    def status(self) -> int:
        """The HTTP status to answer with."""
        ...


class Deliveries(Protocol):
    """Whoever takes deliveries: a `Receiver`."""

    async def handle(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take one delivery."""
        ...

    async def close(self) -> None:
        """Let go of what is held."""
        ...


@dataclass(frozen=True)
class EventsApp:
    """An ASGI app that takes deliveries at one path. It closes its receiver when the server stops."""

    receiver: Deliveries
    path: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's start and stop."""
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "http":
                consent = _consent(scope) if scope["path"] == self.path else []
                status = 200 if consent else await self._status(scope, receive)
                await send({"type": "http.response.start", "status": status, "headers": consent})
                await send({"type": "http.response.body", "body": b""})
            case other:
                message = f"no {other} here"
                raise ValueError(message)

    async def _status(self, scope: Scope, receive: Receive) -> int:
        if scope["path"] != self.path:
            return 404
        if scope["method"] != "POST":
            return 405
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return (await self.receiver.handle(headers, await _body(receive))).status

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.receiver.close()
        await send({"type": "lifespan.shutdown.complete"})


def _consent(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Answer the question whether events may be sent (CloudEvents HTTP webhook 1.0, §4): yes, as many as there are."""
    origin = dict(scope["headers"]).get(b"webhook-request-origin")
    if scope["method"] != "OPTIONS" or origin is None:
        return []
    return [(b"allow", b"POST"), (b"webhook-allowed-origin", origin), (b"webhook-allowed-rate", b"*")]


async def _body(receive: Receive) -> bytes:
    """Read a body, or as much of it as shows that it is too large."""
    body = bytearray()
    more = True
    while more and len(body) <= LARGEST_DELIVERY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def asgi(receiver: Deliveries, path: str = "/events") -> EventsApp:
    """Make the app of a receiver: run it with any server (`uvicorn`), or route to it from your own app."""
    return EventsApp(receiver, path)
