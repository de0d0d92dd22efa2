"""Telephone numbers: taken as people write them, shown the way a Belgian reads them aloud."""

import re

_PUNCTUATION = str.maketrans({"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2010": "-", "\u2011": "-", "\u2013": "-"})
_WRITTEN = re.compile(r"\+?[0-9][0-9 ./()\-]*")
_GROUPS = (
    (r"04[5-9][0-9]{7}", (4, 2, 2, 2)),
    (r"0[789]00[0-9]{5}", (4, 2, 3)),
    (r"0[2349][0-9]{7}", (2, 3, 2, 2)),
    (r"0[1-9][0-9]{7}", (3, 2, 2, 2)),
)


def kept(typed: str) -> str | None:
    """Give the number as it is stored, or nothing: 3 to 15 digits (E.164) and the usual punctuation."""
    number = re.sub(r"^\(\s*(\+?[0-9]+)\s*\)", r"\1", typed.translate(_PUNCTUATION).strip())
    digits = sum(character.isdigit() for character in number)
    return number if _WRITTEN.fullmatch(number) and 3 <= digits <= 15 and len(number) <= 40 else None


def shown(number: str) -> str:
    """Write a Belgian number for reading aloud (`0470 12 34 56`); any other stays as it was written."""
    digits = re.sub(r"[^+0-9]", "", number.replace("(0)", ""))
    return _grouped(re.sub(r"^(\+|00)320?", "0", digits)) or number


def _grouped(digits: str) -> str | None:
    for form, groups in _GROUPS:
        if re.fullmatch(form, digits):
            ends = [sum(groups[: index + 1]) for index in range(len(groups))]
            return " ".join(digits[end - length : end] for end, length in zip(ends, groups, strict=True))
    return None
