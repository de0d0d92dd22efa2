"""Writing winmail.dat files, as Outlook does ([MS-OXTNEF] §2.1)."""

import struct

BODY, RICH, HTML, CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
LONG_NAME, CONTENT, MEDIA_TYPE = 0x3707, 0x3701, 0x370E
NUMBER, BYTES_8, TEXT, UNICODE, BINARY, OBJECT = 0x03, 0x14, 0x1E, 0x1F, 0x102, 0x0D
INTERFACE = bytes.fromhex("07030200000000 00c000000000000046".replace(" ", ""))


def winmail(*objects: bytes) -> bytes:
    """Write a winmail.dat."""
    return b"\x78\x9f\x3e\x22\x01\x00" + attribute(0x9007, struct.pack("<LL", 1252, 0), kind=6) + b"".join(objects)


def attribute(name: int, content: bytes, level: int = 1, kind: int = 6) -> bytes:
    """Write one object of it."""
    return struct.pack("<BHHL", level, name, kind, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def message(*properties: bytes) -> bytes:
    """Write the properties of the mail."""
    return attribute(0x9003, struct.pack("<L", len(properties)) + b"".join(properties))


def of_any_size(name: int, kind: int, value: bytes) -> bytes:
    """Write a property whose size is told."""
    return struct.pack("<HHLL", kind, name, 1, len(value)) + value + bytes(-len(value) % 4)


def number(name: int, value: int) -> bytes:
    """Write a property that is a number."""
    return struct.pack("<HHL", NUMBER, name, value)


def file(title: str, content: bytes, *properties: bytes) -> bytes:
    """Write a file in it."""
    told = attribute(0x9005, struct.pack("<L", len(properties)) + b"".join(properties), level=2) if properties else b""
    named = attribute(0x8010, title.encode("cp1252") + b"\0", level=2, kind=1)
    return attribute(0x9002, bytes(14), level=2) + named + attribute(0x800F, content, level=2) + told


def nested(title: str, inner: bytes) -> bytes:
    """Write a mail as a file in it."""
    return (
        attribute(0x9002, bytes(14), level=2)
        + attribute(0x8010, title.encode() + b"\0", level=2, kind=1)
        + attribute(0x9005, struct.pack("<L", 1) + of_any_size(CONTENT, OBJECT, INTERFACE + inner), level=2)
    )


def compressed(rich: bytes) -> bytes:
    """Write RTF in the form of Outlook's compression, with nothing but literal bytes."""
    runs = b"".join(b"\0" + rich[place : place + 8] for place in range(0, len(rich), 8))
    return struct.pack("<LL4sL", len(runs) + 12, len(rich), b"LZFu", 0) + runs
