"""Telephone numbers as people write them, and as a Belgian reads them aloud."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onthaal_schema.contact import Person
from services.phone_log.phone_numbers import kept, shown


@pytest.mark.parametrize(
    ("typed", "aloud"),
    [
        ("0470/12.34.56", "0470 12 34 56"),
        ("0470 12 34 56", "0470 12 34 56"),
        ("+32 470 12 34 56", "0470 12 34 56"),
        ("+32 (0)470 12 34 56", "0470 12 34 56"),
        ("0032470123456", "0470 12 34 56"),
        ("02/123.45.67", "02 123 45 67"),
        ("(016) 12 34 56", "016 12 34 56"),
        ("016-12-34-56", "016 12 34 56"),
        ("+31 6 12345678", "+31 6 12345678"),
        ("1712", "1712"),
        ("0800 30 030", "0800 30 030"),
        ("0470\u00a012\u00a034\u00a056", "0470 12 34 56"),
    ],
)
def test_a_number_is_taken_as_written_and_shown_for_reading_aloud(typed: str, aloud: str) -> None:
    number = kept(typed)
    assert number is not None
    assert shown(number) == aloud


@pytest.mark.parametrize("typed", ["", "geen", "tel. 0470 12 34 56", "12", "0470 12 34 56 of 0471", "1" * 16, "+", "0470;12"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    assert kept(typed) is None


@given(st.text(alphabet="0123456789+()/.- \u00a0x", max_size=50))
def test_what_is_taken_fits_the_contract(typed: str) -> None:
    number = kept(typed)
    assert number is None or Person(phone=number).phone == number
