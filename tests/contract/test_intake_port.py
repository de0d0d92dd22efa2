"""What `Intake` promises, kept by both adapters on both engines."""

import asyncio
import json
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from joserfc.jwk import KeySet

from onthaal_schema.channel import Channel
from onthaal_schema.contact import (
    BriefDetails,
    BriefSubmission,
    ChatDetails,
    ChatSubmission,
    ContactSubmission,
    FormDetails,
    FormSubmission,
    Kind,
    KindSource,
    MailDetails,
    MailSubmission,
    Nature,
    Person,
    PhoneDetails,
    PhoneSubmission,
    Role,
    SafeContact,
    Sector,
    Status,
)
from onthaal_schema.conversation import Attendance, Because, ConversationStatus, HandOver
from onthaal_schema.handover import Change, DeadLetterFilter, SubscriptionRequest
from onthaal_schema.intake import FileUpload, Intake
from onthaal_schema.message import Direction, MessageSubmission
from onthaal_schema.operator import SessionSecret, SignIn
from onthaal_schema.problems import (
    Conflict,
    Erased,
    InvalidInput,
    MissingScope,
    NotFound,
    ProblemError,
    StateConflict,
)
from onthaal_schema.requests import ContactQuery, Correction, Outcome, Retag
from onthaal_schema.worklist import WorkReason
from services.kit.auth import verify
from tests.contract.conftest import House
from tests.receiving import Answer, receiving

pytestmark = pytest.mark.asyncio(loop_scope="module")

MELDING = "Mijn trainer raakte mij vorige week aan in de kleedkamer. Ik wil dit melden."
VRAAG = "Kunnen jullie een vorming geven op onze school over hoe het Meldpunt werkt?"
DANGER = "Hij staat nu met een mes voor mijn deur en zegt dat hij mij gaat vermoorden. Help mij."
RECEIVED = datetime(2026, 3, 4, 10, 15, 30, 123456, tzinfo=UTC)
SCAN = FileUpload("brief van jaarverslag é.pdf", "application/pdf", b"%PDF-1.7 \x00\xff" * 50, "scan")


@dataclass(frozen=True)
class Desk:
    """Everybody who speaks to the intake service in these tests."""

    everywhere: Intake
    relay: Intake
    case_service: Intake


@pytest_asyncio.fixture(loop_scope="module")
async def desk(house: House) -> Desk:
    return Desk(
        await house.scoped("contacts:write", "contacts:read", "contacts:tag", "worklist:write"),
        await house.own("chat_relay"),
        await house.scoped("contacts:read", "outcomes:write"),
    )


def call(text: str = MELDING, **other: Any) -> PhoneSubmission:
    return PhoneSubmission(channel=Channel.TELEFOON, text=text, kind=other.pop("kind", Kind.MELDING), **other)


def chat(text: str = "Hallo, is daar iemand?") -> ChatSubmission:
    return ChatSubmission(channel=Channel.CHAT, text=text)


def turn(text: str, direction: Direction = Direction.INBOUND) -> MessageSubmission:
    return MessageSubmission(direction=direction, text=text)


async def outcome_of(call: Awaitable[object]) -> str:
    """Say how a call ended: `done`, or the name of the problem."""
    try:
        await call
    except ProblemError as problem:
        return type(problem).__name__
    return "done"


async def eventually(question: Any, patience_s: float = 20) -> None:
    async with asyncio.timeout(patience_s):
        while not await question():
            await asyncio.sleep(0.05)


WHOLE: list[ContactSubmission] = [
    BriefSubmission(
        channel=Channel.BRIEF,
        subject="Een brief",
        text="Regel één\nRegel twee: ë, ß, 漢, 😀",
        details=BriefDetails(dated_on=date(2026, 3, 1), received_on=date(2026, 3, 3)),
    ),
    FormSubmission(
        channel=Channel.CONTACTFORMULIER,
        text="Via de site",
        language="fr",
        person=Person(email="Ann.Peeters@Voorbeeld.be", minor=False),
        safe_contact=SafeContact(channel="mail", times="na 18 u", voicemail=False, neutral_sender=True, note="niet thuis"),
        details=FormDetails(form_version="3"),
        kind=Kind.VRAAG,
    ),
    MailSubmission(
        channel=Channel.MAIL,
        subject="Vraag",
        text="Goeiedag",
        received_at=RECEIVED,
        details=MailDetails(message_id="<a@b.be>", in_reply_to="<c@d.be>", sent_at=RECEIVED, recipients=("meldpunt@x.be",)),
    ),
    ChatSubmission(channel=Channel.CHAT, text="hoi", language="nl", anonymous=True),
    PhoneSubmission(
        channel=Channel.TELEFOON,
        text="Samenvatting",
        kind=Kind.MELDING,
        sector=Sector.SPORT,
        related_to=UUID(int=7),
        person=Person(name="An Peeters", phone="0470 12 34 56", role=Role.GETUIGE, minor=True),
        details=PhoneDetails(started_at=RECEIVED, ended_at=RECEIVED),
    ),
]


@pytest.mark.parametrize("submission", WHOLE, ids=lambda submission: submission.channel)
async def test_a_contact_is_read_as_it_was_submitted(desk: Desk, submission: ContactSubmission) -> None:
    contact_id = uuid4()
    await desk.everywhere.register(contact_id, submission)
    read = await desk.case_service.contact(contact_id)
    assert read.id == contact_id
    assert (read.channel, read.version, read.status, read.last_sequence) == (submission.channel, 1, Status.OPEN, 0)
    for name in submission.model_fields_set - {"kind", "nature", "channel"}:
        assert getattr(read, name) == getattr(submission, name), name
    assert read.kind == (submission.kind or (read.suggestion and read.suggestion.kind))


async def test_a_contact_without_a_kind_is_tagged_by_the_model(desk: Desk) -> None:
    contact = await desk.everywhere.register(uuid4(), MailSubmission(channel=Channel.MAIL, subject="Figures", text=VRAAG))
    assert (contact.kind, contact.kind_source) == (Kind.VRAAG, KindSource.MODEL)
    assert contact.kind_confidence is not None
    assert contact.suggestion is not None
    assert contact.suggestion.model_version
    assert [(row.kind, row.kind_source) for row in contact.kind_history] == [(Kind.VRAAG, KindSource.MODEL)]


async def test_what_a_person_says_wins_and_the_model_is_kept_beside_it(desk: Desk) -> None:
    contact_id = uuid4()
    contact = await desk.everywhere.register(contact_id, call(MELDING, kind=Kind.VRAAG))
    assert (contact.kind, contact.kind_source, contact.kind_confidence) == (Kind.VRAAG, KindSource.OPERATOR, None)

    async def suggested() -> bool:
        found = (await desk.case_service.contact(contact_id)).suggestion
        return found is not None and found.kind == Kind.MELDING

    await eventually(suggested)
    assert (await desk.case_service.contact(contact_id)).kind == Kind.VRAAG


async def test_the_tag_of_a_chat_follows_the_model_until_a_person_tags_it_or_names_its_sector(desk: Desk) -> None:
    contact_id = uuid4()
    first = await desk.everywhere.register(contact_id, chat("Hallo, hoe werkt de chat?"))
    assert (first.kind, first.sector) == (Kind.VRAAG, None)

    async def say(text: str) -> None:
        await desk.everywhere.append(contact_id, uuid4(), turn(text))

    async def tagged() -> bool:
        found = await desk.case_service.contact(contact_id)
        return (found.kind, found.sector, found.sector_source) == (Kind.MELDING, Sector.SPORT, KindSource.MODEL)

    await say("Mijn trainer van de judo raakt mij aan in de kleedkamer.")
    await eventually(tagged)
    named = await desk.everywhere.correct(contact_id, Correction(sector=Sector.ANDERE))
    await say("Hij doet het ook bij de andere judoka's van de club. Ik ben vijftien jaar.")

    async def looked() -> bool:
        suggestion = (await desk.case_service.contact(contact_id)).suggestion
        return suggestion is not None and "minorInvolved" in suggestion.signals

    await eventually(looked)
    found = await desk.case_service.contact(contact_id)
    assert (found.sector, found.sector_source) == (named.sector, KindSource.OPERATOR)


async def test_the_same_content_again_answers_the_same_contact(desk: Desk) -> None:
    contact_id, submission = uuid4(), MailSubmission(channel=Channel.MAIL, subject="Vraag", text=VRAAG)
    first = await desk.everywhere.register(contact_id, submission)
    again = await desk.everywhere.register(contact_id, submission)
    assert again == first


async def test_other_content_under_the_same_id_is_a_conflict(desk: Desk) -> None:
    contact_id = uuid4()
    await desk.everywhere.register(contact_id, call("Eerste"))
    for other in (call("Tweede"), call("Eerste", anonymous=True), chat("Eerste")):
        with pytest.raises(Conflict):
            await desk.everywhere.register(contact_id, other)
    assert (await desk.case_service.contact(contact_id)).text == "Eerste"


async def test_twelve_equal_submissions_at_once_are_one_contact(desk: Desk) -> None:
    contact_id = uuid4()
    contacts = await asyncio.gather(*(desk.everywhere.register(contact_id, call("Samen")) for _ in range(12)))
    assert len({(contact.reference, contact.registered_at, contact.version) for contact in contacts}) == 1


async def test_an_unknown_contact_is_not_found(desk: Desk) -> None:
    for asked in (
        desk.everywhere.contact(uuid4()),
        desk.everywhere.messages(uuid4()),
        desk.everywhere.append(uuid4(), uuid4(), turn("x")),
        desk.everywhere.retag(uuid4(), Retag(kind=Kind.VRAAG)),
        desk.everywhere.complete(uuid4()),
        desk.case_service.record_outcome(uuid4(), Outcome()),
        desk.relay.transcript(uuid4()),
        desk.relay.end(uuid4()),
        desk.everywhere.finish_work(uuid4()),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_files_are_kept_whole_with_their_names(desk: Desk) -> None:
    contact_id = uuid4()
    photo = FileUpload("foto.jpg", "image/jpeg", b"\xff\xd8" + b"x" * 300_000)
    letter = BriefSubmission(channel=Channel.BRIEF, text="Zie bijlage")
    made = await desk.everywhere.register(contact_id, letter, [SCAN, photo])
    held = (await desk.case_service.contact(contact_id)).files
    assert held == made.files
    assert [(file.name, file.media_type, file.role, file.size) for file in held] == [
        (upload.name, upload.media_type, upload.role, len(upload.content)) for upload in (SCAN, photo)
    ]
    for stored, upload in zip(held, (SCAN, photo), strict=True):
        read = await desk.case_service.file(contact_id, stored.id)
        assert (read.content, read.name, read.media_type) == (upload.content, upload.name, upload.media_type)
    with pytest.raises(NotFound):
        await desk.case_service.file(contact_id, uuid4())


async def test_the_same_files_again_are_the_same_contact_and_stay_readable(desk: Desk) -> None:
    contact_id, letter = uuid4(), BriefSubmission(channel=Channel.BRIEF, text="Zie bijlage")
    first = await desk.everywhere.register(contact_id, letter, [SCAN])
    assert await desk.everywhere.register(contact_id, letter, [SCAN]) == first
    for files in ([], [SCAN, SCAN], [FileUpload(SCAN.name, SCAN.media_type, SCAN.content + b"!", "scan")]):
        with pytest.raises(Conflict):
            await desk.everywhere.register(contact_id, letter, files)
    [held] = (await desk.case_service.contact(contact_id)).files
    assert (await desk.case_service.file(contact_id, held.id)).content == SCAN.content


async def test_a_mail_is_the_same_when_its_original_is_however_it_is_parsed(desk: Desk) -> None:
    contact_id = uuid4()
    original = FileUpload("mail.eml", "message/rfc822", b"Subject: a\r\n\r\nb", "original")
    first = await desk.everywhere.register(contact_id, MailSubmission(channel=Channel.MAIL, text="b"), [original])
    again = await desk.everywhere.register(contact_id, MailSubmission(channel=Channel.MAIL, subject="a", text="b\n"), [original])
    assert again.reference == first.reference
    other = FileUpload("mail.eml", "message/rfc822", b"Subject: a\r\n\r\nc", "original")
    with pytest.raises(Conflict):
        await desk.everywhere.register(contact_id, MailSubmission(channel=Channel.MAIL, text="b"), [other])


async def test_a_caller_who_stops_waiting_and_tries_again_finds_contact_and_file(desk: Desk) -> None:
    letter = BriefSubmission(channel=Channel.BRIEF, text="Zie bijlage", kind=Kind.MELDING)
    for pause_ms in range(0, 40, 3):
        contact_id = uuid4()
        attempt = asyncio.ensure_future(desk.everywhere.register(contact_id, letter, [SCAN]))
        await asyncio.sleep(pause_ms / 1000)
        attempt.cancel()
        with suppress(asyncio.CancelledError):
            await attempt
        [held] = (await desk.everywhere.register(contact_id, letter, [SCAN])).files
        assert (await desk.case_service.file(contact_id, held.id)).content == SCAN.content


async def test_messages_are_numbered_from_one_without_gaps_when_twenty_arrive_at_once(desk: Desk) -> None:
    contact_id = uuid4()
    await desk.everywhere.register(contact_id, chat())
    stored = await asyncio.gather(*(desk.everywhere.append(contact_id, uuid4(), turn(f"Beurt {number}")) for number in range(20)))
    assert sorted(message.sequence for message in stored) == list(range(1, 21))
    read = await desk.case_service.messages(contact_id)
    assert [message.sequence for message in read] == list(range(1, 21))
    assert {message.id: message.text for message in read} == {message.id: message.text for message in stored}
    assert (await desk.case_service.contact(contact_id)).last_sequence == 20


async def test_a_message_is_stored_once_however_often_it_is_sent(desk: Desk) -> None:
    contact_id, message_id = uuid4(), uuid4()
    await desk.everywhere.register(contact_id, chat())
    stored = await asyncio.gather(*(desk.everywhere.append(contact_id, message_id, turn("Een")) for _ in range(8)))
    assert len(set(stored)) == 1
    with pytest.raises(Conflict):
        await desk.everywhere.append(contact_id, message_id, turn("Twee"))
    assert [message.text for message in await desk.case_service.messages(contact_id)] == ["Een"]


async def test_messages_are_read_after_a_number_with_their_files(desk: Desk) -> None:
    contact_id, sent_at = uuid4(), RECEIVED
    await desk.everywhere.register(contact_id, chat())
    await desk.everywhere.append(contact_id, uuid4(), turn("Een"))
    two = MessageSubmission(direction=Direction.OUTBOUND, text="Twee\nregels", sent_at=sent_at)
    await desk.everywhere.append(contact_id, uuid4(), two, [SCAN])
    await desk.everywhere.append(contact_id, uuid4(), turn("Drie", Direction.NOTE))
    read = await desk.case_service.messages(contact_id, after=1)
    assert [(one.sequence, one.direction, one.text) for one in read] == [
        (2, Direction.OUTBOUND, "Twee\nregels"),
        (3, Direction.NOTE, "Drie"),
    ]
    assert read[0].sent_at == sent_at
    [held] = read[0].files
    assert (await desk.case_service.file(contact_id, held.id)).content == SCAN.content
    assert not await desk.case_service.messages(contact_id, after=3)


async def test_a_contact_is_found_by_phone_mail_and_reference_however_they_are_written(desk: Desk) -> None:
    contact_id, number = uuid4(), f"{uuid4().int % 10**8:08d}"
    person = Person(email=f"Jan.{number}@Voorbeeld.BE", phone=f"04{number[:2]}/{number[2:4]}.{number[4:6]}.{number[6:]}")
    made = await desk.everywhere.register(contact_id, call("Over de club", person=person))
    for query in (
        ContactQuery(phone=f"+324{number}"),
        ContactQuery(phone=f"00324{number}"),
        ContactQuery(phone=f"04{number}"),
        ContactQuery(email=f"jan.{number}@voorbeeld.be"),
        ContactQuery(email=f"JAN.{number}@VOORBEELD.BE"),
        ContactQuery(reference=made.reference),
        ContactQuery(reference=made.reference.lower()),
        ContactQuery(reference=made.reference.replace("-", " ")),
        ContactQuery(phone=f"04{number}", email=f"jan.{number}@voorbeeld.be", channel=(Channel.TELEFOON,)),
    ):
        assert [item.id for item in (await desk.case_service.find(query)).items] == [contact_id], query.model_fields_set
    for query in (
        ContactQuery(phone=f"04{number[:-1]}"),
        ContactQuery(email=f"an.{number}@voorbeeld.be"),
        ContactQuery(phone=f"04{number}", channel=(Channel.BRIEF,)),
        ContactQuery(phone=f"04{number}", nature=(Nature.SPAM,)),
        ContactQuery(phone=f"04{number}", kind=(Kind.VRAAG,)),
    ):
        assert (await desk.case_service.find(query)).items == ()


async def test_lists_are_paged_newest_first(desk: Desk) -> None:
    year = 1971 + uuid4().int % 30
    ids = [uuid4() for _ in range(5)]
    for day, contact_id in enumerate(ids, 1):
        await desk.everywhere.register(contact_id, call(received_at=datetime(year, 1, day, day % 2, tzinfo=UTC)))
    since, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year, 1, 6, tzinfo=UTC)
    found, before = [], None
    for _ in range(20):
        query = ContactQuery(page_size=2, before=before, received_from=since, received_until=until)
        page = await desk.case_service.find(query)
        found += [item.id for item in page.items if item.id in ids]
        before = page.next
        if before is None:
            break
    assert found == ids[::-1]
    with pytest.raises(InvalidInput):
        await desk.case_service.find(ContactQuery(before="nonsense"))


async def test_a_tag_is_corrected_and_its_history_kept(desk: Desk) -> None:
    contact_id = uuid4()
    first = await desk.everywhere.register(contact_id, MailSubmission(channel=Channel.MAIL, text=VRAAG))
    second = await desk.everywhere.retag(contact_id, Retag(kind=Kind.MELDING))
    third = await desk.everywhere.retag(contact_id, Retag(kind=Kind.VRAAG, nature=Nature.NON_CONTACT))
    assert (second.kind, second.kind_source, second.kind_confidence, second.unsure) == (
        Kind.MELDING,
        KindSource.OPERATOR,
        None,
        False,
    )
    assert first.version < second.version < third.version
    read = await desk.case_service.contact(contact_id)
    assert [(row.kind, row.kind_source, row.nature) for row in read.kind_history] == [
        (Kind.VRAAG, KindSource.MODEL, Nature.PERSON),
        (Kind.MELDING, KindSource.OPERATOR, Nature.PERSON),
        (Kind.VRAAG, KindSource.OPERATOR, Nature.NON_CONTACT),
    ]
    assert read.nature == Nature.NON_CONTACT


async def test_the_same_tag_given_once_more_is_told_once(desk: Desk) -> None:
    contact_id = uuid4()
    await desk.everywhere.register(contact_id, MailSubmission(channel=Channel.MAIL, text=VRAAG))
    first = await desk.everywhere.retag(contact_id, Retag(kind=Kind.VRAAG))
    again = await desk.everywhere.retag(contact_id, Retag(kind=Kind.VRAAG))
    assert again.version == first.version
    read = await desk.case_service.contact(contact_id)
    assert [row.kind_source for row in read.kind_history] == [KindSource.MODEL, KindSource.OPERATOR]


async def test_a_correction_is_laid_over_what_is_known(desk: Desk) -> None:
    contact_id, number = uuid4(), f"{uuid4().int % 10**8:08d}"
    first = await desk.everywhere.register(contact_id, call("Over de club", sector=Sector.SPORT))
    corrected = await desk.everywhere.correct(
        contact_id,
        Correction(version=first.version, person=Person(phone=f"04{number}", role=Role.VERWANT), related_to=UUID(int=9)),
    )
    assert corrected.version > first.version
    assert corrected.person == Person(phone=f"04{number}", role=Role.VERWANT)
    moved = await desk.everywhere.correct(contact_id, Correction(sector=Sector.ZORG, anonymous=True, language="de"))
    read = await desk.case_service.contact(contact_id)
    assert (read.sector, read.sector_source, read.anonymous, read.language) == (
        Sector.ZORG,
        KindSource.OPERATOR,
        True,
        "de",
    )
    assert (read.text, read.person, read.related_to, read.version) == (
        "Over de club",
        Person(phone=f"04{number}", role=Role.VERWANT),
        UUID(int=9),
        moved.version,
    )
    assert [item.id for item in (await desk.case_service.find(ContactQuery(phone=f"+324{number}"))).items] == [contact_id]


async def test_a_correction_of_what_somebody_else_changed_is_refused(desk: Desk) -> None:
    contact_id = uuid4()
    first = await desk.everywhere.register(contact_id, call())
    await desk.everywhere.correct(contact_id, Correction(version=first.version, sector=Sector.JEUGD))
    with pytest.raises(StateConflict):
        await desk.everywhere.correct(contact_id, Correction(version=first.version, sector=Sector.MEDIA))
    assert (await desk.case_service.contact(contact_id)).sector == Sector.JEUGD


async def test_a_contact_is_completed_once(desk: Desk) -> None:
    contact_id = uuid4()
    await desk.everywhere.register(contact_id, call())
    done = await desk.everywhere.complete(contact_id)
    assert done.status == Status.COMPLETED
    assert (await desk.everywhere.complete(contact_id)).version == done.version


async def test_an_outcome_can_be_recorded_again(desk: Desk) -> None:
    contact_id = uuid4()
    await desk.everywhere.register(contact_id, call())
    await desk.case_service.record_outcome(contact_id, Outcome(case_reference="2026/12"))
    await desk.case_service.record_outcome(
        contact_id, Outcome(case_reference="2026/12", admissible=False, reason="te lang geleden", closed_on=date(2026, 6, 1))
    )


@pytest.mark.parametrize(
    ("channel", "at", "is_open", "reason"),
    [
        (Channel.TELEFOON, datetime(2026, 3, 2, 17, tzinfo=UTC), True, None),
        (Channel.CHAT, datetime(2026, 3, 2, 17, tzinfo=UTC), False, "outsideHours"),
        (Channel.MAIL, datetime(2026, 3, 7, 11, tzinfo=UTC), False, "weekend"),
        (Channel.BRIEF, datetime(2026, 12, 25, 11, tzinfo=UTC), False, "holiday"),
        (Channel.TELEFOON, datetime(2026, 12, 28, 11, tzinfo=UTC), False, "closure"),
    ],
)
async def test_anybody_may_ask_for_the_hours(
    house: House, channel: Channel, at: datetime, is_open: bool, reason: str | None
) -> None:
    hours = await house.with_token(None).opening_hours(channel, at)
    assert (hours.open, hours.reason) == (is_open, reason)
    assert hours.calendar_version
    assert is_open or (hours.next_opening is not None and hours.next_opening > at)


async def test_anybody_may_read_the_published_hours_of_every_channel(house: House) -> None:
    published = await house.with_token(None).published_hours()
    assert {one.contact_type for one in published.contact_point} == set(Channel)
    assert all(one.hours_available for one in published.contact_point)
    assert published.calendar_version


async def test_a_chat_waits_until_one_of_twelve_operators_takes_it(house: House, desk: Desk) -> None:
    contact_id = uuid4()
    made = await desk.relay.register(contact_id, chat("Is daar iemand?"))
    [waiting] = [one for one in await desk.relay.open_conversations() if one.id == contact_id]
    assert (waiting.status, waiting.reference, waiting.operator) == (ConversationStatus.WAITING, made.reference, None)

    operators = [await house.signed_in(f"Operator {number} {contact_id}") for number in range(12)]
    ends = await asyncio.gather(*(outcome_of(intake.take(contact_id)) for intake, _ in operators))
    assert sorted(ends) == ["StateConflict"] * 11 + ["done"]

    winner, session = operators[ends.index("done")]
    loser = operators[ends.index("StateConflict")][0]
    taken = (await desk.relay.transcript(contact_id)).conversation
    assert (taken.status, taken.operator, taken.operator_name) == (ConversationStatus.ASSIGNED, session.operator_id, session.name)
    with pytest.raises(StateConflict):
        await loser.release(contact_id)
    assert (await winner.take(contact_id)).operator == session.operator_id

    released = await winner.release(contact_id)
    assert (released.status, released.operator, released.operator_name) == (ConversationStatus.WAITING, None, None)
    assert (await loser.take(contact_id)).status == ConversationStatus.ASSIGNED


async def test_a_conversation_is_followed_by_its_turns_and_completes_its_contact(house: House, desk: Desk) -> None:
    contact_id = uuid4()
    await desk.relay.register(contact_id, chat("Is daar iemand?"))
    operator, _ = await house.signed_in(f"Noor {contact_id}")
    await operator.take(contact_id)
    await operator.append(contact_id, uuid4(), turn("Ja, ik luister.", Direction.OUTBOUND))
    await desk.relay.append(contact_id, uuid4(), turn("Dank je."))
    told = await desk.relay.transcript(contact_id)
    assert [(one.sequence, one.text) for one in told.turns] == [(0, "Is daar iemand?"), (1, "Ja, ik luister."), (2, "Dank je.")]
    assert [one.sequence for one in (await operator.transcript(contact_id, after=1)).turns] == [2]
    assert [one.sequence for one in (await operator.transcript(contact_id, after=0)).turns] == [1, 2]

    ended = await operator.end(contact_id)
    assert (ended.status, ended.last_sequence) == (ConversationStatus.ENDED, 2)
    assert (await desk.relay.end(contact_id)).ended_at == ended.ended_at
    assert (await desk.case_service.contact(contact_id)).status == Status.COMPLETED
    assert contact_id not in {one.id for one in await desk.relay.open_conversations()}
    with pytest.raises(StateConflict):
        await operator.take(contact_id)


async def test_a_conversation_is_handed_over_in_one_step_to_an_operator_there_is(house: House, desk: Desk) -> None:
    contact_id = uuid4()
    await desk.relay.register(contact_id, chat())
    (noor, _), (elif_, elif_session) = [await house.signed_in(f"{name} {contact_id}") for name in ("Noor", "Elif")]
    to = HandOver(operator=elif_session.operator_id)
    with pytest.raises(StateConflict):
        await noor.hand_over(contact_id, to)
    await noor.take(contact_id)
    with pytest.raises(NotFound):
        await noor.hand_over(contact_id, HandOver(operator=uuid4()))
    given = await noor.hand_over(contact_id, to)
    assert (given.status, given.because) == (ConversationStatus.ASSIGNED, Because.HANDED_OVER)
    assert (given.operator, given.operator_name) == (elif_session.operator_id, elif_session.name)
    assert await noor.hand_over(contact_id, to) == given
    with pytest.raises(StateConflict):
        await noor.release(contact_id)
    assert (await elif_.end(contact_id)).because == Because.ENDED
    names = [colleague.name for colleague in await desk.relay.colleagues()]
    assert names == sorted(names)
    assert {f"Noor {contact_id}", f"Elif {contact_id}"} <= set(names)


async def test_how_long_a_visitor_waited_and_that_they_gave_up_stands_with_the_contact(house: House, desk: Desk) -> None:
    served, left, turned_away, running = [uuid4() for _ in range(4)]
    for contact_id in (served, left, turned_away, running):
        await desk.relay.register(contact_id, chat())
    operator, _ = await house.signed_in(f"Noor {served}")
    for contact_id in (served, running):
        await operator.take(contact_id)
    await operator.end(served)
    abandoned = await desk.relay.end(left)
    assert (abandoned.status, abandoned.because, abandoned.abandoned) == (ConversationStatus.ENDED, Because.LEFT, True)
    assert abandoned.waited_seconds is not None
    assert (await desk.relay.turn_away(turned_away)).because == Because.CLOSED
    await operator.release(running)
    assert (await desk.relay.turn_away(running)).status == ConversationStatus.WAITING, "hours do not end what was begun"
    for contact_id, gave_up in ((served, False), (left, True), (turned_away, True)):
        contact = await desk.case_service.contact(contact_id)
        assert isinstance(contact.details, ChatDetails)
        assert (contact.details.abandoned, contact.status, contact.nature) == (gave_up, Status.COMPLETED, Nature.PERSON)
        assert contact.details.waited_seconds in range(30)
        assert contact.text == "Hallo, is daar iemand?"


async def test_relays_say_who_is_connected_and_nobody_is_gone_at_the_first_word(house: House, desk: Desk) -> None:
    contact_id = uuid4()
    await desk.relay.register(contact_id, chat())
    operator, session = await house.signed_in(f"Noor {contact_id}")
    await operator.take(contact_id)
    assert not await desk.relay.attend(Attendance(operators=(session.operator_id,), visitors=(contact_id,)))
    assert not await desk.relay.attend(Attendance())
    with pytest.raises(MissingScope):
        await operator.attend(Attendance())


async def test_only_an_operator_takes_a_conversation(desk: Desk) -> None:
    contact_id = uuid4()
    await desk.relay.register(contact_id, chat())
    for nobody in (desk.relay, desk.everywhere):
        with pytest.raises(MissingScope):
            await nobody.take(contact_id)


async def test_a_chat_that_was_held_before_waits_for_nobody(desk: Desk) -> None:
    contact_id = uuid4()
    await desk.everywhere.register(contact_id, chat())
    assert contact_id not in {one.id for one in await desk.relay.open_conversations()}


async def test_danger_and_doubt_are_on_the_work_list_until_somebody_looked(desk: Desk) -> None:
    danger, doubted, sure = uuid4(), uuid4(), uuid4()
    await desk.everywhere.register(sure, call(MELDING))
    await desk.everywhere.register(doubted, call(MELDING, kind=Kind.VRAAG))
    await desk.everywhere.register(danger, MailSubmission(channel=Channel.MAIL, text=DANGER))
    ours = {danger, doubted, sure}

    async def reasons() -> dict[UUID, str]:
        items = (await desk.everywhere.work_list()).items
        return {item.contact.id: item.reason for item in items if item.contact.id in ours}

    wanted = {danger: WorkReason.DANGER, doubted: WorkReason.DOUBTED_VRAAG}

    async def listed() -> bool:
        return await reasons() == wanted

    await eventually(listed)
    items = (await desk.everywhere.work_list()).items
    last_danger = max(place for place, item in enumerate(items) if item.reason == WorkReason.DANGER)
    assert all(item.reason == WorkReason.DANGER for item in items[: last_danger + 1])
    [item] = [item for item in items if item.contact.id == danger]
    await desk.everywhere.finish_work(item.id)
    await desk.everywhere.finish_work(item.id)
    assert await reasons() == {doubted: WorkReason.DOUBTED_VRAAG}
    await desk.everywhere.retag(doubted, Retag(kind=Kind.MELDING))
    assert await reasons() == {}


async def test_an_unreadable_mail_is_on_the_work_list(desk: Desk) -> None:
    contact_id = uuid4()
    mail = {"channel": "mail", "text": "?", "details": {"parseStatus": "failed"}, "kind": "melding"}
    await desk.everywhere.register(contact_id, MailSubmission.model_validate_json(json.dumps(mail)))
    items = (await desk.everywhere.work_list()).items
    assert [item.reason for item in items if item.contact.id == contact_id] == [WorkReason.UNREADABLE]


async def test_a_sign_in_code_works_once_and_a_session_until_it_is_ended(house: House) -> None:
    nobody, code = house.with_token(None), await house.code(f"Noor {uuid4()}")
    ends = await asyncio.gather(*(outcome_of(nobody.sign_in(SignIn(code=code))) for _ in range(2)))
    assert "done" in ends
    assert len(set(ends)) == 2
    with pytest.raises(ProblemError):
        await nobody.sign_in(SignIn(code=code))
    with pytest.raises(ProblemError):
        await nobody.sign_in(SignIn(code="made up"))

    operator, session = await house.signed_in(f"Sam {uuid4()}")
    assert session.expires_at <= session.ends_at
    renewed = await nobody.renew(SessionSecret(secret=session.secret))
    assert (renewed.operator_id, renewed.name, renewed.secret) == (session.operator_id, session.name, session.secret)
    await house.with_token(renewed.access_token).open_conversations()
    await operator.work_list()

    await nobody.sign_out(SessionSecret(secret=session.secret))
    await nobody.sign_out(SessionSecret(secret=session.secret))
    with pytest.raises(ProblemError) as refused:
        await nobody.renew(SessionSecret(secret=session.secret))
    assert refused.value.status == 401


async def test_operator_tokens_can_be_verified_with_the_published_keys(house: House) -> None:
    _, session = await house.signed_in(f"Noor {uuid4()}")
    keys = await house.with_token(None).keys()
    assert all("d" not in key for key in keys["keys"])  # type: ignore[attr-defined]
    operator = verify(session.access_token, KeySet.import_key_set(keys), datetime.now(UTC).timestamp())  # type: ignore[arg-type]
    assert (operator.id, operator.name) == (session.operator_id, session.name)
    assert not any(scope.startswith("contacts:erase") or scope == "contacts:write" for scope in operator.scopes)


async def test_an_operator_sees_and_sends_again_what_was_given_up(house: House) -> None:
    operator, _ = await house.signed_in(f"Noor {uuid4()}")
    with receiving() as receiver:
        asked = SubscriptionRequest(url=receiver.url, name=f"dossiers {uuid4()}", types=(Change.REGISTERED,))
        made = await house.served.reception.steering.made.make(asked)
        try:
            receiver.always = Answer(422)
            everywhere = await house.scoped("contacts:write")
            contacts = [(await everywhere.register(uuid4(), call())).id for _ in range(3)]

            async def given_up() -> bool:
                return (await operator.dead_letters(DeadLetterFilter(subscription_id=made.id))).total == len(contacts)

            await eventually(given_up)
            page = await operator.dead_letters(DeadLetterFilter(subscription_id=made.id, reason="HTTP 422"), page_size=2)
            rest = await operator.dead_letters(DeadLetterFilter(subscription_id=made.id), before=page.next)
            assert {letter.contact_id for letter in (*page.items, *rest.items)} == set(contacts)
            assert (len(page.items), page.total, rest.next) == (2, 3, None)
            [shown] = [one for one in await operator.subscriptions() if one.id == made.id]
            assert (shown.dead, shown.registered, shown.last_error) == (3, 3, "HTTP 422")

            receiver.always = Answer()
            with pytest.raises(NotFound):
                await operator.redrive(DeadLetterFilter(event_ids=(uuid4(),)))
            assert (await operator.redrive(DeadLetterFilter(event_ids=(page.items[0].event_id,)))).count == 1
            assert (await operator.redrive(DeadLetterFilter(subscription_id=made.id))).count == 2
            await asyncio.to_thread(receiver.wait, lambda: all(receiver.taken(contact) for contact in contacts))
        finally:
            await house.served.reception.steering.made.delete(made.id)
    channel = await house.scoped("contacts:write:mail")
    for refused in (channel.subscriptions(), channel.dead_letters(DeadLetterFilter()), channel.redrive(DeadLetterFilter())):
        with pytest.raises(MissingScope):
            await refused


async def test_without_a_good_token_nothing_is_answered(house: House) -> None:
    for token in (None, "oht_made-up", "a.b.c", (await house.signed_in(f"Noor {uuid4()}"))[1].access_token[:-6] + "AAAAAA"):
        stranger = house.with_token(token)
        for asked in (
            stranger.register(uuid4(), call()),
            stranger.contact(uuid4()),
            stranger.find(ContactQuery()),
            stranger.work_list(),
            stranger.open_conversations(),
        ):
            with pytest.raises(ProblemError) as refused:
                await asked
            assert refused.value.status == 401, token


MAKES: dict[Channel, ContactSubmission] = {
    Channel.BRIEF: BriefSubmission(channel=Channel.BRIEF, text="x"),
    Channel.CONTACTFORMULIER: FormSubmission(channel=Channel.CONTACTFORMULIER, text="x"),
    Channel.MAIL: MailSubmission(channel=Channel.MAIL, text="x"),
    Channel.CHAT: chat("x"),
    Channel.TELEFOON: call("x"),
}
OWN = {
    "public_site": {Channel.CONTACTFORMULIER},
    "chat_relay": {Channel.CHAT},
    "mail_ingest": {Channel.MAIL},
    "phone_log": set[Channel](),
    "operator": {Channel.BRIEF, Channel.TELEFOON},
}


@pytest.mark.parametrize("service", OWN)
async def test_each_service_reaches_its_own_channel_and_no_other(house: House, desk: Desk, service: str) -> None:
    who = (await house.signed_in(f"Noor {uuid4()}"))[0] if service == "operator" else await house.own(service)
    for channel, submission in MAKES.items():
        wanted = "done" if channel in OWN[service] else "MissingScope"
        contact_id = uuid4()
        assert await outcome_of(who.register(contact_id, submission)) == wanted, channel
        if wanted == "MissingScope":
            with pytest.raises(NotFound):
                await desk.case_service.contact(contact_id)
            await desk.everywhere.register(contact_id, submission)
        if channel == Channel.CHAT and service == "operator":
            wanted = "done"
        assert await outcome_of(who.append(contact_id, uuid4(), turn("x"))) == wanted, channel


@pytest.mark.parametrize("service", ["public_site", "chat_relay", "mail_ingest", "phone_log"])
async def test_a_channel_service_reads_and_changes_nothing_else(house: House, desk: Desk, service: str) -> None:
    contact_id, who = uuid4(), await house.own(service)
    made = await desk.everywhere.register(contact_id, BriefSubmission(channel=Channel.BRIEF, text="x"), [SCAN])
    for asked in (
        who.contact(contact_id),
        who.messages(contact_id),
        who.file(contact_id, made.files[0].id),
        who.find(ContactQuery()),
        who.retag(contact_id, Retag(kind=Kind.VRAAG)),
        who.correct(contact_id, Correction(anonymous=True)),
        who.complete(contact_id),
        who.record_outcome(contact_id, Outcome()),
        who.work_list(),
        who.finish_work(uuid4()),
        who.take(contact_id),
        who.release(contact_id),
        who.hand_over(contact_id, HandOver(operator=uuid4())),
    ):
        with pytest.raises(MissingScope):
            await asked
    if service != "chat_relay":
        for asked_of_chat in (
            who.open_conversations(),
            who.transcript(contact_id),
            who.end(contact_id),
            who.turn_away(contact_id),
            who.attend(Attendance()),
            who.colleagues(),
        ):
            with pytest.raises(MissingScope):
                await asked_of_chat


async def test_who_said_what_a_contact_is_follows_from_the_token(house: House, desk: Desk) -> None:
    form = await house.own("public_site")
    said = FormSubmission(channel=Channel.CONTACTFORMULIER, text="x", kind=Kind.VRAAG)
    assert (await form.register(uuid4(), said)).kind_source == KindSource.MELDER
    claimed = said.model_copy(update={"kind_source": KindSource.OPERATOR})
    with pytest.raises(MissingScope):
        await form.register(uuid4(), claimed)
    assert (await desk.everywhere.register(uuid4(), claimed)).kind_source == KindSource.OPERATOR


async def test_an_erased_contact_is_gone_for_everybody(house: House, desk: Desk) -> None:
    contact_id, number = uuid4(), f"{uuid4().int % 10**8:08d}"
    submission = ChatSubmission(channel=Channel.CHAT, text="x", person=Person(phone=f"04{number}"))
    made = await desk.relay.register(contact_id, submission, [SCAN])
    await desk.relay.append(contact_id, uuid4(), turn("y"))
    await house.erase(contact_id)
    for asked in (
        desk.case_service.contact(contact_id),
        desk.case_service.messages(contact_id),
        desk.case_service.file(contact_id, made.files[0].id),
        desk.relay.register(contact_id, submission, [SCAN]),
        desk.relay.register(contact_id, chat("iets anders")),
        desk.relay.append(contact_id, uuid4(), turn("z")),
        desk.everywhere.retag(contact_id, Retag(kind=Kind.VRAAG)),
        desk.everywhere.correct(contact_id, Correction(anonymous=True)),
        desk.everywhere.complete(contact_id),
        desk.case_service.record_outcome(contact_id, Outcome()),
        desk.relay.transcript(contact_id),
        desk.relay.end(contact_id),
        desk.relay.turn_away(contact_id),
    ):
        with pytest.raises(Erased):
            await asked
    assert (await desk.case_service.find(ContactQuery(phone=f"04{number}"))).items == ()
    assert contact_id not in {one.id for one in await desk.relay.open_conversations()}
    assert contact_id not in {item.contact.id for item in (await desk.everywhere.work_list()).items}
