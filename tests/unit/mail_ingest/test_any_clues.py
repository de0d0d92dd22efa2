"""Whatever stands in the headers of a mail, its clues can be told in the words of the contract, and forge nothing."""

from datetime import UTC, datetime
from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from services.mail_ingest import frames
from services.mail_ingest.ingest import incoming
from services.mail_ingest.parser import parse
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.threads import Ours, read

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
OURS = Ours(
    addresses=frozenset({"meldpunt@example.be"}),
    bounce_address="bounce@example.be",
    staff_address="kopie@example.be",
    staff_domains=frozenset({"example.be"}),
    staff_networks=(ip_network("10.0.0.0/8"),),
    authserv_id="mx.example.be",
    answers=True,
)

NAMES = st.sampled_from(
    [
        "From",
        "To",
        "Cc",
        "Reply-To",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Date",
        "Return-Path",
        "Delivered-To",
        "X-Original-To",
        "Envelope-To",
        "Received",
        "Auto-Submitted",
        "Precedence",
        "List-Id",
        "X-Auto-Response-Suppress",
        "X-Spam-Flag",
        "Feedback-ID",
        "X-Failed-Recipients",
        "Content-Type",
        "X-Mailer",
    ]
)
PIECES = st.sampled_from([
    "meldpunt@example.be", "an@example.be", "noor@example.org", f"meldpunt+{TOKEN}@example.be", f"bounce+{TOKEN}@example.be",
    "<>", "<a@b>", "<kopie@example.be>", "MAILER-DAEMON@x", "postmaster@x", "Undelivered Mail", "Automatisch antwoord:", "yes", "no",
    "auto-replied", "bulk", "multipart/report; report-type=delivery-status; boundary=q", "=?utf-8?q?=C3=A9?=", "Outlook", ",", ";", '"',
    "(", ")", "mx.example.be; dmarc=pass", "\x00", "\x07", "é", "\ud800", "x" * 500,
])  # fmt: skip
VALUES = st.lists(PIECES | st.text(max_size=30), max_size=6).map(" ".join)
BODIES = st.sampled_from([
    "Dag",
    "550 5.1.1 user unknown",
    f"Message-ID: <{'x' * 300}@y>",
    "--q\nContent-Type: message/delivery-status\n\nA: b\n\nAction: failed\nStatus: 5.1.1\n\n--q\nContent-Type: message/rfc822\n\nMessage-ID: <a@b>\n\n--q--",
])  # fmt: skip
MAILS = st.tuples(st.lists(st.tuples(NAMES, VALUES), max_size=12), BODIES).map(
    lambda told: ("\n".join(f"{name}: {value}" for name, value in told[0]) + f"\n\n{told[1]}").encode("utf-8", "surrogatepass")
)


@settings(max_examples=400, deadline=None)
@given(MAILS, st.sampled_from([None, "<>", "noor@example.org", "an@example.be"]))
def test_clues_of_any_mail_are_within_the_contract_and_no_stranger_is_taken_for_staff(raw: bytes, sender: str | None) -> None:
    parsed = frames.unpack(frames.pack(parse(raw)))
    mail = ReceivedMail(raw, NOW, sender)
    clues = read(parsed, mail, OURS)
    incoming(mail, parsed, clues)  # raises when anything is outside of it
    assert not clues.by_staff  # nobody vouched: no header of ours, no network of ours
    assert set(clues.tokens) <= {TOKEN}
    assert clues.answer_to in {None, sender, parsed.route.return_path}
    if clues.judgement.nature or clues.bounce:
        assert clues.answer_to is None
