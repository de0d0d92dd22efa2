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
    own = frozenset((*OURS, "bounce@example.be"))
    return judge(parse(mail(f"{head}{headers}\n\nDag")), envelope_sender, OURS, own=own)


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


OUTLOOK = "X-Mailer: Microsoft Outlook 16.0\n"
THUNDERBIRD = "User-Agent: Mozilla Thunderbird\n"
GMAIL = "Message-ID: <CAF=x1y2@mail.gmail.com>\n"
TO_US = "To: Meldpunt <Meldpunt+abc@example.be>\n"


@pytest.mark.parametrize(
    "headers",
    [
        f"{OUTLOOK}{TO_US}Precedence: bulk",  # some programs write it on everything
        f"{THUNDERBIRD}{TO_US}Precedence: list",
        f"{GMAIL}{TO_US}List-Id: Alle medewerkers <alle.school.example>",  # a group that sends on to us, and to us in the same mail
        f"{THUNDERBIRD}Cc: meldpunt@example.be\nList-Unsubscribe: <mailto:weg@lijst.example>",
        f"{OUTLOOK}Return-Path: <>\nSubject: Vraag",  # a forwarder that leaves no return path
        "X-Mailer: iPhone Mail (20G75)\nReturn-Path: <>",
        "From: meldpunt@example.be\nReply-To: Noor <noor@example.org>",  # a form on a website that sends in our name
        "X-Spam-Status: No, score=1.0",
        "Subject: Re: Automatisch antwoord: uw vraag\nX-Auto-Response-Suppress: OOF",
        "X-MS-Exchange-Inbox-Rules-Loop: noor@example.be",  # redirected by a rule in somebody's mailbox
        "X-Mailer: PHPMailer 6.8",
        "X-Loop: iemand@example.org",
        "X-Zendesk-From-Account-Id: abc\nX-OTRS-Loop: yes",  # somebody of another house, who writes in its ticket system
        "Subject: Afwezig: Re: Vraag",
    ],
)
def test_a_stray_header_does_not_make_a_machine_of_a_person(headers: str) -> None:
    assert judged(headers) == Judgement()


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (f"{OUTLOOK}To: lijst@example.org\nPrecedence: bulk", MachineReason.BULK),
        (f"{THUNDERBIRD}To: lijst@example.org\nList-Id: <lijst.example.org>", MachineReason.MAILING_LIST),
        (f"{TO_US}List-Unsubscribe: <https://nieuws.example>", MachineReason.MAILING_LIST),
        (f"{TO_US}X-Mailer: nieuwsbrief 2.0\nPrecedence: bulk", MachineReason.BULK),
        (f"{OUTLOOK}Return-Path: <>\nSubject: Undeliverable: uw bericht", MachineReason.NULL_SENDER),
        ("X-Mailer: vacation 3.2\nReturn-Path: <>", MachineReason.NULL_SENDER),
        (f"{OUTLOOK}Return-Path: <>\nSubject: Automatisch antwoord: Vraag", MachineReason.NULL_SENDER),
        (f"{OUTLOOK}{TO_US}Precedence: bulk\nSubject: Out of office: Vraag", MachineReason.SEVERAL_HINTS),
        ("From: meldpunt@example.be", MachineReason.OWN_MAIL),
        ("From: Meldpunt+abcdef@Example.be\nReply-To: meldpunt@example.be", MachineReason.OWN_MAIL),
        ("From: bounce@example.be", MachineReason.OWN_MAIL),
        ("X-Onthaal: acknowledgement\nAuto-Submitted: auto-replied", MachineReason.OWN_MAIL),
        ("X-MS-Exchange-Message-Is-Ndr:", MachineReason.REPORT),
        ("X-FC-MachineGenerated: true", MachineReason.AUTO_REPLY),
        ("X-Cron-Env: <SHELL=/bin/sh>", MachineReason.AUTO_REPLY),
        ("X-Auto-Response-Suppress: DR, All", MachineReason.RESPONSE_SUPPRESSED),
        ("From: postmaster@example.be\nSubject: Aflevering mislukt", MachineReason.SEVERAL_HINTS),
        ("Feedback-ID: 1:campagne\nFrom: noreply@example.be", MachineReason.SEVERAL_HINTS),
    ],
)
def test_a_header_that_only_a_machine_writes_is_believed(headers: str, reason: MachineReason) -> None:
    assert judged(headers) == Judgement(Nature.MACHINE, reason)


@pytest.mark.parametrize(
    ("subject", "text", "machine"),
    [
        ("Automatisch antwoord: Vraag", "Ik ben momenteel afwezig tot 3 december.", True),
        ("Automatic reply: Vraag", "I am out of the office until Monday.", True),
        ("R=?utf-8?q?=C3=A9?=ponse automatique", "x", False),
        ("Abwesenheitsnotiz", "Ich bin derzeit nicht im Büro.", True),
        ("Afwezig", "Ik ben afwezig op school sinds het gebeurde.", False),
        ("Automatisch antwoord: Vraag", "Ik kreeg dit van jullie, maar er las niemand mijn mail.", False),
        ("Re: Automatisch antwoord: Vraag", "Ik ben momenteel afwezig van school.", False),
    ],
)
def test_an_absence_is_known_when_subject_and_text_both_say_so(subject: str, text: str, machine: bool) -> None:
    raw = mail(f"From: noor@example.be\nSubject: {subject}\n\n{text}")
    assert (judge(parse(raw)).nature is Nature.MACHINE) is machine


def test_a_spam_verdict_that_is_not_our_own_is_not_followed() -> None:
    parsed = parse(mail("From: noor@example.be\nX-Spam-Flag: YES\n\nDag"))
    assert judge(parsed, trusts_spam_verdict=False) == Judgement()


def test_a_null_envelope_is_a_machine() -> None:
    assert judged("Subject: x", "<>").reason is MachineReason.NULL_SENDER


def test_a_null_envelope_of_a_forwarder_says_nothing_of_who_wrote() -> None:
    assert judged("Return-Path: <noor@example.be>", "<>") == Judgement()


def test_an_envelope_of_a_mailer_daemon_is_a_machine() -> None:
    assert judged("Subject: x", "mailer-daemon@example.be").reason is MachineReason.MAILER_DAEMON


def test_what_mailbox_hosts_say_of_origin_changes_nothing() -> None:
    assert judged("Authentication-Results: mx; dmarc=fail\nReceived: from x") == judge(parse(mail(HEAD + "\nDag")))
