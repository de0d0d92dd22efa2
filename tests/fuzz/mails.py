"""Mails that nobody wrote: damage done to awkward ones, and structures put together at random. The same number is the same mail."""

import random
from base64 import b64encode
from collections.abc import Callable
from quopri import encodestring

from tests.fuzz.pieces import BITS, CORPUS, WINMAIL

TYPES = ["text/plain", "text/html", "text/plain; charset=utf-8", "text/html; charset=iso-8859-1", "text/plain; charset=gb2312", "text/plain; charset=iso-2022-jp",
         "text/enriched", "text/calendar", "text/x-amp-html", "application/pdf; name=a.pdf", 'image/png; name="=?utf-8?q?=C3=A9?=.png"', "application/octet-stream",
         "message/rfc822", "message/partial; number=1", "message/delivery-status", "application/ms-tnef; name=winmail.dat", "application/pkcs7-mime; name=smime.p7m",
         "application/zip", "application/xhtml+xml", "message/external-body", "tekst", "", 'text/plain; charset="', "multipart/mixed"]  # fmt: skip
GROUPS = ["mixed", "alternative", "related", "digest", "signed", "report", "encrypted", "parallel", "form-data", "x"]
TEXTS = [b"Dag\r\nNoor", b"", b"<p>Dag <b>Noor<blockquote>oud", b"\xe9\xe8", "één".encode(), b"\x1b$BF|K\\\x1b(B", b"<html><body>" + b"<div>" * 300, b"From: a@b\r\n\r\nx",
         b"begin 644 a\r\n#1&%G\r\nend\r\n", b"> oud\r\n\r\nnieuw", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT", WINMAIL]  # fmt: skip
SENDERS = ["Noor <noor@example.be>", "noor@example.be (Noor)", '"Peeters, Noor" <noor@example.be>', "=?utf-8?q?No=C3=B6r?= <noor@example.be>", "<>", "", "a@b, c@d", "g: a@b;", "x" * 2000, "é <a@b>"]  # fmt: skip
DATES = [
    "Mon, 1 Jan 2024 10:00:00 +0100",
    "",
    "gisteren",
    "1 Jan 99999 00:00",
    "2024-01-01T00:00:00Z",
    "Mon, 31 Feb 2024 25:61:61 +9999",
]
ENCODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("", bytes), ("base64", b64encode), ("quoted-printable", encodestring), ("7bit", bytes), ("base64", bytes), ("x-uuencode", bytes), ("BASE64 ", b64encode), ("raar", bytes)
]  # fmt: skip


def mail(seed: int, number: int) -> bytes:
    """Make one mail."""
    chance = random.Random(f"{seed}-{number}")
    kind = chance.random()
    if kind < 0.5:
        return damaged(chance, chance.choice(CORPUS))
    if kind < 0.75:
        return structured(chance)
    if kind < 0.95:
        return damaged(chance, structured(chance))
    return b"From: a@b.be\r\n" * chance.randint(0, 1) + b"".join(chance.choice(BITS) for _ in range(chance.randint(0, 80)))


def damaged(chance: random.Random, raw: bytes) -> bytes:
    """Damage a mail in some places, or mix it with another."""
    for _ in range(chance.randint(1, 6)):
        place, length = chance.randrange(len(raw) + 1), chance.choice([0, 1, 2, 5, 30, 200])
        match chance.randrange(7):
            case 0:
                new = chance.choice(BITS)
            case 1:
                new = chance.randbytes(chance.randint(0, 4))
            case 2:
                new = b""
            case 3:
                other = chance.choice(CORPUS)
                start = chance.randrange(len(other) + 1)
                new = other[start : start + chance.randint(1, 400)]
            case 4:
                new = raw[place : place + length] * chance.randint(2, 20)
            case 5:
                new = bytes(byte ^ (1 << chance.randrange(8)) for byte in raw[place : place + length])
            case _:
                new = chance.choice(BITS) * chance.randint(2, 200)
        raw = raw[:place] + new + raw[place + length :]
    return raw[: chance.randrange(len(raw) + 1)] if chance.random() < 0.1 else raw[:300_000]


def structured(chance: random.Random) -> bytes:
    """Put a mail together."""
    head = f"From: {chance.choice(SENDERS)}\r\nTo: meldpunt@example.be\r\nDate: {chance.choice(DATES)}\r\nSubject: Vraag {chance.random()}\r\nMIME-Version: 1.0\r\n"
    return head.encode() + part(chance, 0)


def part(chance: random.Random, depth: int) -> bytes:
    """Make a part with everything in it."""
    if depth < chance.choice([1, 2, 4, 40]) and chance.random() < 0.6:
        boundary = chance.choice(["x", "y", f"b{chance.randrange(1000)}", "=_a b", "x"])
        inner = [part(chance, depth + 1) for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 5]))]
        start = f'Content-Type: multipart/{chance.choice(GROUPS)}; boundary="{boundary}"\r\n\r\n'.encode()
        opening, end = f"\r\n--{boundary}\r\n".encode(), f"\r\n--{boundary}--\r\n".encode()
        return start + b"".join(opening + one for one in inner) + chance.choice([end, end, end, b"", opening])
    kind, (name, encode) = chance.choice(TYPES), chance.choice(ENCODINGS)
    disposition = chance.choice(
        ["", "", "Content-Disposition: attachment\r\n", 'Content-Disposition: inline; filename="../a.txt"\r\n']
    )
    headers = f"Content-Type: {kind}\r\n" * bool(kind) + f"Content-Transfer-Encoding: {name}\r\n" * bool(name) + disposition
    return headers.encode() + b"\r\n" * chance.choice([1, 1, 1, 0]) + encode(chance.choice(TEXTS) * chance.choice([1, 1, 1, 50]))
