"""`Intake` in the same process: the same use cases and the same rights, without the network."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Contact, ContactPage, ContactSubmission
from onthaal_schema.conversation import Attendance, Colleague, Conversation, HandOver, Transcript
from onthaal_schema.handover import DeadLetterFilter, DeadLetterPage, Redriven, SubscriptionState
from onthaal_schema.intake import FileContent, FileUpload, Intake
from onthaal_schema.mail import (
    IncomingMail,
    MailboxReport,
    MailboxState,
    MailReading,
    MailReceipt,
    OutgoingMail,
    OutgoingResult,
    Place,
    SentMail,
)
from onthaal_schema.message import Message, MessageSubmission
from onthaal_schema.opening_hours import OpeningHours, PublishedOpeningHours
from onthaal_schema.operator import Session, SessionSecret, SignIn
from onthaal_schema.requests import ContactQuery, Correction, Outcome, Retag
from onthaal_schema.wire import to_wire
from onthaal_schema.worklist import WorkList
from services.intake_api.caller import Caller
from services.intake_api.reception import Reception
from services.intake_api.store.opened import typed
from services.intake_api.take_mail import submitted_contact


class DirectIntake:
    """`Intake` for one caller: a service of this process, or whoever holds a token."""

    def __init__(self, reception: Reception, who: Caller | str | None) -> None:
        """Speak as a caller, as the holder of a token, or as nobody."""
        self._reception = reception
        self._who = who

    async def _caller(self) -> Caller:
        return self._who if isinstance(self._who, Caller) else await self._reception.caller(self._who)

    async def register(self, contact_id: UUID, submission: ContactSubmission, files: Sequence[FileUpload] = ()) -> Contact:
        """Register a contact; see `Intake.register`."""
        submitted = orjson.loads(to_wire(submission))
        accepted = await self._reception.register(await self._caller(), contact_id, submission, submitted, files)
        return typed(accepted.contact)

    async def append(
        self, contact_id: UUID, message_id: UUID, message: MessageSubmission, files: Sequence[FileUpload] = ()
    ) -> Message:
        """Add a message; see `Intake.append`."""
        stored, _ = await self._reception.append(await self._caller(), contact_id, message_id, message, files)
        return stored

    async def contact(self, contact_id: UUID) -> Contact:
        """Read a contact; see `Intake.contact`."""
        return await self._reception.contact(await self._caller(), contact_id)

    async def messages(self, contact_id: UUID, after: int = 0) -> Sequence[Message]:
        """Read messages; see `Intake.messages`."""
        return await self._reception.read_messages(await self._caller(), contact_id, after)

    async def file(self, contact_id: UUID, file_id: UUID) -> FileContent:
        """Read a file; see `Intake.file`."""
        return await self._reception.file(await self._caller(), contact_id, file_id)

    async def find(self, query: ContactQuery) -> ContactPage:
        """List contacts; see `Intake.find`."""
        return await self._reception.find(await self._caller(), query)

    async def retag(self, contact_id: UUID, retag: Retag) -> Contact:
        """Tag a contact; see `Intake.retag`."""
        return await self._reception.retag(await self._caller(), contact_id, retag)

    async def correct(self, contact_id: UUID, correction: Correction) -> Contact:
        """Correct a contact; see `Intake.correct`."""
        return await self._reception.correct(await self._caller(), contact_id, correction)

    async def complete(self, contact_id: UUID) -> Contact:
        """Complete a contact; see `Intake.complete`."""
        return await self._reception.complete(await self._caller(), contact_id)

    async def record_outcome(self, contact_id: UUID, outcome: Outcome) -> None:
        """Keep an outcome; see `Intake.record_outcome`."""
        await self._reception.record_outcome(await self._caller(), contact_id, outcome)

    async def opening_hours(self, channel: Channel, at: datetime | None = None) -> OpeningHours:
        """Ask for the hours; see `Intake.opening_hours`."""
        return await self._reception.opening_hours(channel, at)

    async def published_hours(self) -> PublishedOpeningHours:
        """Ask for the published hours; see `Intake.published_hours`."""
        return await self._reception.hours.published()

    async def open_conversations(self) -> Sequence[Conversation]:
        """List conversations; see `Intake.open_conversations`."""
        return await self._reception.open_conversations(await self._caller())

    async def transcript(self, contact_id: UUID, after: int = -1) -> Transcript:
        """Read a conversation; see `Intake.transcript`."""
        return await self._reception.transcript(await self._caller(), contact_id, after)

    async def take(self, contact_id: UUID) -> Conversation:
        """Take a conversation; see `Intake.take`."""
        return await self._reception.take(await self._caller(), contact_id)

    async def release(self, contact_id: UUID) -> Conversation:
        """Give a conversation back; see `Intake.release`."""
        return await self._reception.release(await self._caller(), contact_id)

    async def end(self, contact_id: UUID) -> Conversation:
        """End a conversation; see `Intake.end`."""
        return await self._reception.end(await self._caller(), contact_id)

    async def hand_over(self, contact_id: UUID, to: HandOver) -> Conversation:
        """Hand a conversation over; see `Intake.hand_over`."""
        return await self._reception.hand_over(await self._caller(), contact_id, to)

    async def turn_away(self, contact_id: UUID) -> Conversation:
        """Turn a visitor away; see `Intake.turn_away`."""
        return await self._reception.turn_away(await self._caller(), contact_id)

    async def attend(self, attendance: Attendance) -> Sequence[Conversation]:
        """Say who is connected; see `Intake.attend`."""
        return await self._reception.attend(await self._caller(), attendance)

    async def colleagues(self) -> Sequence[Colleague]:
        """List the operators; see `Intake.colleagues`."""
        return await self._reception.colleagues(await self._caller())

    async def work_list(self) -> WorkList:
        """List the work; see `Intake.work_list`."""
        return await self._reception.work_list(await self._caller())

    async def finish_work(self, item_id: UUID) -> None:
        """Finish an item; see `Intake.finish_work`."""
        await self._reception.finish_work(await self._caller(), item_id)

    async def subscriptions(self) -> Sequence[SubscriptionState]:
        """List who gets events; see `Intake.subscriptions`."""
        return await self._reception.steering.subscriptions(await self._caller())

    async def dead_letters(self, which: DeadLetterFilter, page_size: int = 50, before: str | None = None) -> DeadLetterPage:
        """List dead letters; see `Intake.dead_letters`."""
        return await self._reception.steering.dead_letters(await self._caller(), which, page_size, before)

    async def redrive(self, which: DeadLetterFilter) -> Redriven:
        """Deliver dead letters again; see `Intake.redrive`."""
        return await self._reception.steering.redrive(await self._caller(), which)

    async def take_mail(self, mail_id: UUID, mail: IncomingMail, files: Sequence[FileUpload] = ()) -> MailReceipt:
        """Take a mail in; see `Intake.take_mail`."""
        receipt, _ = await self._reception.take_mail(await self._caller(), mail_id, mail, submitted_contact(mail), files)
        return receipt

    async def place_mail(self, mail_id: UUID, mailbox: str, place: Place) -> MailReceipt:
        """Note a place; see `Intake.place_mail`."""
        return await self._reception.place_mail(await self._caller(), mail_id, mailbox, place)

    async def mailbox(self, name: str, uid_validity: int) -> MailboxState:
        """Read a mailbox; see `Intake.mailbox`."""
        return await self._reception.mailbox(await self._caller(), name, uid_validity)

    async def report_mailbox(self, name: str, report: MailboxReport) -> MailboxState:
        """Report on a mailbox; see `Intake.report_mailbox`."""
        return await self._reception.report_mailbox(await self._caller(), name, report)

    async def claim_outgoing(self) -> Sequence[OutgoingMail]:
        """Claim mails; see `Intake.claim_outgoing`."""
        return await self._reception.claim_outgoing(await self._caller())

    async def settle_outgoing(self, outgoing_id: UUID, result: OutgoingResult) -> None:
        """Settle an attempt; see `Intake.settle_outgoing`."""
        await self._reception.settle_outgoing(await self._caller(), outgoing_id, result)

    async def register_sent(self, contact_id: UUID, outgoing_id: UUID, sent: SentMail) -> None:
        """Keep a mail of staff; see `Intake.register_sent`."""
        await self._reception.register_sent(await self._caller(), contact_id, outgoing_id, sent)

    async def reread(self, contact_id: UUID, reading: MailReading, files: Sequence[FileUpload] = ()) -> Contact:
        """Replace a reading; see `Intake.reread`."""
        return await self._reception.reread(await self._caller(), contact_id, reading, files)

    async def sign_in(self, sign_in: SignIn) -> Session:
        """Sign an operator in; see `Intake.sign_in`."""
        return await self._reception.sign_in(sign_in)

    async def renew(self, secret: SessionSecret) -> Session:
        """Renew a token; see `Intake.renew`."""
        return await self._reception.renew(secret)

    async def sign_out(self, secret: SessionSecret) -> None:
        """End a session; see `Intake.sign_out`."""
        await self._reception.sign_out(secret)

    async def keys(self) -> dict[str, object]:
        """Give the public keys; see `Intake.keys`."""
        return self._reception.access.keys()


class DirectAccess:
    """`IntakeAccess` for the services of this process."""

    def __init__(self, reception: Reception) -> None:
        """Reach one intake service."""
        self._reception = reception

    def own(self, service: str) -> Intake:
        """Speak as a service of this process."""
        return DirectIntake(self._reception, self._reception.service(service))

    def operator(self, token: str) -> Intake:
        """Speak as an operator."""
        return DirectIntake(self._reception, token)

    def anonymous(self) -> Intake:
        """Speak as nobody."""
        return DirectIntake(self._reception, None)
