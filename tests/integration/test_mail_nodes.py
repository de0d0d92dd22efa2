"""Two nodes of the intake service that are handed the same mail at the same time, as when two readers overlap."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from onthaal_schema.channel import Channel
from onthaal_schema.contact import MailDetails, MailSubmission, Person
from onthaal_schema.intake import FileUpload
from onthaal_schema.mail import Bounce, BounceAction, IncomingMail, MailOutcome, MailReceipt, OutgoingMail, Place
from services.gateway import build
from services.intake_api.caller import Caller
from services.intake_api.direct import DirectIntake

MAIL = Caller("mail_ingest", frozenset({"contacts:write:mail"}))
READER = Caller("reader", frozenset({"contacts:read", "contacts:erase", "worklist:write"}))


@pytest.fixture
async def nodes(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[DirectIntake, DirectIntake, DirectIntake]]:
    """Two nodes before one database, as the mail service sees them, and a reader."""
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("ONTHAAL_VAR", str(tmp_path))
            environment.setenv("ONTHAAL_DATABASE_URL", database_url)
            apps = [build(["intake_api"]) for _ in range(2)]
        for app in apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        one, two = (DirectIntake(app.state.reception, MAIL) for app in apps)
        yield one, two, DirectIntake(apps[0].state.reception, READER)


def mail(sender: str, uid: int, **other: object) -> IncomingMail:
    details = MailDetails(message_id=f"<{uid}@voorbeeld.be>")
    contact = MailSubmission(channel=Channel.MAIL, text="Dag", person=Person(email=sender), details=details)
    place = Place(uid_validity=1, uid=uid)
    values = {"mailbox": "meldpunt", "place": place, "answer_to": sender, "fingerprint": f"mail {uid}", **other}
    return IncomingMail(contact=contact, **values)


async def test_mail_that_two_nodes_take_in_at_once_is_taken_once_and_answered_once(
    nodes: tuple[DirectIntake, DirectIntake, DirectIntake],
) -> None:
    one, two, reader = nodes
    rng = random.Random(4)
    senders = [f"afzender-{number}@voorbeeld.be" for number in range(12)]
    mails = [(uuid4(), mail(senders[uid % 12], uid)) for uid in range(1, 49)]
    rendered = [
        (uuid4(), one.model_copy(update={"place": Place(uid_validity=1, uid=100 + number)}))
        for number, (_, one) in enumerate(mails[:10])
    ]
    work = [(node, *each) for each in mails + rendered for node in (one, two)]
    rng.shuffle(work)
    original = FileUpload("mail.eml", "message/rfc822", b"Subject: x\r\n\r\nDag", "original")
    receipts: list[MailReceipt] = await asyncio.gather(
        *(node.take_mail(mail_id, each, [original]) for node, mail_id, each in work)
    )

    by_mail: dict[UUID, set[MailReceipt]] = {}
    for receipt in receipts:
        by_mail.setdefault(receipt.mail_id, set()).add(receipt)
    assert all(len(given) == 1 for given in by_mail.values()), "both nodes give the receipt that was given"
    outcomes = Counter(receipt.outcome for given in by_mail.values() for receipt in given)
    assert outcomes == {MailOutcome.ACCEPTED: 48, MailOutcome.DUPLICATE: 10}
    contacts = {receipt.contact_id for receipt in receipts}
    assert len(contacts) == 48
    state = await two.mailbox("meldpunt", 1)
    assert (state.held, state.outcomes) == ("1:48,100:109", outcomes)
    for contact_id in contacts:
        assert len((await reader.contact(contact_id)).files) == 1

    claimed: list[OutgoingMail] = []
    while found := [mail for node in (one, two, one) for mail in await node.claim_outgoing()]:
        claimed += found
    assert sorted(mail.to for mail in claimed) == sorted(senders)

    async with asyncio.timeout(30):
        for contact_id in contacts:
            while (contact := await reader.contact(contact_id)).suggestion is None:
                await asyncio.sleep(0.05)
            assert contact.kind_confidence == contact.suggestion.kind_confidence
            assert len(contact.kind_history) == contact.version <= 2, "both nodes' models looked, and it was tagged once"


async def test_answers_reports_and_erasures_at_once_on_two_nodes_leave_nothing_half_done(
    nodes: tuple[DirectIntake, DirectIntake, DirectIntake],
) -> None:
    one, two, reader = nodes
    senders = [f"persoon-{number}@voorbeeld.be" for number in range(10)]
    for uid, sender in enumerate(senders, 1):
        await one.take_mail(uuid4(), mail(sender, uid))
    sent = list(await one.claim_outgoing())
    assert len(sent) == 10

    async def at_once(number: int, about: OutgoingMail) -> list[MailReceipt | BaseException | None]:
        answer = mail(about.to, 1000 + number, tokens=(about.token,))
        bounce = Bounce(action=BounceAction.FAILED, status="5.1.1", message_id=about.message_id)
        report = mail("mailer-daemon@voorbeeld.be", 2000 + number, bounce=bounce)
        answer_id, report_id = uuid4(), uuid4()
        erased = [reader._reception.erase(READER, about.contact_id)] if number % 2 else []
        tasks = [
            node.take_mail(mail_id, each) for node in (one, two) for mail_id, each in ((answer_id, answer), (report_id, report))
        ]
        return list(await asyncio.gather(*tasks, *erased))

    for given in await asyncio.gather(*(at_once(number, about) for number, about in enumerate(sent))):
        receipts = [receipt for receipt in given if isinstance(receipt, MailReceipt)]
        assert len(receipts) == 4
        assert len(set(receipts)) == 2, "both nodes say the same of one mail"
    for number, about in enumerate(sent):
        if number % 2 == 0:
            contact = await reader.contact(about.contact_id)
            assert contact.last_sequence == 1
            assert [mail.reason for mail in contact.outgoing] == ["5.1.1"]
    on_the_list = {item.contact.id for item in (await reader.work_list()).items}
    assert {about.contact_id for about in sent[::2]} <= on_the_list
    assert not {about.contact_id for about in sent[1::2]} & on_the_list
