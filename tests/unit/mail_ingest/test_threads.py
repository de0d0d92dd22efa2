"""What a mail tells of where it belongs, of who wrote it, and of whom may be answered."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest

from onthaal_schema.contact import Nature
from onthaal_schema.mail import BounceAction
from services.mail_ingest import frames
from services.mail_ingest.machine_mail import Judgement, MachineReason
from services.mail_ingest.parser import parse
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.threads import Clues, Ours, read
from tests.unit.mail_ingest.awkward import mail

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
TOKEN, OTHER = "abcdefghijklmnopqrstuvwxyz234567", "z" * 32
OURS = Ours(
    addresses=frozenset({"meldpunt@example.be", "info@example.be"}),
    bounce_address="bounce@example.be",
    staff_address="kopie@example.be",
    staff_domains=frozenset({"example.be"}),
    staff_networks=(ip_network("10.1.0.0/16"),),
    authserv_id="mx.example.be",
    answers=True,
)
WRITTEN = "From: Noor <noor@example.org>\nTo: meldpunt@example.be\nSubject: Vraag\nMessage-ID: <een@example.org>\n"
STAFF = "From: An <an@example.be>\nTo: noor@example.org\nBcc: kopie@example.be\nSubject: Antwoord\n"
TO_STAFF = ("kopie@example.be",)


def clues(
    headers: str = WRITTEN,
    sender: str | None = "noor@example.org",
    recipients: tuple[str, ...] = (),
    peer: str | None = None,
    ours: Ours = OURS,
    text: str = "Dag",
) -> Clues:
    """Read the clues of a mail with these headers, as it travels from the parsing process."""
    raw = mail(f"{headers}\n{text}")
    parsed = frames.unpack(frames.pack(parse(raw)))
    return read(parsed, ReceivedMail(raw, NOW, sender, recipients, ip_address(peer) if peer else None), ours)


# --- tokens


@pytest.mark.parametrize(
    "headers",
    [
        f"To: meldpunt+{TOKEN}@example.be",
        f"To: Meldpunt <MELDPUNT+{TOKEN.upper()}@Example.BE>",
        f"Cc: iemand@example.org, info+{TOKEN}@example.be",
        f"Delivered-To: bounce+{TOKEN}@example.be",
        f"X-Original-To: meldpunt+{TOKEN}@example.be",
        f"Envelope-To: meldpunt+{TOKEN}@example.be",
    ],
)
def test_a_token_is_found_in_whatever_address_of_ours_it_came_to(headers: str) -> None:
    assert clues(f"From: noor@example.org\n{headers}\n").tokens == (TOKEN,)


def test_a_token_is_found_in_the_envelope_and_each_once() -> None:
    recipients = (f"meldpunt+{OTHER}@example.be", f"bounce+{TOKEN}@example.be")
    assert clues(f"{WRITTEN}Cc: meldpunt+{TOKEN}@example.be\n", recipients=recipients).tokens == (OTHER, TOKEN)


@pytest.mark.parametrize(
    "address",
    [
        f"meldpunt+{TOKEN}@example.org",  # not ours
        f"ander+{TOKEN}@example.be",
        f"meldpunt+{TOKEN[:-1]}@example.be",
        f"meldpunt+{TOKEN}a@example.be",
        f"meldpunt+{TOKEN[:-1]}1@example.be",
        f"meldpunt+x+{TOKEN}@example.be",
        f"{TOKEN}@example.be",
    ],
)
def test_what_has_not_the_form_or_the_place_of_a_token_is_none(address: str) -> None:
    assert clues(f"From: noor@example.org\nTo: {address}\nSubject: {TOKEN}\n").tokens == ()


def test_neither_from_nor_subject_nor_text_give_a_token() -> None:
    raw = f"From: meldpunt+{TOKEN}@example.be\nReply-To: meldpunt+{TOKEN}@example.be\nSubject: meldpunt+{TOKEN}@example.be\n"
    assert clues(raw).tokens == ()


def test_a_flood_of_tokens_is_cut() -> None:
    many = ", ".join(f"meldpunt+{first}{'a' * 31}@example.be" for first in "abcdefghijklmnopqrstuvwxyz")
    assert len(clues(f"From: noor@example.org\nTo: {many}\n").tokens) == 10


# --- references


def test_the_best_reference_comes_first() -> None:
    found = clues(f"{WRITTEN}In-Reply-To: <drie@example.be>\nReferences: <nul@x> <twee@example.be> <drie@example.be>\n")
    assert found.references == ("<drie@example.be>", "<twee@example.be>", "<nul@x>")


def test_a_mail_refers_to_nothing_by_empty_identifiers_or_by_its_own() -> None:
    assert clues(f"{WRITTEN}In-Reply-To: <>\nReferences: <een@example.org> < >\n").references == ()


def test_a_flood_of_references_keeps_the_last_ones() -> None:
    many = " ".join(f"<{number}@x>" for number in range(99))
    found = clues(f"{WRITTEN}References: {many}\n").references
    assert len(found) == 50
    assert found[0] == "<98@x>"


# --- staff

PROOF = "Authentication-Results: mx.example.be; dkim=pass (2048-bit key) header.d=example.be; dmarc=pass (p=reject) header.from=example.be\n"


@pytest.mark.parametrize(
    "proof",
    [
        PROOF,
        "Authentication-Results: mx.example.be; dkim=pass header.i=@example.be\n",
        "Authentication-Results: MX.Example.be 1;\n spf=fail smtp.mailfrom=x;\n dmarc=pass header.from=Example.BE\n",
        "Authentication-Results: elders.example; dmarc=fail\n" + PROOF,
    ],
)
@pytest.mark.parametrize(
    "place", ["Cc: kopie@example.be\n", "Delivered-To: kopie@example.be\n", "X-Original-To: Kopie@example.be\n"]
)
def test_a_copy_from_staff_that_our_server_vouches_for_is_theirs(proof: str, place: str) -> None:
    found = clues(f"{proof}{place}{STAFF}", "an@example.be")
    assert found.by_staff
    assert found.answer_to is None


def test_a_copy_from_the_network_of_staff_is_theirs() -> None:
    assert clues(STAFF, "an@example.be", TO_STAFF, "10.1.2.3").by_staff
    assert not clues(STAFF, "an@example.be", TO_STAFF, "10.2.2.3").by_staff


@pytest.mark.parametrize(
    ("headers", "recipients"),
    [
        (STAFF, TO_STAFF),  # nobody vouches
        (f"{PROOF}{STAFF.replace('Bcc: kopie', 'Bcc: ander')}", ()),  # no copy to the service address
        (PROOF + STAFF.replace("an@example.be", "an@example.org"), TO_STAFF),  # not in a domain of staff
        (PROOF + STAFF.replace("an@example.be", "an@x.example.be"), TO_STAFF),
        (PROOF.replace("mx.example.be", "mx.example.org") + STAFF, TO_STAFF),  # somebody else vouches
        (PROOF.replace("=pass", "=none") + STAFF, TO_STAFF),
        (PROOF.replace("dmarc=pass", "dmarc=fail") + STAFF, TO_STAFF),  # and one fails
        (PROOF.replace("header.d=example.be", "header.d=boef.example").replace("dmarc=pass", "dmarc=none") + STAFF, TO_STAFF),
        (PROOF.replace("header.from=example.be", "header.from=boef.example").replace("dkim=pass", "dkim=none") + STAFF, TO_STAFF),
        ("Authentication-Results: mx.example.be; dmarc=none\n" + PROOF + STAFF, TO_STAFF),  # a second one, below ours: forged
        ('Authentication-Results: mx.example.be; spf=pass smtp.mailfrom="x; dmarc=pass"@boef.example\n' + STAFF, TO_STAFF),
        ("Authentication-Results: mx.example.be; dkim=pass header.d=be\n" + STAFF, TO_STAFF),
        (PROOF + "From: boef@boef.example\n" + STAFF, TO_STAFF),  # which From was proved?
        (PROOF + STAFF.replace("From: An <an@example.be>", "From: an@example.be, boef@boef.example"), TO_STAFF),
        (f"X-Authentication-Results: mx.example.be; dmarc=pass\nReceived-SPF: pass\n{STAFF}", TO_STAFF),
    ],
)
def test_what_is_not_proved_to_be_of_staff_is_not(headers: str, recipients: tuple[str, ...]) -> None:
    assert not clues(headers, "an@example.be", recipients).by_staff


def test_without_the_name_of_our_server_nobody_is_believed() -> None:
    blind = replace(OURS, authserv_id="", staff_networks=())
    assert not clues(PROOF + STAFF, "an@example.be", TO_STAFF, ours=blind).by_staff
    unnamed = PROOF.replace("mx.example.be; ", "")
    assert not clues(unnamed + STAFF, "an@example.be", TO_STAFF, ours=blind).by_staff
    assert clues(unnamed + STAFF, "an@example.be", TO_STAFF, ours=replace(blind, authserv_id="*")).by_staff


def test_a_copy_of_staff_that_is_sent_in_the_name_of_the_helpline_is_no_machine() -> None:
    found = clues(PROOF + STAFF.replace("an@example.be", "meldpunt@example.be"), "meldpunt@example.be", TO_STAFF)
    assert found.by_staff
    assert found.judgement == Judgement()


def test_what_our_server_found_is_told_in_words() -> None:
    assert clues(PROOF + WRITTEN).authentication == "dkim=pass dmarc=pass"
    assert clues(PROOF.replace("mx.example.be", "mx.example.org") + WRITTEN).authentication == ""


# --- whom to answer


def test_a_person_is_answered_at_the_return_path_and_nowhere_else() -> None:
    headers = WRITTEN + "Reply-To: elders@example.net\n"
    assert clues(headers, "noor=1@example.org").answer_to == "noor=1@example.org"
    assert clues("Return-Path: <noor@mail.example.org>\n" + headers, None).answer_to == "noor@mail.example.org"


def test_the_topmost_return_path_counts() -> None:
    forged = "Return-Path: <slachtoffer@example.net>\n"
    assert clues(f"Return-Path: <noor@example.org>\n{forged}{WRITTEN}", None).answer_to == "noor@example.org"
    assert clues(f"Return-Path: <>\n{forged}{WRITTEN}", None).answer_to is None
    assert clues(f"Return-Path: \n{forged}{WRITTEN}", None).answer_to is None


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: no\n",
        "Auto-Submitted: NO; reden=x\n",
        "Auto-Submitted:\n",
        "Precedence: first-class\n",
        "X-Auto-Response-Suppress: None\n",
        "X-Auto-Response-Suppress: RN, NRN\n",
        "X-Spam-Flag: NO\nX-Spam-Status: No, score=1\n",
        "X-Zendeskundig: nee\n",
        "X-Loopbaan: trainer\n",
        "Authentication-Results: mx.example.be; dmarc=pass\n",
        "Authentication-Results: mx.example.org; dmarc=fail\n",  # somebody else's word
        "Authentication-Results: mx.example.be; dmarc=none\n",
        "Delivered-To: meldpunt@example.be\nX-Original-To: meldpunt@example.be\nEnvelope-To: meldpunt@example.be\n",
        "Delivered-To: meldpunt@example.be\nDelivered-To: info@example.be\n",  # one sends on to the other
        "Received: x\n" * 12,
    ],
)
def test_nothing_of_this_forbids_an_answer(headers: str) -> None:
    assert clues(headers + WRITTEN).answer_to == "noor@example.org"


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: auto-generated; x=y\n",
        "Auto-Submitted: iets\n",
        "List-Id: <lijst.example.org>\n",
        "List-Unsubscribe: <mailto:weg@example.org>\n",
        "List-Post: <mailto:meldpunt@example.be>\n",  # our own group: a person, who is not answered
        "Mailing-List: contact x\n",
        "Auto-Submitted: no\nAuto-Submitted: auto-replied\n",
        "Precedence: bulk\n",
        "Precedence: LIST\n",
        "Precedence: junk\n",
        "X-Auto-Response-Suppress: All\n",
        "X-Auto-Response-Suppress: RN, AutoReply\n",
        "X-Auto-Response-Suppress: dr\n",
        "X-Auto-Response-Suppress: OOF\n",
        "Feedback-ID: 1:2:3\n",
        "Feedback-ID:\n",
        "Content-Type: multipart/report; boundary=x\n",
        "X-Spam-Flag: YES\n",
        "X-Spam-Status: Yes, score=9\n",
        "Authentication-Results: mx.example.be; dmarc=fail (p=none) header.from=example.org\n",
        "X-Autoreply: yes\n",
        "X-Onthaal: acknowledgement\n",
        "Delivered-To: meldpunt@example.be\n" * 2,
        "Received: x\n" * 40,
        "X-Loop: iemand@example.org\n",
        "X-OTRS-Loop: yes\n",
        "RT-Ticket: example.org #12\n",
        "RT-Originator: iemand@example.org\n",
        "X-RT-Loop-Prevention: example.org\n",
        "X-JIRA-FingerPrint: abc\n",
        "X-Zendesk-Priority-Mail: abc\n",
        "X-Freshdesk-Source: 1\n",
        "X-Zammad-Ticket: 12\n",
        "Feedback-ID: 1:2\nPrecedence: bulk\nX-Mailer: Microsoft Outlook 16.0\n",
    ],
)
def test_each_of_these_forbids_an_answer(headers: str) -> None:
    assert clues(headers + WRITTEN).answer_to is None


def test_a_spam_verdict_forbids_an_answer_also_where_it_is_not_followed() -> None:
    found = clues("X-Spam-Flag: YES\n" + WRITTEN, ours=replace(OURS, trusts_spam_verdict=False))
    assert (found.judgement, found.answer_to) == (Judgement(), None)


@pytest.mark.parametrize(
    "nobody",
    [
        "<>",
        None,
        "MAILER-DAEMON@example.org",
        "postmaster@example.org",
        "owner-lijst@example.org",
        "lijst-request@example.org",
        "lijst-owner@example.org",
        "lijst-bounces@example.org",
        "bounces+noor=example.org@example.org",
        "noreply@example.org",
        "no-reply@example.org",
        "NoReply+123@example.org",
        "do-not-reply@example.org",
        "niet-beantwoorden@example.org",
        "ne-pas-repondre@example.org",
        "nicht-antworten@example.org",
        "no-reply123@example.org",
        "noreply+x@example.org",
        "noreply12ab@example.org",
        "bounce-12-noor@example.org",
        "bounce12@example.org",
        "notifications@example.org",
        "notification+12@example.org",
        "geen-antwoord-7@example.org",
        "meldpunt@example.be",
        "meldpunt+x@example.be",
        "kopie@example.be",
        f"bounce+{TOKEN}@example.be",
    ],
)
def test_nobody_is_answered_who_does_not_read(nobody: str | None) -> None:
    assert clues(WRITTEN, nobody).answer_to is None


@pytest.mark.parametrize(
    "somebody",
    [
        "postma@example.org",
        "request@example.org",
        "noor.noreply@example.org",
        "owner@example.org",
        "bouncken@example.org",
        "noah.reply@example.org",
        "notifia@example.org",
        "alertina@example.org",
        "root.jan@example.org",
        "not.jan@example.org",
    ],
)
def test_who_only_has_such_a_name_is_answered(somebody: str) -> None:
    assert clues(WRITTEN, somebody).answer_to == somebody


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Afwezig: Re: Vraag", "Dag"),
        ("Automatisch antwoord: Vraag", "Dag"),
        ("Re: Automatisch antwoord: Vraag", "Dag"),
        ("Re: Fwd: Réponse automatique : Question", "Dag"),
        ("AW: WG: Automatische Antwort: Frage", "Dag"),
        ("Fwd: Out of Office: your question", "Dag"),
        ("RE[2]: Automatic reply: x", "Dag"),
        ("Absent: RE: Question", "Dag"),
        ("Abwesend: Frage", "Dag"),
        ("Afwezig", "Ik ben momenteel afwezig en lees geen mail."),
    ],
)
def test_what_may_be_an_automatic_answer_is_not_answered_and_is_a_persons_or_not_by_stronger_signs(
    subject: str, text: str
) -> None:
    found = clues(WRITTEN.replace("Subject: Vraag", f"Subject: {subject}"), text=text)
    assert found.answer_to is None
    assert found.judgement == Judgement()


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Afwezig op het werk na wat er gebeurde", "Dag"),
        ("Afwezig", "Mijn zoon durft niet meer naar de training."),
        ("Re: Vraag", "Ik ben afwezig van school."),
        ("Automatisch ingeschreven voor het kamp", "Dag"),
        ("Absent au travail", "Dag"),
        ("Re: Re: Re: Fwd: Antw: vraag", "Dag"),
        ("Away game: what the coach did", "Dag"),
    ],
)
def test_a_person_whose_words_look_like_a_machines_is_answered(subject: str, text: str) -> None:
    assert clues(WRITTEN.replace("Subject: Vraag", f"Subject: {subject}"), text=text).answer_to == "noor@example.org"


def test_a_return_path_that_was_made_for_us_is_not_answered() -> None:
    assert clues(WRITTEN, "b-12-Meldpunt=example.be@lijst.example.org").answer_to is None


def test_who_writes_in_the_name_of_a_machine_is_not_answered() -> None:
    assert clues(WRITTEN.replace("noor@example.org", "noreply@example.org")).answer_to is None


def test_a_mail_that_is_not_addressed_to_us_is_not_answered() -> None:
    hidden = WRITTEN.replace("To: meldpunt@example.be", "To: undisclosed-recipients:;")
    assert clues(hidden, recipients=("meldpunt@example.be",)).answer_to is None
    assert clues(WRITTEN.replace("To: meldpunt", f"Cc: iemand@x.be, Info+{TOKEN}")).answer_to == "noor@example.org"


def test_nobody_is_answered_where_answers_are_off() -> None:
    assert clues(ours=replace(OURS, answers=False)).answer_to is None


def test_a_mail_that_could_not_be_read_is_not_answered() -> None:
    raw = mail(f"{WRITTEN}\nDag")
    parsed = parse(raw)
    failed = replace(parsed, status=type(parsed.status).FAILED)
    assert read(failed, ReceivedMail(raw, NOW, "noor@example.org"), OURS).answer_to is None


# --- reports


def test_a_report_is_a_machine_and_is_not_answered() -> None:
    found = clues(
        f"From: system.administrator@example.org\nTo: bounce+{TOKEN}@example.be\nSubject: Onbestelbaar: bericht\n",
        "systeem@example.org",
    )
    assert found.bounce
    assert found.bounce.action is BounceAction.FAILED
    assert found.tokens == (TOKEN,)
    assert found.judgement == Judgement(Nature.MACHINE, MachineReason.REPORT)
    assert found.answer_to is None


def test_nothing_about_a_mail_without_headers_is_known() -> None:
    assert clues("", None) == Clues()
