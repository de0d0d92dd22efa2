"""When two mails of other bytes are one mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.mail_ingest.addresses import Mailbox
from services.mail_ingest.likeness import fingerprint, likenesses, rendering
from services.mail_ingest.parsed_mail import Attachment, ParsedMail, Reading

WHEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
MAIL = ParsedMail(
    Reading.COMPLETE,
    sender=Mailbox("Noor", "noor@example.be"),
    subject="Vraag",
    sent_at=WHEN,
    message_id="<1@example.be>",
    text="Ik wil iets melden.\nCafé",
    attachments=(Attachment("a.pdf", "application/pdf", b"a"), Attachment("b.pdf", "application/pdf", b"b")),
)


@pytest.mark.parametrize(
    "rendered",
    [
        replace(MAIL, sender=Mailbox("Noor Peeters", "NOOR@Example.be")),
        replace(MAIL, text="Ik  wil iets\r\n melden.\nCafe\u0301 "),
        replace(MAIL, subject=" Vraag "),
        replace(MAIL, sent_at=WHEN.astimezone(timezone(timedelta(hours=2)))),
        replace(MAIL, attachments=MAIL.attachments[::-1]),
        replace(MAIL, recipients=("help@example.be",), in_reply_to="<0@example.be>"),
    ],
)
def test_a_mail_that_another_server_writes_anew_is_the_same(rendered: ParsedMail) -> None:
    assert rendering(rendered) == rendering(MAIL)


@pytest.mark.parametrize(
    "other",
    [
        replace(MAIL, message_id="<2@example.be>"),
        replace(MAIL, sent_at=WHEN + timedelta(seconds=1)),
        replace(MAIL, text="Ik wil niets melden.\nCafé"),
        replace(MAIL, subject="Vraagje"),
        replace(MAIL, sender=Mailbox("Noor", "noor@example.org")),
        replace(MAIL, attachments=MAIL.attachments[:1]),
        replace(MAIL, attachments=()),
        replace(MAIL, subject="Vraag Ik wil", text="iets melden.\nCafé"),
    ],
)
def test_the_same_message_id_with_other_content_is_another_mail(other: ParsedMail) -> None:
    assert rendering(other) != rendering(MAIL)


@pytest.mark.parametrize(
    "doubtful",
    [
        replace(MAIL, message_id=""),
        replace(MAIL, sent_at=None),
        replace(MAIL, status=Reading.PARTIAL),
        replace(MAIL, status=Reading.FAILED),
    ],
)
def test_what_lacks_an_identity_or_was_not_read_whole_has_no_rendering(doubtful: ParsedMail) -> None:
    assert rendering(doubtful) is None


def test_a_weak_likeness_is_the_message_id_or_what_was_written() -> None:
    other_text = replace(MAIL, text="anders")
    other_id = replace(MAIL, message_id="<2@example.be>")
    assert len(set(likenesses(MAIL)) & set(likenesses(other_text))) == 1
    assert len(set(likenesses(MAIL)) & set(likenesses(other_id))) == 1
    assert not set(likenesses(other_text)) & set(likenesses(other_id))


def test_mails_with_nothing_to_compare_are_like_none() -> None:
    assert likenesses(ParsedMail(Reading.FAILED)) == ()


RAW = (
    b"Received: from a by b;\r\n\tMon, 2 Mar 2026 10:00:00 +0100\r\nDelivered-To: meldpunt@example.be\r\nFrom: noor@example.be\r\n"
    b"Subject: Vraag\r\n over iets\r\n\r\nIk wil iets melden.\r\n"
)


@pytest.mark.parametrize(
    "copy",
    [
        RAW.replace(b"by b", b"by c").replace(b"meldpunt@", b"hulp@"),
        RAW.replace(b"\tMon", b"\tby d;\r\n\tMon"),
        b"Return-Path: <noor@example.be>\r\n" + RAW,
        RAW[RAW.index(b"From:") :],
    ],
)
def test_a_mail_that_came_by_two_ways_is_one(copy: bytes) -> None:
    assert fingerprint(copy, MAIL) == fingerprint(RAW, MAIL)


@pytest.mark.parametrize(
    "other",
    [
        RAW.replace(b"melden", b"vragen"),
        RAW.replace(b" over iets", b" over niets"),
        RAW.replace(b"Subject", b"X-Subject"),
        RAW.replace(b"\r\n\r\n", b"\r\n\r\n "),
        RAW.replace(b"\r\n", b"\n"),
    ],
)
def test_a_mail_in_which_anything_else_differs_is_another(other: bytes) -> None:
    assert fingerprint(other, MAIL) != fingerprint(RAW, MAIL)


@pytest.mark.parametrize("nameless", [replace(MAIL, message_id=""), replace(MAIL, sent_at=None)])
def test_a_mail_without_a_name_or_a_date_is_the_same_as_none(nameless: ParsedMail) -> None:
    assert fingerprint(RAW, nameless) is None
