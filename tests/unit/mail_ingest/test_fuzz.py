"""A little of `make fuzz`, at each run of the tests."""

from services.mail_ingest.parser import parse
from tests.fuzz.mails import mail
from tests.fuzz.verdict import require_fit

SEED = 20261126


def test_a_thousand_mails_that_nobody_wrote_are_fit_to_hand_in() -> None:
    for number in range(1_000):
        raw = mail(SEED, number)
        require_fit(raw, parse(raw))


def test_the_same_number_is_the_same_mail() -> None:
    assert mail(SEED, 7) == mail(SEED, 7)
    assert len({mail(SEED, number) for number in range(100)}) > 90
