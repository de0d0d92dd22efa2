"""The words of the public pages, in four languages: one file each, with the same keys."""

from functools import cache
from pathlib import Path
from typing import Final

from services.kit.words import PageLanguage, Words, read_words

HERE: Final = Path(__file__).parent


@cache
def words(language: PageLanguage) -> Words:
    """Read the words in a language."""
    return read_words(HERE, language)
