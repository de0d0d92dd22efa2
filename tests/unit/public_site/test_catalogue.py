"""The words: complete in four languages, and plain."""

import re
from string import Formatter

import pytest

from services.kit.words import PageLanguage, Words
from services.public_site.catalogue import words

DISTANT = re.compile(r"\b(u|uw|uzelf|gelieve|indien|dienen|dient|middels|teneinde)\b", re.IGNORECASE)


def every_message(says: Words) -> dict[str, str]:
    """All messages of a language, lists as one text."""
    return {key: " ".join(says.all(key)) for key in says.keys}


def places(message: str) -> set[str]:
    """The places in a message where values come."""
    return {name for _, name, _, _ in Formatter().parse(message) if name}


@pytest.mark.parametrize("language", PageLanguage)
def test_each_language_has_every_message_with_the_same_places(language: PageLanguage) -> None:
    dutch, other = every_message(words(PageLanguage.NL)), every_message(words(language))
    assert other.keys() == dutch.keys()
    for key, message in dutch.items():
        assert places(other[key]) == places(message), key
        assert len(words(language).all(key)) == len(words(PageLanguage.NL).all(key)), key


@pytest.mark.parametrize("language", PageLanguage)
def test_nothing_is_left_empty(language: PageLanguage) -> None:
    empty = {key for key, message in every_message(words(language)).items() if not message.strip()}
    assert empty <= {"help.dutch"}


@pytest.mark.parametrize("language", [language for language in PageLanguage if language is not PageLanguage.NL])
def test_nothing_is_left_untranslated(language: PageLanguage) -> None:
    dutch = every_message(words(PageLanguage.NL))
    same = {key for key, message in every_message(words(language)).items() if message == dutch[key] and " " in message}
    assert not {key for key in same if len(dutch[key].split()) > 2}


def test_dutch_says_je_and_uses_plain_words() -> None:
    distant = {key: message for key, message in every_message(words(PageLanguage.NL)).items() if DISTANT.search(message)}
    assert distant == {}


def test_dutch_sentences_are_short() -> None:
    sentences = [part for message in every_message(words(PageLanguage.NL)).values() for part in re.split(r"[.?!:]\s", message)]
    assert [sentence for sentence in sentences if len(sentence.split()) > 24] == []


@pytest.mark.parametrize("code", [None, "", "xx", "NL", "nl-BE"])
def test_an_unknown_language_is_dutch(code: str | None) -> None:
    assert PageLanguage.chosen(code) is PageLanguage.NL
