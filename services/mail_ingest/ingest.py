"""From the bytes of a mail to a registered contact. The same mail again is the same contact."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from pydantic import ValidationError

from onthaal_schema.channel import Channel
from onthaal_schema.contact import MailDetails, MailSubmission, ParseStatus, Person
from onthaal_schema.intake import FileUpload, Intake
from onthaal_schema.problems import Erased, InvalidInput, PayloadTooLarge
from services.kit.logging import error_name, logger
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.machine_mail import judge
from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.received import ReceivedMail

log = logger(__name__)


class Ingest:
    """Takes mails in, whatever could be read of them."""

    def __init__(self, intake: Intake, parser: LimitedParser) -> None:
        """Read with the parser, register at the intake."""
        self._intake = intake
        self._parser = parser

    async def take_in(self, mail: ReceivedMail) -> UUID:
        """Register a mail as a contact: on return it is stored, also when it was already.

        A contact that was erased since counts as stored: the same mail again does not bring it back.

        Raises:
            PayloadTooLarge: the original alone is larger than the intake takes.
            ProblemError: it is not stored, or it is not known; the same mail may be sent again.

        """
        try:
            await self._register(mail, await self._parser.parse(mail.original))
        except Erased:
            log.info("mail of an erased contact came again", contact=str(mail.contact_id))
        return mail.contact_id

    async def _register(self, mail: ReceivedMail, parsed: ParsedMail) -> None:
        contact_id = mail.contact_id
        refusal: Exception | None = None
        for reading in _ever_barer(parsed):
            try:
                await self._intake.register(contact_id, submission(mail, parsed, reading), files(mail, reading))
            except (InvalidInput, PayloadTooLarge, ValidationError) as error:
                log.warning("mail needs a barer reading", contact=str(contact_id), error=error_name(error))
                refusal = error
            else:
                return
        if refusal:
            raise refusal


def submission(mail: ReceivedMail, parsed: ParsedMail, reading: ParsedMail) -> MailSubmission:
    """Say in the contract's words what was read; nature is judged by all that was parsed."""
    judgement = judge(parsed, mail.envelope_sender, mail.envelope_recipients)
    return MailSubmission(
        channel=Channel.MAIL,
        received_at=mail.received_at,
        nature=judgement.nature,
        subject=reading.subject or None,
        text=reading.text or None,
        person=_person(reading),
        details=MailDetails(
            message_id=reading.message_id or None,
            in_reply_to=reading.in_reply_to or None,
            sent_at=reading.sent_at,
            recipients=tuple(dict.fromkeys((*reading.recipients, *mail.envelope_recipients))),
            parse_status=ParseStatus(reading.status),
            machine_reason=judgement.reason,
        ),
    )


def files(mail: ReceivedMail, reading: ParsedMail) -> Sequence[FileUpload]:
    """Give the original, byte for byte, and the attachments that were found in it."""
    original = FileUpload("original.eml", "message/rfc822", mail.original, "original")
    return (original, *(FileUpload(file.name, file.media_type, file.content) for file in reading.attachments))


def _ever_barer(parsed: ParsedMail) -> Iterator[ParsedMail]:
    """Give readings to try one after another: what is left out is still in the original."""
    yield parsed
    lessened = Reading.FAILED if parsed.status is Reading.FAILED else Reading.PARTIAL
    yield replace(parsed, attachments=(), status=lessened)
    yield ParsedMail(Reading.FAILED)


def _person(reading: ParsedMail) -> Person | None:
    name, email = reading.sender.name or None, reading.sender.address or None
    return Person(name=name, email=email) if name or email else None
