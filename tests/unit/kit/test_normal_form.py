"""Unicode's normal forms, of what people write and of what nobody does."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.normal_form import normalized

MARKS = "\u0315\u0300"
"""In the wrong order: that of a pile of them is sorted."""


@given(st.text(st.sampled_from("aeé \n\u0301\u0323\u212bﬁ한\u1100\u1161—…👍\u0f73क़=\u0338") | st.characters()))
def test_the_normal_form_is_that_of_unicode(text: str) -> None:
    assert normalized("NFC", text) == unicodedata.normalize("NFC", text)
    assert normalized("NFKC", text) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("marks", [MARKS, "\u0f73", "\u0323\u0307\u0301", "\u0344\u0315"])
def test_half_a_million_marks_take_no_time(marks: str) -> None:
    began = time.process_time()
    normalized("NFC", f"e\u0301{marks * (500_000 // len(marks))}e\u0301")
    assert time.process_time() - began < 1


def test_what_stands_around_a_pile_is_normal_all_the_same() -> None:
    pile = MARKS * 150
    assert normalized("NFC", f"e\u0301 {pile} e\u0301") == f"é {pile} é"
