"""Who is answered how often: one sender with many addresses once in seven days, and no more than so many answers a day."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from onthaal_schema.channel import Channel
from onthaal_schema.contact import MailSubmission, Person
from onthaal_schema.mail import IncomingMail, MailReceipt, OutgoingResult
from onthaal_schema.outgoing import OutgoingStatus
from services.gateway import build
from services.intake_api.caller import Caller
from services.intake_api.direct import DirectIntake
from services.intake_api.reception import Reception
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.kit.clock import SetClock

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Office:
    """An intake service in this process, by a clock that is set."""

    reception: Reception
    clock: SetClock
    database: Database

    @property
    def intake(self) -> DirectIntake:
        everything = frozenset({"contacts:read", "contacts:write", "contacts:erase"})
        return DirectIntake(self.reception, Caller("test", everything))

    async def take(self, sender: str) -> MailReceipt:
        self.clock.advance(timedelta(seconds=1))  # so that they are answered in this order
        contact = MailSubmission(channel=Channel.MAIL, text="Dag", person=Person(email=sender))
        return await self.intake.take_mail(uuid4(), IncomingMail(mailbox="meldpunt", contact=contact, answer_to=sender))

    async def send(self) -> list[str]:
        """Send everything that is due; gives to whom."""
        sent = []
        while claimed := await self.intake.claim_outgoing():
            for mail in claimed:
                await self.intake.settle_outgoing(mail.id, OutgoingResult(status=OutgoingStatus.SENT))
            sent += [mail.to for mail in claimed]
        return sent

    async def erase(self, contact_id: UUID) -> None:
        await self.reception.erase(Caller("test", frozenset({"contacts:erase"})), contact_id)

    async def state(self, receipt: MailReceipt) -> tuple[str, str | None]:
        [mail] = (await self.intake.contact(receipt.contact_id)).outgoing
        return mail.status.value, mail.reason


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    """An office that sends three answers a day, two of them to one domain."""
    clock = SetClock(MONDAY)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ONTHAAL_VAR", str(tmp_path))
        environment.setenv("ONTHAAL_DATABASE_URL", database_url)
        environment.setenv("ONTHAAL_MAIL_ANSWERS_A_DAY", "3")
        environment.setenv("ONTHAAL_MAIL_ANSWERS_A_DAY_TO_A_DOMAIN", "2")
        app = build(["intake_api"], clock)
    async with app.router.lifespan_context(app):
        database = Database(database_url, clock)
        yield Office(app.state.reception, clock, database)
        await database.close()


async def test_a_sender_with_an_address_for_each_mail_is_answered_once(office: Office) -> None:
    addresses = [
        "noor+1@voorbeeld.be",
        "noor+2@voorbeeld.be",
        "Noor@Voorbeeld.be",
        "SRS0=ab=cd=voorbeeld.be=noor@doorstuur.be",
        "SRS1=ef=ander.be==ab=cd=voorbeeld.be=noor@doorstuur.be",
    ]
    for address in addresses:
        await office.take(address)
    assert await office.send() == addresses[:1]
    office.clock.advance(8 * DAY)
    await office.take(addresses[1])
    assert await office.send() == addresses[1:2]


async def test_whoever_is_erased_is_answered_anew_whichever_address_they_wrote_from(office: Office) -> None:
    first = await office.take("noor+1@voorbeeld.be")
    await office.send()
    await office.erase(first.contact_id)
    async with office.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(tables.answered)) == 0
    await office.take("noor+2@voorbeeld.be")
    assert await office.send() == ["noor+2@voorbeeld.be"]


async def test_above_so_many_a_day_to_one_domain_the_rest_is_withheld_and_shown(office: Office) -> None:
    taken = [await office.take(f"p{number}@voorbeeld.be") for number in range(3)]
    assert len(await office.send()) == 2
    assert [await office.state(one) for one in taken] == [("sent", None), ("sent", None), ("withheld", "dailyLimitOfDomain")]
    assert (await office.intake.contact(taken[2].contact_id)).text == "Dag"
    await office.take("noor@elders.be")
    assert await office.send() == ["noor@elders.be"]


async def test_a_flood_from_one_domain_neither_holds_others_up_nor_takes_their_share(office: Office) -> None:
    for number in range(45):
        await office.take(f"p{number}@voorbeeld.be")
    await office.take("noor@elders.be")
    assert await office.send() == ["p0@voorbeeld.be", "p1@voorbeeld.be", "noor@elders.be"]


async def test_above_so_many_a_day_in_all_nobody_is_answered_until_the_next_day(office: Office) -> None:
    for number in range(3):
        await office.take(f"noor@v{number}.be")
    late = await office.take("an@laat.be")
    assert len(await office.send()) == 3
    assert await office.state(late) == ("withheld", "dailyLimit")
    office.clock.advance(DAY)
    assert await office.send() == []  # what was withheld comes no later either
    await office.take("an@laat.be")
    assert await office.send() == ["an@laat.be"]
    async with office.database.read() as connection:
        days = (await connection.execute(select(tables.answer_count.c.day))).scalars().all()
    assert set(days) == {(MONDAY + DAY).date()}  # nothing of former days is kept


async def test_an_attempt_that_is_repeated_counts_once(office: Office) -> None:
    await office.take("noor@voorbeeld.be")
    for _ in range(3):
        [mail] = await office.intake.claim_outgoing()
        await office.intake.settle_outgoing(mail.id, OutgoingResult(status=OutgoingStatus.QUEUED, reason="421"))
        async with office.database.write() as connection:
            await connection.execute(update(tables.outgoing).values(due_at=MONDAY))
    await office.take("an@voorbeeld.be")
    assert sorted(await office.send()) == ["an@voorbeeld.be", "noor@voorbeeld.be"]
