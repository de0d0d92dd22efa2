"""From a received mail to what is registered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from onthaal_schema.contact import MailSubmission, Nature, ParseStatus
from onthaal_schema.intake import FileUpload, Intake
from onthaal_schema.problems import Erased, InvalidInput, PayloadTooLarge, ServiceUnavailable
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.received import ReceivedMail
from tests.unit.mail_ingest.awkward import HEAD, PDF, PLAIN, mail, parts

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
MAIL = ReceivedMail(parts(PLAIN, PDF), NOW, "noor@example.be", ("meldpunt@example.be",))


class Registry:
    """An `Intake` that can register and nothing else; it refuses what it is told to refuse."""

    def __init__(self, refuses: Any = lambda _submission, _files: None) -> None:
        """Ask `refuses` for a problem to raise."""
        self.refuses = refuses
        self.held: list[tuple[UUID, MailSubmission, Sequence[FileUpload]]] = []

    async def register(self, contact_id: UUID, submission: MailSubmission, files: Sequence[FileUpload] = ()) -> None:
        """Hold a contact or raise."""
        problem = self.refuses(submission, files)
        if problem:
            raise problem
        self.held.append((contact_id, submission, files))


async def taken_in(mail: ReceivedMail, registry: Registry) -> UUID:
    """Take a mail in."""
    async with LimitedParser(workers=1) as parser:
        return await Ingest(cast("Intake", registry), parser).take_in(mail)


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


def test_the_same_bytes_to_the_same_addresses_are_the_same_contact() -> None:
    again = ReceivedMail(MAIL.original, NOW.replace(hour=12), None, ("MELDPUNT@example.be",))
    assert again.contact_id == MAIL.contact_id
    assert replace(MAIL, original=MAIL.original + b" ").contact_id != MAIL.contact_id
    assert replace(MAIL, envelope_recipients=("info@example.be",)).contact_id != MAIL.contact_id


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
    assert await taken_in(MAIL, Registry(lambda *_: Erased())) == MAIL.contact_id


@pytest.mark.parametrize("problem", [ServiceUnavailable, PayloadTooLarge])
async def test_what_is_not_stored_is_not_said_to_be(problem: type[Exception]) -> None:
    with pytest.raises(problem):
        await taken_in(MAIL, Registry(lambda *_: problem()))
