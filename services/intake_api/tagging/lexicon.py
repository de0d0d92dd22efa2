"""Which groups of meaning a word belongs to, in four languages (``data/lexicon.toml``)."""

import hashlib
import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources

_LONGEST_PHRASE = 3
_SHORTEST_PREFIX = 2


class Lexicon:
    """Terms looked up by whole word, by beginning, by inner part and by phrase; each look-up is a dictionary read."""

    def __init__(self, groups: dict[str, Sequence[str]]) -> None:
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
        self._any_inner = re.compile("|".join(map(re.escape, inner)) or r"(?!)")

    def of_word(self, word: str) -> frozenset[str]:
        """Groups of one word in lower case."""
        found = self._whole.get(word, frozenset())
        for end in range(_SHORTEST_PREFIX, len(word) + 1):
            if groups := self._beginning.get(word[:end]):
                found |= groups
        for part in self._any_inner.findall(word):
            found |= self._inner[part]
        return found

    def of_phrases(self, words: Sequence[str]) -> list[str]:
        """Groups of every phrase of two or three words, in order of appearance."""
        found: list[str] = []
        for size in range(2, _LONGEST_PHRASE + 1):
            for start in range(len(words) - size + 1):
                found.extend(sorted(self._whole.get(" ".join(words[start : start + size]), ())))
        return found


def _add(table: dict[str, frozenset[str]], term: str, group: str) -> None:
    table[term] = table.get(term, frozenset()) | {group}


@cache
def meanings() -> Lexicon:
    """What is said: harm, hypothesis, press, a running case and so on."""
    return Lexicon(_groups()["meaning"])


@cache
def sectors() -> Lexicon:
    """Where it is said to happen: roles, places and things of each sector."""
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
