"""Mail addresses as people and programs write them, read in one pass. What is no address is kept as a name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.mail_ingest.charsets import clean_line
from services.mail_ingest.headers import ENCODED_WORD, decode_words

NAME_LIMIT: Final = 400
ADDRESS_LIMIT: Final = 320
ANGLE_LIMIT: Final = 1_000
COMMENT_DEPTH: Final = 3

_TOKEN: Final = re.compile(
    ENCODED_WORD + r'|"(?:[^"\\]|\\.)*"?|\\["\\(),;:<>]|<[^>]*>?|[(),;:]|(?:[^"\\(),;:<>=]|=(?!\?))+|.', re.DOTALL
)
_PLAUSIBLE: Final = re.compile(
    r"[^@\s\x00-\x1f\x7f<>()\[\],;:\\\"]+@(?:[^@\s\x00-\x1f\x7f<>(),;:\\\"\[\]]+|\[[0-9a-zA-Z:.]{1,60}\])"
)
_ROUTE: Final = re.compile(r"^(?:mailto:|[,\s]*@[^:<>]*:)\s*", re.IGNORECASE)
_LINK: Final = re.compile(r"^(mailto:[^?]*)\?.*", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_COMMENT: Final = re.compile(r"\([^()]*\)")
_AROUND_DOT: Final = re.compile(r"\s{0,20}\.\s{0,20}")
_BRACKETED: Final = re.compile(r"\[mailto:([^\[\]\s<>]{1,320})\]", re.IGNORECASE)
_AROUND_AT: Final = re.compile(r"\s*@\s*")
_QUOTED_LOCAL: Final = re.compile(r'^"([^"\\\s@]+)"@')
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_SPACES: Final = re.compile("[ \xa0\u2000-\u200a]+")


@dataclass(frozen=True)
class Mailbox:
    """Whom a header names: the display name and the address, each empty when not given or not plausible."""

    name: str = ""
    address: str = ""


def mailboxes(header: str) -> Iterator[Mailbox]:
    """Read the mailboxes of an address header whose encoded words are still encoded."""
    draft = _Draft()
    depth = 0
    has_groups = ";" in header
    for piece in _pieces(_BRACKETED.sub(r"<\1>", header)):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(depth - 1, 0)
        elif depth:
            draft.comment.append(_QUOTED_PAIR.sub(r"\1", piece))
        elif piece in {",", ";"}:
            yield from draft.finished()
            draft = _Draft()
        elif piece == ":" and has_groups and not draft.angle:
            draft.words.clear()  # the name of a group
        elif piece.startswith("<") and "@" in piece and draft.angle:
            yield from draft.finished()  # the comma was forgotten
            draft = _Draft(draft.behind)
            draft.add(piece)
        else:
            draft.add(piece)
    yield from draft.finished()


def sender(header: str) -> Mailbox:
    """Give the first mailbox with an address; a name cut in two by its own comma is mended."""
    before: list[str] = []
    first = Mailbox()
    for mailbox in mailboxes(header):
        first = first if first.name else mailbox
        if mailbox.address:
            return Mailbox(", ".join(filter(None, (*before, mailbox.name)))[:NAME_LIMIT], mailbox.address)
        before.append(mailbox.name)
    return first


def plausible(address: str) -> str:
    """Give the address when it can be one, else nothing."""
    if len(address) > 2 * ADDRESS_LIMIT:
        return ""
    tidy = _AROUND_AT.sub("@", _QUOTED_LOCAL.sub(r"\1@", address.strip()).strip("'\"").strip()).rstrip(".")
    fits = len(tidy) <= ADDRESS_LIMIT and "=?" not in tidy and clean_line(tidy) == tidy
    return tidy if fits and _PLAUSIBLE.fullmatch(tidy) else ""


def _pieces(header: str) -> list[str]:
    """Cut a header in its signs and words. A quote that is never closed quotes nothing."""
    pieces = _TOKEN.findall(header)
    if pieces and pieces[-1].startswith('"') and not _QUOTED.fullmatch(pieces[-1]):
        pieces += _TOKEN.findall(pieces.pop().replace('"', ""))
    return pieces


class _Draft:
    """A mailbox while it is read."""

    def __init__(self, words: list[str] | None = None) -> None:
        self.words = words or []
        self.behind: list[str] = []
        self.comment: list[str] = []
        self.angle = ""
        self.quoted_local = ""
        self._after_quoted = False

    def add(self, piece: str) -> None:
        words = self.behind if self.angle else self.words
        if piece.startswith("<") and "@" in piece:
            written = _LINK.sub(r"\1", piece.strip("<> ")[:ANGLE_LIMIT])
            for _ in range(COMMENT_DEPTH):
                written = _COMMENT.sub("", written)
            self.angle = _AROUND_DOT.sub(".", _ROUTE.sub("", written))
        elif piece.startswith("<") and " " not in piece and any(map(str.strip, words)):
            pass  # the address of a program, without a host
        elif piece.startswith('"'):
            words.append(_QUOTED_PAIR.sub(r"\1", piece[1:].removesuffix('"')))
        elif piece.startswith("@") and self._after_quoted:
            self.quoted_local = f"{words.pop()}{piece}".strip()
        else:
            words.append(piece[1:] if len(piece) > 1 and piece.startswith("\\") else piece.strip("<>"))
        self._after_quoted = piece.startswith('"')

    def finished(self) -> Iterator[Mailbox]:
        behind = "".join(self.behind).strip()
        written = "".join((*self.words, self.quoted_local)).strip() or ("" if plausible(behind) else behind)
        address = plausible(self.angle) if self.angle else plausible(written)
        if not self.angle and not address and not self.quoted_local:
            address, written = _within(written)
        unnamed = not written or (address and plausible(written) == address)
        name = _line("".join(self.comment) if unnamed else written)
        if name or address:
            yield Mailbox("" if name == address else name, address)


def _within(written: str) -> tuple[str, str]:
    words = written.split()
    for index, word in enumerate(words):
        if address := plausible(word.strip("[]<>")):
            return address, " ".join(words[:index] + words[index + 1 :])
    return "", written


def _line(text: str) -> str:
    name = _SPACES.sub(" ", clean_line(decode_words(text))).strip(" \\").rstrip(": ")[:NAME_LIMIT]
    for quote in "\"'":
        if name[:1] == quote == name[-1:] and quote not in name[1:-1]:
            name = name[1:-1].strip()
    if name.count('"') == 1:
        name = name.strip('" ')
    return name if name.strip("' \"") else ""
