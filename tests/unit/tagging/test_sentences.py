"""How sentences open, ask and end is counted, so that asking and telling differ with the same words."""

import numpy as np

from services.intake_api.tagging.features import terms_of
from services.intake_api.tagging.text import read


def counted(text: str) -> list[int]:
    return sorted(terms_of(read("mail", None, text)).keys["sentence"].tolist())


def test_the_same_words_asked_and_told_are_counted_otherwise() -> None:
    asked, told = counted("mag een trainer dat doen?"), counted("mag een trainer dat doen.")

    assert set(told) < set(asked)


def test_it_matters_which_sentence_comes_last() -> None:
    assert counted("hij slaat mij. wat nu") != counted("wat nu. hij slaat mij")


def test_words_of_two_sentences_are_no_pair() -> None:
    together, apart = counted("gaat het? ja"), counted("gaat het? nee")

    assert len(together) == len(apart)
    assert len(set(together) - set(apart)) == 2  # what it opens with, and the last word; nothing of the question


def test_a_long_text_without_an_end_and_one_without_a_word_are_counted() -> None:
    assert len(counted("a " * 5000)) > 100
    assert counted("?! ... \n\n") == []
    assert terms_of(read("mail", None, "")).keys["sentence"].dtype == np.uint32
