"""What the desk says of mail and of files."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from onthaal_schema.contact import MailDetails, ParseStatus, StoredFile
from onthaal_schema.outgoing import OutgoingKind, OutgoingState, OutgoingStatus
from services.phone_log.desk import bidi, file_words, mail_words
from services.phone_log.desk.files import saved_as, without_links


@pytest.mark.parametrize(
    ("status", "doubts", "said"),
    [
        (ParseStatus.COMPLETE, (), ""),
        (
            ParseStatus.PARTIAL,
            ("encoding", "cut"),
            "Niet alles kon gelezen worden: een deel is beschadigd, de mail is onderweg afgebroken.",
        ),
        (ParseStatus.PARTIAL, (), "Niet alles kon gelezen worden. Kijk ook"),
        (ParseStatus.PARTIAL, ("unheardOf",), "een deel is anders dan verwacht (unheardOf)"),
        (ParseStatus.COMPLETE, ("bidi", "display"), ""),
        (ParseStatus.FAILED, ("failed",), "Deze mail kon niet gelezen worden."),
    ],
)
def test_what_could_not_be_read_is_said(status: ParseStatus, doubts: tuple[str, ...], said: str) -> None:
    found = mail_words.reading(MailDetails(parse_status=status, doubts=doubts))
    assert said in found
    assert bool(said) == bool(found)


def test_a_sealed_mail_is_told_once() -> None:
    sealed = MailDetails(parse_status=ParseStatus.PARTIAL, doubts=("sealed",), sealed_by="pgp")
    assert mail_words.reading(sealed) == ""
    assert mail_words.notes(sealed) == [mail_words.SEALED["pgp"]]


def test_what_must_be_noticed_of_a_mail_that_could_be_read_is_said() -> None:
    assert [note.split()[0] for note in mail_words.notes(MailDetails(doubts=("display", "bidi")))] == ["Onzichtbare", "De"]


def test_every_doubt_of_the_reader_has_words() -> None:
    readers = Path("services/mail_ingest").glob("*.py")
    doubts = {
        doubt for reader in readers for doubt in re.findall(r'doubts(?:\.add\(|=\(\*\w+\.doubts, )"(\w+)"', reader.read_text())
    }
    assert {"charset", "bidi", "files"} <= doubts
    for doubt in doubts:
        details = MailDetails(parse_status=ParseStatus.PARTIAL, doubts=(doubt,))
        assert "anders dan verwacht" not in mail_words.reading(details), doubt


def test_every_sign_of_a_machine_has_words() -> None:
    signs = re.findall(r'^    [A-Z_]+ = "(\w+)"$', Path("services/mail_ingest/machine_mail.py").read_text(), re.MULTILINE)
    assert "autoSubmitted" in signs
    assert [sign for sign in signs if mail_words.machine(sign).startswith("kenmerk ")] == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, ""),
        ("", ""),
        ("spf=pass dkim=pass dmarc=pass", "Bevestigd door zijn mailserver"),
        ("spf=pass dmarc=fail", "Niet bevestigd door zijn mailserver: dit adres kan vervalst zijn"),
        ("spf=pass dkim=none", "Niet zeker: alleen de server die verstuurde is bevestigd"),
        ("spf=softfail dkim=fail", "Niet bevestigd door zijn mailserver"),
        ("nonsense", "Niet bevestigd door zijn mailserver"),
    ],
)
def test_whether_the_sender_is_certain_is_said(found: str | None, said: str) -> None:
    assert mail_words.sender(found) == said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (None, ""),
        ("failed 5.1.1", "niet aangekomen: dat adres bestaat niet (5.1.1)"),
        ("failed 5.2.2", "niet aangekomen: de mailbox is vol (5.2.2)"),
        ("failed 5.7.26", "niet aangekomen: de mailserver weigert de mail (5.7.26)"),
        ("delayed 4.4.1", "nog niet aangekomen, de mailserver blijft proberen: de mailserver antwoordt niet (4.4.1)"),
        ("delayed", "nog niet aangekomen, de mailserver blijft proberen"),
        ("failed 5.9.9", "niet aangekomen (5.9.9)"),
        ("delivered 2.0.0", "aangekomen (2.0.0)"),
    ],
)
def test_a_delivery_report_is_said_in_words(told: str | None, said: str) -> None:
    assert mail_words.report(told) == said


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (OutgoingStatus.QUEUED, None, "wacht om verstuurd te worden"),
        (OutgoingStatus.SENT, None, "verstuurd"),
        (OutgoingStatus.BOUNCED, "5.1.1", "niet aangekomen: dat adres bestaat niet (5.1.1)"),
        (OutgoingStatus.FAILED, "550 5.1.1", "kon niet verstuurd worden: dat adres bestaat niet (550 5.1.1)"),
        (OutgoingStatus.FAILED, "554", "kon niet verstuurd worden: de mailserver weigert de mail (554)"),
        (OutgoingStatus.QUEUED, "451", "wacht om verstuurd te worden: de mailserver neemt de mail nu niet aan (451)"),
        (OutgoingStatus.FAILED, "ConnectionRefusedError", "kon niet verstuurd worden (ConnectionRefusedError)"),
        (OutgoingStatus.WITHHELD, "dailyLimit", "niet verstuurd: er gingen die dag al genoeg bevestigingen uit"),
        (
            OutgoingStatus.WITHHELD,
            "dailyLimitOfDomain",
            "niet verstuurd: naar dat domein gingen die dag al genoeg bevestigingen uit",
        ),
    ],
)
def test_how_far_a_mail_of_ours_got_is_said(status: OutgoingStatus, reason: str | None, said: str) -> None:
    moment = datetime(2026, 11, 26, tzinfo=UTC)
    state = OutgoingState(id=uuid4(), kind=OutgoingKind.ACKNOWLEDGEMENT, status=status, created_at=moment, reason=reason)
    assert mail_words.sending(state) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, ""), (1, "1 afbeelding van elders is niet"), (2, "2 afbeeldingen van elders zijn niet")]
)
def test_what_was_not_loaded_is_counted(count: int, said: str) -> None:
    assert mail_words.remote(count).startswith(said)


def test_a_character_that_turns_the_writing_around_is_shown_and_does_nothing() -> None:
    shown = bidi.visible("brief\u202efdp.exe <b>")
    assert "\u202e" not in shown
    assert shown.startswith('brief<span class="bidi" role="img" aria-label="onzichtbaar teken: gedwongen van rechts naar links"')
    assert shown.endswith("fdp.exe &lt;b&gt;")


def test_text_without_such_characters_is_only_escaped() -> None:
    assert bidi.visible("مرحبا & <i>") == "مرحبا &amp; &lt;i&gt;"


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("brief van An.pdf", "brief van An.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\brief.pdf", "C__brief.pdf"),
        ("brief\u202efdp.exe", "brieffdp.exe"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie_ x.pdf"),
        ('"aanhaling".pdf', "_aanhaling_.pdf"),
        ("", "bestand"),
        (" . ", "bestand"),
        ("..", "bestand"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_file_is_saved_under_a_name_that_any_computer_takes(name: str, saved: str) -> None:
    assert saved_as(name) == saved


@pytest.mark.parametrize(
    ("link", "word"),
    [
        (b'<a href="https://x/" rel="noopener">Hier</a>', b'<a data-href="https://x/" rel="noopener">Hier</a>'),
        (b'<a title="a" dir="ltr" href="https://x/">Hier</a>', b'<a title="a" dir="ltr" data-href="https://x/">Hier</a>'),
        (b"<abbr>tekst href=x</abbr>", b"<abbr>tekst href=x</abbr>"),
        (b"<a" * 100_000, b"<a" * 100_000),
        (b"<a " * 100_000, b"<a " * 100_000),
    ],
)
def test_a_link_in_a_layout_is_only_words(link: bytes, word: bytes) -> None:
    assert without_links(link) == word


def stored(media_type: str, *, sniffed: str | None = None, virus: str | None = None) -> StoredFile:
    """Describe a file as the register does."""
    return StoredFile.model_validate(
        {"id": uuid4(), "name": "x", "mediaType": media_type, "role": "attachment", "size": 1, "sha256": "0" * 64}
        | {"sniffed": sniffed, "virus": virus},
    )


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (stored("application/pdf", virus="clean"), []),
        (stored("application/pdf", virus="found"), ["Virus gevonden. Open dit bestand niet."]),
        (stored("application/pdf", virus="notScanned"), ["Niet nagekeken op virussen."]),
        (stored("application/pdf", sniffed="application/x-msdownload"), ["Doet zich voor als een pdf, maar is een programma."]),
        (stored("application/octet-stream", sniffed="image/jpeg"), []),
        (stored("image/heic"), ["Plaats en tijd van de opname kunnen erin staan."]),
        (stored("video/quicktime"), ["Plaats en tijd van de opname kunnen erin staan."]),
        (stored("image/jpeg"), []),
    ],
)
def test_what_somebody_must_know_before_opening_a_file_is_said(file: StoredFile, said: list[str]) -> None:
    assert file_words.warnings(file) == said
