"""What Outlook hides in winmail.dat: the text and the files of a mail in Microsoft's own format ([MS-OXTNEF], [MS-OXCMSG]).

Read here in time linear in its size. tnefparse, which the tests compare with, is busy for minutes with 64 bytes that say that they
hold four thousand million properties.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from services.mail_ingest import html_text, rich_text
from services.mail_ingest.charsets import clean_text, decode

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
DEPTH_LIMIT: Final = 4
OBJECT_LIMIT: Final = 5_000
PROPERTY_LIMIT: Final = 20_000

_CODE_PAGE, _BODY, _PROPERTIES = 0x9007, 0x800C, 0x9003
_NEW_FILE, _TITLE, _DATA, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005
_LONG_NAME, _SHORT_NAME, _CONTENT, _DISPLAY_NAME = 0x3707, 0x3704, 0x3701, 0x3001
_PLAIN_BODY, _RICH_BODY, _HTML_BODY, _INTERNET_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_MEDIA_TYPE = 0x370E
_SIZES: Final = {
    0x02: 4,
    0x03: 4,
    0x04: 4,
    0x0A: 4,
    0x0B: 4,
    0x05: 8,
    0x06: 8,
    0x07: 8,
    0x14: 8,
    0x40: 8,
    0x48: 16,
    0x01: 0,
    0x00: 0,
}
"""Bytes that a property of a type takes, padded to four."""
_OF_ANY_SIZE: Final = frozenset({0x0D, 0x1E, 0x1F, 0x102})
_UNICODE, _OBJECT, _SEVERAL, _NAMED = 0x1F, 0x0D, 0x1000, 0x8000
_INTERFACE = 16
_CODE_PAGES: Final = {
    65001: "utf-8",
    20127: "us-ascii",
    28591: "iso-8859-1",
    28592: "iso-8859-2",
    28605: "iso-8859-15",
    50220: "iso-2022-jp",
}


class Unreadable(ValueError):
    """It is no winmail.dat, or a damaged one."""


@dataclass(frozen=True)
class HiddenFile:
    """A file in a winmail.dat."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Hidden:
    """What was in a winmail.dat."""

    text: str = field(repr=False)
    files: tuple[HiddenFile, ...]


def read(data: bytes, depth: int = 0) -> Hidden:
    """Read a winmail.dat.

    Raises:
        Unreadable: it is something else, or damaged: what was found so far is not given, so that nothing seems complete.

    """
    if not data.startswith(SIGNATURE) or depth > DEPTH_LIMIT:
        raise Unreadable
    try:
        return _Opened().read(data, depth)
    except (struct.error, IndexError) as error:
        raise Unreadable from error


class _Opened:
    def __init__(self) -> None:
        self._charset = "cp1252"
        self._internet: str | None = None
        self._bodies: dict[int, bytes | str] = {}
        self._files: list[_Draft] = []

    def read(self, data: bytes, depth: int) -> Hidden:
        for name, content in _objects(data):
            match name:
                case 0x9007:
                    self._charset = _charset(content)
                case 0x800C:
                    self._bodies.setdefault(_PLAIN_BODY, content)
                case 0x9003:
                    self._take_properties(content)
                case 0x9002:
                    self._files.append(_Draft())
                case 0x8010 | 0x800F | 0x9005 if self._files:
                    self._add_to_file(name, content)
        files = tuple(found for draft in self._files for found in draft.files(depth))
        return Hidden(self._text(), files)

    def _take_properties(self, content: bytes) -> None:
        for name, kind, value in _properties(content):
            if name == _INTERNET_CODE_PAGE and len(value) == 4:
                self._internet = _charset(value)
            elif name in {_PLAIN_BODY, _RICH_BODY, _HTML_BODY} and value:
                self._bodies[name] = _unicode(value) if kind == _UNICODE else value

    def _add_to_file(self, name: int, content: bytes) -> None:
        draft = self._files[-1]
        if name == _TITLE:
            draft.names[_SHORT_NAME] = self._line(content)
        elif name == _DATA:
            draft.content = content
        else:
            for prop, kind, value in _properties(content):
                if prop in {_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME, _MEDIA_TYPE}:
                    draft.names[prop] = _unicode(value) if kind == _UNICODE else self._line(value)
                elif prop == _CONTENT:
                    draft.content, draft.is_message = (value[_INTERFACE:], True) if kind == _OBJECT else (value, False)

    def _text(self) -> str:
        html = self._bodies.get(_HTML_BODY)
        plain = self._bodies.get(_PLAIN_BODY)
        rich = self._bodies.get(_RICH_BODY)
        if plain:
            text = plain if isinstance(plain, str) else decode(plain.rstrip(b"\0"), self._internet or self._charset)[0]
            if text.strip():
                return clean_text(text).strip("\n")
        if html:
            return html_text.text_of(html if isinstance(html, str) else decode(html.rstrip(b"\0"), self._internet)[0])
        return rich_text.text_of(rich_text.decompressed(rich)) if isinstance(rich, bytes) else ""

    def _line(self, value: bytes) -> str:
        return decode(value.split(b"\0")[0], self._charset)[0]


class _Draft:
    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.content = b""
        self.is_message = False

    def files(self, depth: int) -> Iterator[HiddenFile]:
        name = next((self.names[one] for one in (_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME) if self.names.get(one)), "")
        if self.is_message and self.content.startswith(SIGNATURE):
            inner = read(self.content, depth + 1)
            if inner.text:
                yield HiddenFile(f"{name or 'bericht'}.txt", "text/plain", inner.text.encode())
            yield from inner.files
        elif self.content:
            yield HiddenFile(name, self.names.get(_MEDIA_TYPE, ""), self.content)


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    place, count = 6, 0
    while place + 11 <= len(data):
        name, length = struct.unpack_from("<H2xL", data, place + 1)
        end = place + 9 + length
        count += 1
        if end > len(data) or count > OBJECT_LIMIT:
            raise Unreadable
        yield name, data[place + 9 : end]
        place = end + 2
    if data[place:].strip(b"\0\r\n "):
        raise Unreadable


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    count, place, given = struct.unpack_from("<L", data)[0], 4, 0
    for _ in range(min(count, PROPERTY_LIMIT)):
        kind, name = struct.unpack_from("<HH", data, place)
        place += 4
        if name >= _NAMED:
            place = _after_name(data, place)
        several = kind & _SEVERAL
        kind &= ~_SEVERAL
        values = 1
        if several or kind in _OF_ANY_SIZE:
            values = struct.unpack_from("<L", data, place)[0]
            place += 4
        for _ in range(values):
            given += 1
            if given > PROPERTY_LIMIT or place > len(data):
                raise Unreadable
            value, place = _value(data, place, kind)
            yield name, kind, value


def _after_name(data: bytes, place: int) -> int:
    kind, size = struct.unpack_from("<LL", data, place + 16)
    return place + 24 + (_padded(size) if kind else 0)


def _value(data: bytes, place: int, kind: int) -> tuple[bytes, int]:
    if kind in _OF_ANY_SIZE:
        size = struct.unpack_from("<L", data, place)[0]
        start = place + 4
    elif kind in _SIZES:
        size, start = _SIZES[kind], place
    else:
        raise Unreadable
    if start + size > len(data):
        raise Unreadable
    return data[start : start + size], start + _padded(size)


def _padded(size: int) -> int:
    return size + -size % 4


def _charset(content: bytes) -> str:
    number = struct.unpack_from("<L", content)[0]
    return _CODE_PAGES.get(number, f"cp{number}")


def _unicode(value: bytes) -> str:
    return value.decode("utf-16-le", "replace").rstrip("\0")
