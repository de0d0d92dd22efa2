"""Mail as days go by, and the property that no mail joins somebody's case unless it answers what we sent: one process, a set clock."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onthaal_schema.channel import Channel
from onthaal_schema.contact import MailDetails, MailSubmission, Nature, ParseStatus, Person
from onthaal_schema.mail import (
    Bounce,
    BounceAction,
    IncomingMail,
    MailboxReport,
    MailReceipt,
    OutgoingMail,
    OutgoingResult,
    Place,
)
from onthaal_schema.outgoing import OutgoingStatus
from onthaal_schema.worklist import WorkReason
from services.gateway import build
from services.intake_api.caller import Caller
from services.intake_api.direct import DirectIntake
from services.kit.clock import SetClock

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Office:
    """An intake service that lives in this process, driven step by step."""

    runner: asyncio.Runner
    intake: DirectIntake
    reader: DirectIntake
    clock: SetClock
    sent: list[OutgoingMail] = field(default_factory=list)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def take(self, mail: IncomingMail, mail_id: UUID | None = None) -> MailReceipt:
        receipt: MailReceipt = self.run(self.intake.take_mail(mail_id or uuid4(), mail))
        return receipt

    def claim(self) -> list[OutgoingMail]:
        return list(self.run(self.intake.claim_outgoing()))

    def send(self) -> list[OutgoingMail]:
        """Claim and send everything that is due."""
        claimed = self.claim()
        for one in claimed:
            self.settle(one, OutgoingStatus.SENT)
        return claimed

    def settle(self, mail: OutgoingMail, status: OutgoingStatus) -> None:
        self.run(self.intake.settle_outgoing(mail.id, OutgoingResult(status=status)))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    clock = SetClock(MONDAY)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ONTHAAL_VAR", str(tmp_path_factory.mktemp("var")))
        app = build(["intake_api"], clock)
    with asyncio.Runner() as runner:
        living = app.router.lifespan_context(app)
        runner.run(living.__aenter__())
        reception = app.state.reception
        everything = Caller("test", frozenset({"contacts:read", "contacts:write", "worklist:write", "contacts:tag"}))
        mail = Caller("mail_ingest", frozenset({"contacts:write:mail"}))
        yield Office(runner, DirectIntake(reception, mail), DirectIntake(reception, everything), clock)
        runner.run(living.__aexit__(None, None, None))


def mail(sender: str, **other: Any) -> IncomingMail:
    details = MailDetails(
        message_id=other.pop("message_id", f"<{uuid4()}@x>"), parse_status=other.pop("parse_status", ParseStatus.COMPLETE)
    )
    contact = MailSubmission(
        channel=Channel.MAIL,
        text=other.pop("text", "Dag"),
        subject=other.pop("subject", None),
        person=Person(email=sender),
        details=details,
        nature=other.pop("nature", None),
    )
    return IncomingMail(**{"mailbox": "meldpunt", "contact": contact, "answer_to": sender, **other})


def somebody() -> str:
    return f"{uuid4().hex}@voorbeeld.be"


def test_whoever_writes_is_answered_once_in_seven_days(office: Office) -> None:
    sender, answered = somebody(), []
    for _ in range(16):
        office.take(mail(sender))
        answered.append(len(office.send()))
        office.clock.advance(DAY)
    assert answered == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0]


def test_a_token_is_good_for_a_year_and_a_message_id_for_as_long_as_its_contact(office: Office) -> None:
    sender = somebody()
    first = office.take(mail(sender))
    [sent] = office.send()
    office.clock.advance(364 * DAY)
    assert office.take(mail(sender, tokens=(sent.token,))).contact_id == first.contact_id
    office.clock.advance(2 * DAY)
    late = office.take(mail(sender, tokens=(sent.token,)))
    assert late.contact_id != first.contact_id
    assert office.run(office.reader.contact(late.contact_id)).possible_link is None
    assert office.take(mail(sender, references=(sent.message_id,))).contact_id == first.contact_id


def test_a_mail_that_nobody_takes_is_tried_for_more_than_a_day_and_is_then_a_persons_work(office: Office) -> None:
    office.send()
    receipt, started = office.take(mail(somebody())), office.clock.now()
    attempts = []
    while office.clock.now() - started < 4 * DAY:
        for claimed in office.claim():
            attempts.append(office.clock.now() - started)
            office.settle(claimed, OutgoingStatus.QUEUED)
        office.clock.advance(timedelta(minutes=1))
    minutes = [round(after.total_seconds() / 60) for after in attempts]
    assert minutes == [0, 1, 6, 36, 156, 636, 2076]
    [state] = office.run(office.reader.contact(receipt.contact_id)).outgoing
    assert state.status == OutgoingStatus.FAILED
    work = office.run(office.reader.work_list()).items
    assert WorkReason.BOUNCED in {item.reason for item in work if item.contact.id == receipt.contact_id}


def test_a_mail_whose_sender_was_killed_is_claimed_again_and_not_for_ever(office: Office) -> None:
    office.send()
    receipt = office.take(mail(somebody()))
    [first] = office.claim()
    claims = 1
    office.clock.advance(timedelta(minutes=4))
    assert office.claim() == []
    while office.run(office.reader.contact(receipt.contact_id)).outgoing[0].status == OutgoingStatus.QUEUED:
        office.clock.advance(timedelta(minutes=6))
        claims += len([one for one in office.claim() if (one.id, one.message_id) == (first.id, first.message_id)])
    assert claims == 7


def test_an_answer_shows_the_moment_at_which_it_came(office: Office) -> None:
    sender = somebody()
    office.take(mail(sender))
    [sent] = office.send()
    came_at = office.clock.now() - timedelta(hours=3)
    answer = mail(sender, tokens=(sent.token,))
    contact = answer.contact.model_copy(update={"received_at": came_at})
    receipt = office.take(answer.model_copy(update={"contact": contact}))
    [message] = office.run(office.reader.messages(receipt.contact_id))
    assert message.sent_at == came_at


VRAAG = (
    "Bonjour, pouvez-vous donner une formation dans notre école sur votre fonctionnement? Quel est le prix et combien de temps?"
)
DANGER = "Hij staat nu met een mes voor mijn deur en zegt dat hij mij gaat vermoorden. Help mij."


def in_danger(office: Office, contact_id: UUID, seconds: float) -> UUID | None:
    """Give the item of the work list that says so, as soon as it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for item in office.run(office.reader.work_list()).items:
            if (item.contact.id, item.reason) == (contact_id, WorkReason.DANGER):
                found: UUID = item.id
                return found
        office.run(asyncio.sleep(0.02))
    return None


def test_danger_in_an_answer_comes_first_also_after_a_signature_and_once_more_after_it_was_dealt_with(office: Office) -> None:
    office.send()
    sender, danger = somebody(), "Hij staat nu met een mes voor mijn deur."
    contact_id = office.take(mail(sender, text="Dag, ik heb een vraag over jullie werking.\n-- \nJan")).contact_id
    [sent] = office.send()

    def answer(text: str) -> None:
        assert office.take(mail(sender, tokens=(sent.token,), text=text)).contact_id == contact_id

    answer(danger)
    item = in_danger(office, contact_id, 1)
    assert item
    deadline = time.monotonic() + 10
    while "immediateDanger" not in office.run(office.reader.contact(contact_id)).signals:
        assert time.monotonic() < deadline
        office.run(asyncio.sleep(0.1))
    office.run(asyncio.sleep(1))
    office.run(office.reader.finish_work(item))
    answer(f"Dank u wel voor alles.\n\nOp ma 2 maart 2026 schreef Jan:\n> {danger}")
    assert not in_danger(office, contact_id, 1)
    answer("Hij is terug, hij wil mij vermoorden.")
    assert in_danger(office, contact_id, 1)


def test_a_reader_that_is_not_heard_of_for_a_minute_makes_room(office: Office) -> None:
    one, other = uuid4(), uuid4()
    report = office.intake.report_mailbox
    assert office.run(report("leest", MailboxReport(reader=one))).may_read
    office.clock.advance(timedelta(seconds=59))
    assert not office.run(report("leest", MailboxReport(reader=other))).may_read
    office.clock.advance(timedelta(seconds=2))
    assert office.run(report("leest", MailboxReport(reader=other))).may_read
    assert not office.run(report("leest", MailboxReport(reader=one))).may_read


# The wrong thread


KNOWN = [f"bekend-{number}@voorbeeld.be" for number in range(4)]
MESSAGE_IDS = [f"<bekend-{number}@voorbeeld.be>" for number in range(4)]


@pytest.fixture(scope="module")
def cases(office: Office) -> dict[UUID, int]:
    """Contacts that could be joined by mistake, each with an acknowledgement that went out; by their last sequence."""
    found = {}
    for sender, message_id in zip(KNOWN, MESSAGE_IDS, strict=True):
        receipt = office.take(mail(sender, message_id=message_id, subject="Melding over de club"))
        office.sent += [one for one in office.send() if one.contact_id == receipt.contact_id]
        found[receipt.contact_id] = 0
    assert len(office.sent) == len(KNOWN)
    return found


BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


@st.composite
def strangers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a mail that resembles an answer in every way but the two that count."""
    return {
        "sender": draw(st.sampled_from([*KNOWN, "vreemd@elders.be", KNOWN[0].upper()])),
        "subject": draw(st.sampled_from([None, "Melding over de club", "Re: Melding over de club", "Re: [QTJ-205-ZNA]"])),
        "text": draw(st.sampled_from(["Dag", "QTJ-205-ZNA", "", "> Dag"])),
        "message_id": draw(st.sampled_from([*MESSAGE_IDS, None, "", "<>", "<nieuw@x>"])),
        "nature": draw(st.sampled_from([None, *Nature])),
        "tokens": tuple(draw(st.lists(st.text(BASE32, min_size=32, max_size=32), max_size=3))),
        "references": tuple(draw(st.lists(st.one_of(st.sampled_from([*MESSAGE_IDS, "", "<>", "< >"]), st.text("<>@abc. ", max_size=12)), max_size=5))),
        "mailbox": draw(st.sampled_from(["meldpunt", "ander"])),
        "fingerprint": draw(st.sampled_from([None, "", "x"])),
        "oversize": draw(st.booleans()),
        "bounce": draw(st.sampled_from([None, *(Bounce(action=one, message_id=name) for one in BounceAction for name in (None, *MESSAGE_IDS[:1]))])),
        "likenesses": tuple(draw(st.lists(st.sampled_from(["", "a", "b"]), max_size=2))),
        "place": draw(st.one_of(st.none(), st.sampled_from([Place(uid_validity=one, uid=uid) for one in (1, 2) for uid in (1, 5)]))),
    }  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(stranger=strangers(), mangled=st.integers(0, 31), letter=st.sampled_from(BASE32), of=st.integers(0, 3))
def test_no_mail_without_a_valid_token_or_a_message_id_that_we_sent_joins_a_contact(
    office: Office, cases: dict[UUID, int], stranger: dict[str, Any], mangled: int, letter: str, of: int
) -> None:
    token = office.sent[of].token
    broken = token[:mangled] + letter + token[mangled + 1 :]
    if broken != token:
        stranger["tokens"] += (broken,)
    receipt = office.take(mail(**stranger))
    assert receipt.message_id is None
    assert receipt.contact_id not in cases
    for contact_id in cases:
        assert office.run(office.reader.contact(contact_id)).last_sequence == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(stranger=strangers(), of=st.integers(0, 3), by_token=st.booleans())
def test_no_mail_from_an_address_that_a_contact_does_not_know_joins_it(
    office: Office, cases: dict[UUID, int], stranger: dict[str, Any], of: int, by_token: bool
) -> None:
    sent = office.sent[of]
    named = {"tokens": (sent.token,)} if by_token else {"references": (sent.message_id,)}
    other = next(address for address in KNOWN if address != sent.to)
    receipt = office.take(mail(**stranger | named | {"sender": other, "fingerprint": None}))
    assert receipt.message_id is None
    assert receipt.contact_id not in cases


def test_and_one_that_does_answer_joins_whatever_its_subject_says(office: Office, cases: dict[UUID, int]) -> None:
    for sent, named in zip(office.sent, ("tokens", "references") * 2, strict=True):
        answer = {"tokens": (sent.token,)} if named == "tokens" else {"references": (sent.message_id,)}
        receipt = office.take(mail(sent.to.upper(), subject="Iets anders", **answer))
        assert receipt.contact_id == sent.contact_id
        assert receipt.contact_id in cases
