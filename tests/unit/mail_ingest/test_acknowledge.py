"""The automatic answer: what it says in each language, and what it never says."""

import email
import re
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast
from uuid import UUID

import pytest

from onthaal_schema.channel import Channel
from onthaal_schema.mail import OutgoingMail
from onthaal_schema.opening_hours import ClosedReason, OpeningHours, PublishedOpeningHours
from services.intake_api.opening_hours.calendar import Calendar
from services.intake_api.settings import IntakeSettings
from services.kit.short_help import ShortHelpSettings, read_help
from services.kit.words import PageLanguage
from services.mail_ingest.acknowledge import WORDS, Letter, Letterhead, NotWritable, acknowledgement, words_of
from services.mail_ingest.machine_mail import MachineReason, judge
from services.mail_ingest.parser import parse

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
HEAD = Letterhead("meldpunt@example.be", "bounce@example.be", helpers=read_help(ShortHelpSettings().chat_help))
OPEN = OpeningHours(open=True, calendar_version="1")
CLOSED = OpeningHours(
    open=False, reason=ClosedReason.WEEKEND, next_opening=datetime(2026, 11, 23, 8, tzinfo=UTC), calendar_version="1"
)
OUTGOING = OutgoingMail(
    id=UUID(int=1),
    contact_id=UUID(int=2),
    mailbox="inbox",
    to="noor@example.org",
    language="nl",
    token=TOKEN,
    message_id="<1a2b3c@example.be>",
    in_reply_to="<twee@example.org>",
    references=("<een@example.org>",),
    opening_hours=CLOSED,
)


@pytest.fixture(scope="module")
def hours() -> PublishedOpeningHours:
    """The hours as they are published where nothing is set."""
    return Calendar(IntakeSettings().calendar()).specification(date(2026, 11, 21), date(2027, 11, 20))


def written(hours: PublishedOpeningHours | None = None, head: Letterhead = HEAD, **other: Any) -> Letter:
    return acknowledgement(OUTGOING.model_copy(update=other), head, hours, NOW)


def opened(letter: Letter) -> EmailMessage:
    return cast("EmailMessage", email.message_from_bytes(letter.content, policy=default))


def text(letter: Letter) -> str:
    return str(opened(letter).get_content()).replace("\r\n", "\n")


def test_its_headers_say_that_no_person_wrote_it_and_where_it_belongs(hours: PublishedOpeningHours) -> None:
    letter = written(hours)
    headers = dict(opened(letter).items())
    assert headers == {
        "From": "meldpunt@example.be",
        "To": "noor@example.org",
        "Reply-To": f"meldpunt+{TOKEN}@example.be",
        "Subject": "Ontvangstbevestiging",
        "Date": "Sat, 21 Nov 2026 10:30:00 +0000",
        "Message-ID": "<1a2b3c@example.be>",
        "In-Reply-To": "<twee@example.org>",
        "References": "<een@example.org> <twee@example.org>",
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
        "X-Onthaal": "acknowledgement",
        "Content-Language": "nl",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
        "MIME-Version": "1.0",
    }
    assert (letter.sender, letter.recipient) == (f"bounce+{TOKEN}@example.be", "noor@example.org")


def test_in_dutch_it_says_when_somebody_reads_and_who_helps_now(hours: PublishedOpeningHours) -> None:
    assert text(written(hours)) == (
        "Dag,\n\n"
        "We hebben je bericht goed ontvangen. Dit is een automatisch antwoord.\n\n"
        "We zijn nu gesloten. We lezen je bericht vanaf maandag 23 november om 9 uur.\n\n"
        "Dan lezen we berichten:\n- maandag: van 9 tot 20 uur\n- dinsdag tot vrijdag: van 9 tot 17 uur\n"
        "Op feestdagen zijn we gesloten.\n\n"
        "Wil je nog iets toevoegen? Antwoord dan gewoon op deze mail.\n\n"
        "Is er nu gevaar? Bel:\n- 112: dringende medische hulp of brandweer\n- 101: dringende hulp van de politie\n\n"
        "Wil je nu met iemand praten? Dit zijn andere diensten:\n"
        "- 1712: vragen over geweld, misbruik en kindermishandeling\n"
        "- Tele-Onthaal, 106: een luisterend oor, dag en nacht\n"
        "- Child Focus, 116 000: seksueel misbruik van kinderen, dag en nacht\n"
        "- nupraatikerover.be: anonieme chat voor wie jonger is dan 18\n"
        "- Zorgcentra na Seksueel Geweld, zsg.belgium.be: zorg na seksueel geweld, dag en nacht\n"
    )


@pytest.mark.parametrize(
    ("language", "opening", "line"),
    [
        ("fr", "à partir du lundi 23 novembre à 9 h.", "- du mardi au vendredi : de 9 à 17 heures"),
        ("en", "from Monday 23 November at 9:00.", "- Tuesday to Friday: from 9 to 17"),
        ("de", "ab Montag, 23. November um 9 Uhr.", "- Dienstag bis Freitag: von 9 bis 17 Uhr"),
    ],
)
def test_it_speaks_the_language_of_who_wrote(hours: PublishedOpeningHours, language: str, opening: str, line: str) -> None:
    letter = written(hours, language=language)
    assert opening in text(letter)
    assert line in text(letter)
    assert all(number in text(letter) for number in ("112", "101", "1712", "106", "116 000", "nupraatikerover.be"))
    assert opened(letter)["Content-Language"] == language
    assert opened(letter)["Subject"] == words_of(PageLanguage(language))("answer.subject")


def test_another_language_is_answered_in_dutch() -> None:
    assert opened(written(language="tr"))["Content-Language"] == "nl"


def test_it_says_so_when_we_are_open_and_when_nobody_knows() -> None:
    assert "We zijn nu open." in text(written(opening_hours=OPEN))
    unknown = OpeningHours(open=False, reason=ClosedReason.CLOSURE, calendar_version="1")
    assert "zodra we weer open zijn" in text(written(opening_hours=unknown))
    assert "Dan lezen we berichten" not in text(written())  # hours are not known just now


@pytest.mark.parametrize("language", PageLanguage)
def test_the_subject_tells_nothing_of_what_the_helpline_is_about(language: PageLanguage) -> None:
    subject = words_of(language)("answer.subject").lower()
    assert not re.search(r"meldpunt|melding|geweld|misbruik|gedrag|abus|violence|gewalt|helpline|hulp|help|aide", subject)


@pytest.mark.parametrize("language", PageLanguage)
def test_every_language_says_everything(language: PageLanguage) -> None:
    dutch, other = words_of(PageLanguage.NL), words_of(language)
    assert other.keys == dutch.keys
    for key in dutch.keys:
        assert set(re.findall(r"{\w+}", " ".join(other.all(key)))) == set(re.findall(r"{\w+}", " ".join(dutch.all(key)))), key
    assert (WORDS / f"{language}.toml").is_file()


def test_dutch_says_je() -> None:
    said = " ".join(" ".join(words_of(PageLanguage.NL).all(key)) for key in words_of(PageLanguage.NL).keys)
    assert not re.search(r"\b(u|uw|gelieve|indien)\b", said, re.IGNORECASE)


def test_name_and_subject_are_settings() -> None:
    letter = written(head=Letterhead("meldpunt@example.be", "bounce@example.be", "Secretariaat é", "Je bericht – ontvangen"))
    assert opened(letter)["From"] == "Secretariaat é <meldpunt@example.be>"
    assert opened(letter)["Subject"] == "Je bericht – ontvangen"
    assert letter.content.isascii()


def test_it_is_known_as_our_own_when_it_comes_round(hours: PublishedOpeningHours) -> None:
    assert judge(parse(written(hours).content)).reason is MachineReason.OWN_MAIL


def test_it_is_plain_seven_bit_text_with_short_lines(hours: PublishedOpeningHours) -> None:
    for language in PageLanguage:
        content = written(hours, language=language.value).content
        assert content.isascii()
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert max(map(len, content.split(b"\r\n"))) <= 80


def test_a_thread_of_any_length_stays_one_line_that_names_its_beginning_and_its_end() -> None:
    many = tuple(f"<{'x' * 90}{number}@example.org>" for number in range(40))
    letter = written(references=many)
    [line] = [line for line in letter.content.split(b"\r\n") if line.startswith(b"References:")]
    assert len(line) < 998
    assert line.split()[1].decode() == many[0]
    assert line.split()[-1] == b"<twee@example.org>"


@pytest.mark.parametrize("identifier", ["<é@x>", "geen haken", "<a b@x>", "<", "<x@y> <z@q>", "<" + "x" * 2000 + "@y>"])
def test_an_odd_identifier_breaks_no_header(identifier: str) -> None:
    letter = written(in_reply_to=identifier, references=(identifier,))
    head = letter.content.split(b"\r\n\r\n")[0]
    assert b"=?" not in head
    assert opened(letter)["Message-ID"] == "<1a2b3c@example.be>"


def test_an_address_beyond_ascii_is_written_as_far_as_servers_can_take_it() -> None:
    punycode = written(to="noor@voorbeeld-é.example")
    assert (punycode.recipient, punycode.international) == ("noor@xn--voorbeeld--k7a.example", False)
    beyond = written(to="zoë@example.org")
    assert (beyond.recipient, beyond.international) == ("zoë@example.org", True)
    assert "To: zoë@example.org".encode() in beyond.content


@pytest.mark.parametrize(
    "address", ["a,b@example.org", "a<b@example.org", '"a@example.org', "a(@example.org", f"noor@{'é' * 80}.be", "a@b@c"]
)
def test_an_address_that_cannot_stand_in_a_header_is_said_to_be_so(address: str) -> None:
    with pytest.raises(NotWritable):
        written(to=address)


def test_the_hours_of_this_part_of_the_year_are_told(hours: PublishedOpeningHours) -> None:
    [mail] = [one for one in hours.contact_point if one.contact_type is Channel.MAIL]
    other = [
        line.model_copy(update={"valid_from": date(2027, 1, 1), "valid_through": None, "opens": line.closes, "closes": None})
        for line in mail.hours_available
        if line.day_of_week
    ]
    later = hours.model_copy(
        update={"contact_point": (mail.model_copy(update={"hours_available": (*mail.hours_available, *other)}),)}
    )
    assert text(written(later)) == text(written(hours))
