"""The demo case service: receives events with `onthaal_schema.receiver` alone and shows the cases live.

`python -m deploy.demo.case_service --port 8090 --gateway URL --secret-file F --token-file F --data DIR`
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.demo.cases import Cases
from onthaal_schema.problems import InvalidInput, ProblemError
from onthaal_schema.receiver import CatchUpStopped, ReceivedContact, Receiver, SeenInFile, asgi

STATIC: Final = Path(__file__).parent / "static"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

log = logging.getLogger("deploy.demo.case_service")


@dataclass
class Changes:
    """Tells every open page that something changed; what it is they ask themselves."""

    count: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tell(self) -> None:
        """Wake who waits."""
        async with self._changed:
            self.count += 1
            self._changed.notify_all()

    async def after(self, count: int, patience: float = 15) -> int:
        """Wait for a change after the given count, or until patience ends; return the count as it is then."""
        try:
            async with asyncio.timeout(patience), self._changed:
                await self._changed.wait_for(lambda: self.count > count)
        except TimeoutError:
            pass  # nothing changed: the caller says so and waits on
        return self.count


@dataclass(frozen=True)
class CaseService:
    """The cases, and the page that shows them."""

    cases: Cases
    changes: Changes

    async def keep(self, received: ReceivedContact) -> None:
        """Keep a received contact, then tell the open pages."""
        self.cases.keep(received)
        await self.changes.tell()

    async def page(self, _: Request) -> Response:
        """Give the page; its script asks for the board."""
        return FileResponse(STATIC / "index.html", headers=HEADERS)

    async def versions(self, _: Request) -> Response:
        """List every case by id and version: for checks from outside."""
        versions = self.cases.versions()
        return JSONResponse({"count": len(versions), "items": versions}, headers=HEADERS)

    async def board(self, _: Request) -> Response:
        """Give what the page shows."""
        channels = self.cases.per_channel()
        board = {"total": sum(channels.values()), "channels": channels, "cases": self.cases.newest()}
        return JSONResponse(board, headers=HEADERS)

    async def live(self, _: Request) -> Response:
        """Stream a line at each change (server-sent events)."""
        return StreamingResponse(self._lines(), media_type="text/event-stream", headers=HEADERS)

    async def _lines(self) -> AsyncIterator[str]:
        told = -1
        while True:
            count = await self.changes.after(told)
            yield ": nothing new\n\n" if count == told else f"event: changed\ndata: {count}\n\n"
            told = count


def create(receiver: Receiver, service: CaseService) -> Starlette:
    """Make the app: one route for the gateway, the rest for people and checks."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        catching_up = asyncio.create_task(catch_up(receiver, service.cases))
        yield
        catching_up.cancel()
        await asyncio.gather(catching_up, return_exceptions=True)
        await receiver.close()

    routes = [
        Route("/events", asgi(receiver, "/events")),
        Route("/", service.page),
        Route("/cases", service.versions),
        Route("/board", service.board),
        Route("/live", service.live),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def catch_up(receiver: Receiver, cases: Cases) -> None:
    """Handle what came while the service was away; a gateway that is not there yet is asked again."""
    pause = 0.5
    while True:
        try:
            cases.keep_cursor(await receiver.catch_up(cases.cursor()))
        except CatchUpStopped as stopped:
            cases.keep_cursor(stopped.cursor)
        except InvalidInput:
            cases.keep_cursor(None)  # of a database that was restored since: from the first event again
        except ProblemError as problem:
            log.warning("the feed could not be read, trying again: %s", problem.title)
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, 30)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped."""
    given = _read(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    given.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    service = CaseService(Cases(given.data / "cases.sqlite"), Changes())
    secret, token = given.secret_file.read_text().strip(), given.token_file.read_text().strip()
    receiver = Receiver(secret, given.gateway, token, service.keep, SeenInFile(given.data / "seen.sqlite"))
    # a page that listens keeps its connection open, so stopping does not wait for it
    uvicorn.run(
        create(receiver, service), host=given.host, port=given.port, log_level="error", access_log=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    return 0


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="case_service", description="Demo case service of Onthaal.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on")
    parser.add_argument("--gateway", default="http://127.0.0.1:8080", help="address of Onthaal")
    parser.add_argument("--secret-file", type=Path, required=True, help="file with the subscription's secret")
    parser.add_argument("--token-file", type=Path, required=True, help="file with the token (contacts:read, events:read)")
    parser.add_argument("--data", type=Path, required=True, help="folder for what is kept")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
