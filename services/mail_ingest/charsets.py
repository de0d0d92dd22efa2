"""Bytes to text: the declared charset or its superset, then UTF-8, then Windows-1252. Says when it guessed."""

import codecs
import re
import unicodedata
from typing import Final

NAME_LIMIT: Final = 40

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
}
"""Names that are seen in mail and that Python does not know."""

_ENCODINGS: Final = re.compile(
    r"ascii|utf_(?:7|8|8_sig|16|16_be|16_le|32|32_be|32_le)|iso8859_\d+|cp\d+|koi8_[rtu]"
    r"|mac_(?:cyrillic|roman|latin2|greek|turkish)|gb2312|gbk|gb18030|hz|big5|big5hkscs|euc_(?:jp|kr|jis_2004)|shift_jis(?:_2004)?|iso2022_\w+|johab|tis_620|ptcp154"
)
"""Encodings of text; Python also lists codecs that compress, escape or encode host names."""

_JAPANESE: Final = re.compile(rb"\x1b\$[@B]|\x1b\(J")
_BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf_8_sig"), (b"\xff\xfe", "utf_16"), (b"\xfe\xff", "utf_16"))
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_LINE_BREAKS: Final = re.compile(r"\r{0,3}\n|\r|\x0c|\x85|\u2028|\u2029")
_NOT_ON_ONE_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def decode(data: bytes, declared: str | None = None) -> tuple[str, bool]:
    """Decode bytes; the second value is False when characters had to be guessed or replaced."""
    for mark, marked in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _attempt(data, marked) or _guess(data)
    encoding = _encoding(declared)
    if encoding in {None, "utf_8"} and _JAPANESE.search(data[:100_000]):
        encoding = "iso2022_jp_ext"
    return _attempt(data, encoding or "utf_8") or _guess(data)


def clean_text(text: str) -> str:
    """Make text fit to store: LF line ends, NFC, no NUL, no control characters, no lone surrogates."""
    return unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", _CONTROLS.sub("", _LINE_BREAKS.sub("\n", text))))


def clean_line(text: str) -> str:
    """Make text fit for a header value: one line, no control characters, no lone surrogates."""
    return unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", _NOT_ON_ONE_LINE.sub(" ", text))).strip()


def _encoding(declared: str | None) -> str | None:
    name = (declared or "").strip(" \t\"'").lower()
    if not name or len(name) > NAME_LIMIT or not name.isascii() or not name.isprintable():
        return None
    try:
        found = codecs.lookup(ALIASES.get(name, name)).name.replace("-", "_")
    except (LookupError, ValueError):
        return None
    return SUPERSETS.get(found, found) if _ENCODINGS.fullmatch(found) else None


def _attempt(data: bytes, encoding: str) -> tuple[str, bool] | None:
    try:
        return data.decode(encoding), True
    except (UnicodeError, LookupError):
        return None


def _guess(data: bytes) -> tuple[str, bool]:
    replaced = data.decode("utf-8", "replace")
    bad = replaced.count("\ufffd")
    if not bad:
        return replaced, True
    good = sum(character > "\x7f" for character in replaced) - bad
    # a few broken bytes in much good UTF-8 are a cut or damaged text, not another charset
    return (replaced if good > bad else data.decode("cp1252", "replace")), False
