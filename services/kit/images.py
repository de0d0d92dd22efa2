"""Pictures as they are given out: without the place, the time and the camera that phones write into them.

Nothing is decoded and no pixel changes: the parts of the file that describe instead of show are left out. Whoever wrote the file may be
hostile, so every length is checked, work is linear in the size and the number of parts is bounded. In doubt the file stays as it is,
and that is said.

Sources: ITU-T T.81 annex B (JPEG), CIPA DC-008 (Exif), W3C PNG third edition §5 and §11, RFC 9649 (WebP), GIF89a.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

Piece = bytes | memoryview


class Metadata(StrEnum):
    """What became of what a picture tells beside itself."""

    NONE = "none"
    """It is no picture, or a kind of picture in which nothing of the sort is written."""
    REMOVED = "removed"
    """It is a picture, and nothing of the sort is in it (any more)."""
    KEPT = "kept"
    """Place and time may be inside: it cannot be taken apart without changing the picture, or it is damaged."""


@dataclass(frozen=True)
class Picture:
    """A file to give out."""

    content: bytes = field(repr=False)
    metadata: Metadata


def without_metadata(content: bytes) -> Picture:
    """Give a picture without what describes it; anything else as it is. Never raises."""
    take_apart = next((reader for sign, reader in _READERS.items() if sign.match(content)), None)
    if take_apart is None:
        return Picture(content, Metadata.KEPT if _SEALED.match(content) else Metadata.NONE)
    try:
        return Picture(b"".join(take_apart(_Bytes(content))), Metadata.REMOVED)
    except _Unclear:
        return Picture(content, Metadata.KEPT)


PARTS_LIMIT: Final = 500_000
"""More parts than any picture of our largest size has; a hostile one would keep a processor busy with more."""

ENTRIES_LIMIT: Final = 512
"""More entries than Exif has tags; each segment of a hostile picture could name sixty thousand."""


class _Unclear(Exception):
    """The file is not built as its kind is."""


class _Bytes:
    """Reads forward; what is not there makes the file unclear."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._view = memoryview(content)
        self._parts = 0
        self.place = 0

    def take(self, count: int) -> memoryview:
        self._parts += 1
        end = self.place + count
        if count < 0 or end > len(self.content) or self._parts > PARTS_LIMIT:
            raise _Unclear
        taken = self._view[self.place : end]
        self.place = end
        return taken

    def number(self, count: int, order: Literal["big", "little"] = "big") -> int:
        return int.from_bytes(self.take(count), order)

    def since(self, place: int) -> memoryview:
        return self._view[place : self.place]


def _starts(body: memoryview, sign: bytes) -> bool:
    return bytes(body[: len(sign)]) == sign


# Exif: the only thing that is kept of it is which side is up

_UPRIGHT: Final = 1
_ORIENTATIONS: Final = range(2, 9)
_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3


def _orientation(tiff: memoryview) -> int:
    """Find which side is up in Exif data (TIFF 6.0 §2: header, then entries of twelve bytes)."""
    orders: Mapping[bytes, Literal["big", "little"]] = {b"MM\0*": "big", b"II*\0": "little"}
    order = orders.get(bytes(tiff[:4]))
    if order is None:
        return _UPRIGHT
    start = int.from_bytes(tiff[4:8], order)
    count = min(int.from_bytes(tiff[start : start + 2], order), ENTRIES_LIMIT)
    for place in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind = (int.from_bytes(tiff[place + at : place + at + 2], order) for at in (0, 2))
        if (tag, kind) == (_ORIENTATION_TAG, _SHORT):
            found = int.from_bytes(tiff[place + 8 : place + 10], order)
            return found if found in _ORIENTATIONS else _UPRIGHT
    return _UPRIGHT


def _only_orientation(tiff: memoryview) -> bytes:
    """Write Exif data that say which side is up and nothing else; empty when that needs not be said."""
    found = _orientation(tiff)
    if found == _UPRIGHT:
        return b""
    entry = b"".join(
        number.to_bytes(size, "big") for number, size in ((_ORIENTATION_TAG, 2), (_SHORT, 2), (1, 4), (found, 2), (0, 2))
    )
    return b"MM\0*" + (8).to_bytes(4, "big") + (1).to_bytes(2, "big") + entry + bytes(4)


# JPEG

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_LONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and RST."""
_EXIF: Final = b"Exif\0\0"
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def _jpeg(data: _Bytes) -> Iterator[Piece]:
    """Keep the picture, its colours and its orientation; what follows its end is another picture or a film, and goes."""
    yield data.take(2)
    scans = 0
    while (marker := _marker(data)) != _EOI:
        if marker in _LONE:
            yield bytes((0xFF, marker))
            continue
        if marker < 0xC0 or marker == _SOI:
            raise _Unclear
        yield from _jpeg_segment(marker, data.take(data.number(2) - 2))
        if marker == _SOS:
            scans += 1
            yield _scan(data)
            if data.place == len(data.content):
                return  # it was cut off; what there is can be shown
    if not scans:
        raise _Unclear
    yield b"\xff\xd9"


def _marker(data: _Bytes) -> int:
    if data.number(1) != 0xFF:
        raise _Unclear
    while (marker := data.number(1)) == 0xFF:
        pass
    return marker


def _jpeg_segment(marker: int, body: memoryview) -> Iterator[Piece]:
    kept: Piece = body
    if marker == _APP0:
        kept = bytes(body[:12]) + b"\0\0" if _starts(body, b"JFIF\0") and len(body) >= 14 else b""  # without its thumbnail
    elif marker == _APP1:
        found = _only_orientation(body[len(_EXIF) :]) if _starts(body, _EXIF) else b""
        kept = _EXIF + found if found else b""
    elif marker == _APP2:
        kept = body if _starts(body, b"ICC_PROFILE\0") else b""
    elif marker == _APP14:
        kept = body[:12] if _starts(body, b"Adobe") and len(body) >= 12 else b""
    elif _APP0 <= marker <= _APP15 or marker == _COM:
        kept = b""
    elif not body:
        yield bytes((0xFF, marker, 0, 2))
    if kept:
        yield bytes((0xFF, marker))
        yield (len(kept) + 2).to_bytes(2, "big")
        yield kept


def _scan(data: _Bytes) -> memoryview:
    start = data.place
    found = _AFTER_SCAN.search(data.content, start)
    return data.take((found.start() if found else len(data.content)) - start)


# PNG

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_SHOWN: Final = frozenset({
    b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"pHYs", b"sPLT",
    b"acTL", b"fcTL", b"fdAT",
})  # fmt: skip
"""Chunks that a picture may do without and that change how it looks; all others of that sort describe."""


def _png(data: _Bytes) -> Iterator[Piece]:
    yield data.take(len(_PNG_SIGNATURE))
    name = b""
    while name != b"IEND":
        start = data.place
        length = data.number(4)
        name = bytes(data.take(4))
        body = data.take(length)
        data.take(4)
        if name == b"eXIf":
            yield _png_chunk(name, _only_orientation(body))
        elif name in _PNG_SHOWN or name[:1].isupper():
            yield data.since(start)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big") if body else b""


# WebP

_WEBP_SHOWN: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04


def _webp(data: _Bytes) -> Iterator[Piece]:
    """Keep the chunks that show something; how long they are together stands in front, and which there are in VP8X."""
    data.take(4)
    end = data.number(4, "little") + 8
    data.take(4)
    kept: list[Piece] = []
    exif = b""
    extended = None
    while data.place < end:
        start = data.place
        name = bytes(data.take(4))
        body = data.take(data.number(4, "little"))
        data.take(len(body) % 2)
        if name == b"EXIF":
            exif = _only_orientation(body[len(_EXIF) :] if _starts(body, _EXIF) else body)
        elif name in _WEBP_SHOWN:
            extended = len(kept) if name == b"VP8X" and extended is None else extended
            kept.append(data.since(start))
    if data.place != end or not kept:
        raise _Unclear
    if extended is not None:
        kept[extended] = _described(kept[extended], exif)
        kept.append(b"EXIF" + len(exif).to_bytes(4, "little") + exif if exif else b"")
    yield b"RIFF" + (4 + sum(map(len, kept))).to_bytes(4, "little") + b"WEBP"
    yield from kept


def _described(extended: Piece, exif: bytes) -> bytes:
    """Write VP8X again: it no longer announces XMP, and Exif data only when there are."""
    if len(extended) < 9:
        raise _Unclear
    flags = extended[8] & ~(_EXIF_FLAG | _XMP_FLAG) | (_EXIF_FLAG if exif else 0)
    return bytes(extended[:8]) + bytes((flags,)) + bytes(extended[9:])


# GIF

_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_COMMENT, _APPLICATION = 0xFE, 0xFF
_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _gif(data: _Bytes) -> Iterator[Piece]:
    data.take(13)
    data.take(_colours(data.content[10]))
    yield data.since(0)
    while True:
        start = data.place
        kind = data.number(1)
        if kind == _END:
            yield data.since(start)
            return
        shown = _gif_image(data) if kind == _IMAGE else _gif_extension(data) if kind == _EXTENSION else None
        if shown is None:
            raise _Unclear
        if shown:
            yield data.since(start)


def _colours(flags: int) -> int:
    """Give how many bytes a table of colours takes, if there is one."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_image(data: _Bytes) -> bool:
    data.take(_colours(data.take(9)[8]))
    data.take(1)
    _sub_blocks(data)
    return True


def _gif_extension(data: _Bytes) -> bool:
    kind = data.number(1)
    first = _sub_blocks(data)
    return first in _LOOPS if kind == _APPLICATION else kind != _COMMENT


def _sub_blocks(data: _Bytes) -> bytes:
    """Read on behind the sub-blocks and give the first."""
    first = b""
    while size := data.number(1):
        block = data.take(size)
        first = first or bytes(block)
    return first


_READERS: Final[Mapping[re.Pattern[bytes], Callable[[_Bytes], Iterator[Piece]]]] = {
    re.compile(rb"\xff\xd8\xff"): _jpeg,
    re.compile(rb"\x89PNG\r\n\x1a\n"): _png,
    re.compile(rb"RIFF....WEBP", re.DOTALL): _webp,
    re.compile(rb"GIF8[79]a"): _gif,
}
_SEALED: Final = re.compile(rb"II[*RU]|MM\0[*+]|IIRO|....ftyp|\0\0\0\x0c(?:JXL |jP  )|FUJIFILM|8BPS", re.DOTALL)
"""How pictures and films begin whose description lies among what they show: TIFF and raw files, HEIC, AVIF, MP4, JPEG XL and 2000, PSD."""
