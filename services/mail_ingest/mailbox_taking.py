"""Taking mails in: fetched, handed in, and held on receipt. What is wrong with one stops no other."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from onthaal_schema.intake import Intake
from onthaal_schema.mail import MailOutcome, MailReceipt, Place
from onthaal_schema.problems import (
    ExpiredAccessToken,
    InvalidAccessToken,
    MissingScope,
    NoAccessToken,
    PayloadTooLarge,
    ProblemError,
    ServiceUnavailable,
)
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.mail_ingest.holdings import Holdings
from services.mail_ingest.imap import Broken, Fetched, Refused
from services.mail_ingest.imap_line import Line
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.mailbox_standing import Limits, MailboxReading
from services.mail_ingest.measures import MAILBOX_MAILS
from services.mail_ingest.received import ReceivedMail

log = logger(__name__)

ROUNDS: Final = 3
"""How often a mail is handed in again, without being blamed, when the intake service went away and came back."""

AWAY: Final = (ServiceUnavailable, NoAccessToken, InvalidAccessToken, ExpiredAccessToken, MissingScope)
"""What is wrong with the intake service, or with our token, and with no mail."""


class Taking:
    """Takes mails in over a connection."""

    def __init__(self, reading: MailboxReading, line: Line, ingest: Ingest, intake: Intake, clock: Clock, limits: Limits) -> None:
        """Keep the books of `reading`."""
        self._reading = reading
        self._mailbox = reading.mailbox
        self._line = line
        self._ingest = ingest
        self._intake = intake
        self._clock = clock
        self._limits = limits
        self._broken = False
        self.renumbered = False
        """Whether what is held may be found again under another number."""

    @property
    def _books(self) -> Holdings:
        return self._reading.books

    async def fetch(self, uids: Sequence[int]) -> list[ReceivedMail]:
        """Fetch mails. One that cannot be fetched is put aside, and one that breaks the connection is next time asked for alone."""
        books = self._books
        try:
            return await self._fetch_whole(uids)
        except Refused:
            if len(uids) == 1:
                self.fail(uids[0], "fetching")
                return []
            return [mail for uid in uids for mail in await self.fetch([uid])]
        except Broken:
            # what was asked for after it broke has no part in it
            if not self._broken:
                self._broken = True
                books.suspects.update(uids)
                if len(uids) == 1:
                    self.fail(uids[0], "fetching")
            raise

    async def _fetch_whole(self, uids: Sequence[int]) -> list[ReceivedMail]:
        sizes = self._books.sizes
        large = [uid for uid in uids if sizes[uid] > self._limits.size]
        found = (
            await self._line.call(self._line.connection.fetch, [uid for uid in uids if uid not in large])
            if len(large) < len(uids)
            else {}
        )
        mails = []
        for uid in uids:
            fetched = await self._line.call(self._line.connection.headers, uid) if uid in large else found.get(uid)
            if fetched is None:
                self.fail(uid, "fetching")
            else:
                mails.append(self.received(fetched, sizes[uid] if uid in large else None))
        return mails

    def received(self, fetched: Fetched, too_large: int | None) -> ReceivedMail:
        """Say when and where it came; of one that turns out too large only the headers are left."""
        now = self._clock.now()
        mail = ReceivedMail(
            fetched.content if too_large is None else fetched.content.rstrip(b"\r\n"),
            min(fetched.internal_date, now) if fetched.internal_date else now,
            mailbox=self._mailbox.name,
            place=Place(uid_validity=self._books.uid_validity, uid=fetched.uid),
            too_large=too_large,
        )
        return mail.headers_alone() if too_large is None and len(mail.original) > self._limits.size else mail

    async def hand_in(self, mails: Sequence[ReceivedMail]) -> list[int]:
        """Hand mails in, and give those that may now be treated on the server. It waits for as long as the intake service is away."""
        treatable: list[int] = []
        waiting = list(mails)
        for _ in range(ROUNDS):
            receipts = await asyncio.gather(*(self._hand_in_one(mail) for mail in waiting))
            for mail, receipt in zip(waiting, receipts, strict=True):
                if isinstance(receipt, MailReceipt):
                    self._settle(mail, receipt, treatable)
            waiting = [mail for mail, receipt in zip(waiting, receipts, strict=True) if receipt is _Later.AWAY]
            if not waiting or await self._intake_was_there() or self._reading.stopping.is_set():
                break
        if not self._reading.stopping.is_set():
            for mail in waiting:
                self.fail(_uid(mail), "handingIn")
        return treatable

    async def _hand_in_one(self, mail: ReceivedMail) -> "MailReceipt | _Later":
        try:
            if self.renumbered and (found := await self._ingest.find(mail)):
                return found
            try:
                return await self._ingest.take_in(mail)
            except PayloadTooLarge:
                if mail.too_large is not None:
                    raise
                return await self._ingest.take_in(mail.headers_alone())
        except AWAY as error:
            log.warning("mail is not stored, it stays in the mailbox", message=str(mail.mail_id), error=error_name(error))
            return _Later.AWAY
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one mail, the next one is taken in
            log.error("mail cannot be stored, it stays in the mailbox", message=str(mail.mail_id), error=error_name(error))  # noqa: TRY400 - no traceback
            self.fail(_uid(mail), "handingIn")
            return _Later.FAILED

    def _settle(self, mail: ReceivedMail, receipt: MailReceipt, treatable: list[int]) -> None:
        uid = _uid(mail)
        self._books.stored(uid)
        MAILBOX_MAILS.labels(self._mailbox.name, receipt.outcome.value).inc()
        if receipt.outcome is MailOutcome.OVERSIZE or mail.too_large is not None:
            self._books.left.add(uid)
        else:
            treatable.append(uid)

    async def _intake_was_there(self) -> bool:
        """Tell whether the intake service answers; when it does not, wait until it does again."""
        pause = 0.5
        there = True
        while not self._reading.stopping.is_set():
            try:
                await self._reading.report(self._intake)
            except ProblemError:
                there = False
                self._reading.standing.trouble = "intakeUnavailable"
                await self._reading.rest(pause)
                pause = min(pause * 2, 10.0)
            else:
                self._reading.standing.trouble = None
                return there
        return there

    def fail(self, uid: int, reason: str) -> None:
        """Put a mail aside that could not be taken in."""
        trial = self._books.failed(uid, self._now(), self._limits.retry)
        log.error("mail could not be taken in", worker=self._mailbox.name, position=uid, reason=reason, attempt=trial.attempts)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class _Later(StrEnum):
    AWAY = "away"
    FAILED = "failed"


def _uid(mail: ReceivedMail) -> int:
    if mail.place is None:
        message = "a mail of a mailbox has a place"
        raise ValueError(message)
    return mail.place.uid
