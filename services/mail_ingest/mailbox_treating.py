"""What is done on the server with a mail that is held: nothing, marking, moving, deleting. Never before the receipt."""

from collections.abc import Sequence
from typing import Final

from onthaal_schema.mail import MailOutcome
from onthaal_schema.problems import ProblemError
from services.kit.logging import logger
from services.mail_ingest.holdings import Holdings, chunks
from services.mail_ingest.imap import Refused
from services.mail_ingest.imap_line import Line
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.mailbox_standing import Limits, MailboxReading, ModeTrouble
from services.mail_ingest.mailbox_taking import Taking
from services.mail_ingest.mailboxes import Mode

log = logger(__name__)

LIST_BATCH: Final = 500


class Treating:
    """Treats mails over a connection by the mode of the mailbox, as far as its server can."""

    def __init__(self, reading: MailboxReading, line: Line, taking: Taking, ingest: Ingest, limits: Limits) -> None:
        """Keep the books of `reading`."""
        self._reading = reading
        self._mailbox = reading.mailbox
        self._line = line
        self._taking = taking
        self._ingest = ingest
        self._limits = limits
        self.mode = reading.mailbox.mode
        """What is done, which is `keep` where the server cannot do what the settings say."""
        self.keywords = False
        """Whether the server takes keywords."""

    @property
    def _books(self) -> Holdings:
        return self._reading.books

    async def choose(self) -> None:
        """Choose what the server can do; when that is not what the settings say, keep, and say so."""
        mode, trouble = self._mailbox.mode, None
        if mode is Mode.DELETE and not self._line.connection.can_delete:
            trouble = ModeTrouble.CANNOT_DELETE
        elif mode is Mode.MOVE and not self._line.connection.can_move:
            trouble = ModeTrouble.CANNOT_MOVE
        elif mode is Mode.MOVE and not await self._line.call(self._line.connection.has_folder, self._mailbox.move_to or ""):
            trouble = ModeTrouble.NO_FOLDER
        self.say(trouble)

    def say(self, trouble: ModeTrouble | None) -> None:
        """Say why mails stay as they are, or that nothing stands in the way."""
        if trouble and trouble is not self._reading.standing.mode_trouble:
            log.error("mails stay in the mailbox as they are", worker=self._mailbox.name, reason=trouble.value)
        self._reading.standing.mode_trouble = trouble
        if trouble and trouble is not ModeTrouble.REFUSED:
            self.mode = Mode.KEEP

    async def treat(self, uids: Sequence[int]) -> None:
        """Do with stored mails what the mode says."""
        connection = self._line.connection
        if not uids or self.mode is Mode.KEEP:
            return
        try:
            match self.mode:
                case Mode.MARK:
                    await self._line.call(connection.mark, uids, keywords=self.keywords)
                    return
                case Mode.MOVE:
                    await self._line.call(connection.move, uids, self._mailbox.move_to or "")
                case Mode.DELETE:
                    await self._line.call(connection.delete, uids)
        except Refused:
            self._books.left.update(uids)
            self.say(ModeTrouble.REFUSED)
        else:
            self._books.gone(uids)

    async def treat_again(self) -> None:
        """Treat what is held and was not treated, because a crash came between. What is deleted must be proved to be held."""
        books = self._books
        if self.mode is Mode.KEEP:
            return
        waiting = (books.held & books.present) - books.left
        if self.mode is Mode.MARK:
            waiting &= await self._line.call(self._line.connection.unmarked, keywords=self.keywords)
        for chunk in chunks(sorted(waiting), LIST_BATCH):
            try:
                listed = await self._line.call(self._line.connection.listed, chunk)
            except Refused:
                books.left.update(chunk)
                continue
            small = {uid: mail.size for uid, mail in listed.items() if mail.size <= self._limits.size}
            books.left.update(set(chunk) - small.keys())
            if self.mode is Mode.MARK:
                await self.treat(sorted(small))
            else:
                await self._treat_proved(small)
            if self._reading.stopping.is_set():
                return

    async def _treat_proved(self, sizes: dict[int, int]) -> None:
        """Move or delete what the intake service says it holds, byte for byte."""
        for uid in sorted(sizes):
            try:
                fetched = (await self._line.call(self._line.connection.fetch, [uid])).get(uid)
                receipt = await self._ingest.find(self._taking.received(fetched, None)) if fetched else None
            except (Refused, ProblemError):
                receipt = None
            if receipt is None or receipt.outcome is MailOutcome.OVERSIZE:
                self._books.left.add(uid)
            else:
                await self.treat([uid])
            if self._reading.stopping.is_set():
                return
