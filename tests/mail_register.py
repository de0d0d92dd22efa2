"""An intake that holds mails in memory and does what a test tells it, for what only the mail service does."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from onthaal_schema.intake import FileUpload
from onthaal_schema.mail import IncomingMail, MailboxReport, MailboxState, MailOutcome, MailReceipt, Place
from onthaal_schema.problems import NotFound


def nothing(_: object) -> None:
    """Do nothing."""


@dataclass
class Held:
    """A mail that was handed in."""

    mail: IncomingMail
    files: Sequence[FileUpload]
    receipt: MailReceipt

    @property
    def original(self) -> bytes:
        """Its bytes."""
        (original,) = (file.content for file in self.files if file.role == "original")
        return original


@dataclass
class MailRegister:
    """What of `Intake` the mail service uses to take mail in."""

    before: Callable[[IncomingMail], object] = nothing
    """Called with each mail before it is held; may raise."""
    always: Callable[[object], object] = nothing
    """Called at every call; may raise."""
    may_read: bool = True
    held: dict[UUID, Held] = field(default_factory=dict)
    places: dict[tuple[str, int], dict[int, UUID]] = field(default_factory=dict)
    reports: list[MailboxReport] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def take_mail(self, mail_id: UUID, mail: IncomingMail, files: Sequence[FileUpload] = ()) -> MailReceipt:
        """Hold a mail."""
        await asyncio.sleep(0)
        self.calls.append("take")
        self.always(mail)
        if mail_id not in self.held:
            self.before(mail)
            outcome = MailOutcome.OVERSIZE if mail.oversize else MailOutcome.ACCEPTED
            self.held[mail_id] = Held(mail, files, MailReceipt(mail_id=mail_id, outcome=outcome, contact_id=mail_id))
        if mail.place:
            self._note(mail_id, mail.mailbox, mail.place)
        return self.held[mail_id].receipt

    async def place_mail(self, mail_id: UUID, mailbox: str, place: Place) -> MailReceipt:
        """Note a place of a mail that is held."""
        self.calls.append("place")
        self.always(place)
        if mail_id not in self.held:
            raise NotFound
        self._note(mail_id, mailbox, place)
        return self.held[mail_id].receipt

    async def mailbox(self, name: str, uid_validity: int) -> MailboxState:
        """Say what is held."""
        self.always(name)
        numbers = self.places.get((name, uid_validity), {})
        held = ",".join(map(str, sorted(numbers)))
        outcomes = {MailOutcome.ACCEPTED: len(self.held)}
        return MailboxState(name=name, first_seen_at=datetime(2026, 1, 1, tzinfo=UTC), held=held, outcomes=outcomes)

    async def report_mailbox(self, name: str, report: MailboxReport) -> MailboxState:
        """Keep a report."""
        self.always(report)
        self.reports.append(report)
        return MailboxState(name=name, first_seen_at=datetime(2026, 1, 1, tzinfo=UTC), may_read=self.may_read)

    def _note(self, mail_id: UUID, mailbox: str, place: Place) -> None:
        self.places.setdefault((mailbox, place.uid_validity), {})[place.uid] = mail_id
