"""Mails as they come: of people, of machines, broken, empty. Each of them is another one, and says which by its number."""

import base64
import random
import re
from collections.abc import Iterator

WORDS = [
    "ik",
    "wil",
    "iets",
    "melden",
    "over",
    "wat",
    "er",
    "gebeurd",
    "is",
    "op",
    "de",
    "club",
    "en",
    "weet",
    "niet",
    "bij",
    "wie",
]


def mails(count: int, chance: random.Random) -> Iterator[bytes]:
    """Write so many mails, of all kinds in turn."""
    kinds = [_plain, _html, _with_files, _without_id, _without_date, _same_id, _latin, _machine, _broken, _bare, _long]
    for number in range(count):
        yield on_the_wire(chance.choice(kinds)(number, chance))


def on_the_wire(raw: bytes) -> bytes:
    """Give every line the end that an IMAP server gives it."""
    return re.sub(rb"\r?\n", b"\r\n", raw)


def _head(number: int, more: str = "", *, dated: bool = True, named: bool = True) -> str:
    return (
        f"From: Persoon {number} <persoon{number}@example.be>\nTo: help@example.org\nSubject: Vraag {number}\n"
        + ("Date: Mon, 2 Mar 2026 10:00:00 +0100\n" if dated else "")
        + (f"Message-ID: <{number}.test@example.be>\n" if named else "")
        + (f"{more}\n" if more else "")
    )


def _story(chance: random.Random, words: int = 40) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def _plain(number: int, chance: random.Random) -> bytes:
    return f"{_head(number)}\n{_story(chance)} {number}\n".encode()


def _html(number: int, chance: random.Random) -> bytes:
    return f"{_head(number, 'Content-Type: text/html; charset=utf-8')}\n<p>{_story(chance)} <b>{number}</b></p>\n".encode()


def _with_files(number: int, chance: random.Random) -> bytes:
    content = base64.encodebytes(chance.randbytes(chance.randrange(10, 30_000))).decode()
    kind = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"'
    file = f"--x\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=brief.pdf\nContent-Transfer-Encoding: base64\n\n{content}"
    return f"{_head(number, kind)}\n--x\nContent-Type: text/plain\n\n{_story(chance)} {number}\n{file}\n--x--\n".encode()


def _without_id(number: int, chance: random.Random) -> bytes:
    return f"{_head(number, named=False)}\n{_story(chance)} {number}\n".encode()


def _without_date(number: int, chance: random.Random) -> bytes:
    return f"{_head(number, dated=False)}\n{_story(chance)} {number}\n".encode()


def _same_id(number: int, chance: random.Random) -> bytes:
    head = _head(number, "Message-ID: <altijd@dezelfde.example>", named=False)
    return f"{head}\n{_story(chance)} {number}\n".encode()


def _latin(number: int, chance: random.Random) -> bytes:
    return f"{_head(number, 'Content-Type: text/plain; charset=iso-8859-1')}\nCafé één {_story(chance)} {number}\n".encode(
        "latin-1"
    )


def _machine(number: int, chance: random.Random) -> bytes:
    return f"{_head(number, 'Auto-Submitted: auto-replied')}\n{_story(chance, 8)} {number}\n".encode()


def _broken(number: int, chance: random.Random) -> bytes:
    kind = 'Content-Type: multipart/mixed; boundary="weg"\nContent-Transfer-Encoding: quoted-unprintable'
    return f"{_head(number, kind)}\n".encode() + chance.randbytes(200).replace(b"\r", b"").replace(b"\0", b"") + b"%d\n" % number


def _bare(number: int, chance: random.Random) -> bytes:
    return b"%d\n" % number if chance.random() < 0.5 else b"Subject: =?utf-8?q?%d\n\n" % number


def _long(number: int, chance: random.Random) -> bytes:
    return f"{_head(number)}\n{'x' * chance.randrange(1000, 100_000)} {number}\n".encode()
