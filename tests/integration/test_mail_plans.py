"""What is asked of mail is found by an index, however many there were: on both engines, with a full house."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from onthaal_schema.channel import Channel
from onthaal_schema.contact import MailDetails, MailSubmission, Person
from onthaal_schema.mail import IncomingMail, MailboxReport, MailOutcome, OutgoingResult, Place
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.outgoing import OutgoingStatus
from onthaal_schema.problems import NotFound
from services.intake_api.answering import DailyLimits
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts, mails_of
from services.intake_api.store.engine import Database
from services.intake_api.store.figures import Figures
from services.intake_api.store.files import LocalBlobs
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.mailboxes import Mailboxes
from services.intake_api.store.mails import Digests, Mails
from services.intake_api.store.messages import Messages
from services.intake_api.store.migrate import migrate
from services.intake_api.store.outbox import EventFrame, Outbox
from services.intake_api.store.outgoing import Outgoing
from services.intake_api.store.outgoing_rows import shown_outgoing
from services.intake_api.store.reply_tokens import make_token
from services.intake_api.store.taken import Bounced, bounce
from services.intake_api.store.vault import Keys, Vault
from services.kit.clock import SystemClock

MANY = 20_000
TABLES = ("mail", "mail_place", "mail_likeness", "outgoing", "answered", "work_item", "blind_index", "contact")


@dataclass
class Post:
    """The store's rooms for mail, before a database."""

    database: Database
    vault: Vault
    mails: Mails
    mailboxes: Mailboxes
    outgoing: Outgoing


@pytest.fixture
async def post(database_url: str, tmp_path: Path) -> AsyncIterator[Post]:
    database, vault = Database(database_url, SystemClock()), Vault(Keys.make())
    await migrate(database)
    blobs = LocalBlobs(tmp_path)
    outbox = Outbox(database, EventFrame("urn:x", "http://x"))
    contacts = Contacts(database, vault, outbox, blobs, Ledger(tmp_path / "ledger"))
    messages = Messages(database, vault, contacts, blobs)
    yield Post(
        database,
        vault,
        Mails(database, vault, contacts, messages),
        Mailboxes(database),
        Outgoing(database, vault, contacts, messages, DailyLimits()),
    )
    await database.close()


async def fill(post: Post) -> UUID:
    """Fill the tables as years of mail would; gives one of the mails of ours."""
    now = datetime.now(UTC) - timedelta(days=30)
    ids = [uuid4() for _ in range(MANY)]
    contact = {
        "version": 1, "status": "open", "channel": "mail", "nature": "person", "kind": "melding", "kind_source": "model",
        "unsure": False, "kind_at": now, "signals": "[]", "anonymous": True, "received_at": now, "registered_at": now,
        "opening": "{}", "last_sequence": 0, "digest": b"",
    }  # fmt: skip
    outgoing = {"kind": "acknowledgement", "mailbox": "m", "status": "sent", "sealed": b"", "attempts": 1, "created_at": now}
    rows: dict[Any, list[dict[str, Any]]] = {
        tables.contact: [{"id": one, "reference": one.hex[:16], **contact} for one in ids],
        tables.mail: [
            {"id": one, "mailbox": "m", "contact_id": one, "outcome": "accepted", "message_id_digest": one.bytes,
             "fingerprint": one.bytes, "taken_at": now}
            for one in ids
        ],
        tables.mail_place: [
            {"mailbox": "m", "uid_validity": 1 + number % 2, "uid": number, "mail_id": one} for number, one in enumerate(ids)
        ],
        tables.mail_likeness: [{"mailbox": "m", "digest": one.bytes, "mail_id": one} for one in ids],
        tables.blind_index: [{"contact_id": one, "digest": one.bytes} for one in ids],
        tables.answered: [{"recipient": one.bytes, "at": now} for one in ids],
        tables.work_item: [
            {"id": uuid4(), "contact_id": one, "reason": "unsure", "since": now, "finished_at": now} for one in ids
        ],
        tables.outgoing: [
            {"id": one, "contact_id": one, "token_digest": one.bytes, "message_id_digest": one.bytes, "recipient": one.bytes,
             **outgoing}
            for one in ids
        ],
    }  # fmt: skip
    async with post.database.write() as connection:
        for table, values in rows.items():
            await connection.execute(table.insert(), values)
    async with post.database.write() as connection:
        await connection.execute(text("ANALYZE"))
    return ids[0]


def mail(**other: Any) -> IncomingMail:
    contact = MailSubmission(channel=Channel.MAIL, person=Person(email="a@b.be"), details=MailDetails(message_id="<a@b>"))
    return IncomingMail(mailbox="m", contact=contact, fingerprint="f", **other)


async def test_nothing_of_mail_is_looked_for_by_reading_whole_tables(post: Post) -> None:
    one = await fill(post)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append((statement, parameters))

    engines = {post.database.reading.sync_engine, post.database.writing.sync_engine}
    for engine in engines:
        sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    answer = mail(
        tokens=(make_token(post.vault),), references=("<a@b>", "<c@d>"), likenesses=("x", "y"), place=Place(uid_validity=1, uid=1)
    )
    digests = Digests.of(post.vault, answer)
    known = Digests(digests.fingerprint, None, (one.bytes,), (one.bytes,), (one.bytes,), one.bytes, one.bytes)
    for looked_for in (digests, known):
        await post.mails.look(uuid4(), answer, looked_for, numbered_anew=True)
    await post.mails.place(one, "m", Place(uid_validity=3, uid=1))
    await post.mailboxes.numbering("m", 1)
    await post.mailboxes.report("m", MailboxReport(reader=uuid4(), uid_validity=1))
    await post.outgoing.claim(OpeningHours(open=True, calendar_version="x"))
    await post.outgoing.settle(one, OutgoingResult(status=OutgoingStatus.SENT))
    with pytest.raises(NotFound):
        await post.outgoing.settle(uuid4(), OutgoingResult(status=OutgoingStatus.SENT))
    await Figures(post.database).read(timedelta(hours=1))
    async with post.database.write() as connection:
        await mails_of(connection, one)
        await shown_outgoing(connection, one)
        await bounce(connection, post.database, Bounced(one, one, "5.1.1"))
        for table in (tables.outgoing, tables.work_item, tables.blind_index, tables.file, tables.message):
            await connection.execute(table.delete().where(table.c.contact_id == one))
    for engine in engines:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)
    assert len(asked) > 25
    explain, whole = ("EXPLAIN QUERY PLAN", "SCAN {}") if post.database.on_sqlite else ("EXPLAIN", "Seq Scan on {}")
    async with post.database.write() as connection:
        for statement, parameters in asked:
            rows = (await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all()
            plan = "\n".join(str(row[-1]) for row in rows)
            for table in TABLES:
                read_whole = [
                    line for line in plan.splitlines() if f"{whole.format(table)} " in f"{line} " and "INDEX" not in line
                ]
                assert not read_whole, f"{statement}\n{plan}"


async def test_what_is_held_is_read_from_an_index_alone(post: Post) -> None:
    await fill(post)
    state = await post.mailboxes.state("m", 2)
    assert state.held == ",".join(str(number) for number in range(1, MANY, 2))
    assert state.outcomes.get(MailOutcome.ACCEPTED) is None  # these were not taken in, so nobody counted them
