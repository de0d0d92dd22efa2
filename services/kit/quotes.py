"""Quotes in an answer to a mail: found, so that a page can fold them. Nothing is left out, and in doubt it is shown.

What a person forwards is what they have to say, so it is never a quote. Nor is a line such as "Op 3 mei schreef hij:" with nothing
behind it that is marked as quoted: it tells what happened.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

INTRODUCTION_LINES: Final = 4
"""Mail programs break an introduction over so many lines."""
INTRODUCTION_LENGTH: Final = 400
HEADING_LINES: Final = 12

_MARKED: Final = re.compile(r"[ \t]{0,3}>")
_OWN_SIGN: Final = re.compile(r"[ \t]{0,3}>[ \t]*(?:\d|€|[:;=(-]|[^\W\d_]?$)")
"""A line by itself such as `> 18 jaar` or `>:(` is something that somebody says."""
_ADDRESS: Final = re.compile(r"[^\s<>@]@[^\s<>@]")
_WROTE: Final = r"\b(?:schreef|wrote|écrit|ecrit|schrieb|geschreven|geschrieben)\b"
_INTRODUCTION: Final = re.compile(
    rf"(?=.*[\d@])(?:.+{_WROTE}.*|\d{{4}}-\d{{2}}-\d{{2}}\b.*<[^<>@]+@[^<>@]+>)[ \xa0\u202f]?:", re.IGNORECASE
)
_SEPARATOR: Final = re.compile(
    r"[ \t]*-{2,}[ \t]*(?:oorspronkelijk bericht|origineel bericht|original message|original appointment|original-nachricht"
    r"|message d['’]origine|message original|urspr(?:ü|ue)ngliche nachricht)[ \t]*-{2,}[ \t]*",
    re.IGNORECASE,
)
_FORWARD: Final = re.compile(
    r"[ \t]*+-*+[ \t]*+(?:begin doorgestuurd bericht|doorgestuurd bericht|(?:begin )?forwarded message|(?:d[ée]but du )?message (?:transf[ée]r[ée]|réexp[ée]di[ée])"
    r"|(?:anfang der )?weitergeleitete[ n]*nachricht)[ \t]*+-*+[ \xa0]?:?-*+[ \t]*+",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"[ \t]*_{10,}[ \t]*")
_FROM: Final = re.compile(r"[ \t]*\*?(?:van|from|de|von|exp[ée]diteur)[ \xa0]?:\*?[ \t]*\S.*", re.IGNORECASE)
_HEADINGS: Final = (
    re.compile(r"[ \t]*\*?(?:verzonden|verstuurd|datum|sent|date|envoy[ée](?: le)?|gesendet|datum)[ \xa0]?:\*?.*", re.IGNORECASE),
    re.compile(r"[ \t]*\*?(?:aan|to|[àa]|an|cc|kopie)[ \xa0]?:\*?.*", re.IGNORECASE),
    re.compile(r"[ \t]*\*?(?:onderwerp|subject|objet|betreff)[ \xa0]?:\*?.*", re.IGNORECASE),
)


@dataclass(frozen=True)
class Piece:
    """Some lines of a text, with their line ends."""

    text: str
    quoted: bool


def folded(text: str) -> tuple[Piece, ...]:
    """Give the text in pieces, quoted and not by turns; joined they are the text. All is shown when nothing else would be."""
    lines = text.splitlines(keepends=True) if "\r" not in text else re.split(r"(?<=\n)", text)
    quoted = _marks([line.rstrip("\r\n") for line in lines])
    if all(mark or not line.strip() for mark, line in zip(quoted, lines, strict=True)):
        return (Piece(text, quoted=False),) if text else ()
    return tuple(_pieces(lines, quoted))


def _marks(lines: Sequence[str]) -> list[bool]:
    until = next((place for place, line in enumerate(lines) if _FORWARD.fullmatch(line)), len(lines))
    return _marks_of_answer(lines[:until]) + [False] * (len(lines) - until)


def _marks_of_answer(lines: Sequence[str]) -> list[bool]:
    marks = [bool(_MARKED.match(line)) for line in lines]
    announced = set[int]()
    place = 0
    while place < len(lines):
        end = place if marks[place] else _head(lines, place)
        if end == place:
            place += 1
            continue
        follows = _after_blanks(lines, end)
        if follows < len(lines) and marks[follows]:
            marks[place:follows] = [True] * (follows - place)
            announced.add(follows)
        elif _is_original(lines, place) or _ADDRESS.search(" ".join(lines[place:end])):
            marks[place:] = [True] * (len(lines) - place)
            break
        place = max(follows, place + 1)
    _join_over_blanks(lines, marks)
    alone = [place for place in range(len(lines)) if marks[place] and _OWN_SIGN.match(lines[place]) and place not in announced]
    for place in alone:
        beside = marks[max(place - 1, 0) : place] + marks[place + 1 : place + 2]
        marks[place] = any(beside)
    return marks


def _head(lines: Sequence[str], place: int) -> int:
    """Give the place behind whatever announces a quote here; the same place when nothing does."""
    if not lines[place].strip() or _is_announced(lines, place):
        return place
    return _behind_original(lines, place) or _behind_introduction(lines, place) or place


def _is_announced(lines: Sequence[str], place: int) -> bool:
    """Tell whether the person says that they show something: then it is not an answer's quote."""
    before = next((line for line in reversed(lines[max(place - 3, 0) : place]) if line.strip()), "")
    return before.rstrip().endswith(":") and not _MARKED.match(before)


def _behind_introduction(lines: Sequence[str], place: int) -> int | None:
    said = ""
    for end in range(place, min(place + INTRODUCTION_LINES, len(lines))):
        line = lines[end].strip()
        said = f"{said} {line}".strip()
        if not line or len(said) > INTRODUCTION_LENGTH:
            return None
        if line.endswith(":"):
            return end + 1 if _INTRODUCTION.fullmatch(said) else None
    return None


def _is_original(lines: Sequence[str], place: int) -> bool:
    return _behind_original(lines, place) is not None


def _behind_original(lines: Sequence[str], place: int) -> int | None:
    """Give the place behind the separator and the headings that Outlook writes above the mail that is answered."""
    separated = bool(_SEPARATOR.fullmatch(lines[place]))
    start = place + 1 if separated or _RULE.fullmatch(lines[place]) else place
    start = _after_blanks(lines, start)
    if start < len(lines) and _FROM.fullmatch(lines[start]) and (end := _behind_headings(lines, start)):
        return end
    return place + 1 if separated else None


def _behind_headings(lines: Sequence[str], start: int) -> int | None:
    """Give the place behind the last heading; HTML may have put blank lines between them."""
    end, found = start + 1, set[int]()
    for place in range(start + 1, min(start + HEADING_LINES, len(lines))):
        for which, heading in enumerate(_HEADINGS):
            if heading.fullmatch(lines[place]):
                found.add(which)
                end = place + 1
    return end if len(found) >= 2 else None


def _after_blanks(lines: Sequence[str], place: int) -> int:
    while place < len(lines) and not lines[place].strip():
        place += 1
    return place


def _join_over_blanks(lines: Sequence[str], marks: list[bool]) -> None:
    """Blank lines between two quoted lines are quoted as well."""
    last = None
    for place, line in enumerate(lines):
        if marks[place]:
            if last is not None and last + 1 < place:
                marks[last + 1 : place] = [True] * (place - last - 1)
            last = place
        elif line.strip():
            last = None


def _pieces(lines: Sequence[str], marks: Sequence[bool]) -> Iterator[Piece]:
    start = 0
    for place in range(1, len(lines) + 1):
        if place == len(lines) or marks[place] != marks[start]:
            yield Piece("".join(lines[start:place]), marks[start])
            start = place
