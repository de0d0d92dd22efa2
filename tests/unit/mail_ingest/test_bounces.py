"""What delivery reports say, in the form of the standard and in those that servers really use."""

import pytest

from onthaal_schema.mail import Bounce, BounceAction
from services.mail_ingest import bounces
from services.mail_ingest.parser import parse
from tests.unit.mail_ingest.awkward import mail

OURS = "<0a1b2c@meldpunt.example>"
RETURNED = f"From: meldpunt@meldpunt.example\nTo: weg@example.be\nMessage-ID: {OURS}\nSubject: Ontvangstbevestiging\n"


def report(
    status: str, returned: str = f"Content-Type: message/rfc822\n\n{RETURNED}\nDag", head: str = "", kind: str = "delivery-status"
) -> bytes:
    """Write a report as RFC 3464 has it."""
    return mail(
        f"From: MAILER-DAEMON@mx.example\nTo: bounce@meldpunt.example\nSubject: Undelivered Mail\n{head}"
        f"Content-Type: multipart/report; report-type={kind}; boundary=q\n\n--q\nContent-Type: text/plain\n\nHet ging niet.\n"
        f"--q\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{status}\n--q\n{returned}\n--q--\n"
    )


def group(action: str, status: str, recipient: str = "weg@example.be") -> str:
    return f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"


def plain(sender: str, subject: str, text: str, headers: str = "Return-Path: <>\n") -> bytes:
    """Write a report in words."""
    return mail(f"{headers}From: {sender}\nTo: bounce@meldpunt.example\nSubject: {subject}\n\n{text}\n")


def bounce(raw: bytes) -> Bounce | None:
    return bounces.read(parse(raw))


@pytest.mark.parametrize(
    ("status", "action", "code"),
    [
        (group("failed", "5.1.1"), BounceAction.FAILED, "5.1.1"),
        (group("failed", "4.4.7"), BounceAction.FAILED, "4.4.7"),  # tried for days: transient, and given up
        (group("delayed", "4.4.1"), BounceAction.DELAYED, "4.4.1"),
        (group("Delayed", "4.0.0 (tijdelijk)"), BounceAction.DELAYED, "4.0.0"),
        (group("delivered", "2.0.0"), BounceAction.DELIVERED, "2.0.0"),
        (group("relayed", "2.0.0"), BounceAction.RELAYED, "2.0.0"),
        (group("expanded", "2.0.0"), BounceAction.EXPANDED, "2.0.0"),
        (group("failed (te vol)", "5.2.2 (mailbox full)"), BounceAction.FAILED, "5.2.2"),
        (f"{group('delayed', '4.4.1')}\n{group('failed', '5.7.1', 'b@example.be')}", BounceAction.FAILED, "5.7.1"),
        ("Final-Recipient: rfc822; weg@example.be\nStatus: 5.1.10\n", BounceAction.FAILED, "5.1.10"),
        ("Final-Recipient: rfc822; weg@example.be\nStatus: 4.2.2\n", BounceAction.DELAYED, "4.2.2"),
        ("Final-Recipient: rfc822; weg@example.be\nAction: mislukt\nStatus: onbekend\n", BounceAction.FAILED, None),
        ("", BounceAction.FAILED, None),
    ],
)
def test_a_standard_report_says_what_became_of_the_mail(status: str, action: BounceAction, code: str | None) -> None:
    assert bounce(report(status)) == Bounce(action=action, status=code, message_id=OURS)


@pytest.mark.parametrize(
    "returned",
    [
        f"Content-Type: message/rfc822\n\n{RETURNED}\nDag",
        f"Content-Type: text/rfc822-headers\n\n{RETURNED}",
        f"Content-Type: message/global-headers\n\n{RETURNED}",
        f"Content-Type: message/rfc822\nContent-Disposition: attachment; filename=mail.eml\n\n{RETURNED}\nDag",
    ],
)
def test_the_mail_that_came_back_is_named_by_its_headers(returned: str) -> None:
    found = bounce(report(group("failed", "5.1.1"), returned))
    assert found
    assert found.message_id == OURS


def test_a_report_without_the_mail_names_none() -> None:
    found = bounce(report(group("failed", "5.1.1"), "Content-Type: text/plain\n\nGeen kopie"))
    assert found == Bounce(action=BounceAction.FAILED, status="5.1.1")


QMAIL = f"""Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<weg@example.be>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <bounce@meldpunt.example>
{RETURNED}
Dag"""
POSTFIX = f"""This is the mail system at host mx.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<weg@example.be>: host mx2.example[192.0.2.1] said: 550 5.1.1 User unknown

{RETURNED}"""
EXIM = f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  weg@example.be
    Unrouteable address

------ This is a copy of the message, including all the headers. ------

{RETURNED}"""
EXIM_LATE = f"""This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.
No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated.

{RETURNED}"""
GMAIL = """Address not found
Your message wasn't delivered to weg@example.be because the address couldn't be found.
The response was:
550 5.1.1 The email account that you tried to reach does not exist."""
GMAIL_LATE = """Message delayed
There was a temporary problem delivering your message to weg@example.be. Gmail will retry for 46 more hours."""
EXCHANGE = """Your message did not reach some or all of the intended recipients.

      Subject:  Ontvangstbevestiging
The following recipient(s) cannot be reached: did not reach the following recipient(s):
      weg@example.be on 26/11/2026
            The e-mail account does not exist. <mx.example #5.1.1>"""
GROUPWISE = "The attached file had the following undeliverable recipient(s):\n\tweg@example.be (recipient unknown)"
DUTCH = "Uw bericht is niet bezorgd aan weg@example.be.\nDe mailbox bestaat niet: 550 5.1.1"
DUTCH_LATE = "Uw bericht is nog niet bezorgd. Er wordt opnieuw geprobeerd. 4.4.1"
FRENCH = "Votre message n'a pas pu être remis à weg@example.be. 5.1.10 RESOLVER.ADR.RecipientNotFound"
GERMAN = "Ihre Nachricht konnte nicht zugestellt werden: weg@example.be #5.7.1"


@pytest.mark.parametrize(
    ("raw", "action", "status", "message_id"),
    [
        (plain("MAILER-DAEMON@mx.example", "failure notice", QMAIL), "failed", "5.1.1", OURS),
        (plain("MAILER-DAEMON@mx.example", "Undelivered Mail Returned to Sender", POSTFIX), "failed", "5.1.1", OURS),
        (
            plain(
                "Mail Delivery System <Mailer-Daemon@mx.example>",
                "Mail delivery failed: returning message to sender",
                EXIM,
                "X-Failed-Recipients: weg@example.be\nAuto-Submitted: auto-replied\n",
            ),
            "failed",
            None,
            OURS,
        ),
        (
            plain(
                "Mailer-Daemon@mx.example", "Warning: message 1abc delayed 24 hours", EXIM_LATE, "Auto-Submitted: auto-replied\n"
            ),
            "delayed",
            None,
            OURS,
        ),
        (plain("mailer-daemon@googlemail.com", "Delivery Status Notification (Failure)", GMAIL), "failed", "5.1.1", None),
        (plain("mailer-daemon@googlemail.com", "Delivery Status Notification (Delay)", GMAIL_LATE), "delayed", None, None),
        (plain("System Administrator <postmaster@mx.example>", "Undeliverable: Ontvangst", EXCHANGE), "failed", "5.1.1", None),
        (plain("Mailer-Daemon@mx.example", "Message status - undeliverable", GROUPWISE), "failed", None, None),
        (plain("postmaster@mx.example", "Onbestelbaar: Ontvangstbevestiging", DUTCH), "failed", "5.1.1", None),
        (plain("postmaster@mx.example", "Aflevering vertraagd: Ontvangstbevestiging", DUTCH_LATE), "delayed", "4.4.1", None),
        (plain("postmaster@mx.example", "=?utf-8?q?Non_remis=C2=A0=3A_Bevestiging?=", FRENCH), "failed", "5.1.10", None),
        (plain("postmaster@mx.example", "Unzustellbar: Bevestiging", GERMAN), "failed", "5.7.1", None),
        (plain("MAILER-DAEMON", "failure notice", QMAIL), "failed", "5.1.1", OURS),
        (plain("mailserver@mx.example", "Undeliverable mail", "550 5.1.1 user unknown"), "failed", "5.1.1", None),
    ],
)
def test_reports_in_words_are_understood(raw: bytes, action: str, status: str | None, message_id: str | None) -> None:
    assert bounce(raw) == Bounce(action=BounceAction(action), status=status, message_id=message_id)


@pytest.mark.parametrize(
    "raw",
    [
        # an out-of-office of Microsoft 365 comes from postmaster, with a null return path
        plain(
            "postmaster@mx.example",
            "Automatic reply: Ontvangstbevestiging",
            "I am out of the office and your message will not be delivered to anybody.",
            "Return-Path: <>\nAuto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\n",
        ),
        plain("postmaster@school.example", "Vraag van onze school", "Een leerling werd niet bereikt.", ""),
        plain("Noor <noor@example.be>", "Undeliverable", "Mijn mail could not be delivered, wat nu?", ""),
        plain("Noor <noor@example.be>", "Vraag", "Mijn mail kon niet worden bezorgd: 550 5.1.1", "Return-Path: <>\n"),
        report("Disposition: automatic-action/MDN-sent; displayed\n", kind="disposition-notification"),
        mail(
            "From: fbl@isp.example\nSubject: complaint\nContent-Type: multipart/report; report-type=feedback-report; boundary=q\n\n"
            f"--q\nContent-Type: text/plain\n\nSpam\n--q\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
            f"--q\nContent-Type: message/rfc822\n\n{RETURNED}\n--q--\n"
        ),
        mail(
            "From: Noor <noor@example.be>\nSubject: Fwd: Undelivered Mail\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nKijk\n"
            f"--q\nContent-Type: message/delivery-status\n\n{group('failed', '5.1.1')}\n--q--\n"
        ),
        b"",
        mail("Subject: x\n\nfailure notice"),
    ],
)
def test_what_is_no_delivery_report_says_nothing(raw: bytes) -> None:
    assert bounce(raw) is None


def test_a_number_that_looks_like_a_code_is_none() -> None:
    found = bounce(plain("MAILER-DAEMON@mx.example", "failure notice", "host 5.1.1.12 refused; version 15.1.1 of 2024"))
    assert found == Bounce(action=BounceAction.FAILED)


def test_a_report_of_any_length_is_read_at_once() -> None:
    raw = plain("MAILER-DAEMON@mx.example", "failure notice", "delayed " * 200_000 + "message-id: <" + "x" * 100_000)
    parsed = parse(raw)
    assert bounces.read(parsed) is not None
