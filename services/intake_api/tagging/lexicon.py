"""Which groups of meaning a word belongs to, in four languages (``data/lexicon.toml``)."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.intake_api.tagging.spelling import KeyTable, Places, Spelling, key_of

_SALT: Final = 1
_FILTER_BITS: Final = 16
_FILTER_SHIFT: Final = np.uint32(32 - _FILTER_BITS)

Groups: TypeAlias = NDArray[np.bool_]
"""For each word (a row), whether it belongs to each group (a column)."""


class Lexicon:
    """Terms by whole word, by phrase, by beginning and by inner part, all of them stretches of the message."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self.groups = tuple(groups)
        found: dict[str, set[int]] = {}
        for number, terms in enumerate(groups.values()):
            for term in terms:
                found.setdefault(_stretch(term), set()).add(number)
        self._beginnings = np.array(sorted({len(term) for term in found if term.startswith(" ") and term[-1] != " "}), np.intp)
        self._inner = [(term, sorted(numbers)) for term, numbers in sorted(found.items()) if not term.startswith(" ")]
        self._longest = max(term.strip().count(" ") for term in found) + 1
        by_key = sorted((key_of(term, _SALT), sorted(numbers)) for term, numbers in found.items())
        self._table = KeyTable(np.array([key for key, _ in by_key], np.uint32))
        self._possible = np.zeros(1 << _FILTER_BITS, np.bool_)
        self._possible[[key >> int(_FILTER_SHIFT) for key, _ in by_key]] = True
        most = max(len(numbers) for _, numbers in by_key)
        self._groups_of = np.array([numbers + [len(self.groups)] * (most - len(numbers)) for _, numbers in by_key])

    def found(self, spelling: Spelling) -> Groups:
        """Find the groups of every word; a phrase counts for its first word."""
        found = np.zeros((len(spelling.starts), len(self.groups) + 1), np.bool_)
        if len(found):
            words, lengths = self._anchored(spelling.lengths)
            keys = spelling.stretches(spelling.starts[words] - 1, lengths, _SALT)
            possible = np.flatnonzero(self._possible[keys >> _FILTER_SHIFT])  # nearly all of the others are left out here
            rows = self._table.rows(keys[possible])
            known = rows >= 0
            found[words[possible[known]][:, None], self._groups_of[rows[known]]] = True
            for term, groups in self._inner:
                for place in spelling.places(term):
                    found[spelling.word_at(place), groups] = True
        return found[:, :-1]

    def _anchored(self, lengths: Places) -> tuple[Places, Places]:
        """Give word and length of every stretch from the edge of a word: its beginnings, itself, and it with the next ones."""
        words, sizes = np.nonzero(self._beginnings[None, :] <= lengths[:, None] + 1)
        ends = np.cumsum(lengths + 1)
        phrases = [
            ends[size - 1 :] - np.append(0, ends[: len(ends) - size]) + 1 for size in range(1, min(self._longest, len(ends)) + 1)
        ]
        numbers = [np.arange(len(phrase)) for phrase in phrases]
        return np.concatenate([words, *numbers]), np.concatenate([self._beginnings[sizes], *phrases])


def _stretch(term: str) -> str:
    """Write "slaan" with both its edges, "trainer*" with the first, "*voetbal*" with none."""
    if term.startswith("*"):
        return term.strip("*")
    return f" {term[:-1]}" if term.endswith("*") else f" {term} "


@cache
def lexicon() -> Lexicon:
    """Give the whole lexicon: what is said, then where it happens."""
    return Lexicon(_groups()["meaning"] | _groups()["sector"])


@cache
def meanings() -> int:
    """Tell how many groups, the first ones, are of what is said (harm, hypothesis, press…); the rest are of places."""
    return len(_groups()["meaning"])


@cache
def _groups() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(_source())


@cache
def lexicon_fingerprint() -> str:
    """SHA-256 of the lexicon: a model only fits the one it was trained with."""
    return hashlib.sha256(_source().encode()).hexdigest()


def _source() -> str:
    return resources.files(__package__).joinpath("data/lexicon.toml").read_text(encoding="utf-8")
