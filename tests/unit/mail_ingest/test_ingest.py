"""From a received mail to what is registered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from onthaal_schema.contact import MailSubmission, Nature, ParseStatus
from onthaal_schema.intake import FileUpload, Intake
from onthaal_schema.mail import IncomingMail, MailOutcome, MailReceipt, Place
from onthaal_schema.problems import Erased, InvalidInput, PayloadTooLarge, ServiceUnavailable
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.threads import Ours
from tests.unit.mail_ingest.awkward import HEAD, PDF, PLAIN, mail, parts

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
MAIL = ReceivedMail(parts(PLAIN, PDF), NOW, "noor@example.be", ("meldpunt@example.be",))


class Registry:
    """An `Intake` that takes mail and nothing else; it refuses what it is told to refuse."""

    def __init__(self, refuses: Any = lambda _submission, _files: None) -> None:
        """Ask `refuses` for a problem to raise."""
        self.refuses = refuses
        self.held: list[tuple[UUID, MailSubmission, Sequence[FileUpload]]] = []
        self.mails: list[IncomingMail] = []

    async def take_mail(self, mail_id: UUID, mail: IncomingMail, files: Sequence[FileUpload] = ()) -> MailReceipt:
        """Hold a mail or raise."""
        problem = self.refuses(mail.contact, files)
        if problem:
            raise problem
        self.held.append((mail_id, mail.contact, files))
        self.mails.append(mail)
        return MailReceipt(mail_id=mail_id, outcome=MailOutcome.ACCEPTED, contact_id=mail_id)


async def taken_in(mail: ReceivedMail, registry: Registry, ours: Mapping[str, Ours] | None = None) -> UUID:
    """Take a mail in."""
    async with LimitedParser(workers=1) as parser:
        return (await Ingest(cast("Intake", registry), parser, ours or {}).take_in(mail)).mail_id


async def test_a_mail_is_registered_with_its_text_its_files_and_its_original() -> None:
    registry = Registry()
    contact_id = await taken_in(MAIL, registry)
    ((held_id, submission, files),) = registry.held
    assert held_id == contact_id
    assert (submission.subject, submission.text, submission.received_at, submission.nature) == ("Vraag", "Dag", NOW, None)
    assert submission.person
    assert (submission.person.name, submission.person.email) == ("Noor Peeters", "noor@example.be")
    assert submission.details
    assert submission.details.recipients == ("meldpunt@example.be",)
    assert [(file.name, file.role, file.content) for file in files] == [
        ("original.eml", "original", MAIL.original),
        ("brief.pdf", "attachment", b"%PDF"),
    ]


async def test_a_machine_mail_says_why_it_is_one() -> None:
    registry = Registry()
    await taken_in(ReceivedMail(mail(f"Auto-Submitted: auto-replied\n{HEAD}\nDag"), NOW, "<>"), registry)
    ((_, submission, _),) = registry.held
    assert submission.nature is Nature.MACHINE
    assert submission.details
    assert submission.details.machine_reason == "autoSubmitted"


async def test_a_mail_without_a_plausible_sender_has_no_person() -> None:
    registry = Registry()
    await taken_in(ReceivedMail(mail("From: <>\nSubject: x\n\nDag"), NOW), registry)
    ((_, submission, _),) = registry.held
    assert submission.person is None
    assert not submission.anonymous


def test_the_same_bytes_in_the_same_mailbox_are_the_same_mail() -> None:
    again = ReceivedMail(MAIL.original, NOW.replace(hour=12), MAIL.envelope_sender, ("info@example.be",))
    assert again.mail_id == MAIL.mail_id
    assert replace(MAIL, mailbox="post", envelope_sender=None).mail_id == replace(MAIL, mailbox="post").mail_id
    assert replace(MAIL, original=MAIL.original + b" ").mail_id != MAIL.mail_id
    assert replace(MAIL, mailbox="post").mail_id != MAIL.mail_id


def test_the_same_word_from_two_senders_is_two_mails() -> None:
    assert replace(MAIL, envelope_sender="an@example.be").mail_id != replace(MAIL, envelope_sender="bo@example.be").mail_id


async def test_a_mail_too_large_is_handed_in_with_its_headers_and_a_notice() -> None:
    registry = Registry()
    large = ReceivedMail(parts(PLAIN, PDF), NOW, mailbox="post", place=Place(uid_validity=1, uid=2)).headers_alone()
    await taken_in(replace(large, too_large=40_123_456), registry)
    (handed_in,) = registry.mails
    assert (handed_in.oversize, handed_in.contact.subject, handed_in.fingerprint) == (True, "Vraag", None)
    assert "40,1 MB" in (handed_in.contact.text or "")
    ((_, _, files),) = registry.held
    assert [(file.name, file.role) for file in files] == [("kopregels.txt", "attachment")]
    assert b"%PDF" not in files[0].content


async def test_a_mail_is_handed_in_with_what_tells_where_it_belongs() -> None:
    registry = Registry()
    token = "a" * 32
    raw = mail(f"To: help+{token}@example.be\nIn-Reply-To: <antwoord@example.be>\n{HEAD}\nDag")
    ours = {"post": Ours(addresses=frozenset({"help@example.be"}))}
    await taken_in(ReceivedMail(raw, NOW, mailbox="post", place=Place(uid_validity=1, uid=2)), registry, ours)
    (handed_in,) = registry.mails
    assert (handed_in.mailbox, handed_in.place) == ("post", Place(uid_validity=1, uid=2))
    assert (handed_in.tokens, handed_in.references) == ((token,), ("<antwoord@example.be>",))


async def test_a_clue_that_the_contract_has_no_room_for_never_costs_the_mail() -> None:
    registry = Registry()
    await taken_in(ReceivedMail(mail(f"In-Reply-To: <{'x' * 500}@example.be>\n{HEAD}\nDag"), NOW), registry)
    assert len(registry.held) == 1


async def test_files_too_large_to_be_stored_stay_in_the_original() -> None:
    registry = Registry(lambda _, files: PayloadTooLarge() if len(files) > 1 else None)
    await taken_in(MAIL, registry)
    ((_, submission, files),) = registry.held
    assert (submission.text, [file.role for file in files]) == ("Dag", ["original"])
    assert submission.details
    assert submission.details.parse_status is ParseStatus.PARTIAL


async def test_what_the_intake_finds_wrong_in_the_reading_never_costs_the_mail() -> None:
    registry = Registry(lambda submission, _: InvalidInput() if submission.subject else None)
    await taken_in(ReceivedMail(mail(f"Precedence: bulk\n{HEAD}\nDag"), NOW), registry)
    ((_, submission, files),) = registry.held
    assert submission.details
    assert (submission.details.parse_status, submission.nature) == (ParseStatus.FAILED, Nature.MACHINE)
    assert files[0].role == "original"


async def test_a_mail_that_was_erased_is_not_brought_back_and_not_asked_for_again() -> None:
    assert await taken_in(MAIL, Registry(lambda *_: Erased())) == MAIL.mail_id


@pytest.mark.parametrize("problem", [ServiceUnavailable, PayloadTooLarge])
async def test_what_is_not_stored_is_not_said_to_be(problem: type[Exception]) -> None:
    with pytest.raises(problem):
        await taken_in(MAIL, Registry(lambda *_: problem()))
