"""Whoever is on call: told once, again while it lasts, once when it is over; by one node, over TLS, without content."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from services.intake_api.alarms.mail import AlarmMail, NotSent
from services.intake_api.alarms.settings import AlarmSettings
from services.intake_api.alarms.watch import Watch
from services.intake_api.store import tables
from services.intake_api.store.alarms import HOLD, KeptAlarms
from services.intake_api.store.engine import Database
from services.intake_api.store.figures import Figures
from services.intake_api.store.migrate import migrate
from services.kit.alarms import Alarm, Board
from services.kit.clock import SetClock
from tests.certificates import certificate
from tests.on_call import OnCall

NOON = datetime(2026, 3, 4, 11, tzinfo=UTC)
ORIGIN = "https://onthaal.example"


@pytest.fixture
def clock() -> SetClock:
    """A clock that a test moves."""
    return SetClock(NOON)


@pytest.fixture
def on_call() -> Iterator[OnCall]:
    """Somebody on call, with a mail server on this machine."""
    with OnCall().listening() as somebody:
        yield somebody


@pytest.fixture
async def database(database_url: str, clock: SetClock) -> AsyncIterator[Database]:
    """A database of one test's own."""
    opened = Database(database_url, clock)
    await migrate(opened)
    yield opened
    await opened.close()


def settings(on_call: OnCall, **more: object) -> AlarmSettings:
    given = {"alarm_smtp_host": "127.0.0.1", "alarm_smtp_port": on_call.port, "alarm_smtp_tls": "none", "alarm_to": "wacht@x.be"}
    return AlarmSettings.model_validate(given | {"alarm_disk_percent": 0} | more)


def watch(database: Database, limits: AlarmSettings, folder: Path, node: str = "een") -> Watch:
    """A node's watch, as it is after a start."""
    board = Board(database.clock)
    kept, figures = KeptAlarms(database), Figures(database)
    return Watch(figures, kept, board, AlarmMail(limits, ORIGIN), limits, database.clock, folder, node)


async def danger(database: Database) -> None:
    """Let a contact in immediate danger wait for an hour."""
    contact = uuid4()
    now = database.clock.now()
    row = {
        "id": contact, "reference": str(contact)[:12], "version": 1, "status": "open", "channel": "chat", "nature": "person",
        "kind": "melding", "kind_source": "model", "unsure": False, "kind_at": now, "signals": "[]", "anonymous": True,
        "received_at": now, "registered_at": now, "opening": "{}", "last_sequence": 0, "digest": b"", "data_key": None,
    }  # fmt: skip
    item = {"id": uuid4(), "contact_id": contact, "reason": "danger", "since": now - timedelta(hours=1)}
    async with database.write() as connection:
        await connection.execute(insert(tables.contact).values(**row))
        await connection.execute(insert(tables.work_item).values(**item))


async def looked_at(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(update(tables.work_item).values(finished_at=database.clock.now(), finished_by="Noor"))


async def dead_letter(database: Database) -> None:
    subscription = {
        "id": uuid4(), "name": "cases", "url": "https://x.be", "natures": "person", "types": "", "channels": "", "kinds": "",
        "status": "active", "plain": True, "batch": 1, "addressed": 1, "delivered": 0, "failures": 0, "sealed_secret": b"",
        "position": 0, "created_at": NOON,
    }  # fmt: skip
    letter = {"subscription_id": subscription["id"], "position": 1, "contact_id": uuid4(), "state": "dead", "attempts": 10}
    async with database.write() as connection:
        await connection.execute(insert(tables.subscription).values(**subscription))
        await connection.execute(insert(tables.delivery).values(**letter))


async def redriven(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(update(tables.delivery).values(state="delivered", fetched_at=NOON, settled_at=NOON))
        await connection.execute(update(tables.subscription).values(delivered=1))


async def test_it_is_told_once_again_while_it_lasts_and_once_when_it_is_over_across_restarts(
    database: Database, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    limits = settings(on_call, alarm_repeat=240)
    await watch(database, limits, tmp_path).look()
    assert on_call.subjects == []
    await danger(database)
    for _ in range(3):
        await watch(database, limits, tmp_path).look()
        clock.advance(timedelta(minutes=10))
    assert on_call.subjects == ["Onthaal: DRINGEND: immediateDanger (1)"]
    clock.advance(timedelta(minutes=215))
    for _ in range(2):
        await watch(database, limits, tmp_path).look()
    assert on_call.subjects == ["Onthaal: DRINGEND: immediateDanger (1)"] * 2
    await looked_at(database)
    for _ in range(2):
        await watch(database, limits, tmp_path).look()
    assert on_call.subjects[2:] == ["Onthaal: voorbij: immediateDanger (0)"]
    assert await KeptAlarms(database).all() == []


async def test_the_mail_says_what_how_many_since_when_and_where_and_nothing_of_a_contact(
    database: Database, on_call: OnCall, tmp_path: Path
) -> None:
    await danger(database)
    await watch(database, settings(on_call), tmp_path).look()
    [mail] = on_call.mails
    text = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert text.splitlines()[1:] == [
        "Alarm: immediateDanger",
        "Aantal: 1",
        "Sinds: 04/03/2026 11:00",
        f"Kijk op {ORIGIN}/desk",
    ]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "chat" not in mail.as_string()


async def test_of_many_nodes_that_look_at_once_exactly_one_tells(
    database: Database, database_url: str, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    await danger(database)
    limits = settings(on_call)
    others = [Database(database_url, clock) for _ in range(5)]
    await asyncio.gather(*(watch(other, limits, tmp_path, f"node{number}").look() for number, other in enumerate(others)))
    assert len(on_call.mails) == 1
    await looked_at(database)
    await asyncio.gather(*(watch(other, limits, tmp_path, f"node{number}").look() for number, other in enumerate(others)))
    assert len(on_call.mails) == 2
    for other in others:
        await other.close()


async def test_a_node_that_dies_while_telling_leaves_it_to_another(
    database: Database, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    await danger(database)
    kept = KeptAlarms(database)
    await kept.keep(Alarm.IMMEDIATE_DANGER, NOON)
    [alarm] = await kept.all()
    assert await kept.hold(alarm)
    await watch(database, settings(on_call), tmp_path).look()
    assert on_call.mails == []
    clock.advance(HOLD)
    await watch(database, settings(on_call), tmp_path).look()
    assert len(on_call.mails) == 1


async def test_in_quiet_hours_only_what_is_urgent_is_told_and_the_rest_in_the_morning(
    database: Database, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    limits = settings(on_call, alarm_quiet="22:00-07:00")
    clock.advance(timedelta(hours=11))  # 23 o'clock in Brussels
    await dead_letter(database)
    await danger(database)
    await watch(database, limits, tmp_path).look()
    assert on_call.subjects == ["Onthaal: DRINGEND: immediateDanger (1)"]
    clock.advance(timedelta(hours=8, minutes=1))
    await watch(database, limits, tmp_path).look()
    assert "Onthaal: alarm: deadLetters (1)" in on_call.subjects
    clock.advance(timedelta(hours=15))
    await redriven(database)
    await watch(database, limits, tmp_path).look()
    assert "Onthaal: voorbij: deadLetters (0)" not in on_call.subjects
    clock.advance(timedelta(hours=9))
    await watch(database, limits, tmp_path).look()
    assert "Onthaal: voorbij: deadLetters (0)" in on_call.subjects


async def test_what_could_not_be_sent_is_sent_later_and_shows_meanwhile(
    database: Database, on_call: OnCall, tmp_path: Path
) -> None:
    await danger(database)
    watching = watch(database, settings(on_call), tmp_path)
    on_call.refusing = True
    await watching.look()
    await watching.look()
    assert watching.cannot_tell
    on_call.refusing = False
    await watching.look()
    assert not watching.cannot_tell
    assert len(on_call.mails) == 1


async def test_what_is_wrong_on_one_machine_is_told_and_settled_by_that_machine(
    database: Database, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    limits = settings(on_call)
    one, other = watch(database, limits, tmp_path, "een"), watch(database, limits, tmp_path, "twee")
    one.board.raise_alarm(Alarm.MAIL_NOT_TAKEN)
    await one.look()
    assert on_call.mails == []  # it may mend itself within a minute
    clock.advance(timedelta(minutes=1))
    await one.look()
    await other.look()
    assert on_call.subjects == ["Onthaal: DRINGEND: mailNotTaken (1)"]
    assert "Waar: een" in on_call.mails[0].get_payload(decode=True).decode()  # type: ignore[union-attr]
    one.board.settle(Alarm.MAIL_NOT_TAKEN)
    await other.look()
    assert len(on_call.mails) == 1
    await one.look()
    assert on_call.subjects[1:] == ["Onthaal: voorbij: mailNotTaken (0)"]


async def test_an_alarm_that_only_another_version_knows_stops_nothing_and_is_forgotten(
    database: Database, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    await KeptAlarms(database).keep("aNameOfTomorrow", clock.now())
    await danger(database)
    watching = watch(database, settings(on_call), tmp_path)
    await watching.look()
    assert not watching.cannot_tell
    assert [one.name for one in await KeptAlarms(database).all()] == ["aNameOfTomorrow", Alarm.IMMEDIATE_DANGER]
    clock.advance(timedelta(days=8))
    await watching.look()
    assert [one.name for one in await KeptAlarms(database).all()] == [Alarm.IMMEDIATE_DANGER]


async def test_a_database_that_is_away_is_told_from_memory_and_so_is_its_return(
    database: Database, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    gone = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none", clock)
    watching = watch(gone, settings(on_call), tmp_path)
    await watching.look()
    clock.advance(timedelta(minutes=1))
    await watching.look()
    await watching.look()
    assert on_call.subjects == ["Onthaal: DRINGEND: databaseAway (1)"]
    watching.figures, watching.kept = Figures(database), KeptAlarms(database)
    await watching.look()
    await watching.look()
    assert on_call.subjects[1:] == ["Onthaal: voorbij: databaseAway (0)"]
    await gone.close()


async def test_starttls_is_used_and_a_server_without_it_gets_nothing(on_call: OnCall, tmp_path: Path) -> None:
    trusted, key = certificate(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(trusted, key)
    password = tmp_path / "password"
    password.write_text("geheim\n")
    secured = OnCall()
    given = {"alarm_smtp_tls": "starttls", "alarm_smtp_ca": trusted}
    with secured.listening(server):
        signed_in = given | {"alarm_smtp_user": "wacht", "alarm_smtp_password_file": password}
        await AlarmMail(settings(secured, **signed_in), ORIGIN).send_test(NOON)
        assert secured.encrypted == [True]
        with pytest.raises(NotSent):  # not a certificate that anybody vouches for
            await AlarmMail(settings(secured, **signed_in | {"alarm_smtp_ca": None}), ORIGIN).send_test(NOON)
    with pytest.raises(NotSent):
        await AlarmMail(settings(on_call, **given), ORIGIN).send_test(NOON)
    assert on_call.mails == []
    assert len(secured.mails) == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"alarm_smtp_host": "mail.example"}, "on this machine"),
        ({"alarm_to": " "}, "ONTHAAL_ALARM_TO"),
        ({"alarm_smtp_user": "wacht"}, "belong together"),
        ({"alarm_quiet": "25:00-07:00"}, "hour"),
    ],
)
def test_settings_that_would_tell_nobody_or_in_the_clear_stop_the_start(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        settings(OnCall(), **wrong)


async def test_a_mailbox_that_is_not_read_or_whose_mails_are_not_taken_in_is_told_and_measured(
    database: Database, clock: SetClock, on_call: OnCall, tmp_path: Path
) -> None:
    box = {"name": "meldpunt", "first_seen_at": NOON, "last_read_at": NOON, "present": 9, "before_import": 0, "missing": 2}
    outgoing = {
        "id": uuid4(), "contact_id": uuid4(), "kind": "acknowledgement", "mailbox": "meldpunt", "status": "failed", "sealed": b"",
        "attempts": 7, "created_at": NOON,
    }  # fmt: skip
    async with database.write() as connection:
        await connection.execute(insert(tables.mailbox).values(**box, missing_since=NOON))
        await connection.execute(insert(tables.mail_count).values(mailbox="meldpunt", outcome="accepted", count=7))
        await connection.execute(insert(tables.outgoing).values(**outgoing))
    watching = watch(database, settings(on_call), tmp_path)
    clock.advance(timedelta(minutes=9))
    await watching.look()
    assert on_call.subjects == []
    clock.advance(timedelta(minutes=2))
    await watching.look()
    assert on_call.subjects == ["Onthaal: DRINGEND: mailboxGap (3)"]
    told = {(sample.name, *sample.labels.values()): sample.value for one in await watching.metrics() for sample in one.samples}
    assert told["onthaal_mails_taken", "meldpunt", "accepted"] == 7
    assert told["onthaal_mailbox_missing", "meldpunt"] == 2
    assert told["onthaal_mailbox_last_read_seconds", "meldpunt"] == 660
    assert told["onthaal_outgoing_mails", "failed"] == 1
    async with database.write() as connection:
        await connection.execute(update(tables.mailbox).values(last_read_at=clock.now(), missing=0, missing_since=None))
    await watching.look()
    assert on_call.subjects[1:] == ["Onthaal: voorbij: mailboxGap (0)"]
