"""Files that come in are shown to a virus scanner: ClamAV's clamd, by its command INSTREAM (clamd(8)).

Scanning keeps nothing out. Whatever the scanner does, the files are stored; one that it could not look at, or refused to look at,
is `notScanned` and never `clean`.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal, Protocol

from prometheus_client import Counter
from pydantic import AfterValidator, Field

from onthaal_schema.intake import FileUpload
from services.kit.logging import error_name, logger
from services.kit.settings import Settings

log = logger(__name__)

Verdict = Literal["clean", "found", "notScanned"]

SCANS: Final = Counter("onthaal_virus_scans", "Files that the virus scanner was asked about, by what came of it.", ["verdict"])

AT_ONCE: Final = 4
"""Files that are with the scanner at a time; clamd has ten threads, and others may use them."""

CHUNK: Final = 256 * 1024
ANSWER_LIMIT: Final = 4_096
CONNECTING: Final = 3.0
"""Seconds within which a scanner that is there takes a connection and answers PING."""

REST: Final = 30.0
"""Seconds in which a scanner that was not there is not asked again, so that mail does not wait for each file."""

_NOT_LOOKED_INTO: Final = ("stream: Heuristics.Limits.", "stream: Heuristics.Encrypted.")
"""Findings that say that something was too large, too deep or locked with a password (AlertExceedsMax, AlertEncrypted)."""

_TCP: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")


def _is_address(value: str) -> str:
    if value and not value.startswith("/") and not _TCP.fullmatch(value):
        message = "must be the path of a socket, such as /run/clamav/clamd.ctl, or HOST:PORT"
        raise ValueError(message)
    return value


class ScannerSettings(Settings):
    """What a service that takes files needs to know of the virus scanner."""

    clamd: Annotated[str, AfterValidator(_is_address)] = Field(
        "", description="Virus scanner for files (ClamAV's clamd): path of its socket, or HOST:PORT; empty scans nothing."
    )
    clamd_seconds: float = Field(
        20, gt=0, le=120, description="Seconds after which a file that is being scanned counts as not scanned."
    )

    def scanner(self) -> "Scanner | None":
        """Give the scanner, if there is one."""
        return Clamd(self.clamd, self.clamd_seconds) if self.clamd else None


class Scanner(Protocol):
    """Looks at files."""

    async def verdict(self, content: bytes) -> Verdict:
        """Say what a file is. Never raises; when it cannot be told, the file is not scanned."""
        ...


async def scanned(files: Sequence[FileUpload], scanner: Scanner | None) -> Sequence[FileUpload]:
    """Give the same files, each with the scanner's verdict; without a scanner they stay as they are."""
    if scanner is None:
        return files
    verdicts = await asyncio.gather(*(scanner.verdict(file.content) for file in files))
    return tuple(replace(file, virus=verdict) for file, verdict in zip(files, verdicts, strict=True))


class Clamd:
    """ClamAV's daemon, over a Unix socket or TCP; one connection a file."""

    def __init__(self, address: str, seconds: float) -> None:
        """Ask at an address (`/path` or `HOST:PORT`); a file may take so many seconds, with the time in which it waits its turn."""
        self._address = address
        self._seconds = seconds
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._resting_until = 0.0

    async def verdict(self, content: bytes) -> Verdict:
        """Say what a file is; see `Scanner.verdict`."""
        verdict = await self._verdict(content)
        SCANS.labels(verdict).inc()
        return verdict

    async def _verdict(self, content: bytes) -> Verdict:
        if asyncio.get_running_loop().time() < self._resting_until:
            return "notScanned"
        try:
            async with asyncio.timeout(self._seconds), self._turns:
                return _verdict(await self._ask(b"zINSTREAM\0", content))
        except TimeoutError as error:
            log.warning("file not scanned in time", error=error_name(error), size=len(content))
            await self._rest_unless_it_answers()
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            # a stream longer than StreamMaxLength ends in a broken connection as often as in an answer
            log.warning("file not scanned", error=error_name(error), size=len(content))
        return "notScanned"

    async def _rest_unless_it_answers(self) -> None:
        """Tell one file that takes too long from a scanner that hangs."""
        try:
            async with asyncio.timeout(min(CONNECTING, self._seconds)):
                await self._ask(b"zPING\0")
        except (OSError, EOFError, asyncio.LimitOverrunError):
            self._rest()

    async def _ask(self, command: bytes, content: bytes | None = None) -> bytes:
        reader, writer = await self._connect()
        try:
            writer.write(command)
            if content is not None:
                await _stream(writer, content)
            return await reader.readuntil(b"\0")
        finally:
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(CONNECTING):
                if tcp := _TCP.fullmatch(self._address):
                    return await asyncio.open_connection(tcp["host"].strip("[]"), int(tcp["port"]), limit=ANSWER_LIMIT)
                return await asyncio.open_unix_connection(self._address, limit=ANSWER_LIMIT)
        except OSError:
            self._rest()
            raise

    def _rest(self) -> None:
        self._resting_until = asyncio.get_running_loop().time() + REST


async def _stream(writer: asyncio.StreamWriter, content: bytes) -> None:
    for start in range(0, len(content), CHUNK):
        chunk = content[start : start + CHUNK]
        writer.write(len(chunk).to_bytes(4, "big") + chunk)
        await writer.drain()
    writer.write(bytes(4))
    await writer.drain()


def _verdict(answer: bytes) -> Verdict:
    said = answer.rstrip(b"\0").decode("utf-8", "replace")
    if said == "stream: OK":
        return "clean"
    if said.endswith(" FOUND") and not said.startswith(_NOT_LOOKED_INTO):
        return "found"
    log.warning("file not scanned", reason="refused")
    return "notScanned"
