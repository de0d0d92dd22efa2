"""Sends what the intake service has queued. Apart from taking in: its own task, its own connection, and no failure of it is one there.

A mail that the server took while we could not say so any more (a crash between its 250 and our settling) is sent once more, under the
same Message-ID. Sent twice is a nuisance, not sent is a person who waits.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import aiosmtplib

from onthaal_schema.intake import Intake
from onthaal_schema.mail import OutgoingMail, OutgoingResult
from onthaal_schema.opening_hours import PublishedOpeningHours
from onthaal_schema.outgoing import OutgoingStatus
from onthaal_schema.problems import ProblemError, ServiceUnavailable
from services.kit.alarms import Alarm, Board
from services.kit.logging import error_name, logger
from services.kit.mail_server import MailServer, NotConnected
from services.mail_ingest.acknowledge import Letter, NotWritable
from services.mail_ingest.measures import MAILS_SENT

log = logger(__name__)

Write = Callable[[OutgoingMail, PublishedOpeningHours | None], Letter]
"""Writes a mail; raises `NotWritable` when it cannot be sent to anybody."""
Sign = Callable[[bytes], bytes]
"""Gives a mail back with a signature. May take processor time: it is called in a thread."""

BATCH_SECONDS: Final = 120
"""For so long mails of one claim are begun; the lease on them lasts longer than that and one mail more."""

LETTER_SECONDS: Final = 60
"""What one mail may take, however slowly its server answers."""

NOW: Final = OutgoingResult(status=OutgoingStatus.QUEUED)

_OUR_FAULT: Final = frozenset({530, 534, 535, 538})
"""The server does not let us in (RFC 4954 §6): no mail is failed for a password that was changed."""

_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")


class Sender:
    """Sends until it is cancelled. Keeps nothing that the intake service does not know, but results it could not tell yet."""

    def __init__(self, intake: Intake, server: MailServer, write: Write, sign: Sign | None, alarms: Board, every: float) -> None:
        """Claim at the intake, send by the server; look every so many seconds, and when woken."""
        self._intake = intake
        self._server = server
        self._write = write
        self._sign = sign
        self._alarms = alarms
        self._every = every
        self._woken = asyncio.Event()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._untold: dict[UUID, OutgoingResult] = {}

    def wake(self) -> None:
        """Look now: something may have been queued."""
        self._woken.set()

    async def run(self) -> None:
        """Send what is queued, and wait for more.

        Raises:
            ServiceUnavailable: the intake service is away; what was sent is told when it is back.

        """
        while True:
            self._idle.clear()
            try:
                more = not self._stopping and await self._round()
            finally:
                self._idle.set()
            if not more:
                await self._rest()

    async def drain(self) -> None:
        """Begin no other mail, and wait until the one under way is settled."""
        self._stopping = True
        await self._idle.wait()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._every):
                await self._woken.wait()
        self._woken.clear()

    async def _round(self) -> bool:
        """Send what there is, once; whether anything came to its end, so that there may be more."""
        await self._tell()
        claimed = await self._intake.claim_outgoing()
        if not claimed:
            return False
        ended = await self._send_all(claimed, await self._hours())
        await self._tell()
        return ended

    async def _hours(self) -> PublishedOpeningHours | None:
        try:
            return await self._intake.published_hours()
        except ProblemError as error:
            log.warning("published hours are not known", error=error_name(error))
            return None

    async def _send_all(self, claimed: Sequence[OutgoingMail], hours: PublishedOpeningHours | None) -> bool:
        """Send by one connection, or by another when it breaks. What is not begun goes back into the queue."""
        waiting = list(claimed)
        until = asyncio.get_running_loop().time() + BATCH_SECONDS
        back, ended = NOW, False
        try:
            while waiting and not self._is_over(until):
                async with self._server.connected() as connection:
                    self._alarms.settle(Alarm.MAIL_NOT_SENT)
                    while waiting and connection.is_connected and not self._is_over(until):
                        mail = waiting.pop(0)
                        self._untold[mail.id] = result = await self._send(connection, mail, hours)
                        ended |= result.status is not OutgoingStatus.QUEUED
                        await self._try_to_tell()
        except NotConnected as error:
            log.warning("mail server is not reached", reason=str(error), count=len(waiting))
            self._alarms.raise_alarm(Alarm.MAIL_NOT_SENT)
            back = OutgoingResult(status=OutgoingStatus.QUEUED, reason=str(error))
        self._untold |= {mail.id: back for mail in waiting}
        return ended

    def _is_over(self, until: float) -> bool:
        return self._stopping or asyncio.get_running_loop().time() > until

    async def _send(self, connection: aiosmtplib.SMTP, mail: OutgoingMail, hours: PublishedOpeningHours | None) -> OutgoingResult:
        try:
            letter = self._write(mail, hours)
            content = await asyncio.to_thread(self._sign, letter.content) if self._sign else letter.content
            async with asyncio.timeout(LETTER_SECONDS):
                await connection.sendmail(
                    letter.sender, [letter.recipient], content, mail_options=["SMTPUTF8"] if letter.international else []
                )
            result = OutgoingResult(status=OutgoingStatus.SENT)
        except NotWritable as error:
            result = OutgoingResult(status=OutgoingStatus.FAILED, reason=str(error))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            result = result_of(error)
            if not isinstance(error, (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused)):
                connection.close()
        MAILS_SENT.labels(result.status).inc()
        says = "mail sent" if result.status is OutgoingStatus.SENT else "mail not sent"
        log.info(says, contact=str(mail.contact_id), message=str(mail.id), reason=result.reason, attempt=mail.attempts)
        return result

    async def _try_to_tell(self) -> None:
        with suppress(ServiceUnavailable):
            await self._tell()

    async def _tell(self) -> None:
        """Settle what is known; what the intake service does not know any more was erased."""
        for outgoing_id, result in tuple(self._untold.items()):
            try:
                await self._intake.settle_outgoing(outgoing_id, result)
            except ServiceUnavailable:
                raise
            except ProblemError as error:
                log.warning("result of a mail is of no use any more", message=str(outgoing_id), error=error_name(error))
            self._untold.pop(outgoing_id, None)


def result_of(error: Exception) -> OutgoingResult:
    """Say what an error means for a mail: for good only what the server refuses with 5xx. Never its text, which repeats addresses."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        permanent = 500 <= error.code < 600 and error.code not in _OUR_FAULT
        status = OutgoingStatus.FAILED if permanent else OutgoingStatus.QUEUED
        enhanced = _ENHANCED.match(str(error.message).strip())
        return OutgoingResult(status=status, reason=f"{error.code} {enhanced[1]}" if enhanced else str(error.code))
    refused = isinstance(error, (aiosmtplib.SMTPNotSupported, ValueError)) and not isinstance(error, OSError)
    return OutgoingResult(status=OutgoingStatus.FAILED if refused else OutgoingStatus.QUEUED, reason=type(error).__name__)
