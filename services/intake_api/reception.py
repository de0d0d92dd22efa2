"""What the intake service does for a caller: every use case, with its rights checked. Both adapters stand on this."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from joserfc.jwk import KeySet

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Contact, ContactPage, ContactSubmission, KindSource
from onthaal_schema.conversation import Attendance, Colleague, Conversation, HandOver, Transcript
from onthaal_schema.events import EventPage
from onthaal_schema.intake import FileContent, FileUpload
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
from onthaal_schema.message import Direction, Message, MessageSubmission
from onthaal_schema.opening_hours import CalendarException, OpeningHours
from onthaal_schema.operator import Session, SessionSecret, SignIn
from onthaal_schema.problems import InvalidInput, MissingScope
from onthaal_schema.requests import ContactQuery, Correction, Outcome, Retag
from onthaal_schema.worklist import WorkList
from services.intake_api.accept import CLOCK_SKEW, Accept, Accepted
from services.intake_api.caller import NOBODY, SERVICE_SCOPES, Caller
from services.intake_api.danger import DangerWatch
from services.intake_api.handover.feed import Asked, Feed
from services.intake_api.hours import Hours
from services.intake_api.measures import count_judgement
from services.intake_api.opening_hours.rules import OutOfCalendarError
from services.intake_api.recognised import Recognised
from services.intake_api.steering import Steering
from services.intake_api.store.access import Access
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.conversations import Conversations
from services.intake_api.store.mailboxes import Mailboxes
from services.intake_api.store.mails import Mails
from services.intake_api.store.messages import Messages
from services.intake_api.store.opened import Wire
from services.intake_api.store.outgoing import Outgoing
from services.intake_api.store.overview import Overview
from services.intake_api.store.rereading import Rereading
from services.intake_api.tagging.text import added
from services.intake_api.take_mail import TakeMail
from services.kit.clock import Clock
from services.kit.operator_tokens import verify

CHAT_WRITE = f"contacts:write:{Channel.CHAT}"
SERVE = "conversations:serve"


@dataclass(frozen=True)
class Reception:
    """The use cases. Each takes the caller first and checks what they may do."""

    accept: Accept
    contacts: Contacts
    messages: Messages
    danger: DangerWatch
    conversations: Conversations
    overview: Overview
    access: Access
    hours: Hours
    feed: Feed
    steering: Steering
    taking: TakeMail
    mails: Mails
    mailboxes: Mailboxes
    outgoing: Outgoing
    rereading: Rereading
    clock: Clock
    _recognised: Recognised = field(default_factory=Recognised)

    async def caller(self, token: str | None) -> Caller:
        """Say who holds a token: a service, or an operator (three parts and two dots: a JWT).

        Raises:
            InvalidAccessToken: unknown, revoked or malformed.
            ExpiredAccessToken: too old.

        """
        if token is None:
            return NOBODY
        if token.count(".") == 2:
            now, keys = self.clock.now().timestamp(), self.access.keys()
            return self._recognised.find(token, now, keys) or self._verified(token, now, keys)
        record = await self.access.token(token)
        return Caller(record.name, record.scopes)

    def _verified(self, token: str, now: float, keys: dict[str, object]) -> Caller:
        operator = verify(token, KeySet.import_key_set(keys), now)  # type: ignore[arg-type]
        return self._recognised.learn(token, Caller(operator.name, operator.scopes, operator.id), operator.expires)

    def service(self, name: str) -> Caller:
        """Give the caller that a service in this process is."""
        return Caller(name, SERVICE_SCOPES[name])

    async def register(
        self, caller: Caller, contact_id: UUID, submission: ContactSubmission, submitted: Wire, files: Sequence[FileUpload] = ()
    ) -> Accepted:
        """Register a contact; see `Accept`."""
        accepted = await self.accept(caller, contact_id, submission, submitted, files)
        if accepted.created and submission.kind:  # the model comes to it after all that came before
            self.danger.hear(contact_id, f"{submission.subject or ''}\n{submission.text or ''}")
        return accepted

    async def append(
        self, caller: Caller, contact_id: UUID, message_id: UUID, message: MessageSubmission, files: Sequence[FileUpload]
    ) -> tuple[Message, bool]:
        """Append a message. A channel writes to its own contacts, an operator answers chats and adds notes."""
        channel = await self.contacts.channel(contact_id)
        self._may_append(caller, channel, message.direction)
        if message.sent_at and message.sent_at > self.clock.now() + CLOCK_SKEW:
            raise InvalidInput.at("sentAt", "Must not lie in the future.")
        stored, created = await self.messages.append(contact_id, message_id, message, files, caller.name)
        if created and message.direction == Direction.INBOUND:
            self.danger.hear(contact_id, message.text)
        return stored, created

    def _may_append(self, caller: Caller, channel: str, direction: Direction) -> None:
        if direction == Direction.NOTE and "contacts:tag" in caller.scopes:
            return
        if channel == Channel.CHAT and SERVE in caller.scopes:
            return
        caller.require_channel(channel)

    async def contact(self, caller: Caller, contact_id: UUID) -> Contact:
        """Read a contact."""
        caller.require("contacts:read")
        return await self.contacts.read(contact_id, caller.name, to_handle=caller.operator is None)

    async def read_messages(self, caller: Caller, contact_id: UUID, after: int) -> Sequence[Message]:
        """Read messages."""
        caller.require("contacts:read")
        return await self.messages.after(contact_id, after, caller.name)

    async def file(self, caller: Caller, contact_id: UUID, file_id: UUID) -> FileContent:
        """Read a file."""
        caller.require("contacts:read")
        return await self.contacts.file(contact_id, file_id, caller.name)

    async def find(self, caller: Caller, query: ContactQuery) -> ContactPage:
        """List contacts."""
        caller.require("contacts:read")
        return await self.overview.find(query)

    async def retag(self, caller: Caller, contact_id: UUID, retag: Retag) -> Contact:
        """Tag a contact as a person."""
        caller.require("contacts:tag", "contacts:write")
        contact = await self.contacts.retag(contact_id, retag, KindSource.OPERATOR, caller.name)
        count_judgement(contact.suggestion, retag.kind)
        return contact

    async def correct(self, caller: Caller, contact_id: UUID, correction: Correction) -> Contact:
        """Correct a contact."""
        caller.require("contacts:tag", "contacts:write")
        contact = await self.contacts.correct(contact_id, correction, caller.name)
        if correction.sector is not None:
            count_judgement(contact.suggestion, correction.sector)
        return contact

    async def complete(self, caller: Caller, contact_id: UUID) -> Contact:
        """Complete a contact."""
        caller.require("contacts:tag", "contacts:write")
        return await self.contacts.complete(contact_id)

    async def record_outcome(self, caller: Caller, contact_id: UUID, outcome: Outcome) -> None:
        """Keep what the case service decided."""
        caller.require("outcomes:write")
        await self.contacts.record_outcome(contact_id, outcome, caller.name)

    async def erase(self, caller: Caller, contact_id: UUID) -> None:
        """Erase a contact."""
        caller.require("contacts:erase")
        await self.contacts.erase(contact_id, caller.name)

    async def opening_hours(self, channel: Channel, at: datetime | None) -> OpeningHours:
        """Say whether a channel is open; anybody may know."""
        try:
            return self.hours.at(channel, at or self.clock.now())
        except OutOfCalendarError:
            raise InvalidInput.at("at", "Must lie in the years 1970 to 2199.", in_="query") from None

    async def put_exception(self, caller: Caller, rule: CalendarException) -> CalendarException:
        """Set an exception to the hours."""
        caller.require("calendar:write")
        return await self.hours.put(rule, caller.name)

    async def withdraw_exception(self, caller: Caller, exception_id: UUID) -> None:
        """Withdraw an exception."""
        caller.require("calendar:write")
        await self.hours.withdraw(exception_id)

    async def open_conversations(self, caller: Caller) -> Sequence[Conversation]:
        """List conversations."""
        caller.require(SERVE, CHAT_WRITE)
        return await self.conversations.open()

    async def transcript(self, caller: Caller, contact_id: UUID, after: int) -> Transcript:
        """Read a conversation."""
        caller.require(SERVE, CHAT_WRITE)
        return await self.conversations.transcript(contact_id, after)

    async def take(self, caller: Caller, contact_id: UUID) -> Conversation:
        """Take a conversation."""
        return await self.conversations.take(contact_id, _operator(caller), caller.name)

    async def release(self, caller: Caller, contact_id: UUID) -> Conversation:
        """Give a conversation back."""
        return await self.conversations.release(contact_id, _operator(caller))

    async def hand_over(self, caller: Caller, contact_id: UUID, to: HandOver) -> Conversation:
        """Hand a conversation over to a colleague."""
        return await self.conversations.hand_over(contact_id, _operator(caller), to.operator)

    async def end(self, caller: Caller, contact_id: UUID) -> Conversation:
        """End a conversation."""
        caller.require(SERVE, CHAT_WRITE)
        return await self.conversations.end(contact_id)

    async def turn_away(self, caller: Caller, contact_id: UUID) -> Conversation:
        """End a conversation that nobody took in time."""
        caller.require(CHAT_WRITE)
        return await self.conversations.turn_away(contact_id)

    async def attend(self, caller: Caller, attendance: Attendance) -> Sequence[Conversation]:
        """Note who is connected to a relay."""
        caller.require(CHAT_WRITE)
        return await self.conversations.attend(attendance)

    async def colleagues(self, caller: Caller) -> Sequence[Colleague]:
        """List the operators."""
        caller.require(SERVE, CHAT_WRITE)
        return await self.conversations.colleagues()

    async def work_list(self, caller: Caller) -> WorkList:
        """List the work."""
        caller.require("worklist:write")
        return await self.overview.work_list()

    async def finish_work(self, caller: Caller, item_id: UUID) -> None:
        """Finish an item."""
        caller.require("worklist:write")
        await self.overview.finish(item_id, caller.name)

    async def take_mail(
        self, caller: Caller, mail_id: UUID, mail: IncomingMail, submitted: Wire, files: Sequence[FileUpload]
    ) -> tuple[MailReceipt, bool]:
        """Take a mail in; see `TakeMail`. `submitted` is its contact as JSON."""
        receipt, created = await self.taking(caller, mail_id, mail, submitted, files)
        if created and receipt.message_id and not mail.by_staff:
            self.danger.hear(receipt.contact_id, added(mail.contact.text or ""))
        return receipt, created

    async def place_mail(self, caller: Caller, mail_id: UUID, mailbox: str, place: Place) -> MailReceipt:
        """Note where a mail lies as well."""
        caller.require_channel(Channel.MAIL)
        return await self.mails.place(mail_id, mailbox, place)

    async def mailbox(self, caller: Caller, name: str, uid_validity: int) -> MailboxState:
        """Say what is held of a mailbox."""
        caller.require_channel(Channel.MAIL)
        return await self.mailboxes.state(name, uid_validity)

    async def report_mailbox(self, caller: Caller, name: str, report: MailboxReport) -> MailboxState:
        """Keep what a reader saw."""
        caller.require_channel(Channel.MAIL)
        return await self.mailboxes.report(name, report)

    async def claim_outgoing(self, caller: Caller) -> Sequence[OutgoingMail]:
        """Claim mails that are to be sent."""
        caller.require_channel(Channel.MAIL)
        return await self.outgoing.claim(self.hours.at(Channel.MAIL, self.clock.now()))

    async def settle_outgoing(self, caller: Caller, outgoing_id: UUID, result: OutgoingResult) -> None:
        """Keep what became of an attempt."""
        caller.require_channel(Channel.MAIL)
        await self.outgoing.settle(outgoing_id, result)

    async def register_sent(self, caller: Caller, contact_id: UUID, outgoing_id: UUID, sent: SentMail) -> None:
        """Keep that staff mailed somebody."""
        caller.require(f"contacts:write:{Channel.MAIL}", "contacts:write", "contacts:tag")
        if sent.sent_at and sent.sent_at > self.clock.now() + CLOCK_SKEW:
            raise InvalidInput.at("sentAt", "Must not lie in the future.")
        await self.outgoing.register_sent(contact_id, outgoing_id, sent, caller.name)

    async def reread(self, caller: Caller, contact_id: UUID, reading: MailReading, files: Sequence[FileUpload]) -> Contact:
        """Replace what was read of a mail."""
        caller.require_channel(Channel.MAIL)
        return await self.rereading.replace(contact_id, reading, files, caller.name)

    async def events(self, caller: Caller, asked: Asked) -> EventPage:
        """Read the feed."""
        caller.require("events:read")
        return await self.feed.page(asked, caller.name)

    async def sign_in(self, sign_in: SignIn) -> Session:
        """Sign an operator in."""
        return await self.access.sign_in(sign_in.code)

    async def renew(self, secret: SessionSecret) -> Session:
        """Renew a session."""
        return await self.access.renew(secret.secret)

    async def sign_out(self, secret: SessionSecret) -> None:
        """End a session."""
        await self.access.sign_out(secret.secret)


def _operator(caller: Caller) -> UUID:
    if caller.operator is None or SERVE not in caller.scopes:
        raise MissingScope("Only an operator can serve a conversation.", required_scopes=(SERVE,))
    return caller.operator
