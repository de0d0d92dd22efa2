"""What a mail becomes: the mail that it was already, a message of a contact that there is, or a new contact (ADR 24)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from onthaal_schema.channel import Channel
from onthaal_schema.contact import MailSubmission, Nature, ParseStatus
from onthaal_schema.intake import FileUpload
from onthaal_schema.mail import BounceAction, IncomingMail, MailOutcome, MailReceipt
from onthaal_schema.message import Direction, MessageSubmission
from onthaal_schema.problems import ServiceUnavailable
from onthaal_schema.wire import to_wire
from onthaal_schema.worklist import WorkReason
from services.intake_api.accept import EARLIEST, Accept, Prepared
from services.intake_api.answering import Answering
from services.intake_api.caller import Caller
from services.intake_api.store.mailboxes import Mailboxes, Numbering
from services.intake_api.store.mails import Answered, Digests, Held, Joined, Mails
from services.intake_api.store.opened import Wire
from services.intake_api.store.outgoing_rows import Acknowledged, StaffMail, acknowledgement, staff_mail
from services.intake_api.store.taken import Bounced, Taken
from services.intake_api.store.work import work_row
from services.intake_api.store.writer import Overtaken

PATIENCE: Final = 5
"""How often a mail is decided upon anew, because something that it depends on changed between the decision and the commit."""


LONG: Final = timedelta(days=7)
"""A mail that was sent so long before it came had come before, when its mailbox was numbered anew."""


@dataclass(frozen=True)
class Belongs:
    """What a new contact has to do with another one: it is related for certain, or a person must decide whether it is."""

    related_to: UUID | None = None
    possible_link: UUID | None = None
    reasons: tuple[WorkReason, ...] = ()
    answers_ours: bool = False


@dataclass(frozen=True)
class TakeMail:
    """Takes mails in. `answers_off` are the mailboxes that are never answered from."""

    accept: Accept
    mails: Mails
    mailboxes: Mailboxes
    answering: Answering
    answers_off: frozenset[str]

    async def __call__(
        self, caller: Caller, mail_id: UUID, mail: IncomingMail, submitted: Wire, files: Sequence[FileUpload]
    ) -> tuple[MailReceipt, bool]:
        """Take a mail in: on return it is stored as what the receipt says. Says whether it was new.

        What is decided is true when it is written: ids and fingerprints are unique in the database, a contact that is joined
        is locked. When something changed in between, it is decided anew.
        """
        caller.require_channel(Channel.MAIL)
        mail, submitted = self._dated(mail, submitted)
        digests = Digests.of(self.accept.vault, mail)
        numbering = await self.mailboxes.numbering(mail.mailbox, mail.place.uid_validity) if mail.place else None
        anew = bool(numbering and numbering.anew)
        for attempt in range(PATIENCE):
            # one that answers nothing is most likely new, and if it is not, its commit tells
            sure = attempt or anew or _may_belong_to_another(mail, digests)
            held = await self.mails.look(mail_id, mail, digests, numbered_anew=anew) if sure else Held()
            if held.receipt:
                return await self._again(mail, held.receipt), False
            taking = Taking(self, caller, mail_id, mail, submitted, files, digests, numbering)
            try:
                return await taking.as_what_it_is(held), True
            except Overtaken:
                continue
        raise ServiceUnavailable("The mail cannot be stored now; send the same again.", retry_after_sec=1)

    async def _again(self, mail: IncomingMail, receipt: MailReceipt) -> MailReceipt:
        if mail.place:
            return await self.mails.place(receipt.mail_id, mail.mailbox, mail.place)
        return receipt

    def _dated(self, mail: IncomingMail, submitted: Wire) -> tuple[IncomingMail, Wire]:
        """Bring the moment of receipt within what can be: a server with a wrong clock is no reason to refuse what somebody wrote."""
        at = mail.contact.received_at
        if at is None:
            return mail, submitted
        possible = min(max(at, EARLIEST), self.accept.clock.now())
        if possible == at:
            return mail, submitted
        contact = mail.contact.model_copy(update={"received_at": possible})
        return mail.model_copy(update={"contact": contact}), {**submitted, "receivedAt": possible}


@dataclass(frozen=True)
class Taking:
    """One mail while it is decided upon."""

    intake: TakeMail
    caller: Caller
    mail_id: UUID
    mail: IncomingMail
    submitted: Wire
    files: Sequence[FileUpload]
    digests: Digests
    numbering: Numbering | None

    async def as_what_it_is(self, held: Held) -> MailReceipt:
        """Take it in as what it is, in the order of ADR 24.

        Raises:
            Overtaken: something that the decision stands on has changed.

        """
        if held.duplicate_of:
            return await self.intake.mails.note(self._rows(MailOutcome.DUPLICATE, held.duplicate_of))
        if held.registered:
            return await self.intake.mails.note(self._rows(self._outcome(self.mail.contact), self.mail_id))
        if self.mail.bounce:
            return await self._as_report(held)
        if self.mail.by_staff:
            return await self._as_staff_wrote(held)
        answered = next((one for one in held.answers if one.knows_sender and one.nature == Nature.PERSON), None)
        if answered and self._is_by_a_person:
            return await self._as_answer(answered)
        return await self._as_contact(self._belongs(held))

    @property
    def _is_by_a_person(self) -> bool:
        return (self.mail.contact.nature or Nature.PERSON) == Nature.PERSON

    def _belongs(self, held: Held) -> Belongs:
        link = held.answers[0].contact_id if held.answers else held.follows_own
        if not self._is_by_a_person:
            return Belongs(possible_link=link)  # a holiday reply: shown with what it answers, and nobody's work
        if held.likely and not link:
            return Belongs(possible_link=held.likely, reasons=(WorkReason.POSSIBLE_DUPLICATE,))
        reasons = (*((WorkReason.POSSIBLE_LINK,) if link else ()), *((WorkReason.POSSIBLE_DUPLICATE,) if held.likely else ()))
        return Belongs(possible_link=link, reasons=reasons, answers_ours=bool(held.answers))

    async def _as_answer(self, answered: Answered) -> MailReceipt:
        """Let it join the contact that it answers; what could not be read stands beside it, to be looked at and read again."""
        if self._outcome(self.mail.contact) is not MailOutcome.ACCEPTED:
            return await self._as_contact(Belongs(related_to=answered.contact_id))
        joined = Joined(self.caller.name, outgoing_id=answered.outgoing_id, sender=self.digests.sender)
        return await self._join(answered.contact_id, Direction.INBOUND, joined)

    async def _as_staff_wrote(self, held: Held) -> MailReceipt:
        """Keep a copy of what staff wrote with the contact that it answers; without one it is a contact of its own."""
        contact_id = held.answers[0].contact_id if held.answers else next(iter(held.follows), None)
        details = self.mail.contact.details
        if contact_id is None:
            return await self._as_contact(Belongs(), Nature.MACHINE)
        joined = Joined(
            self.caller.name,
            staff_message_id=details.message_id if details else None,
            sent_at=(details.sent_at if details else None) or self.mail.contact.received_at,
        )
        return await self._join(contact_id, Direction.OUTBOUND, joined)

    async def _join(self, contact_id: UUID, direction: Direction, joined: Joined) -> MailReceipt:
        taken = self._rows(MailOutcome.ACCEPTED, contact_id, self.mail_id)
        mail = self.mail.contact
        message = MessageSubmission(
            direction=direction, text=mail.text or "", sent_at=mail.received_at, subject=mail.subject, details=mail.details
        )
        return await self.intake.mails.join(taken, message, self.files, joined)

    async def _as_report(self, held: Held) -> MailReceipt:
        """Keep a report on a mail of ours beside the contact that we had mailed."""
        about = held.answers[0] if held.answers else None
        bounce = self.mail.bounce
        bounced = None
        if about and bounce and bounce.action is BounceAction.FAILED:
            bounced = Bounced(about.outgoing_id, about.contact_id, bounce.status or BounceAction.FAILED)
        return await self._as_contact(Belongs(related_to=about.contact_id if about else None), Nature.MACHINE, bounced)

    async def _as_contact(self, belongs: Belongs, nature: Nature | None = None, bounced: Bounced | None = None) -> MailReceipt:
        """Register it as a contact of its own, with everything that belongs to it in the same transaction."""
        said = {"nature": nature, "related_to": belongs.related_to}
        submission = self.mail.contact.model_copy(update={name: value for name, value in said.items() if value is not None})
        submitted = {**self.submitted, **({"relatedTo": str(belongs.related_to)} if belongs.related_to else {})}
        outcome = self._outcome(submission)
        prepared = await self.intake.accept.prepare(self.caller, self.mail_id, submission, submitted, self.files)
        new = prepared.new
        new.row["possible_link"] = belongs.possible_link
        new.work = [
            *new.work,
            *(work_row(new.id, reason, new.row["registered_at"]) for reason in self._reasons(belongs, outcome)),
        ]
        new.mail = self._rows(outcome, new.id)
        new.mail.bounced = bounced
        new.mail.answer = self._answer(prepared, outcome, belongs)
        new.mail.sent = self._unclaimed(prepared)
        await self.intake.accept.write(prepared)
        return MailReceipt(mail_id=self.mail_id, outcome=outcome, contact_id=new.id)

    def _outcome(self, submission: MailSubmission) -> MailOutcome:
        if self.mail.oversize:
            return MailOutcome.OVERSIZE
        if (submission.nature or Nature.PERSON) != Nature.PERSON:
            return MailOutcome.MACHINE
        failed = submission.details and submission.details.parse_status is ParseStatus.FAILED
        return MailOutcome.FAILED if failed else MailOutcome.ACCEPTED

    def _reasons(self, belongs: Belongs, outcome: MailOutcome) -> Sequence[WorkReason]:
        oversize = (WorkReason.OVERSIZE,) if outcome is MailOutcome.OVERSIZE else ()
        return *belongs.reasons, *oversize

    def _rows(self, outcome: MailOutcome, contact_id: UUID, message_id: UUID | None = None) -> Taken:
        return self.intake.mails.row(self.mail_id, self.mail, self.digests, outcome, contact_id, message_id)

    def _answer(self, prepared: Prepared, outcome: MailOutcome, belongs: Belongs) -> dict[str, object] | None:
        """Make the acknowledgement, unless a rule forbids it. Whether its recipient had one lately is found at the commit."""
        to, received_at = self.mail.answer_to, prepared.new.row["received_at"]
        if to is None or outcome is not MailOutcome.ACCEPTED or WorkReason.POSSIBLE_DUPLICATE in belongs.reasons:
            return None
        if belongs.answers_ours:  # our answer was had; a machine with an address for each mail would have one after another
            return None
        details = self.mail.contact.details
        sent_at = details.sent_at if details else None
        if self.mail.mailbox in self.intake.answers_off or self._is_from_before(received_at, sent_at):
            return None
        mail = Acknowledged(
            contact_id=prepared.new.id,
            mailbox=self.mail.mailbox,
            to=to,
            message_id=details.message_id if details else None,
            references=(details.in_reply_to,) if details and details.in_reply_to else (),
        )
        accept = self.intake.accept
        return acknowledgement(accept.vault, prepared.key, self.intake.answering, mail, accept.clock.now())

    def _is_from_before(self, received_at: datetime, sent_at: datetime | None) -> bool:
        """Whether it lay in the mailbox when that was first read, or before it was numbered anew. What comes by SMTP comes now."""
        if self.numbering is None:
            return False
        # a server that is replaced may date all mail anew
        is_old = self.numbering.anew and sent_at is not None and received_at - sent_at > LONG
        return is_old or received_at < self.numbering.first_seen_at

    def _unclaimed(self, prepared: Prepared) -> dict[str, object] | None:
        """Remember what staff sent that names no contact: an answer to it is then linked to it, for a person to decide."""
        details = self.mail.contact.details
        if not self.mail.by_staff or details is None or not details.message_id:
            return None
        now = prepared.new.row["registered_at"]
        mail = StaffMail(prepared.new.id, self.mail.mailbox, details.message_id, None, details.sent_at or now)
        return staff_mail(self.intake.accept.vault, prepared.key, mail, now)


def _may_belong_to_another(mail: IncomingMail, digests: Digests) -> bool:
    return bool(digests.tokens or digests.references or mail.bounce or mail.by_staff)


def submitted_contact(mail: IncomingMail) -> Wire:
    """Give the contact of a mail as JSON, as a client would have sent it."""
    contact: Wire = orjson.loads(to_wire(mail.contact))
    return contact
