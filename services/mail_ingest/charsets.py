"""Bytes to text: the declared charset or its superset, then UTF-8, then Windows-1252. Says when it guessed."""

import codecs
import re
from functools import lru_cache
from typing import Final

from services.kit.normal_form import normalized

SUPERSETS: Final = {
    "ascii": "utf_8",
    "iso8859_1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "cp950",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859_9": "cp1254",
    "tis_620": "iso8859_11",
}
"""What senders mean when they declare the key: the value holds all its characters, and more that they use."""

ALIASES: Final = {
    "ks_c_5601-1987": "cp949",
    "iso-gb2312": "gb18030",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "unicode-1-1-utf-7": "utf_7",
    "unicode-1-1-utf-8": "utf_8",
    "utf8mb4": "utf_8",
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "ansi": "cp1252",
    "cn-big5": "cp950",
    "cn-gb": "gb18030",
    "logical": "iso8859_8",
    "visual": "iso8859_8",
    "x-mac-ce": "mac_latin2",
    "x-mac-centraleurroman": "mac_latin2",
}
"""Names that are seen in mail and that Python does not know."""

_ENCODINGS: Final = re.compile(
    r"ascii|utf_(?:7|8|8_sig|16|16_be|16_le|32|32_be|32_le)|iso8859_\d+|cp\d+|koi8_[rtu]"
    r"|mac_(?:cyrillic|roman|latin2|greek|turkish)|gb2312|gbk|gb18030|hz|big5|big5hkscs|euc_(?:jp|kr|jis_2004)|shift_jis(?:_2004)?|iso2022_\w+|johab|tis_620|ptcp154"
)
"""Encodings of text; Python also lists codecs that compress, escape or encode host names."""

_ALTERNATIVES: Final = {
    "iso2022_jp_ext": ("cp932", "euc_jp"),
    "cp932": ("euc_jp",),
    "euc_jp": ("cp932",),
    "gb18030": ("cp950",),
    "cp950": ("big5hkscs", "gb18030"),
}
"""What senders write who declare the key, when it is not that."""

_NAME: Final = re.compile(r"(?:charset\s{0,5}=[\s\"']{0,5})?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
_VARIANTS: Final = (
    (re.compile(r"(?:x-)*(?:windows|win|cp|ms|ibm|dos)[-_]?(\d{3,5})"), r"cp\1"),
    (re.compile(r".*utf-?_?8.*"), "utf_8"),
    (re.compile(r".*iso[-_]?8859[-_](\d{1,2}).*"), r"iso8859_\1"),
    (re.compile(r"(?:x-)+(.+)"), r"\1"),
)
"""Names with more or other signs than they have, and what is meant."""
_DOUBLE: Final = re.compile(rb"\x1b\$(?:[@B]|\([@B])([^\x1b\r\n]*)|\x1b\([BJ]|\x1b\(I([^\x1b\r\n]*)")
_MOST_DAMAGE: Final = 0.02
_JAPANESE: Final = re.compile(rb"\x1b\$[@B]|\x1b\(J")
_NOT_LIKE_ASCII: Final = ("utf_7", "utf_16", "utf_32", "iso2022", "hz")
_WESTERN: Final = frozenset({"cp1252", "cp1254", "iso8859_15"})
_NARROW: Final = frozenset({"gb2312", "gbk", "euc_kr", "shift_jis", "big5"})
_MULTIBYTE: Final = frozenset({"gb18030", "cp949", "cp932", "cp950", "euc_jp", "big5hkscs", "iso2022_jp_ext"})
_BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf_8_sig"), (b"\xff\xfe", "utf_16"), (b"\xfe\xff", "utf_16"))
_OF_TWO_BYTES: Final = "\u07ff"
"""The last character that UTF-8 writes in two bytes."""
_TURNED: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_LINE_BREAKS: Final = re.compile(r"\r{0,3}\n|\r|\x0c|\x85|\u2028|\u2029")
_NOT_ON_ONE_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def decode(data: bytes, declared: str | None = None) -> tuple[str, bool]:
    """Decode bytes; the second value is False when characters had to be guessed or replaced."""
    if declared is None and data.isascii() and b"\x1b" not in data:
        return data.decode("ascii"), True
    for mark, marked in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _attempt(data, marked) or (
                (data.decode(marked, "replace"), False) if marked == "utf_16" else _guess(data, None)
            )
    exact = _encoding(declared)
    encoding = SUPERSETS.get(exact, exact) if exact else None
    if encoding in {None, "utf_8"} and _JAPANESE.search(data[:100_000]):
        encoding = "iso2022_jp_ext"
    elif exact in _NARROW and _attempt(data, exact) is None and (unicode := _attempt(data, "utf_8")):
        return unicode  # what is not in the declared set is Unicode, rather than in a set that holds almost any bytes
    if data.isascii() and (encoding is None or not encoding.startswith(_NOT_LIKE_ASCII)):
        return data.decode("ascii"), True
    return _by_declared(data, encoding) or _guess(data, encoding)


def is_by_chance(text: str, declared: str) -> bool:
    """Tell whether bytes may be UTF-8 by chance: in a charset of two bytes a short word can be, but never one of three bytes each."""
    if text.isascii() or max(text) > _OF_TWO_BYTES:
        return False
    exact = _encoding(declared)
    return exact is not None and SUPERSETS.get(exact, exact) in _MULTIBYTE


def turns_around(text: str) -> bool:
    """Tell whether text holds controls that make what is shown differ from what is written (UAX #9, explicit directions)."""
    return not text.isascii() and bool(_TURNED.search(text))


def _by_declared(data: bytes, encoding: str | None) -> tuple[str, bool] | None:
    if encoding is None or (encoding.startswith(("utf_16", "utf_32")) and b"\0" not in data):
        return None
    if encoding in _WESTERN and (unicode := _attempt(data, "utf_8")):
        return unicode  # no Western text is UTF-8 by chance, and many programs call UTF-8 that
    if found := _attempt(data, encoding):
        return found
    if encoding == "iso2022_jp_ext" and _JAPANESE.search(data) and (found := _attempt(_as_shift_jis(data), "cp932")):
        return found
    if encoding not in _ALTERNATIVES:
        return None
    return next(filter(None, (_attempt(data, other) for other in ("utf_8", *_ALTERNATIVES[encoding]))), None)


def _as_shift_jis(data: bytes) -> bytes:
    """Write ISO-2022-JP as Shift JIS, of which Python's table holds what Japanese programs added (`①`, `髙`)."""
    return _DOUBLE.sub(lambda run: _shifted(run[1]) if run[1] else bytes(one | 0x80 for one in run[2] or b""), data)


def _shifted(pairs: bytes) -> bytes:
    out = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=False):
        lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
        trail = cell + 0x7E if row % 2 == 0 else cell + (0x1F if cell < 0x60 else 0x20)
        out += bytes((lead & 0xFF, trail & 0xFF))
    return bytes(out)


def clean_text(text: str) -> str:
    """Make text fit to store: LF line ends, NFC, no NUL, no control characters, no lone surrogates."""
    return normalized("NFC", _SURROGATES.sub("\ufffd", _CONTROLS.sub("", _LINE_BREAKS.sub("\n", text))))


def clean_line(text: str) -> str:
    """Make text fit for a header value: one line, no control characters, no lone surrogates."""
    return normalized("NFC", _SURROGATES.sub("\ufffd", _NOT_ON_ONE_LINE.sub(" ", text))).strip()


def _encoding(declared: str | None) -> str | None:
    found = _NAME.search(declared or "")
    return _known(found[1].lower()) if found else None


@lru_cache(1_000)
def _known(name: str) -> str | None:
    meant = (found.expand(real) for pattern, real in _VARIANTS if (found := pattern.fullmatch(name)))
    for candidate in (ALIASES.get(name, name), *meant):
        try:
            known = codecs.lookup(candidate).name.replace("-", "_")
        except (LookupError, ValueError):
            continue
        return known if _ENCODINGS.fullmatch(known) else None
    return None


def _attempt(data: bytes, encoding: str) -> tuple[str, bool] | None:
    try:
        return data.decode(encoding), True
    except (UnicodeError, LookupError):
        return None


def _guess(data: bytes, declared: str | None) -> tuple[str, bool]:
    replaced = data.decode("utf-8", "replace")
    bad = replaced.count("\ufffd")
    if not bad:
        return replaced, True
    good = sum(character > "\x7f" for character in replaced) - bad
    if good > bad:
        return replaced, False  # a few broken bytes in much good UTF-8 are a cut or damaged text, not another charset
    if declared in _MULTIBYTE:
        damaged = data.decode(declared, "replace")
        if damaged.count("\ufffd") <= len(damaged) * _MOST_DAMAGE + 1:
            return damaged, False
    return data.decode("cp1252", "replace"), False
