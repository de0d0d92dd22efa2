"""Signs in a message that an operator should see at once. Found by rules in four languages; never decisive.

A sign is suggested when in doubt: a false one costs a look, a missed danger may cost more.
"""

import re
from collections.abc import Iterator
from typing import Final

from services.intake_api.tagging.patterns import Patterns, pattern, patterns
from services.intake_api.tagging.said import Said
from services.intake_api.tagging.suggestion import Signal
from services.intake_api.tagging.text import Reading, windows

_AGE: Final = re.compile(
    r"\b(?:is|pas|ben|van|heeft|am|bin|ist|ai|a|aged?|turned|was)\s(\d{1,2})\b"
    r"(?!\s?(?:%|euro|uur|u\b|keer|maand|weken|dagen|personen|km))"
    r"|\((\d{1,2})(?:\s?(?:j|jaar|ans|jahre|years?))?\)"
    r"|\b(\d{1,2})[\s-]?(?:jaar|jarige?|ans|years?|jahre|j)\b"
    r"|,\s(\d{1,2})j?,"
)
_DURATION: Final = re.compile(
    r"\b(?:al|sinds|na|over|binnen|ruim|gedurende|depuis|il y a|for|since|seit|vor|plus de|meer dan|minstens)"
    r"\s\d{1,2}\s?(?:jaar|ans|years?|jahre)\b"
    r"|\b\d{1,2}\s?(?:jaar (?:geleden|terug|lang|later|les|dienst|ervaring)|years ago|jahre lang)"
)
_THEN: Final = pattern(
    r"\b(?:toen ik|destijds|als kind (?:was|werd|zat|ben|moest|had)|mijn jeugd|[1-9]\d jaar geleden"
    r"|jaren geleden|19[2-9]\d|jaren (?:'?\d\d|vijftig|zestig|zeventig|tachtig|negentig)"
    r"|when i was|quand j'étais|als ich)\b"
)
_DIGIT: Final = re.compile(r"\d")
_LINE_BREAK: Final = re.compile(r"(?<=\S) *\n *(?=\S)")
_ADULT: Final = 18
_WINDOW: Final = 50_000
_OVERLAP: Final = 500
"""Characters in which signs of danger are looked for at a time: while an expression is being looked for, nobody else gets a turn."""


def signals_of(reading: Reading) -> tuple[Signal, ...]:
    """Find the signs, most urgent first."""
    signs = patterns("signals")
    found: list[Signal] = []
    if in_danger(reading):
        found.append("immediateDanger")
    if _minor(reading.said, signs["minorInvolved"]):
        found.append("minorInvolved")
    if signs["anonymousWish"].any_found(reading.said):
        found.append("anonymousWish")
    return tuple(found)


def in_danger(reading: Reading) -> bool:
    """Whether there is a sign that somebody is in danger now, anywhere in what they wrote."""
    # a mail program breaks a sentence anywhere, and who chats in two messages
    pieces = windows(f"{reading.subject}\n{reading.whole}", _WINDOW, _OVERLAP)
    signs = patterns("signals")["immediateDanger"]
    return any(signs.any_found(Said(_LINE_BREAK.sub(" ", piece))) for piece in pieces)


def _minor(said: Said, signs: Patterns) -> bool:
    """Tell a minor now from an adult who was a child at the time."""
    if _THEN.found_in(said.text):
        return False
    return signs.any_found(said) or any(0 < age < _ADULT for age in _ages(said.text))


def _ages(said: str) -> Iterator[int]:
    if _DIGIT.search(said):
        for found in _AGE.findall(_DURATION.sub(" ", said)):
            yield int(next(filter(None, found)))
