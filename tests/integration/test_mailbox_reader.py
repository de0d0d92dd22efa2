"""Reading a mailbox on a server that behaves as badly as a test wants, into an intake that does what it is told."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from onthaal_schema.problems import InvalidInput, PayloadTooLarge, ServiceUnavailable
from services.mail_ingest.holdings import BATCH_MAILS
from services.mail_ingest.mailbox_reader import MailboxReader
from services.mail_ingest.mailbox_standing import Limits
from tests.mail_register import MailRegister
from tests.mail_server import HangUp, MailServer, serving
from tests.mailbox.reading import reading_of, until


def written(number: int, body: str = "Dag") -> bytes:
    """Write a mail."""
    return (
        f"From: Noor <noor{number}@example.be>\r\nSubject: Vraag {number}\r\nMessage-ID: <{number}@example.be>\r\n"
        f"Date: Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\n{body} {number}\r\n"
    ).encode()


def reading(
    server: MailServer, register: MailRegister, limits: Limits | None = None, **mailbox: Any
) -> AbstractAsyncContextManager[MailboxReader]:
    """Read a mailbox for the length of a block."""
    return reading_of(server.mailbox(**mailbox), register, limits)


def texts(register: MailRegister) -> list[str]:
    """Give the texts of what is held, in the order in which it came."""
    return [held.mail.contact.text or "" for held in register.held.values()]


async def test_what_is_there_and_what_comes_is_taken_in_once() -> None:
    register = MailRegister()
    async with serving() as server:
        server.deliver(*(written(number) for number in range(3)))
        async with reading(server, register) as reader:
            await until(lambda: len(register.held) == 3)
            server.deliver(written(3))
            await until(lambda: len(register.held) == 4 and reader.standing.held == 4)
            assert (reader.standing.missing, reader.standing.is_well) == (0, True)
        async with reading(server, register) as reader:
            await until(lambda: reader.standing.last_read_at)
    assert register.calls == ["take"] * 4
    assert texts(register) == ["Dag 0", "Dag 1", "Dag 2", "Dag 3"]
    assert register.places == {("post", 7): dict(zip(range(1, 5), register.held, strict=True))}
    assert (register.reports[-1].present, register.reports[-1].last) == (4, True)
    assert all("EXAMINE" in command for command in server.said if "INBOX" in command)


async def test_new_mail_is_told_by_the_server_and_not_waited_for() -> None:
    register = MailRegister()
    async with serving() as server, reading(server, register, Limits(poll=600, retry=1, size=10_000)):
        await until(lambda: "IDLE" in server.said)
        await asyncio.sleep(0.1)
        server.deliver(written(1))
        await until(lambda: register.held, 5)


async def test_what_comes_between_a_look_and_the_waiting_is_not_waited_for() -> None:
    register = MailRegister()
    async with serving(late=(written(1),)) as server, reading(server, register, Limits(poll=600, retry=1, size=10_000)):
        await until(lambda: register.held, 5)


async def test_what_is_told_within_another_answer_is_not_waited_for() -> None:
    register = MailRegister()
    async with serving() as server:
        [first] = server.deliver(written(1))

        def tell() -> bytes:
            del server.faults[first]
            server.deliver(written(2))
            raw = written(1)
            return b'* 1 FETCH (UID %d INTERNALDATE "02-Mar-2026 10:00:00 +0100" BODY[] {%d}\r\n%s)\r\n* 2 EXISTS' % (
                first,
                len(raw),
                raw,
            )

        server.faults[first] = tell
        async with reading(server, register, Limits(poll=600, retry=1, size=10_000)):
            await until(lambda: len(register.held) == 2, 5)


@pytest.mark.parametrize("abilities", ["IMAP4rev1", "IMAP4rev1 IDLE IDLE"])
async def test_a_server_that_does_not_tell_is_asked(abilities: str) -> None:
    register = MailRegister()
    async with serving(abilities=abilities) as server, reading(server, register) as reader:
        await until(lambda: reader.standing.last_read_at)
        for number in range(3):
            server.deliver(written(number))
            await until(lambda number=number: len(register.held) == number + 1)
        await until(lambda: reader.standing.reading)
        given = len(server.said)
        await asyncio.sleep(1)
        assert "IDLE" not in server.said[given:]


async def test_every_connection_that_is_cut_is_made_again() -> None:
    register = MailRegister()
    async with serving() as server, reading(server, register) as reader:
        for number in range(4):
            await until(lambda: reader.standing.reading)
            server.cut()
            server.deliver(written(number))
            await until(lambda number=number: len(register.held) == number + 1)
    assert texts(register) == ["Dag 0", "Dag 1", "Dag 2", "Dag 3"]


def garbage() -> bytes:
    """Answer what makes no sense."""
    return b"* 2 FETCH (UID 2 BODY[] (((("


def nothing() -> bytes:
    """Answer something else."""
    return b"* 2 FETCH (UID 2 FLAGS ())"


def nil() -> bytes:
    """Answer that there are no bytes."""
    return b"* 2 FETCH (UID 2 BODY[] NIL)"


def hang_up() -> bytes:
    """Hang up."""
    raise HangUp


@pytest.mark.parametrize("fault", [garbage, nothing, nil, hang_up])
async def test_a_mail_that_cannot_be_fetched_stops_no_other_and_is_tried_again(fault: Callable[[], bytes]) -> None:
    register = MailRegister()
    async with serving() as server:
        server.deliver(*(written(number) for number in range(1, 21)))
        server.faults[2] = fault
        async with reading(server, register) as reader:
            await until(lambda: len(register.held) == 19 and reader.standing.missing == 1)
            assert "Dag 2" not in texts(register)
            assert not reader.standing.is_well
            server.deliver(written(21))
            await until(lambda: len(register.held) == 20)
            del server.faults[2]
            await until(lambda: len(register.held) == 21 and reader.standing.is_well)
    assert register.reports[-1].missing == 0
    assert 1 in {report.missing for report in register.reports}


@pytest.mark.parametrize("problem", [InvalidInput, RuntimeError, ServiceUnavailable])
async def test_a_mail_that_the_intake_refuses_stops_no_other(problem: type[Exception]) -> None:
    def refuses(mail: Any) -> None:
        if (mail.place.uid, cured) == (2, False):
            raise problem

    cured = False
    register = MailRegister(before=refuses)
    async with serving() as server:
        server.deliver(*(written(number) for number in range(1, 6)))
        async with reading(server, register) as reader:
            await until(lambda: len(register.held) == 4 and reader.standing.missing == 1)
            cured = True
            await until(lambda: len(register.held) == 5 and reader.standing.is_well)


async def test_a_gap_between_what_is_counted_and_what_is_held_is_reported_until_it_is_closed() -> None:
    register = MailRegister()
    async with serving(counts=2) as server:
        server.deliver(written(1))
        async with reading(server, register) as reader:
            await until(lambda: reader.standing.missing == 2)
            await until(lambda: register.reports[-1].missing == 2)
            server.counts = 0
            await until(lambda: register.reports[-1].missing == 0 and reader.standing.is_well)


async def test_while_the_intake_is_away_the_reader_waits_and_marks_nothing() -> None:
    away = True

    def is_away(_: object) -> None:
        if away:
            raise ServiceUnavailable

    register = MailRegister()
    async with serving() as server:
        server.deliver(*(written(number) for number in range(1, 4)))
        async with reading(server, register, mode="mark") as reader:
            await until(lambda: reader.standing.last_read_at)
            register.always = is_away
            server.deliver(written(4))
            await until(lambda: reader.standing.trouble == "intakeUnavailable")
            assert [bool(mail.flags) for mail in server.inbox.values()] == [True, True, True, False]
            away = False
            await until(lambda: len(register.held) == 4 and all(mail.flags for mail in server.inbox.values()))
            assert reader.standing.is_well


async def test_a_mail_that_takes_the_intake_down_each_time_stops_no_other() -> None:
    down = False

    def poisoned(mail: Any) -> None:
        nonlocal down
        if mail.contact.subject == "Vraag 1":
            down = True
            raise ServiceUnavailable

    def is_down(what: object) -> None:
        nonlocal down
        if down and hasattr(what, "reader"):
            down = False
            raise ServiceUnavailable

    register = MailRegister(before=poisoned, always=is_down)
    async with serving() as server:
        server.deliver(*(written(number) for number in range(1, 4)))
        async with reading(server, register):
            await until(lambda: len(register.held) == 2)
            server.deliver(written(4))
            await until(lambda: len(register.held) == 3)


async def test_mails_are_moved_only_when_they_are_held() -> None:
    register = MailRegister(before=lambda mail: _refuse(mail.place.uid == 2))
    async with serving() as server:
        server.deliver(*(written(number) for number in range(1, 4)))
        async with reading(server, register, mode="move", move_to="Verwerkt"):
            await until(lambda: len(server.folders.get("Verwerkt", {})) == 2)
            assert list(server.inbox) == [2]
    assert sorted(texts(register)) == ["Dag 1", "Dag 3"]


def _refuse(refuse: bool) -> None:
    if refuse:
        raise InvalidInput


async def test_without_move_a_mail_is_copied_and_exactly_that_one_is_expunged() -> None:
    register = MailRegister()
    async with serving(abilities="IMAP4rev1 UIDPLUS") as server:
        server.deliver(written(1), written(2))
        server.inbox[2].at = datetime(2020, 1, 1, tzinfo=UTC)
        server.inbox[2].flags.add("\\Deleted")
        async with reading(server, register, mode="move", move_to="Verwerkt", import_from="2026-01-01"):
            await until(lambda: list(server.inbox) == [2])
    assert len(server.folders["Verwerkt"]) == 1
    assert "UID EXPUNGE 1" in server.said
    assert "EXPUNGE" not in server.said


@pytest.mark.parametrize(
    ("abilities", "more", "reason"),
    [
        ("IMAP4rev1 MOVE", {"mode": "delete"}, "serverCannotDelete"),
        ("IMAP4rev1", {"mode": "move", "move_to": "Verwerkt"}, "serverCannotMove"),
    ],
)
async def test_what_a_server_cannot_do_is_said_and_the_mails_are_kept(abilities: str, more: dict[str, str], reason: str) -> None:
    register = MailRegister()
    async with serving(abilities=abilities) as server:
        server.deliver(written(1))
        async with reading(server, register, **more) as reader:
            await until(lambda: register.held and reader.standing.last_read_at)
            assert reader.standing.mode_trouble == reason
            assert not reader.standing.is_well
    assert not server.inbox[1].flags
    assert not any(command.startswith(("UID STORE", "UID COPY", "EXPUNGE", "UID EXPUNGE")) for command in server.said)


async def test_a_folder_that_may_only_be_read_is_read() -> None:
    register = MailRegister()
    async with serving(read_only=True) as server:
        server.deliver(written(1))
        async with reading(server, register, mode="delete") as reader:
            await until(lambda: register.held and reader.standing.last_read_at)
            assert reader.standing.mode_trouble == "folderIsReadOnly"


@pytest.mark.parametrize("more", [{"mode": "delete"}, {"mode": "move", "move_to": "Verwerkt"}, {"mode": "mark"}])
async def test_what_was_held_and_not_treated_before_a_crash_is_treated_at_the_next_start(more: dict[str, str]) -> None:
    register = MailRegister()
    async with serving() as server:
        server.deliver(written(1), written(2))
        async with reading(server, register):
            await until(lambda: len(register.held) == 2)
        assert len(server.inbox) == 2
        server.deliver(written(3))
        async with reading(server, register, **more):
            await until(lambda: all(mail.flags for mail in server.inbox.values()) and len(register.held) == 3)
        assert len(server.inbox) == (3 if more["mode"] == "mark" else 0)
    assert register.calls.count("take") == 3


async def test_nothing_is_deleted_that_is_not_proved_to_be_held() -> None:
    register = MailRegister()
    async with serving() as server:
        server.deliver(written(1), written(2))
        async with reading(server, register):
            await until(lambda: len(register.held) == 2)
        server.inbox[2].raw = written(9)
        async with reading(server, register, mode="delete") as reader:
            await until(lambda: list(server.inbox) == [2] and reader.standing.last_read_at)
            await asyncio.sleep(0.5)
    assert list(server.inbox) == [2]


@pytest.mark.parametrize("mode", ["keep", "mark", "delete"])
async def test_a_mail_too_large_is_a_contact_with_a_notice_and_stays_as_it_is(mode: str) -> None:
    register = MailRegister()
    async with serving() as server:
        server.deliver(written(1, "x" * 20_000), written(2))
        for _ in range(2):
            async with reading(server, register, mode=mode) as reader:
                await until(lambda: len(register.held) == 2 and reader.standing.last_read_at)
                assert reader.standing.is_well
    large = next(held for held in register.held.values() if held.mail.oversize)
    assert (large.mail.contact.subject, large.mail.contact.person.email) == ("Vraag 1", "noor1@example.be")  # type: ignore[union-attr]
    assert "te groot" in (large.mail.contact.text or "")
    assert "post" in (large.mail.contact.text or "")
    assert b"xxx" not in b"".join(file.content for file in large.files)
    assert not server.inbox[1].flags
    assert not any("BODY.PEEK[])" in command and " 1" in command.split("(")[0] for command in server.said)


async def test_a_mail_that_the_intake_finds_too_large_stays_too() -> None:
    register = MailRegister(before=lambda mail: _too_large(not mail.oversize))
    async with serving() as server:
        server.deliver(written(1, "x" * 5000))
        for _ in range(2):
            async with reading(server, register, mode="delete") as reader:
                await until(lambda: register.held and reader.standing.last_read_at)
    assert [held.mail.oversize for held in register.held.values()] == [True]
    assert list(server.inbox) == [1]


def _too_large(large: bool) -> None:
    if large:
        raise PayloadTooLarge


async def test_after_a_new_numbering_nothing_is_taken_in_twice_and_nothing_is_missed() -> None:
    register = MailRegister()
    async with serving() as server:
        server.deliver(*(written(number) for number in range(1, 4)))
        async with reading(server, register) as reader:
            await until(lambda: reader.standing.held == 3)
            server.renumber()
            server.deliver(written(4))
            await until(lambda: len(register.held) == 4 and len(register.places.get(("post", 8), {})) == 4)
    assert register.calls.count("take") == 4
    assert register.calls.count("place") == 4


async def test_mail_from_before_the_import_is_counted_and_not_fetched() -> None:
    register = MailRegister()
    async with serving() as server:
        server.deliver(written(1), at=datetime(2025, 12, 31, 22, 30, tzinfo=UTC))
        server.deliver(written(2), at=datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
        async with reading(server, register, import_from="2026-01-01") as reader:
            await until(lambda: reader.standing.last_read_at)
            assert (reader.standing.present, reader.standing.held, reader.standing.before_import) == (2, 1, 1)
            assert reader.standing.is_well
    assert texts(register) == ["Dag 2"]


async def test_a_mail_was_received_when_the_server_says_and_never_in_the_future() -> None:
    register = MailRegister()
    now = datetime.now(UTC)
    async with serving() as server:
        server.deliver(written(1), at=datetime(2026, 3, 1, 8, tzinfo=UTC))
        server.deliver(written(2), at=now + timedelta(days=30))
        async with reading(server, register):
            await until(lambda: len(register.held) == 2)
    first, second = (held.mail.contact.received_at for held in register.held.values())
    assert first == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert second is not None
    assert now <= second <= datetime.now(UTC)


async def test_a_reader_without_the_lease_touches_nothing_and_takes_over_when_it_may() -> None:
    register = MailRegister(may_read=False)
    async with serving() as server:
        server.deliver(written(1))
        async with reading(server, register):
            await asyncio.sleep(0.4)
            assert server.said == []
            register.may_read = True
            await until(lambda: register.held)


async def test_a_reader_that_loses_the_lease_stops() -> None:
    register = MailRegister()
    async with serving() as server, reading(server, register) as reader:
        await until(lambda: reader.standing.reading)
        register.may_read = False
        await until(lambda: not reader.standing.reading)
        server.deliver(written(1))
        await asyncio.sleep(0.5)
        assert not register.held


class Leased(MailRegister):
    """An intake that lets one reader read until it says that it stops."""

    holder: UUID | None = None

    async def report_mailbox(self, name: str, report: Any) -> Any:
        """Give the lease to who asks first."""
        self.holder = self.holder or report.reader
        self.may_read = self.holder == report.reader
        if report.last and self.may_read:
            self.holder = None
        return await super().report_mailbox(name, report)


async def test_of_two_readers_one_reads_and_the_other_goes_on_when_it_stops() -> None:
    register = Leased()
    async with serving() as server:
        server.deliver(*(written(number) for number in range(3)))
        async with reading_of(server.mailbox(), register, reader_id=UUID(int=2)) as second:
            await until(lambda: len(register.held) == 3)
            async with reading_of(server.mailbox(), register, reader_id=UUID(int=3)) as first:
                await asyncio.sleep(0.4)
                assert (first.standing.reading, second.standing.reading) == (False, True)
                await second.drain()
                server.deliver(written(3))
                await until(lambda: len(register.held) == 4)
                assert first.standing.reading
    assert register.calls.count("take") == 4


@pytest.mark.parametrize(
    ("server", "mailbox", "trouble"),
    [
        ({"greeting": "* BYE too busy"}, {}, "unreachable"),
        ({}, {"tls": "starttls"}, "encryptionRefused"),
        ({"abilities": "IMAP4rev1 STARTTLS AUTH=PLAIN"}, {"tls": "starttls"}, "encryptionRefused"),
        ({"abilities": "IMAP4rev1 STARTTLS AUTH=PLAIN", "greeting": "* PREAUTH hello"}, {"tls": "starttls"}, "encryptionRefused"),
        ({}, {"tls": "implicit"}, "unreachable"),
        ({}, {"folder": "Weg"}, "folderUnavailable"),
        ({}, {"password": None, "password_file": "/nonexistent/secret"}, "passwordFileUnreadable"),
    ],
)
async def test_what_stands_in_the_way_is_named_and_no_secret_is_sent_in_the_clear(
    server: dict[str, str], mailbox: dict[str, Any], trouble: str
) -> None:
    register = MailRegister()
    async with serving(**server) as running, reading(running, register, **mailbox) as reader:
        await until(lambda: any(report.error == trouble for report in register.reports))
        assert reader.standing.trouble == trouble
    signed_in = [command for command in running.said if command.startswith(("LOGIN", "AUTHENTICATE"))]
    assert not signed_in or trouble == "folderUnavailable"


async def test_a_folder_that_comes_back_is_read_again() -> None:
    register = MailRegister()
    async with serving() as server, reading(server, register) as reader:
        await until(lambda: reader.standing.last_read_at)
        server.folders["Elders"] = server.folders.pop("INBOX")
        await until(lambda: reader.standing.trouble == "folderUnavailable")
        server.folders["INBOX"] = server.folders.pop("Elders")
        server.deliver(written(1))
        await until(lambda: register.held and reader.standing.is_well)


async def test_the_mail_under_way_is_finished_at_the_stop_and_no_other_is_begun() -> None:
    register = MailRegister()
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(MailRegister):
        async def take_mail(self, mail_id: UUID, mail: Any, files: Any = ()) -> Any:
            begun.set()
            await go_on.wait()
            return await super().take_mail(mail_id, mail, files)

    register = Slow()
    async with serving() as server:
        server.deliver(*(written(number) for number in range(2 * BATCH_MAILS + 24)))
        async with reading(server, register, mode="mark") as reader:
            await asyncio.wait_for(begun.wait(), 20)
            assert not any(mail.flags for mail in server.inbox.values())
            draining = asyncio.create_task(reader.drain())
            await asyncio.sleep(0.1)
            go_on.set()
            await asyncio.wait_for(draining, 10)
            assert len(register.held) == 2 * BATCH_MAILS
    assert [bool(mail.flags) for mail in server.inbox.values()] == [True] * 2 * BATCH_MAILS + [False] * 24


async def test_a_stop_does_not_wait_for_a_server_that_is_silent() -> None:
    register = MailRegister()
    async with serving() as server, asyncio.timeout(15):
        server.faults[1] = nothing
        async with reading(server, register, Limits(poll=600, retry=600, size=10_000)) as reader:
            await until(lambda: reader.standing.reading)
