"""Content-Transfer-Encoding undone, also where it was done badly."""

import re
from binascii import Error, a2b_base64, a2b_qp, a2b_uu
from collections.abc import Iterator
from typing import Final

_SPACE: Final = b" \t\r\n\v\f"
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_ALPHABET: Final = bytes(sorted(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_PADDING: Final = re.compile(rb"=+")
_ODD_BREAK: Final = re.compile(rb"=(?:[ \t]+\r?\n|\r(?![\r\n]))")
_BLANK_LINE: Final = re.compile(rb"\n[ \t\r]*\n")
_NOT_IN_A_NAME: Final = re.compile(r"\(.*|[^a-z0-9]")
_METHODS: Final = {
    **dict.fromkeys(("", "7bit", "8bit", "binary", "none", "plain"), ""),
    "base64": "base64",
    "quoted-printable": "quoted-printable",
    "qp": "quoted-printable",
    **dict.fromkeys(("uuencode", "xuuencode", "uue", "xuue"), "uuencode"),
}
_BEGINNINGS: Final = {
    "7bit": "",
    "8bit": "",
    "binary": "",
    "base64": "base64",
    "xbase64": "base64",
    "quotedprintable": "quoted-printable",
}
"""How names of encodings begin that programs write with more or other signs than are allowed (`8bits`, `quoted printable;`)."""

_UU_BLOCK: Final = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n((?:[ -`]{0,80}\r?\n)+?)end[ \t]*\r?$", re.MULTILINE)
_Y_BEGIN: Final = re.compile(rb"^=ybegin [^\r\n]{0,300}?name=([^\r\n]{1,200}?)[ \t]*\r?\n(?:=ypart[^\r\n]*\r?\n)?", re.MULTILINE)
_Y_END: Final = re.compile(rb"^=yend[^\r\n]*", re.MULTILINE)
_Y_ESCAPED: Final = re.compile(rb"=(.)", re.DOTALL)
_Y_SHIFT: Final = bytes((value - 42) % 256 for value in range(256))
_MOST_JUNK: Final = 0.1
_FEW_WORDS, _LONG_WORD = 2, 12


def undo(data: bytes, encoding: str) -> tuple[bytes, bool]:
    """Give the bytes that were encoded; the second value is False when the encoding was not what it said."""
    match method(encoding):
        case "base64":
            return _from_base64(data)
        case "quoted-printable":
            return a2b_qp(_ODD_BREAK.sub(b"=\n", data)), True
        case "uuencode":
            block = _UU_BLOCK.search(data)
            decoded = _uu(block[2]) if block else None
            return (decoded, True) if decoded is not None else (data, False)
        case name:
            return data, not name


def method(encoding: str) -> str:
    """Give what is meant by Content-Transfer-Encoding: base64, quoted-printable, uuencode, nothing, or a name that nobody knows."""
    name = encoding.strip().lower()
    if name not in _METHODS:
        name = _NOT_IN_A_NAME.sub("", name)
    if name in _METHODS:
        return _METHODS[name]
    return next((meant for beginning, meant in _BEGINNINGS.items() if name.startswith(beginning)), name)


def base64(data: bytes) -> bytes:
    """Decode base64 leniently: foreign characters ignored, padding mended, several runs joined."""
    kept = data.translate(None, _SPACE)
    try:
        return a2b_base64(kept, strict_mode=True)
    except Error:
        return b"".join(map(_run, _runs(kept)))


def _from_base64(data: bytes) -> tuple[bytes, bool]:
    is_all = _looks_like_base64(data)
    if is_all:
        try:
            return a2b_base64(data.translate(None, _SPACE), strict_mode=True), True
        except Error:
            pass
    head = _before_footer(data)
    return (base64(head), head is data) if is_all or (head is not data and _looks_like_base64(head)) else (data, False)


def uuencoded(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Take uuencoded files out of a text: what remains, and the files with their names."""
    files: list[tuple[bytes, bytes]] = []

    def take(block: re.Match[bytes]) -> bytes:
        content = _uu(block[2])
        if content is None:
            return block[0]
        files.append((block[1].strip(), content))
        return b""

    return (_UU_BLOCK.sub(take, data), files) if b"begin " in data else (data, files)


def yencoded(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Take files in yEnc out of a text: what remains, and the files with their names."""
    if b"=yend" not in data:
        return data, []
    files: list[tuple[bytes, bytes]] = []
    rest: list[bytes] = []
    place = 0
    while (begin := _Y_BEGIN.search(data, place)) and (end := _Y_END.search(data, begin.end())):
        files.append((begin[1].strip(b'" '), _yenc(data[begin.end() : end.start()])))
        rest.append(data[place : begin.start()])
        place = end.end()
    return b"".join((*rest, data[place:])), files


def _yenc(lines: bytes) -> bytes:
    plain = _Y_ESCAPED.sub(lambda escaped: bytes(((escaped[1][0] - 64) % 256,)), lines.translate(None, b"\r\n"))
    return plain.translate(_Y_SHIFT)


def _before_footer(data: bytes) -> bytes:
    """Give base64 without what a list or a scanner wrote below it in plain text."""
    blank = _BLANK_LINE.search(data, len(data) - len(data.lstrip()))
    if not blank or not data[blank.end() :].translate(None, _ALPHABET + _SPACE):
        return data
    head = data[: blank.start()]
    return data if head.translate(None, _ALPHABET + _SPACE) else head


def _runs(kept: bytes) -> Iterator[bytes]:
    whole = bytearray()
    for run in _PADDING.split(kept):
        whole += _NOT_BASE64.sub(b"", run)
        if len(whole) % 4 != 1:  # so long is no run: the padding stands where it does not belong
            yield bytes(whole)
            whole.clear()
    yield bytes(whole)


def _run(run: bytes) -> bytes:
    whole = run[:-1] if len(run) % 4 == 1 else run
    return a2b_base64(whole + b"=" * (-len(whole) % 4))


def _looks_like_base64(data: bytes) -> bool:
    sample = data[:20_000].translate(None, _SPACE)
    words = data[:2_000].split(b" ")
    prose = len(words) > _FEW_WORDS and sum(map(len, words)) < len(words) * _LONG_WORD
    return len(sample.translate(None, _ALPHABET)) <= len(sample) * _MOST_JUNK and not prose


def _uu(lines: bytes) -> bytes | None:
    try:
        return b"".join(a2b_uu(line) for line in lines.splitlines() if line.strip())
    except Error:
        return None
