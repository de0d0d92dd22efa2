"""One connection's worth of reading a mailbox: what is there and not held is taken in, and only then touched.

The order is always the same: fetch, hand in, receipt, and only after the receipt mark, move or delete. A crash between the last two is
made up for at the next start, when what is held and still there is treated again.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from onthaal_schema.intake import Intake
from onthaal_schema.problems import ProblemError
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.mail_ingest.holdings import Holdings, chunks, numbers
from services.mail_ingest.imap import Listed, Refused, Selected
from services.mail_ingest.imap_line import Line
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.mailbox_standing import Limits, MailboxReading, ModeTrouble
from services.mail_ingest.mailbox_taking import Taking
from services.mail_ingest.mailbox_treating import Treating
from services.mail_ingest.mailboxes import Mode

log = logger(__name__)

BRUSSELS: Final = ZoneInfo("Europe/Brussels")
WHOLE_EVERY: Final = 900.0
"""Seconds after which everything is compared anew with what the intake service holds, and what the server lists."""

REPORT_EVERY: Final = 15.0
"""Seconds between two reports: each renews the lease."""

LIST_BATCH: Final = 500

TOGETHER: Final = 2
"""Batches that are under way at a time: the next one is fetched and handed in while the last mails of this one are stored."""


class Session:
    """Reads over a connection until told to stop, until another reader has the lease, or until the connection breaks."""

    def __init__(self, reading: MailboxReading, line: Line, ingest: Ingest, intake: Intake, clock: Clock, limits: Limits) -> None:
        """Speak over the line alone."""
        self._reading = reading
        self._mailbox = reading.mailbox
        self._line = line
        self._intake = intake
        self._clock = clock
        self._limits = limits
        self._taking = Taking(reading, line, ingest, intake, clock, limits)
        self._treating = Treating(reading, line, self._taking, ingest, limits)
        self._whole_at: float | None = None
        self._reported_at = 0.0
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
            await self._treating.choose()
        return await self._scan() and await self._wait(idle=idle)

    def wake(self) -> None:
        """End waiting."""
        self._line.connection.wake()

    @property
    def _books(self) -> Holdings:
        return self._reading.books

    async def _scan(self) -> bool:
        selected = await self._open()
        books = self._books
        whole = self._whole_at is None or self._now() - self._whole_at > WHOLE_EVERY
        if not whole:
            fresh = await self._line.call(self._line.connection.uids_after, max(books.present, default=0))
            books.saw(fresh)
            whole = len(books.present) != selected.exists or books.unlisted > 0
        if whole:
            await self._compare(selected)
        for chunk in chunks(books.unknown(self._now()), LIST_BATCH):
            await self._list(chunk)
            if not await self._may_go_on():
                return False
        if not await self._take_all():
            return False
        if whole:
            await self._treating.treat_again()
        self._stand(books.missing)
        self._reading.standing.last_read_at = self._clock.now().timestamp()
        self._reading.standing.trouble = None
        return await self._report()

    async def _open(self) -> Selected:
        selected = await self._line.call(self._line.connection.open, writing=self._treating.mode is not Mode.KEEP)
        if self._treating.mode is not Mode.KEEP and not selected.writable:
            self._treating.say(ModeTrouble.READ_ONLY)
        self._treating.keywords = selected.keywords
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
        self._taking.renumbered = sum(state.outcomes.values()) > len(books.held)
        books.saw_all(await self._line.call(self._line.connection.uids, selected.exists), selected.exists)
        self._whole_at = self._now()

    async def _list(self, uids: Sequence[int]) -> None:
        try:
            found = await self._line.call(self._line.connection.listed, uids)
        except Refused:
            if len(uids) == 1:
                self._taking.fail(uids[0], "listing")
            else:
                for half in (uids[: len(uids) // 2], uids[len(uids) // 2 :]):
                    await self._list(half)
            return
        for uid in uids:
            if uid not in found:
                self._taking.fail(uid, "listing")
            elif self._is_older(found[uid]):
                self._books.older.add(uid)
            else:
                self._books.sizes[uid] = found[uid].size

    def _is_older(self, listed: Listed) -> bool:
        start, moment = self._mailbox.import_from, listed.internal_date
        return start is not None and moment is not None and moment.astimezone(BRUSSELS).date() < start

    async def _take_all(self) -> bool:
        """Take in whatever is due, lowest number first. False when another reader has the lease."""
        batches = deque(self._books.batches(self._books.due(self._now())))
        under_way: deque[asyncio.Task[list[int]]] = deque()
        may_read = True
        try:
            while under_way or (batches and may_read and not self._reading.stopping.is_set()):
                while batches and may_read and not self._reading.stopping.is_set() and len(under_way) < TOGETHER:
                    under_way.append(asyncio.create_task(self._take(batches.popleft())))
                await self._treating.treat(await under_way.popleft())
                may_read = self._reading.stopping.is_set() or (may_read and await self._may_go_on())
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        return may_read

    async def _take(self, uids: Sequence[int]) -> list[int]:
        return await self._taking.hand_in(await self._taking.fetch(uids))

    async def _wait(self, *, idle: bool) -> bool:
        due = self._books.next_due()
        seconds = min(self._limits.poll, max(due - self._now(), 0.05)) if due is not None else self._limits.poll
        waiting = asyncio.create_task(self._line.call(self._line.connection.wait, seconds, idle=idle))
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

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
