"""A parsed mail in the words of the contract: its person, its details, its files."""

from onthaal_schema.contact import MailDetails, ParseStatus, Person
from onthaal_schema.intake import FileUpload
from onthaal_schema.mail import MailReading
from services.mail_ingest.parsed_mail import ParsedMail

DISPLAY_NAME = "weergave.html"


def reading(mail: ParsedMail, known: MailDetails) -> MailReading:
    """Say what is read of a mail that is held; what only its delivery told (envelope, our own server's verdict) stays as known."""
    return MailReading(subject=mail.subject or None, text=mail.text or None, person=person(mail), details=details(mail, known))


def details(mail: ParsedMail, known: MailDetails) -> MailDetails:
    """Give the details with what was read in the mail itself."""
    read = {
        "message_id": mail.message_id or None,
        "in_reply_to": mail.in_reply_to or None,
        "sent_at": mail.sent_at,
        "recipients": tuple(dict.fromkeys((*mail.recipients, *known.recipients))),
        "parse_status": ParseStatus(mail.status),
        "doubts": mail.doubts,
        "sealed_by": mail.sealed_by,
        "remote_content": mail.remote_content,
    }
    return MailDetails(**(dict(known) | read))


def person(mail: ParsedMail) -> Person | None:
    """Give who wrote, as far as the mail tells."""
    name, email = mail.sender.name or None, mail.sender.address or None
    return Person(name=name, email=email) if name or email else None


def uploads(mail: ParsedMail) -> tuple[FileUpload, ...]:
    """Give the files that were found in the mail, and what is safe to show when it was written in HTML."""
    found = tuple(FileUpload(file.name, file.media_type, file.content, sniffed=file.sniffed) for file in mail.attachments)
    shown = (FileUpload(DISPLAY_NAME, "text/html", mail.display.encode(), "display"),) if mail.display else ()
    return found + shown
