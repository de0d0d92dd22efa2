"""The header block of a message or part: found, unfolded and decoded, in time linear in its length."""

import re
from binascii import a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote_to_bytes

from services.mail_ingest import charsets, transfer

BLOCK_LIMIT: Final = 1_000_000
VALUE_LIMIT: Final = 64_000
COUNT_LIMIT: Final = 5_000
BARE_LIMIT: Final = 2_000
"""Where a line of headers must have ended."""
PARAMETER_LIMIT: Final = 8_000
WORD_LIMIT: Final = 1_000
YEARS: Final = range(1970, 2200)
"""Years that a Date can mean; outside them it is left out."""

_WORD_TEXT: Final = r"(?:[^?]|\?(?!=|[bBqQ]\?))*+"
"""Programs write a question mark as it is, though it must be encoded."""
ENCODED_WORD: Final = rf"=\?[^?\s]{{1,75}}\?[bBqQ]\?{_WORD_TEXT}\?="
_WORD: Final = re.compile(rf"=\?([^?\s*]{{1,75}})(?:\*[^?\s]{{0,20}})?\?([bBqQ])\?({_WORD_TEXT})\?=")
_END: Final = re.compile(rb"\r{0,3}\n\r{0,3}(?:\n|$)|^\r{0,3}\n")
_NAME: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_MAILBOX_LINE: Final = re.compile(rb"\s*(?:>?From (?!\s*:)[^\n]*\n\s*)*")
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_LETTERHEAD: Final = frozenset({"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "sender"})
_USUAL: Final = re.compile(
    r"from|to|cc|subject|date|sender|reply-to|received|return-path|delivered-to|message-id|mime-version|content-.+"
    r"|x-.+"
)
_PARAMETER: Final = re.compile(r";?\s{0,50}+([^\s=;\"]{1,100})\s{0,50}+=\s{0,50}+(\"(?:[^\"\\]|\\.)*\"|[^;]*)")
_PIECE: Final = re.compile(r"(\d{0,5})(\*?)", re.ASCII)
_WHOLE: Final = -1
"""The place of a parameter that has a charset and is not cut in pieces."""
_OPEN_WORD: Final = re.compile(rb"=\?[^?\s]{1,75}\?[bBqQ]\?[^?\s]*$")
_MEDIA_TYPE: Final = re.compile(r"\s*([a-z0-9!#$&^_.+-]{1,60})\s*/\s*([a-z0-9!#$&^_.+-]{1,100})(.*)", re.IGNORECASE | re.DOTALL)
_MAIN_TYPE: Final = re.compile(r"\s*(multipart|text|message|image|audio|video|application)\s*(?:;|$)", re.IGNORECASE)
_USUAL_TYPES: Final = {"multipart": "multipart/mixed", "text": "text/plain", "message": "message/rfc822"}
_BYTES: Final = "application/octet-stream"
_DISPOSITION: Final = re.compile(r"\s*([A-Za-z-]++)(?!\s*[=*])")
_ISO_DAY: Final = re.compile(r"\s*\d{4}-\d{2}-\d{2}[T ]\d")
_CHARSET: Final = re.compile(rb"charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_MESSAGE_ID: Final = re.compile(r"<([^<>\s]{1,398})>")


@dataclass(frozen=True)
class Headers:
    """The headers of a message or part in their order: lower-case name and unfolded bytes."""

    fields: tuple[tuple[str, bytes], ...] = ()
    charset: str | None = None
    """What the message or part is written in, so far as it says: header values that should have been encoded are in it too."""

    def all(self, name: str) -> Iterator[str]:
        """Give the values of a header as text, encoded words left as they are."""
        return (self._text(value) for found, value in self.fields if found == name)

    def _text(self, value: bytes) -> str:
        return self._decoded(value)[0]

    def _decoded(self, value: bytes) -> tuple[str, bool]:
        text, certain = charsets.decode(value)
        if self.charset and (not certain or charsets.is_by_chance(text, self.charset)):
            return charsets.decode(value, self.charset)
        return text, certain

    def is_guessed(self, name: str) -> bool:
        """Tell whether a header has characters in a charset that nothing declares."""
        return any(not self._decoded(value)[1] for found, value in self.fields if found == name)

    def raw(self, name: str) -> str:
        """Give the first value that is not blank, encoded words left as they are."""
        return next((value for value in self.all(name) if value.strip()), "")

    def text(self, name: str) -> str:
        """Give the first value that is not blank as one clean line, encoded words decoded."""
        return charsets.clean_line(decode_words(self.raw(name)))

    def names(self) -> frozenset[str]:
        """Give the lower-case names that occur."""
        return frozenset(name for name, _ in self.fields)


@dataclass(frozen=True)
class ContentType:
    """A media type in lower case, and its parameters by lower-case name."""

    main: str
    sub: str
    parameters: dict[str, str]

    @property
    def full(self) -> str:
        """The media type as it is written."""
        return f"{self.main}/{self.sub}"


def split_message(raw: bytes) -> tuple[Headers, bytes]:
    """Split a message in headers and body; what does not begin with a header block is all body."""
    if raw.startswith(_WIDE_MARKS):
        raw = raw.decode("utf-16", "replace").encode("utf-8", "replace")
    if not 0 <= raw.find(b"\n", 0, BARE_LIMIT) < len(raw) - len(b"\r\n") and b"\n" not in raw.rstrip():
        raw = raw.replace(b"\r", b"\n")
    start = raw.removeprefix(b"\xef\xbb\xbf")
    start = start[_matched(_MAILBOX_LINE, start[:BLOCK_LIMIT]) :]
    headers, body = split_part(start)
    if headers.fields and not headers.names() & _LETTERHEAD:  # a blank line stands below what servers wrote on top
        more, rest = split_part(body)
        if "from" in more.names():
            headers, body = Headers(headers.fields + more.fields), rest
    if any(_USUAL.fullmatch(name) for name in headers.names()):
        charset = _CHARSET.search(start[:BLOCK_LIMIT])
        return replace(headers, charset=charset[1].decode("ascii") if charset else None), body
    return Headers(), start


def split_part(raw: bytes, charset: str | None = None) -> tuple[Headers, bytes]:
    """Split a part in headers and body; what begins with something else than a header is all body.

    `charset` is that of whatever it is a part of.
    """
    end = _END.search(raw)
    block, body = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    fields, length = _fields(block[:BLOCK_LIMIT])
    if not fields and block.strip():
        return Headers(), raw
    own = _CHARSET.search(block[:length])
    found = Headers(fields, own[1].decode("ascii") if own else charset)
    if block[length:].strip() and len(block) <= BLOCK_LIMIT:
        return found, raw[length:]  # the blank line was forgotten: what follows is said by a person
    return found, body


def decode_words(text: str) -> str:
    """Decode the encoded words of RFC 2047, also those cut in the middle of a character."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    pending, charset, position = _Words(), "", 0
    for word in _WORD.finditer(text):
        between = text[position : word.start()]
        if between.strip() or not position or word[1].lower() != charset:
            pieces += (
                charsets.decode(pending.decoded(), charset)[0],
                between if between.strip() or not position else "",
            )
            pending = _Words()
        pending.add(word[2].lower(), word[3])
        charset, position = word[1].lower(), word.end()
    return "".join((*pieces, charsets.decode(pending.decoded(), charset)[0], text[position:]))


def content_type(headers: Headers, default: str = "text/plain") -> ContentType:
    """Read Content-Type; what cannot be read is the default."""
    written = headers.raw("content-type")[:PARAMETER_LIMIT]
    if found := _MEDIA_TYPE.match(written):
        return ContentType(found[1].lower(), found[2].lower(), parameters(found[3]))
    rest = parameters(written.partition(";")[2])
    if found := _MAIN_TYPE.match(written):
        return ContentType(*_halves(_USUAL_TYPES.get(found[1].lower(), _BYTES)), rest)
    return ContentType(*_halves(_BYTES if rest.get("name") else default), rest)


def disposition(headers: Headers) -> tuple[str, dict[str, str]]:
    """Read Content-Disposition: its lower-case word, empty when absent, and its parameters."""
    written = headers.raw("content-disposition")[:PARAMETER_LIMIT]
    word = _DISPOSITION.match(written)
    return (word[1].lower(), parameters(written[word.end() :])) if word else ("", parameters(written))


def parameters(text: str) -> dict[str, str]:
    """Read parameters, also those in pieces and with a charset (RFC 2231) and those in encoded words."""
    if not text:
        return {}
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in _PARAMETER.findall(text[:PARAMETER_LIMIT]):
        stem, star, number = name.lower().partition("*")
        if not star:
            plain.setdefault(stem, charsets.clean_line(decode_words(_unquoted(value))))
        elif found := _PIECE.fullmatch(number):
            place = int(found[1]) if found[1] else _WHOLE
            pieces.setdefault(stem, {}).setdefault(place, (_unquoted(value), place == _WHOLE or bool(found[2])))
    joined = {name: charsets.clean_line(_joined(found)) for name, found in pieces.items()}
    return joined | {name: value for name, value in plain.items() if not {_WHOLE, 0} & pieces.get(name, {}).keys()}


def moment(headers: Headers) -> datetime | None:
    """Read Date, in UTC; None when it is absent or cannot be meant."""
    written = headers.raw("date")[:200]
    try:
        found = datetime.fromisoformat(written.strip()) if _ISO_DAY.match(written) else parsedate_to_datetime(written)
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return aware.astimezone(UTC) if aware.year in YEARS else None
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError):
        return None


def message_ids(text: str, limit: int = 100) -> tuple[str, ...]:
    """Give the message identifiers in a text, with their angle brackets, in order."""
    found = (f"<{charsets.clean_line(one[1])}>" for one in _MESSAGE_ID.finditer(text))
    return tuple(one for one, _ in zip(found, range(limit), strict=False))


def _fields(block: bytes) -> tuple[tuple[tuple[str, bytes], ...], int]:
    """Give the fields of a block, and where the last one ends."""
    found = list[tuple[str, bytes]]()
    name, lines = "", list[bytes]()
    place = end = 0
    for count, line in enumerate(block.split(b"\n")):
        if count > COUNT_LIMIT * 10:
            break
        place += len(line) + 1
        if line[:1] in {b" ", b"\t"}:
            lines.append(line.rstrip(b"\r"))
            end = place
        elif (header := _NAME.match(line)) and b"=" not in header[1]:
            if name:
                found.append((name, b"".join(lines)[:VALUE_LIMIT]))
            name, lines = header[1].decode("ascii").lower(), [line[header.end() :].rstrip(b"\r")]
            end = place
        elif not line.strip():
            end = place
        elif name and line.startswith(b"--"):
            break  # the blank line was forgotten before the first part
        elif lines and _is_open(lines[-1].rstrip(), line):
            lines.append(line.rstrip(b"\r"))  # it was not indented
            end = place
    if name:
        found.append((name, b"".join(lines)[:VALUE_LIMIT]))
    return tuple(found), end


def _is_open(before: bytes, line: bytes) -> bool:
    """Tell whether the header before a line goes on: with a parameter, or with the rest of an encoded word."""
    return (before.endswith(b";") and b"=" in line) or bool(_OPEN_WORD.search(before[-WORD_LIMIT:]))


def _halves(media_type: str) -> tuple[str, str]:
    main, _, sub = media_type.partition("/")
    return main, sub


def _matched(pattern: re.Pattern[bytes], data: bytes) -> int:
    found = pattern.match(data)
    return found.end() if found else 0


class _Words:
    """Encoded words that belong together; some programs cut them in the middle of what stands for one byte."""

    def __init__(self) -> None:
        self._bytes = b""
        self._encoding = ""
        self._texts: list[bytes] = []

    def add(self, encoding: str, text: str) -> None:
        if encoding != self._encoding:
            self._bytes, self._encoding, self._texts = self.decoded(), encoding, []
        self._texts.append(text.encode("utf-8", "replace"))

    def decoded(self) -> bytes:
        whole = b"".join(self._texts)
        if self._encoding == "q":
            return self._bytes + a2b_qp(whole, header=True)
        is_cut = len(whole) % 4 == 0 and b"=" not in whole[:-2]
        return self._bytes + b"".join(map(transfer.base64, [whole] if is_cut else self._texts))


def _unquoted(value: str) -> str:
    value = value.strip()
    if value[:1] != '"':
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1] if value[-1:] == '"' and len(value) > 1 else value[1:])


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    charset, data = None, b""
    places = [_WHOLE] if _WHOLE in pieces else sorted(pieces)
    for index, (value, encoded) in enumerate(pieces[place] for place in places):
        text = value
        if encoded and index == 0 and value.count("'") >= 2:
            charset, _, text = value.split("'", 2)
        data += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    return decode_words(charsets.decode(data, charset)[0])
