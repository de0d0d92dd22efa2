"""The parser in processes of its own, with limits on time and memory. A mail that breaks it is still a mail.

What breaks a full reading is read carefully, without what libraries of others do; what breaks that as well is scanned here for its
sender and subject, and is for a person to look at. A later parser may read more of it: `onthaal mail reparse`.
"""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Final, Self

from services.kit.logging import error_name, logger
from services.mail_ingest.frames import CAREFUL, FULL, LENGTH, READY, unpack
from services.mail_ingest.parsed_mail import ParsedMail
from services.mail_ingest.parser import scan

log = logger(__name__)

START_SECONDS: Final = 30
ANSWER_FACTOR: Final = 4
"""No mail grows to more than this when it is read: its files shrink, and of its texts only one is kept."""
_BROKEN: Final = (asyncio.IncompleteReadError, OSError, ValueError)


class LimitedParser:
    """Parses mails in worker processes; one that hangs, crashes or eats memory is killed and replaced."""

    def __init__(self, *, seconds: float = 10, megabytes: int = 1024, workers: int = 2) -> None:
        """Set the limits for each mail; processes are started when they are needed."""
        self._seconds = seconds
        self._workers = [_Worker(seconds, megabytes) for _ in range(workers)]
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def __aenter__(self) -> Self:
        """Give the parser itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the processes."""
        for worker in self._workers:
            await worker.end()

    async def parse(self, raw: bytes) -> ParsedMail:
        """Parse a mail within the limits; beyond them give what `parser.scan` finds, with status failed."""
        failure: Exception | None = None
        for how in (FULL, FULL, CAREFUL):
            if how == FULL and isinstance(failure, TimeoutError):
                continue  # it would take as long again; a process that died may have died of something else, between mails
            try:
                return await self._once(raw, how)
            except (TimeoutError, *_BROKEN) as error:
                failure = error
        if failure:
            log.warning("mail could not be parsed within the limits", error=error_name(failure), size=len(raw))
        return scan(raw)

    async def _once(self, raw: bytes, how: bytes) -> ParsedMail:
        worker = await self._idle.get()
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker.start()
            async with asyncio.timeout(self._seconds):
                return await worker.parse(raw, how)
        finally:
            if not worker.at_rest:
                await asyncio.shield(worker.end())
            self._idle.put_nowait(worker)


class _Worker:
    """One parsing process."""

    def __init__(self, seconds: float, megabytes: int) -> None:
        self._limits = (str(seconds), str(megabytes))
        self._process: asyncio.subprocess.Process | None = None
        self.at_rest = True

    async def start(self) -> None:
        if self._process and self._process.returncode is None:
            return
        self.at_rest = False
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "services.mail_ingest.parse_worker", *self._limits),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a traceback may quote the mail
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        await _pipes(self._process)[1].readexactly(len(READY))
        self.at_rest = True

    async def parse(self, raw: bytes, how: bytes) -> ParsedMail:
        self.at_rest = False
        requests, answers = _pipes(self._process)
        requests.writelines((how, len(raw).to_bytes(LENGTH, "big"), raw))
        await requests.drain()
        size = int.from_bytes(await answers.readexactly(LENGTH), "big")
        if size > ANSWER_FACTOR * len(raw) + 10_000_000:
            message = "the answer is too large"
            raise ValueError(message)
        mail = unpack(await answers.readexactly(size))
        self.at_rest = True
        return mail

    async def end(self) -> None:
        process, self._process = self._process, None
        self.at_rest = True
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        if process.stdin:
            process.stdin.close()
        await process.wait()


def _pipes(process: asyncio.subprocess.Process | None) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    if process is None or process.stdin is None or process.stdout is None:
        message = "the parsing process has no pipes"
        raise OSError(message)
    return process.stdin, process.stdout
