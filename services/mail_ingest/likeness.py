"""When two mails of other bytes are one mail: digests of what a person would compare.

A server that is replaced may write headers, line ends and encodings anew. What it cannot change is who wrote what, when.
"""

import hashlib
import unicodedata
from collections.abc import Iterable

from services.mail_ingest.parsed_mail import ParsedMail, Reading


def fingerprint(mail: ParsedMail) -> str | None:
    """Digest sender, Message-ID, Date, subject, text and files: equal ones are one mail.

    None when Message-ID or Date is missing, or when not all could be read: then two mails could look alike that are not.
    """
    if not (mail.message_id and mail.sent_at) or mail.status is not Reading.COMPLETE:
        return None
    return _digest("fingerprint", mail.message_id, *_written(mail), *_files(mail))


def likenesses(mail: ParsedMail) -> tuple[str, ...]:
    """Digest what is weaker, for a person to look at: the Message-ID alone; and sender, Date, subject and text without it."""
    found = []
    if mail.message_id:
        found.append(_digest("message-id", mail.message_id))
    if mail.sent_at and (mail.text or mail.subject):
        found.append(_digest("written", *_written(mail)))
    return tuple(found)


def _written(mail: ParsedMail) -> tuple[str, ...]:
    moment = str(int(mail.sent_at.timestamp())) if mail.sent_at else ""
    return (mail.sender.address.lower(), moment, _plain(mail.subject), _plain(mail.text))


def _files(mail: ParsedMail) -> Iterable[str]:
    return sorted(hashlib.sha256(file.content).hexdigest() for file in mail.attachments)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _digest(*parts: str) -> str:
    """Digest parts so that no two lists of parts are written alike."""
    whole = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogatepass")
        whole.update(len(content).to_bytes(8, "big") + content)
    return whole.hexdigest()
