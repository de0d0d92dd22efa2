"""Writing signed data (RFC 5652 §5) without signing it."""


def element(tag: int, *parts: bytes, told: bool = True) -> bytes:
    """Write an element, with its length or without."""
    content = b"".join(parts)
    size = len(content).to_bytes(4, "big")
    return bytes((tag, 0x84)) + size + content if told else bytes((tag, 0x80)) + content + b"\0\0"


def in_pieces(*pieces: bytes) -> bytes:
    """Write signed data as Outlook does: in pieces, without lengths."""
    octets = element(0x24, *(element(0x04, piece) for piece in pieces), told=False)
    content = element(0x30, bytes.fromhex("06092a864886f70d010701"), element(0xA0, octets, told=False), told=False)
    data = element(0x30, b"\x02\x01\x01", element(0x31, element(0x30, b"\x05\0", told=False), told=False), content, told=False)
    return element(0x30, bytes.fromhex("06092a864886f70d010702"), element(0xA0, data, told=False), told=False)
