"""One connection's worth of reading a mailbox: what is there and not held is taken in, and only then touched.

The order is always the same: fetch, hand in, receipt, and only after the receipt mark, move or delete. A crash between the last two is
made up for at the next start, when what is held and still there is treated again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, ParamSpec, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from onthaal_schema.intake import Intake
from onthaal_schema.mail import MailboxReport, MailOutcome, MailReceipt, Place
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
from services.mail_ingest.holdings import Holdings, numbers
from services.mail_ingest.imap import Broken, Connection, Fetched, Listed, Refused, Selected
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.mailboxes import Mailbox, Mode
from services.mail_ingest.measures import MAILBOX_MAILS
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.side_thread import SideThread

log = logger(__name__)

BRUSSELS: Final = ZoneInfo("Europe/Brussels")
WHOLE_EVERY: Final = 900.0
"""Seconds after which everything is compared anew with what the intake service holds, and what the server lists."""

REPORT_EVERY: Final = 15.0
"""Seconds between two reports: each renews the lease."""

LIST_BATCH: Final = 500
ROUNDS: Final = 3
"""How often a mail is handed in again, without being blamed, when the intake service went away and came back."""

AWAY: Final = (ServiceUnavailable, NoAccessToken, InvalidAccessToken, ExpiredAccessToken, MissingScope)
"""What is wrong with the intake service, or with our token, and with no mail."""

P = ParamSpec("P")
Result = TypeVar("Result")


class ModeTrouble(StrEnum):
    """Why mails are kept as they are although the settings say otherwise."""

    READ_ONLY = "folderIsReadOnly"
    CANNOT_MOVE = "serverCannotMove"
    CANNOT_DELETE = "serverCannotDelete"
    NO_FOLDER = "folderToMoveToUnavailable"
    REFUSED = "refusedByServer"


@dataclass
class Standing:
    """How a mailbox stands, for `/health` and `/metrics`."""

    name: str
    trouble: str | None = None
    """What stands in the way of reading it."""
    mode_trouble: ModeTrouble | None = None
    reading: bool = False
    last_read_at: float = 0.0
    present: int = 0
    held: int = 0
    before_import: int = 0
    missing: int = 0

    @property
    def is_well(self) -> bool:
        """Whether all is as it should be."""
        return not (self.trouble or self.mode_trouble or self.missing)


@dataclass
class Reading:
    """What outlives a connection: who reads, how it stands, and the books."""

    mailbox: Mailbox
    reader: UUID
    standing: Standing
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    holdings: Holdings | None = None

    async def report(self, intake: Intake, error: str | None = None, *, last: bool = False) -> bool:
        """Report what was seen; tells whether we may go on reading. The last one lets another reader begin at once.

        Raises:
            ProblemError: nobody took the report.

        """
        books, standing = self.holdings, self.standing
        report = MailboxReport(
            reader=self.reader,
            uid_validity=books.uid_validity if books else None,
            present=standing.present,
            before_import=standing.before_import,
            missing=standing.missing,
            error=error,
            last=last,
        )
        return (await intake.report_mailbox(self.mailbox.name, report)).may_read

    async def rest(self, seconds: float) -> None:
        """Wait, or stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()


@dataclass(frozen=True)
class Limits:
    """How patient and how large."""

    poll: float
    retry: float
    size: int


class Session:
    """Reads over a connection until told to stop, until another reader has the lease, or until the connection breaks."""

    def __init__(
        self,
        reading: Reading,
        connection: Connection,
        thread: SideThread,
        ingest: Ingest,
        intake: Intake,
        clock: Clock,
        limits: Limits,
    ) -> None:
        """Speak over the connection in its thread alone."""
        self._reading = reading
        self._mailbox = reading.mailbox
        self._connection = connection
        self._thread = thread
        self._ingest = ingest
        self._intake = intake
        self._clock = clock
        self._limits = limits
        self._mode = reading.mailbox.mode
        self._keywords = False
        self._renumbered = False
        self._whole_at: float | None = None
        self._reported_at = 0.0
        self._broken = False
        self.idled = 0.0
        """For how many seconds the server was last asked to tell of new mail; 0 when it was not."""

    async def read(self, *, idle: bool) -> bool:
        """Scan once, and wait until there may be more. False: another reader has the lease.

        Raises:
            Broken: the connection is of no use any more.
            ProblemError: the intake service did not say what is held.

        """
        self.idled = 0.0
        if self._whole_at is None:
            await self._choose_mode()
        return await self._scan() and await self._wait(idle=idle)

    def wake(self) -> None:
        """End waiting."""
        self._connection.wake()

    @property
    def _books(self) -> Holdings:
        books = self._reading.holdings
        if books is None:
            message = "no folder was opened yet"
            raise RuntimeError(message)
        return books

    async def _call(self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        return await self._thread.call(function, *args, **kwargs)

    async def _choose_mode(self) -> None:
        mode, trouble = self._mailbox.mode, None
        if mode is Mode.DELETE and not self._connection.can_delete:
            trouble = ModeTrouble.CANNOT_DELETE
        elif mode is Mode.MOVE and not self._connection.can_move:
            trouble = ModeTrouble.CANNOT_MOVE
        elif mode is Mode.MOVE and not await self._call(self._connection.has_folder, self._mailbox.move_to or ""):
            trouble = ModeTrouble.NO_FOLDER
        self._say_mode_trouble(trouble)

    def _say_mode_trouble(self, trouble: ModeTrouble | None) -> None:
        if trouble and trouble is not self._reading.standing.mode_trouble:
            log.error("mails stay in the mailbox as they are", worker=self._mailbox.name, reason=trouble.value)
        self._reading.standing.mode_trouble = trouble
        if trouble and trouble is not ModeTrouble.REFUSED:
            self._mode = Mode.KEEP

    async def _scan(self) -> bool:
        selected = await self._open()
        books = self._books
        whole = self._whole_at is None or self._now() - self._whole_at > WHOLE_EVERY
        if not whole:
            fresh = await self._call(self._connection.uids_after, max(books.present, default=0))
            books.saw(fresh)
            whole = len(books.present) != selected.exists or books.unlisted > 0
        if whole:
            await self._compare(selected)
        for chunk in _chunks(books.unknown(self._now()), LIST_BATCH):
            await self._list(chunk)
            if not await self._may_go_on():
                return False
        if not await self._take_all():
            return False
        if whole:
            await self._treat_again()
        self._stand(books.missing)
        self._reading.standing.last_read_at = self._clock.now().timestamp()
        self._reading.standing.trouble = None
        return await self._report()

    async def _open(self) -> Selected:
        selected = await self._call(self._connection.open, writing=self._mode is not Mode.KEEP)
        if self._mode is not Mode.KEEP and not selected.writable:
            self._say_mode_trouble(ModeTrouble.READ_ONLY)
        self._keywords = selected.keywords
        books = self._reading.holdings
        if books is None or books.uid_validity != selected.uid_validity:
            if books is not None:
                log.warning("mailbox is numbered anew", worker=self._mailbox.name)
            self._reading.holdings = Holdings(selected.uid_validity, set())
            self._whole_at = None
        return selected

    async def _compare(self, selected: Selected) -> None:
        """Compare what the intake service holds with what the server lists; what only the server has is taken in."""
        state = await self._intake.mailbox(self._mailbox.name, selected.uid_validity)
        books = self._books
        books.held = numbers(state.held)
        # what is held and not under this numbering may be found again under it
        self._renumbered = sum(state.outcomes.values()) > len(books.held)
        books.saw_all(await self._call(self._connection.uids, selected.exists), selected.exists)
        self._whole_at = self._now()

    async def _list(self, uids: Sequence[int]) -> None:
        try:
            found = await self._call(self._connection.listed, uids)
        except Refused:
            if len(uids) == 1:
                self._fail(uids[0], "listing")
            else:
                for half in (uids[: len(uids) // 2], uids[len(uids) // 2 :]):
                    await self._list(half)
            return
        for uid in uids:
            if uid not in found:
                self._fail(uid, "listing")
            elif self._is_older(found[uid]):
                self._books.older.add(uid)
            else:
                self._books.sizes[uid] = found[uid].size

    def _is_older(self, listed: Listed) -> bool:
        start, moment = self._mailbox.import_from, listed.internal_date
        return start is not None and moment is not None and moment.astimezone(BRUSSELS).date() < start

    async def _take_all(self) -> bool:
        """Take in whatever is due, lowest number first. False when another reader has the lease."""
        batches = list(self._books.batches(self._books.due(self._now())))
        async for mails in _ahead(self._fetch, batches):
            stored = await self._hand_in(mails)
            await self._treat(stored)
            if self._reading.stopping.is_set():
                return True
            if not await self._may_go_on():
                return False
        return True

    async def _fetch(self, uids: Sequence[int]) -> list[ReceivedMail]:
        """Fetch mails. One that cannot be fetched is put aside, and one that breaks the connection is next time asked for alone."""
        books = self._books
        try:
            return await self._fetch_whole(uids)
        except Refused:
            if len(uids) == 1:
                self._fail(uids[0], "fetching")
                return []
            return [mail for uid in uids for mail in await self._fetch([uid])]
        except Broken:
            # what was asked for after it broke has no part in it
            if not self._broken:
                self._broken = True
                books.suspects.update(uids)
                if len(uids) == 1:
                    self._fail(uids[0], "fetching")
            raise

    async def _fetch_whole(self, uids: Sequence[int]) -> list[ReceivedMail]:
        sizes = self._books.sizes
        large = [uid for uid in uids if sizes[uid] > self._limits.size]
        found = (
            await self._call(self._connection.fetch, [uid for uid in uids if uid not in large]) if len(large) < len(uids) else {}
        )
        mails = []
        for uid in uids:
            fetched = await self._call(self._connection.headers, uid) if uid in large else found.get(uid)
            if fetched is None:
                self._fail(uid, "fetching")
            else:
                mails.append(self._received(fetched, sizes[uid] if uid in large else None))
        return mails

    def _received(self, fetched: Fetched, too_large: int | None) -> ReceivedMail:
        now = self._clock.now()
        mail = ReceivedMail(
            fetched.content if too_large is None else fetched.content.rstrip(b"\r\n"),
            min(fetched.internal_date, now) if fetched.internal_date else now,
            mailbox=self._mailbox.name,
            place=Place(uid_validity=self._books.uid_validity, uid=fetched.uid),
            too_large=too_large,
        )
        return mail.headers_alone() if too_large is None and len(mail.original) > self._limits.size else mail

    async def _hand_in(self, mails: Sequence[ReceivedMail]) -> list[int]:
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
                self._fail(_uid(mail), "handingIn")
        return treatable

    async def _hand_in_one(self, mail: ReceivedMail) -> "MailReceipt | _Later":
        try:
            if self._renumbered and (found := await self._ingest.find(mail)):
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
            self._fail(_uid(mail), "handingIn")
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

    async def _treat(self, uids: Sequence[int]) -> None:
        """Do with stored mails what the mode says."""
        connection = self._connection
        if not uids or self._mode is Mode.KEEP:
            return
        try:
            match self._mode:
                case Mode.MARK:
                    await self._call(connection.mark, uids, keywords=self._keywords)
                    return
                case Mode.MOVE:
                    await self._call(connection.move, uids, self._mailbox.move_to or "")
                case Mode.DELETE:
                    await self._call(connection.delete, uids)
        except Refused:
            self._books.left.update(uids)
            self._say_mode_trouble(ModeTrouble.REFUSED)
        else:
            self._books.gone(uids)

    async def _treat_again(self) -> None:
        """Treat what is held and was not treated, because a crash came between. What is deleted must be proved to be held."""
        books = self._books
        if self._mode is Mode.KEEP:
            return
        waiting = (books.held & books.present) - books.left
        if self._mode is Mode.MARK:
            waiting &= await self._call(self._connection.unmarked, keywords=self._keywords)
        for chunk in _chunks(sorted(waiting), LIST_BATCH):
            try:
                listed = await self._call(self._connection.listed, chunk)
            except Refused:
                books.left.update(chunk)
                continue
            small = {uid: mail.size for uid, mail in listed.items() if mail.size <= self._limits.size}
            books.left.update(set(chunk) - small.keys())
            if self._mode is Mode.MARK:
                await self._treat(sorted(small))
            else:
                await self._treat_proved(small)
            if self._reading.stopping.is_set():
                return

    async def _treat_proved(self, sizes: dict[int, int]) -> None:
        """Move or delete what the intake service says it holds, byte for byte."""
        for uid in sorted(sizes):
            try:
                fetched = (await self._call(self._connection.fetch, [uid])).get(uid)
                receipt = await self._ingest.find(self._received(fetched, None)) if fetched else None
            except (Refused, ProblemError):
                receipt = None
            if receipt is None or receipt.outcome is MailOutcome.OVERSIZE:
                self._books.left.add(uid)
            else:
                await self._treat([uid])
            if self._reading.stopping.is_set():
                return

    async def _wait(self, *, idle: bool) -> bool:
        due = self._books.next_due()
        seconds = min(self._limits.poll, max(due - self._now(), 0.05)) if due is not None else self._limits.poll
        waiting = asyncio.create_task(self._call(self._connection.wait, seconds, idle=idle))
        may_read, began = True, self._now()
        try:
            while not waiting.done():
                if self._reading.stopping.is_set():
                    self.wake()
                await asyncio.wait({waiting}, timeout=REPORT_EVERY)
                if not waiting.done() and not await self._report():
                    may_read = False
                    self.wake()
                    break
            await waiting
        finally:
            self.idled = max(self._now() - began, 0.001) if idle else 0.0
            waiting.cancel()
        return may_read

    async def _may_go_on(self) -> bool:
        if self._now() - self._reported_at < REPORT_EVERY:
            return True
        self._stand(len(self._books.trials) + self._books.unlisted)
        return await self._report()

    async def _report(self) -> bool:
        """Report; who cannot be told does not stop the reading, for it can harm nothing that two read."""
        self._reported_at = self._now()
        try:
            return await self._reading.report(self._intake)
        except ProblemError as error:
            log.warning("mailbox could not be reported", worker=self._mailbox.name, error=error_name(error))
            return True

    def _stand(self, missing: int) -> None:
        books, standing = self._books, self._reading.standing
        standing.present = len(books.present)
        standing.held = len(books.present & books.held)
        standing.before_import = len(books.older)
        standing.missing = missing

    def _fail(self, uid: int, reason: str) -> None:
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


def _chunks(uids: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (uids[start : start + size] for start in range(0, len(uids), size))


async def _ahead(
    fetch: Callable[[Sequence[int]], Awaitable[list[ReceivedMail]]], batches: Sequence[Sequence[int]]
) -> AsyncIterator[list[ReceivedMail]]:
    """Fetch each batch while the one before is taken in."""
    fetching: list[asyncio.Future[list[ReceivedMail]]] = []
    try:
        for batch in batches:
            fetching.append(asyncio.ensure_future(fetch(batch)))
            if len(fetching) > 1:
                yield await fetching.pop(0)
        while fetching:
            yield await fetching.pop(0)
    finally:
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)
