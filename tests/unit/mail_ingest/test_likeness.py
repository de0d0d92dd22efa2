"""When two mails of other bytes are one mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.mail_ingest.addresses import Mailbox
from services.mail_ingest.likeness import fingerprint, likenesses
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
    assert fingerprint(rendered) == fingerprint(MAIL)


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
    assert fingerprint(other) != fingerprint(MAIL)


@pytest.mark.parametrize(
    "doubtful",
    [
        replace(MAIL, message_id=""),
        replace(MAIL, sent_at=None),
        replace(MAIL, status=Reading.PARTIAL),
        replace(MAIL, status=Reading.FAILED),
    ],
)
def test_what_lacks_an_identity_or_was_not_read_whole_has_no_fingerprint(doubtful: ParsedMail) -> None:
    assert fingerprint(doubtful) is None


def test_a_weak_likeness_is_the_message_id_or_what_was_written() -> None:
    other_text = replace(MAIL, text="anders")
    other_id = replace(MAIL, message_id="<2@example.be>")
    assert len(set(likenesses(MAIL)) & set(likenesses(other_text))) == 1
    assert len(set(likenesses(MAIL)) & set(likenesses(other_id))) == 1
    assert not set(likenesses(other_text)) & set(likenesses(other_id))


def test_mails_with_nothing_to_compare_are_like_none() -> None:
    assert likenesses(ParsedMail(Reading.FAILED)) == ()
