"""Rich text (RTF) to text, and the compression that Outlook puts it in ([MS-OXRTFCP])."""

import re
import struct
from typing import Final

from services.mail_ingest.charsets import clean_text, decode

OUTPUT_LIMIT: Final = 5_000_000
GROUP_LIMIT: Final = 1_000

_START: Final = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
_COMPRESSED, _BARE = b"LZFu", b"MELA"
_WINDOW: Final = 4096
_TOKEN: Final = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?\d{1,10})?[ ]?|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_BREAKS: Final = {b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t"}
_SIGNS: Final = {
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
    b"endash": "–",
    b"emdash": "—",
}
_UNSEEN: Final = frozenset({b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"themedata", b"header", b"footer", b"generator", b"listtable", b"rsidtbl"})  # fmt: skip


def decompressed(data: bytes) -> bytes:
    """Give the RTF in what Outlook compressed; as much as can be read."""
    if len(data) < 16:
        return b""
    size, kind = struct.unpack_from("<L4s", data, 4)
    if kind == _BARE:
        return data[16 : 16 + size]
    return _expanded(data[16:], min(size, OUTPUT_LIMIT)) if kind == _COMPRESSED else b""


def text_of(rich: bytes) -> str:
    """Give the text of an RTF document."""
    return clean_text(_Document().read(rich[:OUTPUT_LIMIT])).strip("\n")


def _expanded(data: bytes, size: int) -> bytes:
    window = bytearray(_START.ljust(_WINDOW, b"\0"))
    out = bytearray()
    write, place = len(_START), 0
    while place < len(data) and len(out) < size:
        flags = data[place]
        place += 1
        for bit in range(8):
            if not flags >> bit & 1:
                piece = data[place : place + 1]
                place += 1
            else:
                reference = int.from_bytes(data[place : place + 2], "big")
                place += 2
                start, length = reference >> 4, (reference & 15) + 2
                if start == write:
                    return bytes(out[:size])
                piece = b""
                for step in range(length):
                    one = window[(start + step) % _WINDOW]
                    window[(write + step) % _WINDOW] = one
                    piece += bytes((one,))
            for one in piece:
                window[write] = one
                write = (write + 1) % _WINDOW
            out += piece
            if place > len(data) or len(out) >= size:
                break
    return bytes(out[:size])


class _Document:
    """Reads a document once; what a group hides is left out."""

    def __init__(self) -> None:
        self._charset = "cp1252"
        self._out: list[str] = []
        self._bytes = bytearray()
        self._seen = [True]
        self._skip = 0

    def read(self, rich: bytes) -> str:
        for found in _TOKEN.finditer(rich):
            code, word, number, sign, brace, text = found.groups()
            if brace:
                self._group(brace)
            elif code:
                self._put_byte(int(code, 16))
            elif word:
                self._word(word, int(number) if number else None)
            elif sign:
                self._sign(sign)
            elif text:
                self._put(text)
        self._flush()
        return "".join(self._out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _group(self, brace: bytes) -> None:
        self._flush()
        if brace == b"{" and len(self._seen) < GROUP_LIMIT:
            self._seen.append(self._seen[-1])
        elif brace == b"}" and len(self._seen) > 1:
            self._seen.pop()

    def _word(self, word: bytes, number: int | None) -> None:
        if word == b"u" and number is not None:
            self._write(chr(number % 65536))
            self._skip = 1
            return
        self._flush()
        if word == b"ansicpg" and number:
            self._charset = f"cp{number}"
        elif word in _UNSEEN:
            self._seen[-1] = False
        elif word in _BREAKS:
            self._write(_BREAKS[word])
        elif word in _SIGNS:
            self._write(_SIGNS[word])

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._seen[-1] = False
        elif sign in {b"\n", b"\r"}:
            self._write("\n")
        elif sign == b"~":
            self._write(" ")
        elif sign in b"{}\\":
            self._put(sign)

    def _put_byte(self, value: int) -> None:
        self._put(bytes((value,)))

    def _put(self, data: bytes) -> None:
        if self._skip:
            data, self._skip = data[1:], 0
        if self._seen[-1]:
            self._bytes += data

    def _write(self, text: str) -> None:
        self._flush()
        if self._seen[-1]:
            self._out.append(text)

    def _flush(self) -> None:
        if self._bytes:
            self._out.append(decode(bytes(self._bytes), self._charset)[0])
            self._bytes.clear()
