"""Mails and parts that are encrypted, or signed so that they must be opened first: known, and said. Nothing is opened here."""

import re
from typing import Final, Literal

from services.mail_ingest.headers import ContentType

Seal = Literal["smime", "pgp"]

_SMIME: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ARMOUR: Final = re.compile(r"^[ >]{0,4}-----BEGIN PGP MESSAGE-----", re.MULTILINE)


def of_part(kind: ContentType, file_name: str) -> Seal | None:
    """Tell what a part is sealed by (RFC 8551 §3.2, RFC 3156 §4). A signature beside a text that can be read seals nothing."""
    name = file_name.lower()
    if kind.full in _SMIME or (name == "smime.p7m" and kind.main == "application"):
        return "smime"
    if kind.full == "multipart/encrypted":
        return "smime" if "pkcs7" in kind.parameters.get("protocol", "").lower() else "pgp"
    return "pgp" if kind.full == "application/pgp-encrypted" else None


def is_armoured(text: str) -> bool:
    """Tell whether a text holds a message in PGP's armour (RFC 9580 §6.2)."""
    return "-----BEGIN PGP MESSAGE-----" in text and bool(_ARMOUR.search(text))
