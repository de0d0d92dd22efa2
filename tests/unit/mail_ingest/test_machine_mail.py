"""Telling machines from people."""

import pytest

from onthaal_schema.contact import Nature
from services.mail_ingest.machine_mail import Judgement, MachineReason, judge
from services.mail_ingest.parser import parse
from tests.unit.mail_ingest.awkward import HEAD, mail

OURS = ("meldpunt@example.be",)
REPORT = "Content-Type: multipart/report; report-type={}; boundary=x\n\n--x\n\nx\n--x--"


def judged(headers: str, envelope_sender: str | None = "noor@example.be") -> Judgement:
    """Judge a mail with these headers."""
    head = "" if "From:" in headers else "From: Noor <noor@example.be>\n"
    return judge(parse(mail(f"{head}{headers}\n\nDag")), envelope_sender, OURS)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ("Auto-Submitted: auto-replied", MachineReason.AUTO_SUBMITTED),
        ("Auto-Submitted: auto-generated (rejected)", MachineReason.AUTO_SUBMITTED),
        ("AUTO-SUBMITTED: Auto-Notified; owner-email=a@b", MachineReason.AUTO_SUBMITTED),
        (REPORT.format("delivery-status"), MachineReason.REPORT),
        (REPORT.format("disposition-notification"), MachineReason.REPORT),
        (REPORT.format("feedback-report"), MachineReason.REPORT),
        ("Content-Type: multipart/report; boundary=nergens", MachineReason.REPORT),
        ("X-Failed-Recipients: a@b.be", MachineReason.FAILED_RECIPIENTS),
        ("Return-Path: <>", MachineReason.NULL_SENDER),
        ("From: MAILER-DAEMON@example.be", MachineReason.MAILER_DAEMON),
        ("From: Mail Delivery <Mailer.Daemon@example.be>", MachineReason.MAILER_DAEMON),
        ("X-Autoreply: yes", MachineReason.AUTO_REPLY),
        ("X-Autorespond: afwezig", MachineReason.AUTO_REPLY),
        ("X-Auto-Response-Suppress: All", MachineReason.RESPONSE_SUPPRESSED),
        ("List-Id: Nieuws <nieuws.example.be>", MachineReason.MAILING_LIST),
        ("List-Unsubscribe: <https://example.be/weg>", MachineReason.MAILING_LIST),
        ("Precedence: bulk", MachineReason.BULK),
        ("Precedence: junk", MachineReason.BULK),
        ("Subject: Automatisch antwoord: uw vraag\nX-Auto-Response-Suppress: OOF, DR", MachineReason.SEVERAL_HINTS),
        ("From: noreply@example.be\nSubject: Out of office", MachineReason.SEVERAL_HINTS),
        ("From: postmaster@example.be\nSubject: Undeliverable: x", MachineReason.SEVERAL_HINTS),
        ("From: no-reply@example.be\nSubject: =?utf-8?q?R=C3=A9ponse_automatique?=", MachineReason.SEVERAL_HINTS),
        ("From: noreply@example.be\nSubject: Abwesenheitsnotiz", MachineReason.SEVERAL_HINTS),
    ],
)
def test_a_machine_is_known_by_what_it_writes(headers: str, reason: MachineReason) -> None:
    assert judged(headers) == Judgement(Nature.MACHINE, reason)


@pytest.mark.parametrize(
    "headers",
    [
        "Subject: Vraag",
        "Auto-Submitted: no",
        "Auto-Submitted:",
        "X-Autoreply: no",
        "X-Spam-Flag: NO",
        "X-Spam-Status: No, score=-1",
        "Subject: Afwezig op het werk na wat er gebeurde",
        "Subject: Automatisch antwoord: uw vraag",
        "Subject: Undeliverable pakket van mijn collega",
        "From: postmaster@example.be\nSubject: Vraag van onze school",
        "From: noreply@example.be\nSubject: Ik wil iets melden",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "Precedence: first-class",
        "List-Id: <meldpunt.example.be>\nPrecedence: list\nList-Post: <mailto:meldpunt@example.be>",
        "Return-Path: <noor@example.be>",
    ],
)
def test_in_doubt_it_is_a_person(headers: str) -> None:
    assert judged(headers) == Judgement()


@pytest.mark.parametrize(
    "headers", ["X-Spam-Flag: YES", "X-Spam-Status: Yes, score=9", "X-Spam-Flag: YES\nAuto-Submitted: auto-replied"]
)
def test_the_verdict_of_our_own_spam_filter_is_followed(headers: str) -> None:
    assert judged(headers) == Judgement(Nature.SPAM, MachineReason.SPAM_VERDICT)


def test_a_null_envelope_is_a_machine() -> None:
    assert judged("Subject: x", "<>").reason is MachineReason.NULL_SENDER


def test_a_null_envelope_of_a_forwarder_says_nothing_of_who_wrote() -> None:
    assert judged("Return-Path: <noor@example.be>", "<>") == Judgement()


def test_an_envelope_of_a_mailer_daemon_is_a_machine() -> None:
    assert judged("Subject: x", "mailer-daemon@example.be").reason is MachineReason.MAILER_DAEMON


def test_what_mailbox_hosts_say_of_origin_changes_nothing() -> None:
    assert judged("Authentication-Results: mx; dmarc=fail\nReceived: from x") == judge(parse(mail(HEAD + "\nDag")))
