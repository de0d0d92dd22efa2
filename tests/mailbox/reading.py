"""A reader of a mailbox in this process, for the length of a block."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast
from uuid import UUID

from onthaal_schema.intake import Intake
from services.kit.clock import SystemClock
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.mailbox_reader import MailboxReader
from services.mail_ingest.mailbox_standing import Limits
from services.mail_ingest.mailboxes import Mailbox
from tests.mail_register import MailRegister

READER = UUID(int=1)
IMPATIENT = Limits(poll=0.3, retry=0.4, size=10_000, slow=0.2, look_again=0.1)


@asynccontextmanager
async def reading_of(
    mailbox: Mailbox, register: MailRegister, limits: Limits | None = None, reader_id: UUID = READER
) -> AsyncIterator[MailboxReader]:
    """Read a mailbox for the length of a block."""
    intake = cast("Intake", register)
    clock = SystemClock()
    async with LimitedParser(workers=1) as parser:
        reader = MailboxReader(
            mailbox,
            reader_id,
            Ingest(intake, parser, {}),
            intake,
            clock,
            limits or IMPATIENT,
        )
        running = asyncio.create_task(reader.run())
        try:
            yield reader
        finally:
            await reader.drain()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)
