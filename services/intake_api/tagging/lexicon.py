"""Which groups of meaning a word belongs to, in four languages (``data/lexicon.toml``)."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

_PHRASES = (2, 3)
_SHORTEST_PREFIX = 2


class Lexicon:
    """Terms looked up by whole word, by beginning, by inner part and by phrase, in dictionaries."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self._whole: dict[str, frozenset[str]] = {}
        self._beginning: dict[str, frozenset[str]] = {}
        inner: dict[str, frozenset[str]] = {}
        for group, terms in groups.items():
            for term in terms:
                if term.startswith("*"):
                    _add(inner, term.strip("*"), group)
                elif term.endswith("*"):
                    _add(self._beginning, term[:-1], group)
                else:
                    _add(self._whole, term, group)
        self._inner = inner
        self._longest_beginning = max(map(len, self._beginning), default=0)
        self._openers = frozenset(term.split()[0] for term in self._whole if " " in term)
        self._any_inner = re.compile("|".join(map(re.escape, inner)) or r"(?!)")

    def of_word(self, word: str) -> frozenset[str]:
        """Find the groups of one word in lower case."""
        found = self._whole.get(word, frozenset())
        for end in range(_SHORTEST_PREFIX, min(len(word), self._longest_beginning) + 1):
            if groups := self._beginning.get(word[:end]):
                found |= groups
        for part in self._any_inner.findall(word):
            found |= self._inner[part]
        return found

    def of_phrases(self, words: Sequence[str]) -> list[str]:
        """Find the groups of every phrase of two or three words, in order of their first word."""
        found: list[str] = []
        for start, word in enumerate(words):
            if word in self._openers:
                for size in _PHRASES:
                    found += sorted(self._whole.get(" ".join(words[start : start + size]), ()))
        return found


def _add(table: dict[str, frozenset[str]], term: str, group: str) -> None:
    table[term] = table.get(term, frozenset()) | {group}


@cache
def meanings() -> Lexicon:
    """Give the lexicon of what is said: harm, hypothesis, press, a running case and so on."""
    return Lexicon(_groups()["meaning"])


@cache
def sectors() -> Lexicon:
    """Give the lexicon of where it happens: roles, places and things of each sector."""
    return Lexicon(_groups()["sector"])


@cache
def _groups() -> dict[str, dict[str, list[str]]]:
    source = resources.files(__package__).joinpath("data/lexicon.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


@cache
def lexicon_fingerprint() -> str:
    """SHA-256 of the lexicon: a model only fits the one it was trained with."""
    source = resources.files(__package__).joinpath("data/lexicon.toml")
    return hashlib.sha256(source.read_bytes()).hexdigest()
