"""Which of four languages a message is in: small words decide, Dutch in doubt."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

DUTCH: Final = "nl"
_FEWEST_WORDS: Final = 3
_LEAD: Final = 1
"""Another language must have more small words than Dutch by at least this."""


def language_of(words: Sequence[str]) -> str:
    """ISO 639-1 code; under three words there is too little to tell and the answer is ``nl``."""
    if len(words) < _FEWEST_WORDS:
        return DUTCH
    counts = {code: sum(map(small.__contains__, words)) for code, small in _small_words().items()}
    best = max(counts, key=lambda code: (counts[code], code == DUTCH))
    return best if counts[best] >= counts[DUTCH] + _LEAD else DUTCH


@cache
def _small_words() -> dict[str, frozenset[str]]:
    source = resources.files(__package__).joinpath("data/languages.toml")
    words: dict[str, list[str]] = tomllib.loads(source.read_text(encoding="utf-8"))
    return {code: frozenset(small) for code, small in words.items()}
