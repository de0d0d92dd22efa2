"""The virus scanner's answers, and a scanner that misbehaves. A real one is asked in tests/integration/test_scanning.py."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from onthaal_schema.intake import FileUpload
from services.kit.scanning import Clamd, ScannerSettings, scanned

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FILE = FileUpload("brief.pdf", "application/pdf", b"%PDF-1.7")


@asynccontextmanager
async def listening(folder: Path, serve: Serve) -> AsyncIterator[str]:
    """Answer as a scanner would, on a socket whose path is given."""
    path, served = str(folder / "clamd.ctl"), set[asyncio.Task[None]]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_unix_server(answer, path):
        yield path
    await asyncio.gather(*served)


def saying(answer: bytes) -> Serve:
    """Make a scanner that reads a whole stream and says always the same."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            await reader.readexactly(size)
        writer.write(answer)

    return serve


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"stream: OK\0", "clean"),
        (b"stream: Eicar-Test-Signature FOUND\0", "found"),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", "notScanned"),
        (b"stream: Heuristics.Encrypted.Zip FOUND\0", "notScanned"),
        (b"INSTREAM size limit exceeded. ERROR\0", "notScanned"),
        (b"stream: OK", "notScanned"),
        (b"", "notScanned"),
        (b"\0", "notScanned"),
        (b"\xff\0", "notScanned"),
        (b"stream: " + b"OK " * 5_000 + b"\0", "notScanned"),
    ],
)
async def test_only_a_plain_ok_is_clean(tmp_path: Path, answer: bytes, verdict: str) -> None:
    async with listening(tmp_path, saying(answer)) as path:
        assert await Clamd(path, 5).verdict(b"words") == verdict


async def test_every_file_gets_its_verdict_and_stays_what_it_was(tmp_path: Path) -> None:
    async with listening(tmp_path, saying(b"stream: OK\0")) as path:
        files = await scanned([FILE, FILE], Clamd(path, 5))
    assert [(file.name, file.content, file.virus) for file in files] == [("brief.pdf", FILE.content, "clean")] * 2


async def test_without_a_scanner_nothing_is_said_of_a_file() -> None:
    assert await scanned([FILE], None) == [FILE]


async def test_a_scanner_that_hangs_up_has_not_scanned(tmp_path: Path) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with listening(tmp_path, hang_up) as path:
        assert await Clamd(path, 5).verdict(bytes(5_000_000)) == "notScanned"


async def test_a_scanner_that_is_not_there_is_left_alone_for_a_while(tmp_path: Path) -> None:
    scanner = Clamd(str(tmp_path / "clamd.ctl"), 5)
    assert await scanner.verdict(b"words") == "notScanned"
    async with listening(tmp_path, saying(b"stream: OK\0")):
        assert await scanner.verdict(b"words") == "notScanned", "it is not asked again at once"


async def test_a_scanner_that_hangs_delays_one_file_and_not_those_behind_it(tmp_path: Path) -> None:
    asked = 0

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()

    async with listening(tmp_path, hang) as path:
        scanner = Clamd(path, 0.05)
        assert [await scanner.verdict(b"words") for _ in range(5)] == ["notScanned"] * 5
    assert asked == 2, "the file, and a PING"


async def test_one_file_that_takes_too_long_does_not_keep_the_next_from_being_scanned(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readuntil(b"\0") == b"zPING\0":
            writer.write(b"PONG\0")
        elif b"slow" not in await reader.readuntil(bytes(4)):
            writer.write(b"stream: OK\0")
        else:
            await reader.read()

    async with listening(tmp_path, serve) as path:
        scanner = Clamd(path, 0.2)
        assert [await scanner.verdict(content) for content in (b"slow", b"words")] == ["notScanned", "clean"]


@pytest.mark.parametrize("address", ["", "/run/clamav/clamd.ctl", "clamav:3310", "127.0.0.1:3310", "[::1]:3310"])
def test_an_address_is_a_path_or_a_host_with_its_port(address: str) -> None:
    scanner = ScannerSettings(clamd=address).scanner()
    assert (scanner is None) == (address == "")


@pytest.mark.parametrize("address", ["clamav", "run/clamd.ctl", "tcp://clamav:3310", "clamav:port", "a b:3310"])
def test_what_is_no_address_stops_the_start(address: str) -> None:
    with pytest.raises(ValidationError, match="HOST:PORT"):
        ScannerSettings(clamd=address)
