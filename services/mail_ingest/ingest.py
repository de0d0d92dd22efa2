"""From the bytes of a mail to a stored one, whichever way it came. The same mail again is the same one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from onthaal_schema.channel import Channel
from onthaal_schema.contact import MailDetails, MailSubmission
from onthaal_schema.intake import FileUpload, Intake
from onthaal_schema.mail import IncomingMail, MailOutcome, MailReceipt
from onthaal_schema.problems import Erased, InvalidInput, NotFound, PayloadTooLarge
from services.kit.logging import error_name, logger
from services.kit.scanning import Scanner, scanned
from services.mail_ingest import likeness, readings, threads
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.threads import Clues, Ours

log = logger(__name__)

LONG: Final = timedelta(days=7)
HEADERS_NAME: Final = "kopregels.txt"
OVERSIZE_NOTICE: Final = (
    "Deze mail is te groot om te bewaren ({megabytes} MB). Alleen de kopregels zijn bewaard: van wie, wanneer en waarover.\n\n"
    "De mail zelf staat nog in de mailbox ({mailbox}). Open de mail daar om te lezen wat er staat."
)


class Ingest:
    """Takes mails in, whatever could be read of them."""

    def __init__(
        self,
        intake: Intake,
        parser: LimitedParser,
        ours: Mapping[str, Ours],
        answerable: Callable[[], None] | None = None,
        scanner: Scanner | None = None,
    ) -> None:
        """Read with the parser, scan files, hand in at the intake; what is ours is told by the name of the mailbox.

        `answerable` is called when a mail is stored that may be answered.
        """
        self._answerable = answerable or _nobody_answers
        self._intake = intake
        self._parser = parser
        self._ours = ours
        self._scanner = scanner

    async def take_in(self, mail: ReceivedMail) -> MailReceipt:
        """Hand a mail in: on return it is stored, also when it was already.

        A mail whose contact was erased since counts as stored: the same mail again does not bring it back.

        Raises:
            PayloadTooLarge: the original alone is larger than the intake takes.
            ProblemError: it is not stored, or it is not known; the same mail may be handed in again.

        """
        try:
            return await self._hand_in(mail, await self._parser.parse(mail.original))
        except Erased:
            return _of_erased(mail)

    async def find(self, mail: ReceivedMail) -> MailReceipt | None:
        """Say what became of a mail that may be held already, and note where it lies; None when it is not held."""
        if mail.place is None:
            return None
        try:
            return await self._intake.place_mail(mail.mail_id, mail.mailbox, mail.place)
        except NotFound:
            return None
        except Erased:
            return _of_erased(mail)

    async def _hand_in(self, mail: ReceivedMail, parsed: ParsedMail) -> MailReceipt:
        clues = threads.read(parsed, mail, self._ours.get(mail.mailbox, Ours()))
        refusal: Exception = InvalidInput()
        for reading, told in _ever_barer(parsed, clues):
            checked = await scanned(files(mail, reading), self._scanner)
            try:
                receipt = await self._intake.take_mail(mail.mail_id, incoming(mail, reading, told), checked)
            except (InvalidInput, PayloadTooLarge, ValidationError) as error:
                log.warning("mail needs a barer reading", message=str(mail.mail_id), error=error_name(error))
                refusal = error
            else:
                if told.answer_to:
                    self._answerable()
                return receipt
        raise refusal


def incoming(mail: ReceivedMail, reading: ParsedMail, clues: Clues) -> IncomingMail:
    """Say in the contract's words what was read."""
    return IncomingMail(
        mailbox=mail.mailbox,
        place=mail.place,
        contact=submission(mail, reading, clues),
        oversize=mail.too_large is not None,
        tokens=clues.tokens,
        references=clues.references,
        bounce=clues.bounce,
        by_staff=clues.by_staff,
        answer_to=None if _lay_elsewhere(mail, reading) else clues.answer_to,
        fingerprint=likeness.fingerprint(mail.original, reading) if mail.too_large is None else None,
        rendering=likeness.rendering(reading) if mail.too_large is None else None,
        likenesses=likeness.likenesses(reading),
    )


def submission(mail: ReceivedMail, reading: ParsedMail, clues: Clues) -> MailSubmission:
    """Say what the contact is that this mail may become."""
    return MailSubmission(
        channel=Channel.MAIL,
        received_at=mail.received_at,
        nature=clues.judgement.nature,
        subject=reading.subject or None,
        text=_notice(mail, mail.too_large) if mail.too_large is not None else (reading.text or None),
        person=readings.person(reading),
        details=readings.details(
            reading,
            MailDetails(
                recipients=mail.envelope_recipients,
                machine_reason=clues.judgement.reason,
                authentication=clues.authentication or None,
                report=" ".join(filter(None, (clues.bounce.action, clues.bounce.status))) if clues.bounce else None,
            ),
        ),
    )


def files(mail: ReceivedMail, reading: ParsedMail) -> Sequence[FileUpload]:
    """Give the original, byte for byte, the attachments that were found in it, and what is safe to show.

    The headers of a mail that is too large are no original: nobody must read them again later as if they were the mail.
    """
    if mail.too_large is not None:
        return (FileUpload(HEADERS_NAME, "text/plain", mail.original),)
    return (FileUpload("original.eml", "message/rfc822", mail.original, "original"), *readings.uploads(reading))


def _ever_barer(parsed: ParsedMail, clues: Clues) -> Iterator[tuple[ParsedMail, Clues]]:
    """Give readings to try one after another: what is left out is still in the original."""
    yield parsed, clues
    lessened = Reading.FAILED if parsed.status is Reading.FAILED else Reading.PARTIAL
    yield replace(parsed, attachments=(), display="", status=lessened, doubts=(*parsed.doubts, "files")), clues
    yield ParsedMail(Reading.FAILED), Clues(judgement=clues.judgement)


def _of_erased(mail: ReceivedMail) -> MailReceipt:
    log.info("mail of an erased contact came again", message=str(mail.mail_id))
    return MailReceipt(mail_id=mail.mail_id, outcome=MailOutcome.DUPLICATE, contact_id=mail.mail_id)


def _nobody_answers() -> None:
    """Do nothing."""


def _lay_elsewhere(mail: ReceivedMail, reading: ParsedMail) -> bool:
    """Tell whether a mail was written long before it came to its mailbox: moved, or on a server that was replaced. It is no time to answer.

    What comes by SMTP comes now, whatever the clock of who wrote it says.
    """
    return mail.place is not None and reading.sent_at is not None and mail.received_at - reading.sent_at > LONG


def _notice(mail: ReceivedMail, size: int) -> str:
    return OVERSIZE_NOTICE.format(megabytes=f"{size / 1_000_000:.1f}".replace(".", ","), mailbox=mail.mailbox)
