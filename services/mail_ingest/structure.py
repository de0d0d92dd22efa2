"""The parts of a message: a walk over its MIME tree, with limits on depth and number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.mail_ingest.headers import ContentType, Headers, content_type, disposition, split_part
from services.mail_ingest.transfer import method, undo

DEPTH_LIMIT: Final = 30
PART_LIMIT: Final = 500
PREAMBLE_LIMIT: Final = 10_000

_GUESS: Final = re.compile(rb"(?:^|\n)--( {0,10}[^\s][^\r\n]{0,100}?)[ \t]*\r?\n[Cc]ontent-[A-Za-z-]{2,30}:")
_NOT_SAID: Final = re.compile(rb"mime|multi-?part|html|mail ?(?:reader|client|program)", re.IGNORECASE)
"""What programs say before the first part: that the mail has parts."""
_LINE_FEED: Final = ord("\n")
_WRAPPED: Final = frozenset({"base64", "quoted-printable"})


@dataclass(frozen=True)
class Leaf:
    """A part that holds content of its own; the bytes are decoded."""

    type: ContentType
    headers: Headers
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Branch:
    """A part that holds parts."""

    type: ContentType
    children: tuple["Node", ...]


Node = Leaf | Branch


class Walk:
    """One walk over a message. `doubts` names what could not be read as it was meant."""

    def __init__(self) -> None:
        """Start with the whole budget of parts."""
        self.doubts: set[str] = set()
        self.preamble = b""
        """What stands before the first part and is more than that this is a mail in parts; to be read when there is nothing else."""
        self._left = PART_LIMIT

    def node(self, headers: Headers, body: bytes, default: str = "text/plain", depth: int = 0) -> Node:
        """Read a part and everything in it."""
        kind = content_type(headers, default)
        if kind.main != "multipart" or depth >= DEPTH_LIMIT:
            if kind.main == "multipart":
                self.doubts.add("depth")
            return self._leaf(kind, headers, body)
        pieces = self._pieces(kind, headers, body)
        if not pieces:
            self.doubts.add("boundary")
            return self._leaf(ContentType("text", "plain", kind.parameters), headers, body)
        within = "message/rfc822" if kind.sub == "digest" else "text/plain"
        parts = (split_part(piece, headers.charset) for piece in self._affordable(pieces))
        return Branch(kind, tuple(self.node(*part, within, depth + 1) for part in parts))

    def _leaf(self, kind: ContentType, headers: Headers, body: bytes) -> Leaf:
        content, honest = undo(body, headers.raw("content-transfer-encoding"))
        if not honest and kind.main != "multipart":
            self.doubts.add("encoding")
        return Leaf(kind, headers, content)

    def _affordable(self, pieces: Sequence[bytes]) -> Sequence[bytes]:
        if len(pieces) > self._left:
            self.doubts.add("parts")
        allowed = pieces[: self._left]
        self._left -= len(allowed)
        return allowed

    def _pieces(self, kind: ContentType, headers: Headers, body: bytes) -> list[bytes]:
        encoding = headers.raw("content-transfer-encoding")
        if method(encoding) in _WRAPPED and b"\n--" not in b"\n" + body:  # forbidden by RFC 2045 §6.4, and seen
            body, _ = undo(body, encoding)
        boundary = kind.parameters.get("boundary", "").encode("utf-8", "replace")
        if boundary and (found := self._between(body, boundary)):
            return found
        guess = _GUESS.search(body)
        if not guess:
            return []
        self.doubts.add("boundary")
        return self._between(body, guess[1])

    def _between(self, body: bytes, boundary: bytes) -> list[bytes]:
        # a pattern that begins with plain characters is searched for several times as fast
        line = re.compile(b"--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?=\n|$)")
        pieces: list[bytes] = []
        start = None
        is_closed = False
        before: bytes | None = None
        for found in line.finditer(body):
            if found.start() and body[found.start() - 1] != _LINE_FEED:
                continue
            before = body[: min(found.start(), PREAMBLE_LIMIT)].strip() if before is None else before
            if start is not None:
                pieces.append(body[start : found.start()].removesuffix(b"\n").removesuffix(b"\r"))
            start = None if found[1] else found.end() + 1
            if is_closed and start is not None:
                self.doubts.add("boundary")  # one boundary for two levels: what stands behind its end is read as well
            is_closed = is_closed or start is None
        if before and not self.preamble and not _NOT_SAID.search(before):
            self.preamble = before
        if start is not None:
            self.doubts.add("cut")
            pieces.append(_without(body[start:], b"--" + boundary + b"--"))
        return pieces


def _without(piece: bytes, end: bytes) -> bytes:
    """Give the last part without an end that was written behind its text and not on a line of its own."""
    written = piece.rstrip()
    return written.removesuffix(end) if written.endswith(end) else piece


def file_name(leaf: Leaf) -> str:
    """Give the name that the sender gave a part, empty when there is none. Never a path to use."""
    kind = leaf.type.parameters
    given = disposition(leaf.headers)[1].get("filename", "") or kind.get("name", "") or kind.get("filename", "")
    return given or ("" if leaf.type.main == "text" else _location(leaf))


def _location(leaf: Leaf) -> str:
    """Give the name at the end of Content-Location (RFC 2557 §4), by which web pages in a mail name their pictures."""
    location = leaf.headers.raw("content-location")
    name = location.partition("?")[0].rpartition("/")[2]
    return name if "." in name and not location.lower().startswith("cid:") else ""
