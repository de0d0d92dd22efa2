"""What is signed in an S/MIME message that wraps its text (CMS SignedData, RFC 5652 §5; RFC 8551 §3.5.2).

Anybody can read that without a key, as every mail program does; whether the signature is right is not looked at here.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

DEPTH_LIMIT: Final = 12
FIRST_PARTS: Final = 4
"""Of no element is a later part looked for."""

_SEQUENCE, _OBJECT_IDENTIFIER, _EXPLICIT = 0x30, 0x06, 0xA0
_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
_DATA: Final = bytes.fromhex("2a864886f70d010701")
_WITHOUT_LENGTH: Final = 0x80
_LONGEST_LENGTH: Final = 4


class _NotThat(ValueError):
    """It is something else, or cut."""


def content_of(data: bytes) -> bytes | None:
    """Give the signed message; None when it is encrypted, only a signature, or no such thing."""
    try:
        kind, wrapped, *_ = _children(data, _SEQUENCE, 0)
        _expect(data, kind, _SIGNED_DATA)
        (signed, *_) = _children(data, _EXPLICIT, wrapped)
        _, _, content, *_ = _children(data, _SEQUENCE, signed)
        inner, octets, *_ = _children(data, _SEQUENCE, content)
        _expect(data, inner, _DATA)
        (string, *_) = _children(data, _EXPLICIT, octets)
        return b"".join(_octets(data, string, 0))
    except (_NotThat, IndexError, ValueError):
        return None


def _children(data: bytes, tag: int, place: int) -> list[int]:
    """Give where the parts of an element begin, which must be of this tag."""
    if data[place] != tag:
        raise _NotThat
    return [child for child, _ in islice(_parts(data, place, 0), FIRST_PARTS)]


def _parts(data: bytes, place: int, depth: int) -> Iterator[tuple[int, int]]:
    start, end = _body(data, place)
    while end is None or start < end:
        if end is None and data[start : start + 2] == b"\0\0":
            return
        after = _after(data, start, depth + 1)
        yield start, after
        start = after


def _after(data: bytes, place: int, depth: int) -> int:
    """Give the place behind an element."""
    start, end = _body(data, place)
    if end is not None:
        return end
    if depth > DEPTH_LIMIT:
        raise _NotThat
    last = start
    for _, last in _parts(data, place, depth):  # noqa: B007 - the end of the last part is what is looked for
        pass
    return last + 2


def _body(data: bytes, place: int) -> tuple[int, int | None]:
    """Give where the content of an element begins and ends; no end when its length is not told (X.690 §8.1.3.6)."""
    length, start = data[place + 1], place + 2
    if length == _WITHOUT_LENGTH:
        return start, None
    if length > _WITHOUT_LENGTH:
        size = length & 0x7F
        if size > _LONGEST_LENGTH:
            raise _NotThat
        start, length = start + size, int.from_bytes(data[start : start + size], "big")
    if start + length > len(data):
        raise _NotThat
    return start, start + length


def _octets(data: bytes, place: int, depth: int) -> Iterator[bytes]:
    match data[place]:
        case 0x04:
            start, end = _body(data, place)
            yield data[start:end]
        case 0x24 if depth < DEPTH_LIMIT:
            for child, _ in _parts(data, place, depth):
                yield from _octets(data, child, depth + 1)
        case _:
            raise _NotThat


def _expect(data: bytes, place: int, identifier: bytes) -> None:
    start, end = _body(data, place)
    if data[place] != _OBJECT_IDENTIFIER or data[start:end] != identifier:
        raise _NotThat
