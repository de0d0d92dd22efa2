"""What `Intake` promises of mail, kept by both adapters on both engines."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from onthaal_schema.channel import Channel
from onthaal_schema.contact import (
    ChatSubmission,
    Kind,
    MailDetails,
    MailSubmission,
    Nature,
    ParseStatus,
    Person,
    PhoneSubmission,
)
from onthaal_schema.intake import FileUpload, Intake
from onthaal_schema.mail import (
    Bounce,
    BounceAction,
    IncomingMail,
    MailboxReport,
    MailOutcome,
    MailReading,
    MailReceipt,
    OutgoingMail,
    OutgoingResult,
    Place,
    SentMail,
)
from onthaal_schema.message import Direction
from onthaal_schema.outgoing import OutgoingKind, OutgoingStatus
from onthaal_schema.problems import (
    Conflict,
    Erased,
    InvalidInput,
    MissingScope,
    NotFound,
    ProblemError,
    StateConflict,
)
from onthaal_schema.requests import ContactQuery, Correction, Retag
from onthaal_schema.wire import to_wire
from onthaal_schema.worklist import WorkReason
from tests.contract.conftest import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

MELDING = "Mijn trainer raakte mij vorige week aan in de kleedkamer. Ik wil dit melden."
STAFF = "medewerker@meldpunt.example"


def original(content: str) -> FileUpload:
    return FileUpload("original.eml", "message/rfc822", content.encode(), "original")


@dataclass
class Post:
    """Somebody who mails, and the mailbox that takes it in."""

    intake: Intake
    reader: Intake
    house: House
    address: str = field(default_factory=lambda: f"{uuid4().hex[:12]}@voorbeeld.be")
    mailbox: str = field(default_factory=lambda: f"box-{uuid4().hex[:12]}")

    def mail(self, text: str = MELDING, **other: Any) -> IncomingMail:
        """Write a mail of a person that may be answered, under a Message-ID of its own."""
        details = MailDetails(
            sent_at=other.pop("sent_at", None),
            message_id=other.pop("message_id", f"<{uuid4()}@voorbeeld.be>"),
            parse_status=other.pop("parse_status", ParseStatus.COMPLETE),
        )
        sender = other.pop("sender", self.address)
        contact = MailSubmission(
            channel=Channel.MAIL,
            text=text,
            person=Person(email=sender),
            details=details,
            nature=other.pop("nature", None),
            received_at=other.pop("received_at", None),
            language=other.pop("language", None),
        )
        values = {"mailbox": self.mailbox, "answer_to": sender, "fingerprint": uuid4().hex, **other}
        return IncomingMail(contact=contact, **values)

    async def take(self, mail: IncomingMail | None = None, files: Sequence[FileUpload] = (), **other: Any) -> MailReceipt:
        """Take a mail in under an id of its own."""
        return await self.intake.take_mail(uuid4(), mail or self.mail(**other), files)

    async def claimed(self, contact_id: UUID) -> list[OutgoingMail]:
        """Claim everything, and give what is about one contact."""
        found: list[OutgoingMail] = []
        while claimed := await self.intake.claim_outgoing():
            found += [mail for mail in claimed if mail.contact_id == contact_id]
        return found

    async def acknowledged(self, **other: Any) -> tuple[UUID, OutgoingMail]:
        """Take a mail in that is acknowledged; gives its contact and the acknowledgement."""
        receipt = await self.take(**other)
        [sent] = await self.claimed(receipt.contact_id)
        return receipt.contact_id, sent

    async def reasons(self, contact_id: UUID) -> set[WorkReason]:
        """Say why a contact is on the work list."""
        return {item.reason for item in (await self.reader.work_list()).items if item.contact.id == contact_id}

    async def texts(self, contact_id: UUID) -> list[tuple[Direction, str]]:
        """Give the messages of a contact."""
        return [(one.direction, one.text) for one in await self.reader.messages(contact_id)]


@pytest_asyncio.fixture(loop_scope="module")
async def post(house: House) -> Post:
    reader = await house.scoped("contacts:read", "contacts:write", "contacts:tag", "worklist:write")
    return Post(await house.own("mail_ingest"), reader, house)


async def outcome_of(call: Awaitable[object]) -> str:
    try:
        await call
    except ProblemError as problem:
        return type(problem).__name__
    return "done"


# Once, whatever comes again


async def test_a_mail_is_a_contact_with_its_original_and_its_files(post: Post) -> None:
    mail_id = uuid4()
    scanned = FileUpload("foto.jpg", "image/jpeg", b"%PDF-1.7", sniffed="application/pdf", virus="clean")
    shown = FileUpload("mail.html", "text/html", b"<p>Dag</p>", "display")
    receipt = await post.intake.take_mail(mail_id, post.mail(), [original("Subject: a\r\n\r\nb"), scanned, shown])
    assert receipt == MailReceipt(mail_id=mail_id, outcome=MailOutcome.ACCEPTED, contact_id=receipt.contact_id)
    contact = await post.reader.contact(receipt.contact_id)
    assert (contact.channel, contact.text, contact.nature) == (Channel.MAIL, MELDING, Nature.PERSON)
    assert [(file.role, file.name, file.sniffed, file.virus) for file in contact.files] == [
        ("original", "original.eml", None, None),
        ("attachment", "foto.jpg", "application/pdf", "clean"),
        ("display", "mail.html", None, None),
    ]
    assert (await post.reader.file(contact.id, contact.files[1].id)).content == b"%PDF-1.7"


async def test_the_same_mail_again_gives_the_receipt_that_was_given(post: Post) -> None:
    mail_id, mail = uuid4(), post.mail()
    first = await post.intake.take_mail(mail_id, mail, [original("a")])
    assert (
        await post.intake.take_mail(mail_id, post.mail("beter gelezen", fingerprint=mail.fingerprint), [original("a")]) == first
    )


async def test_twelve_equal_mails_at_once_are_one_contact_with_one_answer(post: Post) -> None:
    mail_id, mail = uuid4(), post.mail()
    receipts = await asyncio.gather(*(post.intake.take_mail(mail_id, mail, [original("a")]) for _ in range(12)))
    assert set(receipts) == {receipts[0]}
    assert len(await post.claimed(receipts[0].contact_id)) == 1
    assert (await post.intake.mailbox(post.mailbox, 1)).outcomes == {MailOutcome.ACCEPTED: 1}
    assert len((await post.reader.contact(receipts[0].contact_id)).files) == 1


async def test_equal_mails_under_two_numbers_at_once_are_one_contact_that_lies_at_both(post: Post) -> None:
    mail_id, mail = uuid4(), post.mail()
    places = [mail.model_copy(update={"place": Place(uid_validity=7, uid=uid)}) for uid in (1, 2, 3, 4)]
    receipts = await asyncio.gather(*(post.intake.take_mail(mail_id, one) for one in places))
    assert set(receipts) == {receipts[0]}
    assert (await post.intake.mailbox(post.mailbox, 7)).held == "1:4"


async def test_one_mail_in_other_bytes_is_a_duplicate_also_when_both_come_at_once(post: Post) -> None:
    mail = post.mail()
    receipts = await asyncio.gather(*(post.take(mail) for _ in range(6)))
    assert sorted(receipt.outcome for receipt in receipts) == [MailOutcome.ACCEPTED, *[MailOutcome.DUPLICATE] * 5]
    assert len({receipt.contact_id for receipt in receipts}) == 1
    assert (await post.intake.mailbox(post.mailbox, 1)).outcomes == {MailOutcome.ACCEPTED: 1, MailOutcome.DUPLICATE: 5}


async def test_a_duplicate_in_another_mailbox_is_a_contact(post: Post) -> None:
    mail = post.mail()
    first, second = await post.take(mail), await post.take(mail.model_copy(update={"mailbox": f"{post.mailbox}-2"}))
    assert (second.outcome, second.contact_id != first.contact_id) == (MailOutcome.ACCEPTED, True)


async def test_another_mail_under_the_same_message_id_is_another_contact(post: Post) -> None:
    receipts = [await post.take(text=text, message_id="<zelfde@voorbeeld.be>") for text in ("een", "twee")]
    assert [receipt.outcome for receipt in receipts] == [MailOutcome.ACCEPTED] * 2
    assert len({receipt.contact_id for receipt in receipts}) == 2


async def test_a_mail_without_fingerprint_is_never_a_duplicate(post: Post) -> None:
    receipts = [await post.take(fingerprint=None) for _ in range(2)]
    assert len({receipt.contact_id for receipt in receipts}) == 2


async def test_a_mail_that_was_registered_by_its_id_is_not_taken_in_twice(post: Post) -> None:
    contact_id = uuid4()
    await post.reader.register(contact_id, post.mail().contact)
    assert (await post.intake.take_mail(contact_id, post.mail())).contact_id == contact_id
    assert (await post.reader.contact(contact_id)).version == 1


@pytest.mark.parametrize("moment", [datetime(2199, 1, 1, tzinfo=UTC), datetime(1912, 1, 1, tzinfo=UTC)])
async def test_a_mail_of_a_moment_that_cannot_be_is_taken_all_the_same(post: Post, moment: datetime) -> None:
    receipt = await post.take(received_at=moment)
    received_at = (await post.reader.contact(receipt.contact_id)).received_at
    assert datetime(1970, 1, 1, tzinfo=UTC) < received_at <= datetime.now(UTC)


# Acknowledgements


async def test_a_mail_is_acknowledged_once_in_its_language(post: Post) -> None:
    contact_id, sent = await post.acknowledged(language="fr", message_id="<vraag@voorbeeld.be>")
    assert (sent.kind, sent.to, sent.language, sent.mailbox) == (
        OutgoingKind.ACKNOWLEDGEMENT,
        post.address,
        "fr",
        post.mailbox,
    )
    assert (sent.in_reply_to, sent.references, sent.attempts) == ("<vraag@voorbeeld.be>", ("<vraag@voorbeeld.be>",), 0)
    assert sent.message_id.endswith("@meldpunt.example>")
    assert not await post.claimed(contact_id), "a mail that is claimed is nobody else's"
    [state] = (await post.reader.contact(contact_id)).outgoing
    assert (state.id, state.status, state.kind) == (sent.id, OutgoingStatus.QUEUED, OutgoingKind.ACKNOWLEDGEMENT)


async def test_an_unknown_language_is_answered_in_dutch(post: Post) -> None:
    _, sent = await post.acknowledged(language="pl")
    assert sent.language == "nl"


async def test_whoever_writes_twice_at_once_or_later_is_answered_once(post: Post) -> None:
    receipts = list(await asyncio.gather(*(post.take() for _ in range(5))))
    receipts.append(await post.take())
    claimed = [mail for receipt in receipts for mail in (await post.reader.contact(receipt.contact_id)).outgoing]
    assert len(claimed) == 1


@pytest.mark.parametrize(
    "mail",
    [
        {"answer_to": None},
        {"nature": Nature.MACHINE},
        {"nature": Nature.SPAM},
        {"oversize": True},
        {"parse_status": ParseStatus.FAILED},
        {"mailbox": "stil"},
        {"mailbox": "stiller"},
        {"bounce": Bounce(action=BounceAction.FAILED)},
        {"by_staff": True},
    ],
    ids=lambda mail: next(iter(mail)),
)
async def test_what_must_not_be_answered_is_not(post: Post, mail: dict[str, Any]) -> None:
    receipt = await post.take(**mail)
    assert not [one for one in (await post.reader.contact(receipt.contact_id)).outgoing if one.status == OutgoingStatus.QUEUED]


async def test_what_lay_in_a_mailbox_before_it_was_first_read_is_not_answered(post: Post) -> None:
    seen = await post.intake.mailbox(post.mailbox, 3)
    before, after = seen.first_seen_at - timedelta(seconds=1), seen.first_seen_at
    old = await post.take(received_at=before, place=Place(uid_validity=3, uid=1))
    new = await post.take(received_at=after, place=Place(uid_validity=3, uid=2))
    assert [len((await post.reader.contact(one.contact_id)).outgoing) for one in (old, new)] == [0, 1]


async def test_a_mail_that_was_said_to_be_no_persons_is_not_answered_any_more(post: Post) -> None:
    receipt = await post.take()
    await post.reader.retag(receipt.contact_id, Retag(kind=Kind.VRAAG, nature=Nature.SPAM))
    assert not await post.claimed(receipt.contact_id)
    assert not (await post.reader.contact(receipt.contact_id)).outgoing


async def test_an_attempt_is_settled_once(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    for status in (OutgoingStatus.SENT, OutgoingStatus.SENT, OutgoingStatus.QUEUED, OutgoingStatus.FAILED):
        await post.intake.settle_outgoing(sent.id, OutgoingResult(status=status))
    [state] = (await post.reader.contact(contact_id)).outgoing
    assert state.status == OutgoingStatus.SENT
    assert state.sent_at
    assert not await post.reasons(contact_id) & {WorkReason.BOUNCED}


@pytest.mark.parametrize("status", [OutgoingStatus.FAILED, OutgoingStatus.BOUNCED])
async def test_a_mail_that_cannot_be_sent_is_a_persons_work(post: Post, status: OutgoingStatus) -> None:
    contact_id, sent = await post.acknowledged()
    await post.intake.settle_outgoing(sent.id, OutgoingResult(status=status, reason="550 5.1.1"))
    [state] = (await post.reader.contact(contact_id)).outgoing
    assert (state.status, state.reason) == (status, "550 5.1.1")
    assert WorkReason.BOUNCED in await post.reasons(contact_id)


async def test_an_attempt_that_is_to_be_repeated_is_not_at_once(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    await post.intake.settle_outgoing(sent.id, OutgoingResult(status=OutgoingStatus.QUEUED, reason="421"))
    assert not await post.claimed(contact_id)
    [state] = (await post.reader.contact(contact_id)).outgoing
    assert (state.status, state.reason) == (OutgoingStatus.QUEUED, "421")


async def test_an_unknown_mail_of_ours_cannot_be_settled(post: Post) -> None:
    with pytest.raises(NotFound):
        await post.intake.settle_outgoing(uuid4(), OutgoingResult(status=OutgoingStatus.SENT))


# Threads


async def test_an_answer_with_its_token_joins_its_contact_with_its_files(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    mail_id = uuid4()
    mail = post.mail("Nog iets", tokens=(sent.token,), references=("<onbekend@x>",))
    receipt = await post.intake.take_mail(mail_id, mail, [original("b"), FileUpload("b.pdf", "application/pdf", b"%PDF")])
    assert receipt == MailReceipt(mail_id=mail_id, outcome=MailOutcome.ACCEPTED, contact_id=contact_id, message_id=mail_id)
    assert await post.intake.take_mail(mail_id, mail, [original("b")]) == receipt
    [message] = await post.reader.messages(contact_id)
    assert (message.direction, message.text) == (Direction.INBOUND, "Nog iets")
    assert [file.name for file in message.files] == ["original.eml", "b.pdf"]
    contact = await post.reader.contact(contact_id)
    assert (contact.version > 1, contact.last_sequence, len(contact.outgoing)) == (True, 1, 1)


async def test_what_a_mail_tells_that_joins_a_contact_is_kept_with_its_message(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    details = MailDetails(
        message_id="<a@b>", parse_status=ParseStatus.PARTIAL, doubts=("cut", "bidi"), sealed_by="pgp", remote_content=2
    )
    told = {"subject": "Antw: nog iets", "details": details}
    mail = post.mail("Nog iets", tokens=(sent.token,))
    await post.take(mail.model_copy(update={"contact": mail.contact.model_copy(update=told)}))
    [message] = await post.reader.messages(contact_id)
    assert (message.subject, message.text, message.details) == ("Antw: nog iets", "Nog iets", details)


async def test_what_is_read_again_of_a_message_replaces_what_was_read_of_it_and_nothing_else(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    mail_id, rereading = uuid4(), post.house.served.reception.rereading
    mail = post.mail("Half", tokens=(sent.token,), parse_status=ParseStatus.PARTIAL)
    await post.intake.take_mail(mail_id, mail, [original("b"), FileUpload("half.bin", "application/octet-stream", b"x")])
    assert (contact_id, mail_id) in await rereading.messages_of_status([ParseStatus.PARTIAL])
    details = MailDetails(message_id="<a@b>")
    reading = MailReading(subject="Antw", text="Alles", person=Person(email="ander@voorbeeld.be"), details=details)
    await rereading.replace(contact_id, reading, [FileUpload("heel.pdf", "application/pdf", b"%PDF")], "test", mail_id)
    [message] = await post.reader.messages(contact_id)
    assert (message.subject, message.text, message.details, message.sequence) == ("Antw", "Alles", details, 1)
    assert [file.name for file in message.files] == ["original.eml", "heel.pdf"]
    contact = await post.reader.contact(contact_id)
    assert (contact.text, contact.person and contact.person.email) == (MELDING, post.address)
    assert (contact_id, mail_id) not in await rereading.messages_of_status([ParseStatus.PARTIAL])
    with pytest.raises(NotFound):
        await rereading.replace(contact_id, reading, [FileUpload("a.pdf", "application/pdf", b"%PDF")], "test", uuid4())


@pytest.mark.parametrize(
    ("other", "outcome", "reason"),
    [
        ({"parse_status": ParseStatus.FAILED}, MailOutcome.FAILED, WorkReason.UNREADABLE),
        ({"oversize": True}, MailOutcome.OVERSIZE, WorkReason.OVERSIZE),
    ],
)
async def test_an_answer_that_cannot_be_read_is_beside_its_contact_where_a_person_looks_at_it(
    post: Post, other: dict[str, Any], outcome: MailOutcome, reason: WorkReason
) -> None:
    contact_id, sent = await post.acknowledged()
    receipt = await post.take(tokens=(sent.token,), **other)
    assert (receipt.outcome, receipt.message_id) == (outcome, None)
    assert (await post.reader.contact(receipt.contact_id)).related_to == contact_id
    assert reason in await post.reasons(receipt.contact_id)
    assert not await post.claimed(receipt.contact_id)


async def test_an_answer_to_a_message_id_that_we_sent_joins_its_contact(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    receipt = await post.take(text="Nog iets", references=("<anders@x>", sent.message_id))
    assert receipt.contact_id == contact_id
    assert await post.texts(contact_id) == [(Direction.INBOUND, "Nog iets")]


async def test_twelve_equal_answers_at_once_are_one_message(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    mail_id, mail = uuid4(), post.mail("Eén keer", tokens=(sent.token,))
    receipts = await asyncio.gather(*(post.intake.take_mail(mail_id, mail, [original("c")]) for _ in range(12)))
    assert set(receipts) == {receipts[0]}
    assert await post.texts(contact_id) == [(Direction.INBOUND, "Eén keer")]


async def test_an_answer_from_another_address_is_a_contact_that_a_person_may_link(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    for named in ({"tokens": (sent.token,)}, {"references": (sent.message_id,)}):
        receipt = await post.take(sender=f"{uuid4().hex}@elders.be", **named)
        assert receipt.contact_id != contact_id
        assert (await post.reader.contact(receipt.contact_id)).possible_link == contact_id
        assert WorkReason.POSSIBLE_LINK in await post.reasons(receipt.contact_id)
        await post.reader.correct(receipt.contact_id, Correction(related_to=contact_id))
        assert WorkReason.POSSIBLE_LINK not in await post.reasons(receipt.contact_id)
    assert await post.texts(contact_id) == []


async def test_a_person_may_say_that_two_contacts_do_not_belong_together(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    receipt = await post.take(sender=f"{uuid4().hex}@elders.be", tokens=(sent.token,))
    joined = await post.reader.correct(receipt.contact_id, Correction(related_to=contact_id))
    assert (joined.related_to, joined.possible_link) == (contact_id, contact_id)
    other = await post.reader.correct(receipt.contact_id, Correction(not_related_to=uuid4()))
    assert (other.related_to, other.version) == (contact_id, joined.version)  # a page that showed something else
    parted = await post.reader.correct(receipt.contact_id, Correction(not_related_to=contact_id))
    assert (parted.related_to, parted.possible_link, parted.version) == (None, None, joined.version + 1)
    again = await post.reader.correct(receipt.contact_id, Correction(not_related_to=contact_id))
    assert again.version == parted.version
    anew = await post.reader.correct(receipt.contact_id, Correction(related_to=contact_id))
    assert anew.related_to == contact_id
    with pytest.raises(ValueError, match="same contact"):
        Correction(related_to=contact_id, not_related_to=contact_id)


async def test_whoever_says_at_once_that_it_does_not_belong_there_has_done_that_work(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    receipt = await post.take(sender=f"{uuid4().hex}@elders.be", tokens=(sent.token,))
    parted = await post.reader.correct(receipt.contact_id, Correction(not_related_to=contact_id))
    assert parted.possible_link is None
    assert WorkReason.POSSIBLE_LINK not in await post.reasons(receipt.contact_id)


async def test_an_answer_from_an_address_that_a_person_added_joins(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    await post.reader.correct(contact_id, Correction(person=Person(email=f"nieuw.{post.address}")))
    receipt = await post.take(sender=f"nieuw.{post.address}", tokens=(sent.token,))
    assert receipt.contact_id == contact_id


async def test_a_forged_token_is_ignored(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    changed = ("b" if sent.token[0] == "a" else "a") + sent.token[1:]
    receipt = await post.take(tokens=(changed, "a" * 32))
    contact = await post.reader.contact(receipt.contact_id)
    assert (contact.id != contact_id, contact.possible_link) == (True, None)


async def test_of_several_tokens_the_one_of_a_contact_that_knows_the_sender_counts(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    other = Post(post.intake, post.reader, post.house)
    _, elsewhere = await other.acknowledged()
    receipt = await post.take(tokens=(elsewhere.token, sent.token))
    assert receipt.contact_id == contact_id


async def test_an_answer_to_ones_own_mail_never_joins_and_is_shown_as_a_possible_link(post: Post) -> None:
    first = await post.take(message_id=f"<{post.address}>")
    own = await post.take(references=(f"<{post.address}>",))
    others = await post.take(references=(f"<{post.address}>",), sender=f"{uuid4().hex}@elders.be")
    assert len({first.contact_id, own.contact_id, others.contact_id}) == 3
    assert (await post.reader.contact(own.contact_id)).possible_link == first.contact_id
    assert (await post.reader.contact(others.contact_id)).possible_link is None
    assert WorkReason.POSSIBLE_LINK in await post.reasons(own.contact_id)


async def test_an_automatic_answer_never_joins(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    receipt = await post.take(tokens=(sent.token,), nature=Nature.MACHINE)
    assert (receipt.outcome, receipt.contact_id != contact_id) == (MailOutcome.MACHINE, True)
    assert (await post.reader.contact(receipt.contact_id)).possible_link == contact_id
    assert await post.reasons(receipt.contact_id) == set()


async def test_an_answer_to_what_was_said_to_be_spam_is_a_contact_of_its_own(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    await post.reader.retag(contact_id, Retag(kind=Kind.VRAAG, nature=Nature.SPAM))
    receipt = await post.take(tokens=(sent.token,))
    assert receipt.contact_id != contact_id
    assert (await post.reader.contact(receipt.contact_id)).possible_link == contact_id


async def test_an_infected_answer_is_a_persons_work(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    await post.take(post.mail(tokens=(sent.token,)), [FileUpload("x.exe", "application/x", b"MZ", virus="found")])
    assert WorkReason.INFECTED in await post.reasons(contact_id)


# What staff sent


async def test_a_copy_of_what_staff_wrote_is_an_outbound_message_and_its_answer_joins(post: Post) -> None:
    first = await post.take(message_id=f"<een.{post.address}>")
    copied = await post.take(
        text="Dag, we bellen je.",
        sender=STAFF,
        by_staff=True,
        references=(f"<een.{post.address}>",),
        message_id=f"<twee.{post.address}>",
    )
    assert copied.contact_id == first.contact_id
    answer = await post.take(text="Graag", references=(f"<twee.{post.address}>",))
    assert answer.contact_id == first.contact_id
    assert await post.texts(first.contact_id) == [(Direction.OUTBOUND, "Dag, we bellen je."), (Direction.INBOUND, "Graag")]
    sent = [one for one in (await post.reader.contact(first.contact_id)).outgoing if one.kind == OutgoingKind.STAFF]
    assert [one.status for one in sent] == [OutgoingStatus.SENT]


async def test_a_copy_that_names_no_contact_is_kept_as_a_machines_and_an_answer_to_it_is_linked(post: Post) -> None:
    copied = await post.take(sender=STAFF, by_staff=True, message_id=f"<drie.{post.address}>")
    assert copied.outcome == MailOutcome.MACHINE
    assert (await post.reader.contact(copied.contact_id)).nature == Nature.MACHINE
    answer = await post.take(references=(f"<drie.{post.address}>",))
    assert answer.contact_id != copied.contact_id
    assert (await post.reader.contact(answer.contact_id)).possible_link == copied.contact_id
    assert WorkReason.POSSIBLE_LINK in await post.reasons(answer.contact_id)


async def test_staff_may_say_that_they_mailed_somebody_so_that_the_answer_joins(post: Post) -> None:
    contact_id, outgoing_id = uuid4(), uuid4()
    call = PhoneSubmission(channel=Channel.TELEFOON, text="Gesprek", kind=Kind.MELDING)
    await post.reader.register(contact_id, call)
    sent = SentMail(message_id=f"<vier.{post.address}>", to=post.address, text="Hier is het formulier.")
    for _ in range(2):
        await post.reader.register_sent(contact_id, outgoing_id, sent)
    with pytest.raises(Conflict):
        await post.reader.register_sent(contact_id, outgoing_id, sent.model_copy(update={"to": f"b.{post.address}"}))
    receipt = await post.take(text="Bedankt", references=(f"<vier.{post.address}>",))
    assert receipt.contact_id == contact_id
    assert await post.texts(contact_id) == [(Direction.OUTBOUND, "Hier is het formulier."), (Direction.INBOUND, "Bedankt")]
    [state] = (await post.reader.contact(contact_id)).outgoing
    assert (state.id, state.kind, state.status) == (outgoing_id, OutgoingKind.STAFF, OutgoingStatus.SENT)
    with pytest.raises(NotFound):
        await post.reader.register_sent(uuid4(), uuid4(), sent)


# Reports


@pytest.mark.parametrize("by_token", [True, False], ids=["by its token", "by its Message-ID"])
async def test_a_report_that_a_mail_failed_is_beside_its_contact_and_somebodys_work(post: Post, by_token: bool) -> None:
    contact_id, sent = await post.acknowledged()
    bounce = Bounce(action=BounceAction.FAILED, status="5.1.1", message_id=None if by_token else sent.message_id)
    receipt = await post.take(
        sender="mailer-daemon@voorbeeld.be", bounce=bounce, tokens=(sent.token,) if by_token else (), answer_to=None
    )
    report, contact = await post.reader.contact(receipt.contact_id), await post.reader.contact(contact_id)
    assert (receipt.outcome, report.nature, report.related_to) == (MailOutcome.MACHINE, Nature.MACHINE, contact_id)
    assert [(one.status, one.reason) for one in contact.outgoing] == [(OutgoingStatus.BOUNCED, "5.1.1")]
    assert WorkReason.BOUNCED in await post.reasons(contact_id)
    assert await post.texts(contact_id) == []


async def test_a_report_that_came_to_the_address_of_one_mail_of_ours_tells_nothing_of_another(post: Post) -> None:
    gone, first = await post.acknowledged()
    await post.house.erase(gone)
    contact_id, second = await post.acknowledged()
    bounce = Bounce(action=BounceAction.FAILED, status="5.1.1", message_id=second.message_id)
    receipt = await post.take(sender="mailer-daemon@voorbeeld.be", bounce=bounce, tokens=(first.token,), answer_to=None)
    assert (await post.reader.contact(receipt.contact_id)).related_to is None
    assert WorkReason.BOUNCED not in await post.reasons(contact_id)


async def test_a_report_that_a_mail_is_late_does_not_say_that_it_failed(post: Post) -> None:
    contact_id, sent = await post.acknowledged()
    await post.intake.settle_outgoing(sent.id, OutgoingResult(status=OutgoingStatus.SENT))
    receipt = await post.take(bounce=Bounce(action=BounceAction.DELAYED, status="4.4.1", message_id=sent.message_id))
    assert (await post.reader.contact(receipt.contact_id)).related_to == contact_id
    assert [one.status for one in (await post.reader.contact(contact_id)).outgoing] == [OutgoingStatus.SENT]
    assert WorkReason.BOUNCED not in await post.reasons(contact_id)


async def test_a_report_on_a_mail_that_is_not_ours_is_a_machines(post: Post) -> None:
    receipt = await post.take(bounce=Bounce(action=BounceAction.FAILED, message_id="<niet-van-ons@x>"))
    contact = await post.reader.contact(receipt.contact_id)
    assert (receipt.outcome, contact.nature, contact.related_to) == (MailOutcome.MACHINE, Nature.MACHINE, None)


# Erasure


async def test_a_mail_of_an_erased_contact_is_not_taken_in_again(post: Post) -> None:
    mail_id, mail = uuid4(), post.mail()
    first = await post.intake.take_mail(mail_id, mail, [original("d")])
    [sent] = await post.claimed(first.contact_id)
    joined_id, joined = uuid4(), post.mail(tokens=(sent.token,))
    answer = await post.intake.take_mail(joined_id, joined, [original("e")])
    await post.house.erase(first.contact_id)
    assert await post.intake.take_mail(mail_id, mail, [original("d")]) == first
    assert await post.intake.take_mail(joined_id, joined, [original("e")]) == answer
    again = await post.take(mail)
    assert (again.outcome, again.contact_id) == (MailOutcome.DUPLICATE, first.contact_id)
    with pytest.raises(Erased):
        await post.reader.contact(first.contact_id)
    with pytest.raises(NotFound):
        await post.intake.settle_outgoing(sent.id, OutgoingResult(status=OutgoingStatus.SENT))
    late = await post.take(tokens=(sent.token,), references=(sent.message_id,))
    assert (await post.reader.contact(late.contact_id)).possible_link is None


async def test_places_of_erased_mail_stay_held(post: Post) -> None:
    receipts = [await post.take(place=Place(uid_validity=5, uid=uid)) for uid in (1, 2, 3)]
    await post.house.erase(receipts[1].contact_id)
    assert (await post.intake.mailbox(post.mailbox, 5)).held == "1:3"


async def test_an_answer_that_races_with_the_erasure_of_its_contact_is_never_lost(post: Post) -> None:
    for number in range(8):
        post.address = f"{uuid4().hex}@voorbeeld.be"
        contact_id, sent = await post.acknowledged()
        mail = post.mail(f"Nog iets {number}", tokens=(sent.token,))
        answer, _ = await asyncio.gather(post.take(mail, [original(f"f{number}")]), post.house.erase(contact_id))
        if answer.contact_id == contact_id:
            assert await outcome_of(post.reader.contact(contact_id)) == "Erased"  # it came first, and went with it
        else:
            assert (await post.reader.contact(answer.contact_id)).text == f"Nog iets {number}"


# Mailboxes


async def test_what_is_held_is_told_as_runs_of_numbers(post: Post) -> None:
    assert (await post.intake.mailbox(post.mailbox, 1)).held == ""
    for uid in (9, 3, 2, 1, 7):
        await post.take(place=Place(uid_validity=1, uid=uid))
    state = await post.intake.mailbox(post.mailbox, 1)
    assert (state.name, state.uid_validity, state.held) == (post.mailbox, 1, "1:3,7,9")
    assert state.outcomes == {MailOutcome.ACCEPTED: 5}
    assert (await post.intake.mailbox(post.mailbox, 2)).held == ""


async def test_a_place_is_noted_for_a_mail_that_is_held_and_for_no_other(post: Post) -> None:
    mail_id = uuid4()
    receipt = await post.intake.take_mail(mail_id, post.mail())
    for _ in range(2):
        assert await post.intake.place_mail(mail_id, post.mailbox, Place(uid_validity=1, uid=4)) == receipt
    assert (await post.intake.mailbox(post.mailbox, 1)).held == "4"
    with pytest.raises(NotFound):
        await post.intake.place_mail(uuid4(), post.mailbox, Place(uid_validity=1, uid=5))


async def test_one_reader_reads_a_mailbox_at_a_time(post: Post) -> None:
    one, other = uuid4(), uuid4()
    first = await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=one, uid_validity=1, present=3))
    assert (first.may_read, first.held, first.last_read_at is not None) == (True, "", True)
    assert not (await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=other))).may_read
    assert (await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=one))).may_read
    assert (await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=one, last=True))).may_read
    assert (await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=other))).may_read
    assert not (await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=one))).may_read


async def test_of_readers_that_start_at_once_one_may_read(post: Post) -> None:
    reports = [post.intake.report_mailbox(post.mailbox, MailboxReport(reader=uuid4(), uid_validity=1)) for _ in range(6)]
    assert sorted(state.may_read for state in await asyncio.gather(*reports)) == [False] * 5 + [True]


async def test_a_report_of_a_failure_is_no_reading(post: Post) -> None:
    reader = uuid4()
    failed = await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=reader, error="ConnectionRefusedError"))
    assert failed.last_read_at is None
    read = await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=reader, uid_validity=1))
    again = await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=reader, error="timeout"))
    assert again.last_read_at == read.last_read_at is not None


async def test_after_a_new_numbering_a_mail_that_is_alike_is_a_possible_duplicate_and_is_not_answered(post: Post) -> None:
    old = await post.take(place=Place(uid_validity=1, uid=1), likenesses=("zelfde onderwerp", "zelfde tekst"))
    same_numbering = await post.take(place=Place(uid_validity=1, uid=2), likenesses=("zelfde tekst",))
    assert (await post.reader.contact(same_numbering.contact_id)).possible_link is None
    post.address = f"ander.{post.address}"
    alike = await post.take(place=Place(uid_validity=2, uid=1), likenesses=("zelfde onderwerp",))
    contact = await post.reader.contact(alike.contact_id)
    assert (alike.outcome, contact.possible_link, contact.outgoing) == (MailOutcome.ACCEPTED, old.contact_id, ())
    assert WorkReason.POSSIBLE_DUPLICATE in await post.reasons(alike.contact_id)
    further = await post.take(place=Place(uid_validity=2, uid=2), likenesses=("iets anders",))
    assert (await post.reader.contact(further.contact_id)).possible_link is None


async def test_after_a_new_numbering_the_same_bytes_are_the_same_mail(post: Post) -> None:
    mail_id, mail = uuid4(), post.mail(place=Place(uid_validity=1, uid=1), likenesses=("a",))
    first = await post.intake.take_mail(mail_id, mail)
    moved = mail.model_copy(update={"place": Place(uid_validity=2, uid=1)})
    assert await post.intake.take_mail(mail_id, moved) == first
    assert (await post.intake.mailbox(post.mailbox, 2)).held == "1"


async def test_what_a_server_wrote_anew_is_the_same_mail_only_after_a_new_numbering(post: Post) -> None:
    first = await post.take(place=Place(uid_validity=1, uid=1), rendering="wie, wat en wanneer")
    beside = await post.take(place=Place(uid_validity=1, uid=2), rendering="wie, wat en wanneer")
    assert beside.outcome == MailOutcome.ACCEPTED
    assert beside.contact_id != first.contact_id
    anew = await post.take(place=Place(uid_validity=2, uid=1), rendering="wie, wat en wanneer")
    assert (anew.outcome, anew.contact_id) == (MailOutcome.DUPLICATE, first.contact_id)


async def test_after_a_new_numbering_only_mail_that_was_sent_lately_is_answered(post: Post) -> None:
    await post.intake.report_mailbox(post.mailbox, MailboxReport(reader=uuid4(), uid_validity=1))
    old = datetime.now(UTC) - timedelta(days=8)
    _, sent = await post.acknowledged(place=Place(uid_validity=1, uid=1), sent_at=old)
    post.address = f"ander.{sent.to}"
    again = await post.take(place=Place(uid_validity=2, uid=1), sent_at=old, received_at=datetime.now(UTC))
    assert not (await post.reader.contact(again.contact_id)).outgoing
    await post.acknowledged(place=Place(uid_validity=2, uid=2), sent_at=datetime.now(UTC))


async def test_a_mail_that_comes_by_two_ways_is_one_contact(post: Post) -> None:
    first = await post.take(fingerprint="zonder de sporen van onderweg")
    other = await post.take(fingerprint="zonder de sporen van onderweg")
    assert (other.outcome, other.contact_id) == (MailOutcome.DUPLICATE, first.contact_id)


# Work, and reading again


@pytest.mark.parametrize(
    ("mail", "outcome", "reason"),
    [
        ({"oversize": True}, MailOutcome.OVERSIZE, WorkReason.OVERSIZE),
        ({"parse_status": ParseStatus.FAILED}, MailOutcome.FAILED, WorkReason.UNREADABLE),
    ],
)
async def test_what_could_not_be_taken_whole_is_a_persons_work(
    post: Post, mail: dict[str, Any], outcome: MailOutcome, reason: WorkReason
) -> None:
    receipt = await post.take(**mail)
    assert receipt.outcome == outcome
    assert reason in await post.reasons(receipt.contact_id)


async def test_an_infected_file_is_a_persons_work(post: Post) -> None:
    receipt = await post.take(post.mail(), [FileUpload("x.exe", "application/x", b"MZ", virus="found")])
    assert WorkReason.INFECTED in await post.reasons(receipt.contact_id)


async def test_a_mail_that_is_read_again_shows_the_new_reading_beside_its_original(post: Post) -> None:
    mail = post.mail(text=None, parse_status=ParseStatus.FAILED)
    receipt = await post.take(mail, [original("Subject: x"), FileUpload("oud.bin", "application/x", b"oud")])
    assert WorkReason.UNREADABLE in await post.reasons(receipt.contact_id)
    reading = MailReading(
        subject="Beter",
        text=MELDING,
        person=Person(name="An", email=f"an.{post.address}"),
        details=MailDetails(message_id="<x@y>", doubts=("charset",)),
    )
    files = [FileUpload("nieuw.pdf", "application/pdf", b"nieuw"), FileUpload("mail.html", "text/html", b"<p>", "display")]
    for _ in range(2):
        contact = await post.intake.reread(receipt.contact_id, reading, files)
    assert (contact.subject, contact.text, contact.details) == ("Beter", MELDING, reading.details)
    assert contact.parse_status == ParseStatus.COMPLETE
    assert contact.person == reading.person
    assert [file.name for file in contact.files] == ["original.eml", "nieuw.pdf", "mail.html"]
    for file, content in zip(contact.files, (b"Subject: x", b"nieuw", b"<p>"), strict=True):
        assert (await post.reader.file(contact.id, file.id)).content == content
    found = await post.reader.find(ContactQuery(email=f"an.{post.address}"))
    assert [item.id for item in found.items] == [receipt.contact_id]
    assert WorkReason.UNREADABLE not in await post.reasons(receipt.contact_id)
    assert (await post.take(mail)).contact_id == receipt.contact_id
    with pytest.raises(InvalidInput):
        await post.intake.reread(receipt.contact_id, reading, [original("vals")])


async def test_what_a_person_corrected_stays_when_a_mail_is_read_again(post: Post) -> None:
    receipt = await post.take()
    corrected = Person(name="Jan", email=f"jan.{post.address}")
    await post.reader.correct(receipt.contact_id, Correction(person=corrected))
    reading = MailReading(text="x", person=Person(name="fout", email=f"fout.{post.address}"), details=MailDetails())
    assert (await post.intake.reread(receipt.contact_id, reading)).person == corrected
    for address, found in ((f"jan.{post.address}", 1), (f"fout.{post.address}", 0)):
        assert len((await post.reader.find(ContactQuery(email=address))).items) == found


async def test_only_a_mail_can_be_read_again(post: Post) -> None:
    contact_id = uuid4()
    await post.reader.register(contact_id, ChatSubmission(channel=Channel.CHAT, text="hoi"))
    with pytest.raises(StateConflict):
        await post.reader.reread(contact_id, MailReading(details=MailDetails()))


# Rights


async def test_mail_is_for_whoever_may_write_mail(post: Post) -> None:
    relay = await post.house.own("chat_relay")
    result, report = OutgoingResult(status=OutgoingStatus.SENT), MailboxReport(reader=uuid4())
    for asked in (
        relay.take_mail(uuid4(), post.mail()),
        relay.place_mail(uuid4(), post.mailbox, Place(uid_validity=1, uid=1)),
        relay.mailbox(post.mailbox, 1),
        relay.report_mailbox(post.mailbox, report),
        relay.claim_outgoing(),
        relay.settle_outgoing(uuid4(), result),
        relay.register_sent(uuid4(), uuid4(), SentMail(message_id="<a@b>", to="a@b.be")),
        relay.reread(uuid4(), MailReading(details=MailDetails())),
    ):
        with pytest.raises(MissingScope):
            await asked


@pytest.mark.parametrize(("verdict", "status"), [("clean", 201), ("misschien", 400), ("", 400)])
async def test_what_a_scanner_said_is_one_of_its_words(post: Post, verdict: str, status: int) -> None:
    served = post.house.served
    token = await served.token("contacts:write:mail")
    parts = [
        ("mail", ("", to_wire(post.mail()).encode(), "application/json", {})),
        ("attachment", ("a.pdf", b"%PDF", "application/pdf", {"Onthaal-Virus": verdict, "Onthaal-Sniffed": "image/png"})),
    ]
    path = f"{served.url}/intake/v1/mails/{uuid4()}"
    answer = await served.http.put(path, files=parts, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["issues"][0]["name"] == "Onthaal-Virus"
