"""From a filled-in form to what is registered, and what is said when something is missing."""

from datetime import UTC, date, datetime

import pytest

from onthaal_schema.contact import Kind, KindSource, Nature, Role, Sector
from services.phone_log.registration import NotAccepted, call, correction, letter

NOW = datetime(2026, 11, 16, 17, 30, 25, tzinfo=UTC)
CALL = {
    "nature": "person",
    "day": "2026-11-16",
    "started": "18:00",
    "ended": "18:20",
    "text": "Vraagt wat een melding is.",
}
LETTER = {"received_on": "2026-11-13", "text": "Beste, ik schrijf jullie over mijn werk."}


def errors_of_call(**fields: str) -> dict[str, str]:
    """Give what is said about a call that differs in some fields."""
    with pytest.raises(NotAccepted) as refused:
        call({**CALL, **fields}, NOW)
    return refused.value.errors


def test_a_call_was_received_when_it_began() -> None:
    registered = call(CALL, NOW)
    assert registered.received_at == datetime(2026, 11, 16, 17, 0, tzinfo=UTC)
    assert registered.details is not None
    assert registered.details.started_at == registered.received_at
    assert registered.details.ended_at == datetime(2026, 11, 16, 17, 20, tzinfo=UTC)


def test_an_empty_end_is_this_minute() -> None:
    details = call({**CALL, "ended": ""}, NOW).details
    assert details is not None
    assert details.ended_at == NOW.replace(second=0)


def test_the_operators_choice_is_the_operators_word() -> None:
    registered = call({**CALL, "kind": "vraag"}, NOW)
    assert (registered.kind, registered.kind_source) == (Kind.VRAAG, KindSource.OPERATOR)


def test_no_choice_leaves_the_tag_to_the_model() -> None:
    registered = call({**CALL, "kind": ""}, NOW)
    assert (registered.kind, registered.kind_source) == (None, None)


def test_everything_that_was_asked_is_kept() -> None:
    registered = call(
        {
            **CALL,
            "name": " An Peeters ",
            "phone": "0470/12.34.56",
            "email": "an@voorbeeld.be",
            "role": "verwant",
            "minor": "nee",
            "sector": "Sport",
            "language": "fr",
            "on_behalf_of": "haar zoon",
            "safe_channel": "telefoon",
            "safe_times": "na 17 uur",
            "safe_voicemail": "nee",
            "safe_neutral": "ja",
            "safe_note": "niet op het werk bellen",
        },
        NOW,
    )
    person, safe = registered.person, registered.safe_contact
    assert person is not None
    assert safe is not None
    assert (person.name, person.phone, person.email) == ("An Peeters", "0470/12.34.56", "an@voorbeeld.be")
    assert (person.role, person.minor) == (Role.VERWANT, False)
    assert (registered.sector, registered.language, registered.anonymous) == (Sector.SPORT, "fr", False)
    assert (safe.channel, safe.times, safe.voicemail, safe.neutral_sender) == (
        "telefoon",
        "na 17 uur",
        False,
        True,
    )
    assert registered.text == "Uit naam van: haar zoon\n\nVraagt wat een melding is."


def test_line_breaks_of_a_browser_become_plain_ones() -> None:
    assert call({**CALL, "text": "een\r\ntwee\r\n"}, NOW).text == "een\ntwee"


@pytest.mark.parametrize(
    ("nature", "subject"), [("silent", "Stille oproep"), ("wrongNumber", "Verkeerd nummer"), ("test", "Test")]
)
def test_a_call_that_was_no_contact_needs_no_summary(nature: str, subject: str) -> None:
    registered = call({**CALL, "nature": nature, "text": ""}, NOW)
    assert (registered.nature, registered.subject, registered.text) == (Nature.NON_CONTACT, subject, None)


def test_an_anonymous_caller_is_anonymous() -> None:
    registered = call({**CALL, "anonymous": "1", "role": "getuige"}, NOW)
    assert registered.anonymous
    assert registered.person is not None
    assert registered.person.role is Role.GETUIGE


def test_anonymous_with_a_name_is_asked_about_and_never_dropped() -> None:
    found = errors_of_call(anonymous="1", name="An", phone="0470123456")
    assert found == {"anonymous": "Anoniem: je vulde ook een naam en een telefoonnummer in. Wis dat, of vink anoniem uit."}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("text", "  ", "Samenvatting"),
        ("text", "a\0b", "teken"),
        ("text", "x" * 500_001, "korter"),
        ("day", "", "Datum"),
        ("day", "31/02/2026", "Datum"),
        ("day", "morgen", "Datum"),
        ("day", "99999999999999/1/1", "Datum"),
        ("started", "", "Begin"),
        ("started", "25:00", "Begin"),
        ("started", "19:30", "moet nog komen"),
        ("ended", "17:50", "Einde"),
        ("ended", "23:00", "Einde"),
        ("ended", "acht uur", "Einde"),
        ("email", "an@", "Mailadres"),
        ("phone", "geen", "Telefoonnummer"),
        ("name", "x" * 401, "Naam"),
        ("name", "An\nBcc: x", "Naam"),
        ("on_behalf_of", "a\nb", "Uit naam van"),
        ("safe_note", "a\0b", "Waar we op letten"),
        ("sector", "Maan", "Sector"),
        ("kind", "klacht", "Melding of vraag"),
        ("role", "baas", "Rol"),
        ("minor", "misschien", "Minderjarig"),
        ("language", "xx", "Taal"),
        ("nature", "machine", "Soort oproep"),
        ("safe_channel", "fax", "Veilig bereikbaar via"),
    ],
)
def test_what_is_wrong_names_the_field_and_never_repeats_it(field: str, value: str, words: str) -> None:
    found = errors_of_call(**{field: value})
    assert list(found) == [field]
    assert words in found[field]
    assert len(value.strip()) < 3 or value not in found[field]


def test_a_call_in_the_hour_that_clocks_skip_says_so() -> None:
    assert "zomertijd" in errors_of_call(day="2026-03-29", started="02:30", ended="")["started"]


def test_every_error_is_told_at_once() -> None:
    assert set(errors_of_call(day="", started="", text="", email="x")) == {"day", "started", "text", "email"}


def test_dates_and_hours_are_read_as_belgians_write_them() -> None:
    registered = call({**CALL, "day": "16/11/2026", "started": "18u00", "ended": "18.20"}, NOW)
    assert registered.received_at == datetime(2026, 11, 16, 17, 0, tzinfo=UTC)


def test_a_letter_has_a_day_and_no_hour() -> None:
    registered = letter({**LETTER, "dated_on": "2026-11-10"}, NOW, scanned=False)
    assert registered.received_at is None
    assert registered.details is not None
    assert (registered.details.received_on, registered.details.dated_on) == (
        date(2026, 11, 13),
        date(2026, 11, 10),
    )


def test_a_letter_may_be_a_scan_alone() -> None:
    assert letter({"received_on": "2026-11-13"}, NOW, scanned=True).text is None


def test_the_address_on_a_letter_is_kept_also_beside_a_scan_alone() -> None:
    registered = letter({"received_on": "2026-11-13", "address": "Kerkstraat 1, Gent"}, NOW, scanned=True)
    assert registered.text == "Adres van de afzender: Kerkstraat 1, Gent"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"received_on": ""}, "received_on"),
        ({"received_on": "2026-11-17"}, "received_on"),
        ({"dated_on": "2027-01-01"}, "dated_on"),
        ({"text": ""}, "text"),
    ],
)
def test_a_letter_that_cannot_be_is_refused(fields: dict[str, str], wrong: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        letter({**LETTER, **fields}, NOW, scanned=False)
    assert list(refused.value.errors) == [wrong]


def test_a_letter_of_today_counts_as_today_in_brussels_also_after_midnight_there() -> None:
    late = datetime(2026, 11, 16, 23, 30, tzinfo=UTC)
    assert letter({**LETTER, "received_on": "2026-11-17"}, late, scanned=False).details is not None


def test_a_correction_can_take_a_name_away() -> None:
    corrected = correction({"name": "", "sector": "Zorg"}, 3)
    assert corrected.person is not None
    assert (corrected.person.name, corrected.sector, corrected.version) == (None, Sector.ZORG, 3)
