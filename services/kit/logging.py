"""Logs: JSON lines on standard error, with an allow-list of fields. What is not on it is never written."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset({
    "event", "level", "timestamp", "logger", "service", "worker", "channel", "contact", "conversation", "message",
    "operator", "token", "subscription", "delivery", "position", "count", "attempt", "status", "seconds", "milliseconds",
    "error", "reason", "path", "method", "trace", "address", "port", "version", "host", "size", "kind",
})  # fmt: skip
"""Fields that may be written: identifiers, codes and numbers. `error` is the name of an exception's class."""

QUIET = ("httpx", "httpcore", "aiosmtpd", "mail.log", "uvicorn.access", "aiosqlite", "asyncio", "aiohttp.access", "alembic")
"""Libraries whose information lines carry addresses or whole messages."""


def configure(level: str = "INFO") -> None:
    """Write JSON lines to standard error from now on, from this code and from every library."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
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
