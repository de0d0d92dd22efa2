"""When two mails of other bytes are one mail: digests of what a person would compare.

A server that is replaced may write headers, line ends and encodings anew. What it cannot change is who wrote what, when.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from services.kit.normal_form import normalized
from services.mail_ingest.parsed_mail import ParsedMail, Reading

ON_THE_WAY: Final = frozenset({
    b"received", b"return-path", b"delivered-to", b"envelope-to", b"x-original-to", b"x-envelope-to", b"x-envelope-from",
    b"authentication-results", b"received-spf", b"arc-seal", b"arc-message-signature", b"arc-authentication-results",
})  # fmt: skip
"""Fields that servers write at the top of a mail, otherwise in each copy (RFC 5321 §4.4, RFC 8601, RFC 8617)."""

_FIELD: Final = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*")


def fingerprint(original: bytes, mail: ParsedMail) -> str | None:
    """Digest the bytes but for what servers on the way add: equal ones are one mail that came by two ways.

    None when Message-ID or Date is missing: a program may send many mails alike that have neither.
    """
    if not (mail.message_id and mail.sent_at):
        return None
    head, _, body = original.partition(b"\n\r\n") if b"\n\r\n" in original else original.partition(b"\n\n")
    kept = [field for field in _FIELD.findall(head + b"\n") if field.partition(b":")[0].strip().lower() not in ON_THE_WAY]
    return _digest("fingerprint", b"".join(kept), body)


def rendering(mail: ParsedMail) -> str | None:
    """Digest sender, Message-ID, Date, subject, text and files: equal ones are one mail that a server wrote anew.

    None when Message-ID or Date is missing, or when not all could be read: then two mails could look alike that are not.
    """
    if not (mail.message_id and mail.sent_at) or mail.status is not Reading.COMPLETE:
        return None
    return _digest("rendering", mail.message_id, *_written(mail), *_files(mail))


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
    return " ".join(normalized("NFC", text).split())


def _digest(*parts: str | bytes) -> str:
    """Digest parts so that no two lists of parts are written alike."""
    whole = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        whole.update(len(content).to_bytes(8, "big"))
        whole.update(content)
    return whole.hexdigest()
