"""Limits on how much a request may carry: in its head, and in its body whether it says its length or not."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onthaal_schema.problems import HeadersTooLarge, PayloadTooLarge
from services.kit.problems import answer

API = "/intake/"
"""Where it counts. Pages read their forms with limits of their own, and answer with a page that keeps what was typed."""

DRAINED = 3
"""How many times the limit is still read and thrown away, so that the client gets to read the answer."""

LARGEST_HEAD = 65_536
"""Bytes of the address and the headers. The server (httptools) has no limit, and what reads them takes milliseconds for each kilobyte."""


class HeadLimit:
    """ASGI middleware: answers 431 (RFC 6585 §5) to a request with more than `LARGEST_HEAD` in front of its body.

    Backslashes in cookies are left out: FastAPI reads all cookies for every route, and Python takes seconds of 60 kB of backslashes
    (CVE-2024-7592). No cookie of ours has any.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when its head is small."""
        if scope["type"] == "lifespan" or _head(scope) <= LARGEST_HEAD:
            await self._app(_without_backslashes(scope), receive, send)
        elif scope["type"] == "http":
            await answer(HeadersTooLarge(f"Send at most {LARGEST_HEAD} bytes of headers."))(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1009})


def _head(scope: Scope) -> int:
    return len(scope["path"]) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in scope["headers"])


def _without_backslashes(scope: Scope) -> Scope:
    headers = scope.get("headers", ())
    if not any(name == b"cookie" and b"\\" in value for name, value in headers):
        return scope
    plain = [(name, value.replace(b"\\", b"") if name == b"cookie" else value) for name, value in headers]
    return {**scope, "headers": plain}


class BodyLimit:
    """ASGI middleware: answers 413 to a body above the limit (bytes) and keeps nothing of it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        """Wrap an app."""
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as far as the limit."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"")
        announced = length.isdigit()
        if announced and int(length) > self._limit:
            await self._drain(receive)
            await answer(self._problem())(scope, receive, send)
            return
        # a server hands on no more than the length that was announced, so only what has none is counted
        await self._app(scope, receive if announced else self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                await self._drain(receive)
                raise self._problem()
            return message

        return counted

    async def _drain(self, receive: Receive) -> None:
        seen = 0
        more = True
        while more and seen < self._limit * DRAINED:
            message = await receive()
            seen += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)

    def _problem(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"Send at most {self._limit} bytes.", limit=self._limit)
