"""From what somebody typed to a submission."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onthaal_schema.contact import Kind, KindSource, Nature, Person, Role, SafeContact, Sector
from onthaal_schema.wire import to_wire
from services.kit.words import PageLanguage
from services.public_site.form import CHOICES, FIELDS, Answers, WrongAnswers, submission

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def errors(**fields: str) -> dict[str, str]:
    """What is wrong with a form that holds this."""
    with pytest.raises(WrongAnswers) as wrong:
        submission(Answers.of(fields))
    return wrong.value.errors


def test_a_story_alone_is_enough() -> None:
    made = submission(Answers.of({"text": "Mag ik iets vragen?"}))
    assert made.text == "Mag ik iets vragen?"
    assert (made.kind, made.kind_source, made.person, made.safe_contact, made.sector) == (None, None, None, None, None)
    assert made.anonymous
    assert made.nature is None
    assert made.received_at is None


def test_every_answer_reaches_the_submission() -> None:
    made = submission(
        Answers.of(
            {
                "lang": "fr",
                "kind": "melding",
                "text": "Eerste zin.\r\n\r\nTweede zin.",
                "role": "getuige",
                "sector": "Kerk en organisatie",
                "minor": "nee",
                "identity": "bekend",
                "name": " Jo  Peeters ",
                "email": "jo@voorbeeld.be",
                "phone": "+32 470 12 34 56",
                "safe_channel": "telefoon",
                "safe_times": "na 16 uur",
                "voicemail": "nee",
                "neutral_sender": "1",
                "safe_note": "bel niet naar huis",
            }
        )
    )
    assert made.language == "fr"
    assert (made.kind, made.kind_source) == (Kind.MELDING, KindSource.MELDER)
    assert made.text == "Eerste zin.\n\nTweede zin."
    assert made.sector is Sector.KERK
    assert not made.anonymous
    assert made.person == Person(
        name="Jo Peeters", email="jo@voorbeeld.be", phone="+32 470 12 34 56", role=Role.GETUIGE, minor=False
    )
    assert made.safe_contact == SafeContact(
        channel="telefoon", times="na 16 uur", voicemail=False, neutral_sender=True, note="bel niet naar huis"
    )


def test_i_do_not_know_leaves_the_tag_to_the_gateway() -> None:
    made = submission(Answers.of({"text": "Hallo", "kind": "weet_niet"}))
    assert made.kind is None
    assert made.kind_source is None


def test_who_stays_anonymous_sends_nothing_to_be_known_by() -> None:
    typed = {"text": "Hallo", "identity": "anoniem", "name": "Jo", "email": "geen adres", "phone": "?", "role": "verwant"}
    made = submission(Answers.of(typed | {"safe_channel": "mail", "safe_times": "altijd"}))
    assert made.anonymous
    assert made.person == Person(role=Role.VERWANT)
    assert made.safe_contact is None


def test_a_story_is_needed() -> None:
    assert errors(text=" \n ") == {"text": "error.text_missing"}


def test_what_cannot_reach_somebody_is_said_at_its_field() -> None:
    assert errors(text="x", email="jo.voorbeeld.be", phone="na 18 uur") == {"email": "error.email", "phone": "error.phone"}
    assert errors(text="x", safe_channel="mail") == {"email": "error.safe_mail"}
    assert errors(text="x", safe_channel="telefoon") == {"phone": "error.safe_phone"}
    assert errors(text="x", identity="bekend", name="Jo") == {"identity": "error.identity_missing"}


def test_what_is_too_long_is_said_at_its_field() -> None:
    long = {"name": "n" * 401, "safe_times": "t" * 401, "safe_note": "s" * 401}
    assert errors(text="x" * 500_001, email="jo@voorbeeld.be", **long) == dict.fromkeys(
        ("text", "name", "safe_times", "safe_note"), "error.too_long"
    )


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_that_is_not_offered_is_refused(name: str) -> None:
    assert errors(text="x", **{name: "iets anders"})[name] == "error.choice"


def test_all_errors_are_told_at_once_in_the_order_of_the_page() -> None:
    found = errors(safe_channel="mail", phone="na 18 uur", kind="?")
    assert list(found) == ["kind", "text", "email", "phone"]


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(st.characters(exclude_categories=()), max_size=40)))
def test_no_input_whatever_makes_it_fail_otherwise(fields: dict[str, str]) -> None:
    with suppress(WrongAnswers):
        to_wire(submission(Answers.of(fields))).encode()


def test_characters_that_nobody_types_are_left_out() -> None:
    made = submission(Answers.of({"text": "a\0b\ud800c\td\x07", "name": "Jo\r\nBcc: x@y.be", "email": "jo@voorbeeld.be"}))
    assert made.text == "abc\td"
    assert made.person == Person(name="Jo Bcc: x@y.be", email="jo@voorbeeld.be")


def test_a_form_makes_one_contact_however_often_it_is_sent() -> None:
    blank = Answers.blank(PageLanguage.NL, NOW)
    again = Answers.of({**blank.values, "text": "Hallo"})
    assert again.contact_id == blank.contact_id
    assert again.as_new().contact_id != blank.contact_id


@pytest.mark.parametrize("damaged", ["", "x", "00000000-0000-4000-8000-00000000000G", "{" + str(UUID(int=5)) + "}"])
def test_a_damaged_identifier_is_replaced(damaged: str) -> None:
    assert str(Answers.of({"contact_id": damaged}).contact_id) != damaged


def nature(after: timedelta, **fields: str) -> Nature | None:
    """What is made of a form that was open so long before it was handed in."""
    blank = Answers.blank(PageLanguage.NL, NOW)
    return submission(Answers.of({**blank.values, "text": "Hallo", **fields}).paced(NOW + after)).nature


def test_a_filled_in_trap_or_an_inhuman_pace_is_spam() -> None:
    assert nature(timedelta(minutes=5)) is None
    assert nature(timedelta(minutes=5), website="https://casino.example") is Nature.SPAM
    assert nature(timedelta(seconds=1)) is Nature.SPAM


@pytest.mark.parametrize("opened", ["", "gisteren", "-5", "9" * 30, "²"])
def test_in_doubt_it_is_a_person(opened: str) -> None:
    assert nature(timedelta(seconds=1), opened=opened) is None


def test_sending_twice_sends_the_same_whatever_the_hour() -> None:
    reviewed = Answers.of({**Answers.blank(PageLanguage.NL, NOW).values, "text": "Hallo"}).paced(NOW)
    first = submission(Answers.of(reviewed.values))
    assert to_wire(submission(Answers.of(reviewed.values))) == to_wire(first)
    assert "Hallo" not in repr(reviewed)
