"""Unicode's normal forms (UAX #15) in time linear in the text."""

import re
import unicodedata
from typing import Final, Literal

_PILE: Final = re.compile(r"([^\x00-\u02ff\w\s]{200,})")
"""More marks upon one another than anybody writes. Their order is sorted one by one, which takes minutes for a hundred thousand."""


def normalized(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Give the normal form of a text; a pile of hundreds of marks in it stays as it is."""
    if text.isascii():
        return text
    return "".join(piece if place % 2 else unicodedata.normalize(form, piece) for place, piece in enumerate(_PILE.split(text)))
