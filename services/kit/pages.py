"""Pages: templates that escape everything, and the headers that keep a page to itself."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.drain import Drain

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
BRUSSELS: Final = ZoneInfo("Europe/Brussels")

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-src 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noarchive",
}
"""Headers of every answer, unless a route set its own."""

API_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": HEADERS["Strict-Transport-Security"],
    "Cache-Control": "no-store",
}
"""Headers of the API's answers, which no browser shows (OWASP REST Security Cheat Sheet, "Security headers")."""

API: Final = "/intake/"


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_OF_PAGES: Final = _raw(HEADERS)
_OF_API: Final = _raw(API_HEADERS)


class Pages:
    """The templates of one service, on top of those of the kit (`page.html` is the frame of every page)."""

    def __init__(self, templates: Path) -> None:
        """Read templates from the folder first, then from the kit."""
        self._environment = Environment(
            loader=FileSystemLoader([templates, HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["brussels"] = brussels

    def render(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a template as an answer."""
        return HTMLResponse(self._environment.get_template(template).render(**values), status)


def brussels(moment: datetime, form: str = "%d/%m/%Y %H:%M") -> str:
    """Show a moment on the clock of Brussels."""
    return moment.astimezone(BRUSSELS).strftime(form)


class Headers:
    """ASGI middleware: gives every HTTP answer the headers of `HEADERS`, or `API_HEADERS`, that it does not have yet.

    While the process is about to stop, each answer also tells its client to open another connection next time.
    """

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        """Wrap an app."""
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        ours = _OF_API if scope["path"].startswith(API) else _OF_PAGES

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *[header for header in ours if header[0] not in own]]
                if self._drain.begun:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        await self._app(scope, receive, with_headers)
