"""What the model counts in a message: words, pieces of words, and meanings.

Three blocks of terms; the same functions serve training and every suggestion, so both always see the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from services.intake_api.tagging.lexicon import meanings, sectors
from services.intake_api.tagging.text import Reading

_AGE = re.compile(
    r"\b(\d{1,2})\s?(?:jaar|jarige|j\b|ans|years|jahre|-jarig)|\((\d{1,2})\)"
    r"|\b(?:van|is|was|bijna) (\d{1,2})\b"
)
_LONG_AGO = re.compile(r"\b19[2-9]\d\b|\bjaren (?:'?\d\d|vijftig|zestig|zeventig|tachtig|negentig)\b")
_DATE = re.compile(
    r"\b\d{1,2} (?:januari|februari|maart|april|mei|juni|juli|augustus|september"
    r"|oktober|november|december)"
)
_COUNT = re.compile(r"\b\d{2,4} (?:stuks|exemplaren|folders|brochures|affiches|posters|deelnemers|personen|leden)")
_ADULT = 18
_LENGTHS = (60, 120, 250, 500, 900)
_SMALLEST_PIECE, _LARGEST_PIECE = 2, 5


def word_terms(reading: Reading) -> list[str]:
    """Words, and pairs of neighbours."""
    said = reading.words
    return [*said, *(f"{left} {right}" for left, right in pairwise(said))]


def piece_terms(reading: Reading) -> list[str]:
    """Pieces of two to five characters inside each word and its edges: compounds, endings, typing errors."""
    pieces: list[str] = []
    for word in reading.words:
        padded = f" {word} "
        for size in range(_SMALLEST_PIECE, _LARGEST_PIECE + 1):
            last = len(padded) - size
            if last <= 0:
                pieces.append(padded)
                break
            pieces += [padded[start : start + size] for start in range(last + 1)]
    return pieces


def meaning_terms(reading: Reading) -> list[str]:
    """Tell what is said, by group of the lexicon, which follows which, and facts on the form."""
    said = reading.words
    known = {word: sorted(meanings().of_word(word)) for word in set(said)}
    terms = [group for word in said for group in known[word]] + meanings().of_phrases(said)
    for left, right in pairwise(said):
        terms += [f"{first} > {second}" for first in known[left] for second in known[right]]
    return [*terms, *_facts(reading)]


def place_terms(reading: Reading) -> list[str]:
    """Where it is said to happen: roles, places and things of each sector."""
    said = reading.words
    known = {word: sorted(sectors().of_word(word)) for word in set(said)}
    return [group for word in said for group in known[word]] + sectors().of_phrases(said)


def _facts(reading: Reading) -> list[str]:
    body = reading.body
    facts = [f"channel {reading.channel}", f"longer than {sum(len(body) > size for size in _LENGTHS)}"]
    facts += ["has subject"] * bool(reading.subject) + ["quoted"] * reading.quoted + ["reply"] * reading.reply
    facts += ["question"] * min(body.count("?"), 3)
    facts += ["ends with question"] * body.rstrip().endswith("?")
    facts += ["cites"] * bool(body.count('"') + body.count(" '"))
    ages = [int(next(filter(None, found))) for found in _AGE.findall(body)]
    facts += ["young age"] * any(age < _ADULT for age in ages) + ["age"] * bool(ages)
    for name, pattern in (("long ago", _LONG_AGO), ("date", _DATE), ("count", _COUNT)):
        facts += [name] * bool(pattern.search(body))
    return facts


@dataclass(frozen=True)
class BlockOfTerms:
    """How to count one block, and how much the whole block weighs beside the others."""

    terms: Callable[[Reading], list[str]]
    weight: float


BLOCKS: Final = {
    "word": BlockOfTerms(word_terms, 0.7),
    "piece": BlockOfTerms(piece_terms, 1.0),
    "meaning": BlockOfTerms(meaning_terms, 0.7),
    "place": BlockOfTerms(place_terms, 0.5),
}


def terms_of(reading: Reading) -> dict[str, list[str]]:
    """Count the terms of every block."""
    return {name: block.terms(reading) for name, block in BLOCKS.items()}
