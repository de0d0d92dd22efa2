"""Logs: JSON lines on standard output, with an allow-list of fields. What is not on it is never written."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

ALLOWED = frozenset({
    "event", "level", "timestamp", "logger", "service", "worker", "channel", "contact", "conversation", "message",
    "operator", "token", "subscription", "delivery", "position", "count", "attempt", "status", "seconds", "milliseconds",
    "error", "reason", "path", "method", "trace", "address", "port", "version", "host", "size", "kind",
})  # fmt: skip
"""Fields that may be written: identifiers, codes and numbers. `error` is the name of an exception's class."""

QUIET = (
    "httpx",
    "imapclient",
    "httpcore",
    "aiosmtpd",
    "mail.log",
    "uvicorn.access",
    "aiosqlite",
    "asyncio",
    "aiohttp.access",
    "alembic",
)
"""Libraries whose information lines carry addresses or whole messages."""


TRACEPARENT: Final = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context: the identifier that a caller gave to the request, 16 bytes that say nothing of anybody."""


class _Trace:
    """The identifier of one request, made when somebody asks for it: most requests log nothing."""

    def __init__(self, headers: Any) -> None:
        self._headers = headers
        self._id: str | None = None

    @property
    def id(self) -> str:
        if self._id is None:
            given = next((value for name, value in self._headers if name == b"traceparent"), b"")
            found = TRACEPARENT.fullmatch(given)
            self._id = found[1].decode() if found and found[1].strip(b"0") else uuid4().hex
        return self._id


_trace: ContextVar[_Trace | None] = ContextVar("trace", default=None)


def trace_id() -> str | None:
    """Give the identifier of the request that is being answered: the caller's `traceparent`, or one of ours."""
    trace = _trace.get()
    return trace.id if trace else None


class Traces:
    """ASGI middleware: what is logged while a request is answered bears its identifier, and so does a problem."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer within a trace."""
        if scope["type"] != "lifespan":
            _trace.set(_Trace(scope["headers"]))
        await self._app(scope, receive, send)


def configure(level: str = "INFO") -> None:
    """Write JSON lines to standard output from now on, from this code and from every library."""
    shared: list[structlog.types.Processor] = [
        _traced,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _only_the_place],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _allowed_only,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give a logger whose lines pass the allow-list."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def error_name(error: BaseException) -> str:
    """Name an exception without its message, which may hold what a person wrote, and say where it was raised."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace else ""
    return type(error).__name__ + place


def _traced(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    trace = trace_id()
    if trace:
        line["trace"] = trace
    return line


def _only_the_place(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep a library's line only as its template: its arguments and exception may hold personal data."""
    record: logging.LogRecord = line["_record"]
    if record.exc_info and record.exc_info[1]:
        line["error"] = error_name(record.exc_info[1])
    trusted = record.name.startswith("services")
    if not trusted or record.exc_info:
        line["event"] = str(record.msg)[:200]
    line.pop("exc_info", None)
    return line


def _allowed_only(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in line.items() if name in ALLOWED}
