"""Reads one mailbox for as long as the process runs: connects, reads, and connects again, whatever happens.

It keeps nothing. What is held is known to the intake service, which also says which of several readers may read (ADR 0025).
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from imapclient import IMAPClient

from onthaal_schema.intake import Intake
from onthaal_schema.problems import ProblemError
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.mail_ingest.imap import Broken, Connection, Trouble, bearer, password
from services.mail_ingest.imap_line import Line
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.mailbox_session import Session
from services.mail_ingest.mailbox_standing import Limits, MailboxReading, Standing
from services.mail_ingest.mailboxes import Mailbox
from services.mail_ingest.oauth import AccessTokens, TokenRefused
from services.mail_ingest.side_thread import SideThread

log = logger(__name__)

STARTING: Final = "starting"
STOPPED: Final = "stopped"
"""Reports that are no successful reading, and change nothing of what was last seen."""

SLOW: Final = {Trouble.SIGN_IN, Trouble.TOKEN, Trouble.SECRET}
"""What does not mend itself in a second, and what a server may lock an account for."""

IDLE_CHANCES: Final = 3
IDLE_SHORT: Final = 5.0
"""Seconds of which a server that breaks off sooner is not asked to tell of new mail any more, after so many times in a row."""


def reader_id(node: str, port: int, mailbox: str) -> UUID:
    """Give the same id after a restart, so that a process that was killed need not wait for its own lease to end."""
    return uuid5(NAMESPACE_URL, f"onthaal:reader:{node}:{port}:{mailbox}")


class MailboxReader:
    """Reads a mailbox. `standing` tells how it goes."""

    def __init__(
        self,
        mailbox: Mailbox,
        reader: UUID,
        ingest: Ingest,
        intake: Intake,
        clock: Clock,
        limits: Limits,
    ) -> None:
        """Take mail in by `ingest`; ask `intake` what is held."""
        self.standing = Standing(mailbox.name)
        self._mailbox = mailbox
        self._reading = MailboxReading(mailbox, reader, self.standing)
        self._ingest = ingest
        self._intake = intake
        self._clock = clock
        self._limits = limits
        self._tokens = AccessTokens(mailbox.oauth) if mailbox.oauth else None
        self._session: Session | None = None
        self._failures = 0
        self._short_idles = 0

    async def run(self) -> None:
        """Read until told to stop, and then stay still until cancelled."""
        self._reading.ended.clear()
        thread = SideThread(f"mailbox {self._mailbox.name}")
        try:
            while not self._reading.stopping.is_set():
                await self._once(thread)
            with suppress(ProblemError):
                await self._reading.report(self._intake, STOPPED, last=True)
        finally:
            self.standing.reading = False
            thread.end()
            self._reading.ended.set()
        await asyncio.get_running_loop().create_future()

    async def drain(self) -> None:
        """Finish the mail under way and take no other."""
        self._reading.stopping.set()
        if self._session:
            self._session.wake()
        if self.standing.reading:
            await self._reading.ended.wait()

    async def _once(self, thread: SideThread) -> None:
        try:
            if await self._reading.report(self._intake, self.standing.trouble or STARTING):
                await self._read(thread)
            else:
                self.standing.trouble = None
                await self._reading.rest(self._limits.look_again)
        except Broken as broken:
            await self._mend(broken)
        except ProblemError as error:
            self._failures += 1
            self.standing.trouble = "intakeUnavailable"
            log.warning("mailbox waits for the intake service", worker=self._mailbox.name, error=error_name(error))
            await self._reading.rest(self._pause(0.5, 10.0))

    async def _read(self, thread: SideThread) -> None:
        connection = await thread.call(Connection, self._mailbox, await self._sign_in())
        self._session = Session(self._reading, Line(connection, thread), self._ingest, self._intake, self._clock, self._limits)
        self.standing.reading = True
        whole = False
        try:
            while not self._reading.stopping.is_set():
                if not await self._session.read(idle=connection.can_idle and self._short_idles < IDLE_CHANCES):
                    break
                self._failures = 0
            whole = True
        finally:
            self._short_idles = self._short_idles + 1 if 0 < self._session.idled < IDLE_SHORT and not whole else 0
            self.standing.reading = False
            self._session = None
            if not whole:
                connection.abandon()
            thread.post(connection.close)

    async def _sign_in(self) -> Callable[[IMAPClient], object]:
        if self._tokens is None:
            return password(self._mailbox)
        try:
            return bearer(self._mailbox, await self._tokens.token())
        except TokenRefused as error:
            raise Broken(Trouble.TOKEN) from error

    async def _mend(self, broken: Broken) -> None:
        self._failures += 1
        self.standing.trouble = broken.trouble.value
        log.warning(
            "mailbox cannot be read, trying again",
            worker=self._mailbox.name,
            reason=broken.trouble.value,
            attempt=self._failures,
            error=error_name(broken.__cause__ or broken),
        )
        if self._tokens and broken.trouble is Trouble.SIGN_IN:
            self._tokens.forget()
        with suppress(ProblemError):
            await self._reading.report(self._intake, self.standing.trouble)
        await self._reading.rest(self._pause(self._limits.slow if broken.trouble in SLOW else 1.0, self._limits.retry))

    def _pause(self, first: float, longest: float) -> float:
        """Give the seconds before the next attempt: more each time, and never for all readers the same."""
        pause = min(first * 2.0 ** min(self._failures - 1, 20), longest)
        return pause * random.uniform(1.0, 1.5)  # noqa: S311 - spreads readers, hides nothing
