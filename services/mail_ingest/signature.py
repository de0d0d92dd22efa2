"""DKIM (RFC 6376): our domain's word that a mail is its own. Without it nothing makes DMARC pass when mail is forwarded."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import dkim

from services.kit.settings import InvalidSettings

SIGNED: Final = (
    b"from", b"from",  # once more than there are, so that nobody can add one (RFC 6376 §8.15)
    b"to", b"subject", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to", b"references", b"auto-submitted",
    b"mime-version", b"content-type", b"content-transfer-encoding",
)  # fmt: skip


@dataclass(frozen=True)
class Signature:
    """Signs mails with one key."""

    selector: str
    domain: str
    key: bytes = field(repr=False)

    def on(self, content: bytes) -> bytes:
        """Give a mail with its signature before it. Takes some milliseconds of processor time."""
        signed = dkim.sign(
            content,
            self.selector.encode(),
            self.domain.encode(),
            self.key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=list(SIGNED),
        )
        return bytes(signed) + content


def read_signature(key_file: Path, selector: str, domain: str) -> Signature:
    """Read a key and try it.

    Raises:
        InvalidSettings: there is no such file, or it holds no RSA key.

    """
    try:
        signature = Signature(selector, domain, key_file.read_bytes())
        signature.on(f"From: proef@{domain}\r\n\r\n".encode())
    except (OSError, ValueError, TypeError, dkim.DKIMException) as error:
        message = "ONTHAAL_MAIL_OUT_DKIM_KEY_FILE: there is no such file, or it holds no RSA key (PEM)"
        raise InvalidSettings(message) from error
    return signature
