"""Content-Transfer-Encoding undone, also where it was done badly."""

import re
from binascii import Error, a2b_base64, a2b_qp, a2b_uu
from typing import Final

_SPACE: Final = b" \t\r\n\v\f"
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_ALPHABET: Final = bytes(sorted(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_PADDING: Final = re.compile(rb"=+")
_SPACED_BREAK: Final = re.compile(rb"=[ \t]+(\r?\n)")
_UU_NAMES: Final = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})
_UU_BLOCK: Final = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n((?:[ -`]{1,80}\r?\n)+?)end[ \t]*\r?$", re.MULTILINE)
_Y_BEGIN: Final = re.compile(rb"^=ybegin [^\r\n]{0,300}?name=([^\r\n]{1,200}?)[ \t]*\r?\n(?:=ypart[^\r\n]*\r?\n)?", re.MULTILINE)
_Y_END: Final = re.compile(rb"^=yend[^\r\n]*", re.MULTILINE)
_Y_ESCAPED: Final = re.compile(rb"=(.)", re.DOTALL)
_Y_SHIFT: Final = bytes((value - 42) % 256 for value in range(256))
_MOST_JUNK: Final = 0.1
_FEW_WORDS, _LONG_WORD = 2, 12


def undo(data: bytes, encoding: str) -> tuple[bytes, bool]:
    """Give the bytes that were encoded; the second value is False when the encoding was not what it said."""
    match encoding.strip(" \t\"';").lower():
        case "base64":
            return (base64(data), True) if _looks_like_base64(data) else (data, False)
        case "quoted-printable":
            return a2b_qp(_SPACED_BREAK.sub(rb"=\1", data)), True
        case name if name in _UU_NAMES:
            block = _UU_BLOCK.search(data)
            decoded = _uu(block[2]) if block else None
            return (decoded, True) if decoded is not None else (data, False)
        case name:
            return data, name in {"", "7bit", "8bit", "binary"}


def base64(data: bytes) -> bytes:
    """Decode base64 leniently: foreign characters ignored, padding mended, several runs joined."""
    kept = data.translate(None, _SPACE)
    try:
        return a2b_base64(kept, strict_mode=True)
    except Error:
        return b"".join(_run(_NOT_BASE64.sub(b"", run)) for run in _PADDING.split(kept))


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
