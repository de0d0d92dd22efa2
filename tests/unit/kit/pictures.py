"""Pictures of one dot in each kind, and what telephones write into them."""

import struct
import zlib
from base64 import b64decode
from typing import Final

SECRET: Final = b"51.0543N 3.7174E 2026-11-25 iPhone van Noor"
"""What must not leave the house: place, time, and whose telephone it was."""


def exif(orientation: int = 1, order: str = "big") -> bytes:
    """Write Exif data: which side is up, and a description."""
    sign = ">" if order == "big" else "<"
    entries = struct.pack(f"{sign}HHII", 0x010E, 2, len(SECRET), 38) + struct.pack(f"{sign}HHIHH", 0x0112, 3, 1, orientation, 0)
    head = (b"MM\0*" if order == "big" else b"II*\0") + struct.pack(f"{sign}IH", 8, 2)
    return head + entries + bytes(4) + SECRET


def upright(orientation: int) -> bytes:
    """Write Exif data that say which side is up and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def segment(marker: int, body: bytes) -> bytes:
    """Write a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(*described: bytes, after: bytes = b"") -> bytes:
    """Write a JPEG with these segments in it, and something behind its end."""
    return JPEG[:20] + b"".join(described) + JPEG[20:] + after


def chunk(name: bytes, body: bytes) -> bytes:
    """Write a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*described: bytes, after: bytes = b"") -> bytes:
    """Write a PNG with these chunks before and behind its picture."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"sRGB", b"\0")
    shown = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return head + b"".join(described) + shown + b"".join(described) + chunk(b"IEND", b"") + after


def webp(*described: tuple[bytes, bytes], flags: int = 0) -> bytes:
    """Write an extended WebP with these chunks behind its picture."""
    extended = (b"VP8X", bytes((flags,)) + bytes(9))
    dot = (b"VP8L", b64decode("LwAAAAAHEBERiIj+Bwo="))
    chunks = b"".join(_webp_chunk(name, body) for name, body in (extended, dot, *described))
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _webp_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def gif(*described: bytes, after: bytes = b"") -> bytes:
    """Write a GIF with these blocks before its picture."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\xff\0\0\0\0\0"
    loop = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    dot = b"!\xf9\x04\0\0\0\0\0" + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\0"
    return head + loop + b"".join(described) + dot + b";" + after


def comment(words: bytes) -> bytes:
    """Write a comment of a GIF."""
    return b"!\xfe" + bytes((len(words),)) + words + b"\0"


_QUANTISED = segment(0xDB, b"\0" + b"\x01" * 64)
_TABLES = segment(0xC4, b"\0" + b"\x01" + bytes(15) + b"\0") + segment(0xC4, b"\x10" + b"\x01" + bytes(15) + b"\0")
JPEG: Final = (
    b"\xff\xd8"
    + segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    + _QUANTISED
    + segment(0xC0, b"\x08\0\x08\0\x08\x01\x01\x11\0")
    + _TABLES
    + segment(0xDA, b"\x01\x01\0\0\x3f\0")
    + b"\x3f\xff\0\xff\xd9"
)
"""Eight by eight grey dots; the length of its first two segments is twenty bytes."""
