"""Commands are read as programs write them, well or badly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mail_ingest.smtp import syntax
from services.mail_ingest.smtp.recipients import Recipients
from services.mail_ingest.smtp.syntax import Command, Path


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b"EHLO mail.example.org", Command("EHLO", "mail.example.org")),
        (b"ehlo  [192.0.2.1] ", Command("EHLO", "[192.0.2.1]")),
        (b"QUIT", Command("QUIT")),
        (b"MAIL FROM:<a@b>", Command("MAIL", "FROM:<a@b>")),
        ("MAIL FROM:<zoë@b>".encode(), Command("MAIL", "FROM:<zoë@b>")),
        (b"", None),
        (b" EHLO x", None),
        (b"\x16\x03\x01\x02\x00", None),
        (b"MAIL FROM:<a\0@b>", None),
        (b"MAIL FROM:<a@b>\rRCPT TO:<c@d>", None),
        (b"Subject: dag", None),
    ],
)
def test_a_line_is_a_command_or_none(line: bytes, read: Command | None) -> None:
    assert syntax.command(line) == read


@pytest.mark.parametrize(
    ("argument", "read"),
    [
        ("FROM:<noor@example.be>", Path("noor@example.be")),
        (
            "from: <noor@example.be> size=12 BODY=8BITMIME SMTPUTF8",
            Path("noor@example.be", {"SIZE": "12", "BODY": "8BITMIME", "SMTPUTF8": ""}),
        ),
        ("FROM:<>", Path("")),
        ("FROM:noor@example.be", Path("noor@example.be")),
        ("FROM:<@a.example,@b.example:noor@example.be>", Path("noor@example.be")),
        ('FROM:<"a > b"@example.be> SIZE=1', Path('"a > b"@example.be', {"SIZE": "1"})),
        ("FROM:<noor@example.be>SIZE=1", Path("noor@example.be", {"SIZE": "1"})),
        ("TO:<noor@example.be>", None),
        ("FROM:", None),
        ("FROM", None),
        ("", None),
        ("FROM:<", None),
        ("FROM:<>>", None),
        ("FROM:<a@b> SIZE==", Path("a@b", {"SIZE": "="})),
        ("FROM:<a@b> ?", None),
    ],
)
def test_a_path_is_read_or_refused(argument: str, read: Path | None) -> None:
    assert syntax.path(argument, "FROM:") == read


@given(st.binary(max_size=200), st.sampled_from([b"", b"MAIL FROM:<", b"RCPT TO:", b'MAIL FROM:<"', b"EHLO "]))
def test_no_line_breaks_the_reading(junk: bytes, start: bytes) -> None:
    command = syntax.command(start + junk)
    if command:
        syntax.path(command.argument, "FROM:")
        syntax.path(command.argument, "TO:")


@pytest.mark.parametrize(
    ("recipient", "is_taken"),
    [
        ("meldpunt@example.be", True),
        ("Meldpunt@EXAMPLE.be", True),
        ("meldpunt+abcdef@example.be", True),
        ("bounce+abcdef@example.be", True),
        ("postmaster", True),
        ("Postmaster@example.be", True),
        ("info@other.example", True),
        ("bounce@example.be", False),
        ("postmaster@example.org", False),
        ("bounce+abcdef@example.org", False),
        ("meldpunt@example.org", False),
        ("elders+meldpunt@example.be", False),
        ("meldpunt", False),
        ("+meldpunt@example.be", False),
        ("@example.be", False),
        ("meldpunt@example.be@example.org", False),
        ("", False),
    ],
)
def test_mail_is_taken_for_addresses_of_ours(recipient: str, is_taken: bool) -> None:
    assert Recipients(["Meldpunt@example.be", "info@other.example"]).take(recipient) is is_taken


def test_without_addresses_of_ours_mail_is_taken_for_all() -> None:
    assert Recipients([]).take("noor@example.org")
