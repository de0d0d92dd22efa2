"""How the reading of a mailbox stands, and what of it outlives a connection."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from onthaal_schema.intake import Intake
from onthaal_schema.mail import MailboxReport
from services.mail_ingest.holdings import Holdings
from services.mail_ingest.mailboxes import Mailbox


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
class MailboxReading:
    """What outlives a connection: who reads, how it stands, and the books."""

    mailbox: Mailbox
    reader: UUID
    standing: Standing
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    holdings: Holdings | None = None

    @property
    def books(self) -> Holdings:
        """The books of the folder that was opened."""
        if self.holdings is None:
            message = "no folder was opened yet"
            raise RuntimeError(message)
        return self.holdings

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
    slow: float = 15.0
    """Seconds at least before a refused sign-in is tried again: it does not mend itself, and a server may lock the account."""
    look_again: float = 5.0
    """Seconds after which a reader without the lease asks for it again."""
