"""Sending what is queued: a real mail server, and a queue that behaves as told."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import dkim
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from onthaal_schema.intake import Intake
from onthaal_schema.mail import OutgoingMail, OutgoingResult
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.problems import NotFound, ServiceUnavailable
from services.kit.alarms import Alarm, Board
from services.kit.clock import SystemClock
from services.kit.mail_server import MailServer, Tls
from services.kit.settings import InvalidSettings
from services.mail_ingest.acknowledge import Letter, Letterhead, acknowledgement
from services.mail_ingest.oauth import AccessTokens
from services.mail_ingest.sending import Sender
from services.mail_ingest.signature import read_signature
from tests.certificates import certificate
from tests.post_office import PostOffice
from tests.unit.mail_ingest.test_oauth import ACCOUNT

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HEAD = Letterhead("meldpunt@example.be", "bounce@example.be")
OPEN = OpeningHours(open=True, calendar_version="1")


@dataclass
class Queue:
    """An `Intake` of which only the queue is used. Gives each mail once, and again when it is put back by `again`."""

    waiting: list[OutgoingMail] = field(default_factory=list)
    results: dict[UUID, list[OutgoingResult]] = field(default_factory=dict)
    away: bool = False
    claims: int = 0

    def put(self, to: str = "noor@example.org", **other: Any) -> OutgoingMail:
        """Queue a mail."""
        mail = OutgoingMail(
            id=uuid4(),
            contact_id=uuid4(),
            mailbox="smtp",
            to=to,
            language="nl",
            token=uuid4().hex.translate(str.maketrans("0189", "aaaa")),
            message_id=f"<{uuid4().hex}@example.be>",
            opening_hours=OPEN,
            **other,
        )
        self.waiting.append(mail)
        return mail

    def said(self, mail: OutgoingMail) -> list[tuple[str, str | None]]:
        """Give what was said of a mail."""
        return [(result.status.value, result.reason) for result in self.results.get(mail.id, [])]

    async def claim_outgoing(self) -> list[OutgoingMail]:
        self.claims += 1
        claimed, self.waiting = self.waiting, []
        return claimed

    async def settle_outgoing(self, outgoing_id: UUID, result: OutgoingResult) -> None:
        if self.away:
            raise ServiceUnavailable
        self.results.setdefault(outgoing_id, []).append(result)

    async def published_hours(self) -> None:
        raise ServiceUnavailable


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with PostOffice().listening() as office:
        yield office


@pytest.fixture
def board() -> Board:
    return Board(SystemClock())


def write(mail: OutgoingMail, _hours: object) -> Letter:
    return acknowledgement(mail, HEAD, None, NOON)


def server(office: PostOffice, **other: Any) -> MailServer:
    return MailServer(
        **{"host": "127.0.0.1", "port": office.port, "tls": Tls.NONE, "greeting": "example.be", "patience": 2} | other
    )


@asynccontextmanager
async def sending(queue: Queue, to: MailServer, board: Board, sign: Any = None, every: float = 0.05) -> AsyncIterator[Sender]:
    """Send for the length of a block."""
    sender = Sender(cast("Intake", queue), to, write, sign, board, every)
    running = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(done: Any, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.02)


async def test_what_is_queued_is_sent_with_an_envelope_of_its_own_and_settled(
    queue: Queue, office: PostOffice, board: Board
) -> None:
    mails = [queue.put(f"noor{number}@example.org") for number in range(5)]
    async with sending(queue, server(office), board):
        await until(lambda: len(queue.results) == 5)
    assert [queue.said(mail) for mail in mails] == [[("sent", None)]] * 5
    for mail in mails:
        [sent] = office.sent_to(mail.to)
        assert sent.sender == f"bounce+{mail.token}@example.be"
        assert sent.message["Message-ID"] == mail.message_id
        assert sent.message["Reply-To"] == f"meldpunt+{mail.token}@example.be"
        assert sent.greeting == "example.be"


async def test_the_name_of_this_machine_is_in_no_mail(queue: Queue, office: PostOffice, board: Board) -> None:
    queue.put()
    async with sending(queue, server(office), board):
        await until(lambda: office.mails)
    head = office.mails[0].content.split(b"\r\n\r\n")[0].lower()
    assert socket.gethostname().lower().encode() not in head
    assert b"user-agent" not in head
    assert b"x-mailer" not in head
    assert b"list-unsubscribe" not in head


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("550 5.1.1 <noor@example.org>: no such user", ("failed", "550 5.1.1")),
        ("552 mailbox of noor@example.org is full", ("failed", "552")),
        ("554 5.7.1 Relay access denied", ("failed", "554 5.7.1")),
        ("450 4.2.0 greylisted, noor@example.org", ("queued", "450 4.2.0")),
        ("451 try later", ("queued", "451")),
        ("530 5.7.0 Authentication required", ("queued", "530 5.7.0")),
    ],
)
async def test_the_servers_code_decides_and_its_words_are_not_kept(
    queue: Queue, office: PostOffice, board: Board, answer: str, result: tuple[str, str]
) -> None:
    office.to_recipient = lambda address: answer if address == "noor@example.org" else "250 Ok"
    refused, other = queue.put(), queue.put("zus@example.org")
    async with sending(queue, server(office), board):
        await until(lambda: len(queue.results) == 2)
    assert queue.said(refused) == [result]
    assert queue.said(other) == [("sent", None)]


@pytest.mark.parametrize(
    ("answer", "result"), [("554 5.6.0 no", ("failed", "554 5.6.0")), ("452 4.3.1 full", ("queued", "452 4.3.1"))]
)
async def test_the_answer_to_the_mail_itself_counts_as_well(
    queue: Queue, office: PostOffice, board: Board, answer: str, result: tuple[str, str]
) -> None:
    office.to_data = lambda _: answer
    mail = queue.put()
    async with sending(queue, server(office), board):
        await until(lambda: queue.results)
    assert queue.said(mail) == [result]


async def test_while_the_server_is_away_mails_wait_and_an_alarm_is_raised(queue: Queue, board: Board) -> None:
    office = PostOffice()
    mails = [queue.put(), queue.put("zus@example.org")]
    async with sending(queue, server(office), board):
        await until(lambda: len(queue.results) == 2)
        assert [status for mail in mails for status, _ in queue.said(mail)] == ["queued", "queued"]
        assert Alarm.MAIL_NOT_SENT in board.conditions()
        with office.listening():
            queue.waiting = mails
            await until(lambda: len(office.mails) == 2)
            await until(lambda: Alarm.MAIL_NOT_SENT not in board.conditions())
            await until(lambda: [queue.said(mail)[-1] for mail in mails] == [("sent", None)] * 2)


async def test_a_server_that_does_not_answer_holds_up_one_mail_and_not_the_next(
    queue: Queue, office: PostOffice, board: Board
) -> None:
    office.silent.set()
    stuck, next_one = queue.put(), queue.put("zus@example.org")
    async with sending(queue, server(office, patience=0.5), board):
        await until(lambda: queue.results)
        office.silent.clear()
        await until(lambda: len(queue.results) == 2)
    assert queue.said(stuck)[0][0] == "queued"
    assert queue.said(next_one) == [("sent", None)]


async def test_a_server_that_never_greets_is_given_up(queue: Queue, board: Board) -> None:
    mail = queue.put()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with sending(queue, MailServer("127.0.0.1", mute.getsockname()[1], Tls.NONE, patience=0.3), board):
            await until(lambda: queue.results)
    assert queue.said(mail)[0][0] == "queued"


async def test_what_was_sent_while_the_intake_is_away_is_told_when_it_is_back_and_not_sent_again(
    queue: Queue, office: PostOffice, board: Board
) -> None:
    queue.away = True
    mail = queue.put()
    sender = Sender(cast("Intake", queue), server(office), write, None, board, 0.05)
    with pytest.raises(ServiceUnavailable):
        await sender.run()  # whoever keeps workers alive starts it again
    assert len(office.mails) == 1
    with pytest.raises(ServiceUnavailable):
        await sender.run()
    queue.away = False
    running = asyncio.create_task(sender.run())
    await until(lambda: queue.results)
    running.cancel()
    assert queue.said(mail) == [("sent", None)]
    assert len(office.mails) == 1


async def test_a_result_that_nobody_wants_any_more_is_let_go(queue: Queue, office: PostOffice, board: Board) -> None:
    async def erased(_id: UUID, _result: OutgoingResult) -> None:
        raise NotFound

    queue.settle_outgoing = erased  # type: ignore[method-assign]
    queue.put()
    async with sending(queue, server(office), board):
        await until(lambda: office.mails)
        before = queue.claims
        await until(lambda: queue.claims > before + 2)


async def test_a_crash_after_the_server_took_it_sends_it_once_more_under_the_same_identifier(
    queue: Queue, office: PostOffice, board: Board
) -> None:
    async def killed(_id: UUID, _result: OutgoingResult) -> None:
        raise asyncio.CancelledError

    queue.settle_outgoing = killed  # type: ignore[method-assign]
    mail = queue.put()
    with pytest.raises(asyncio.CancelledError):
        await Sender(cast("Intake", queue), server(office), write, None, board, 0.05).run()
    survivor = Queue([mail])
    async with sending(survivor, server(office), board):
        await until(lambda: survivor.results)
    assert {sent.message["Message-ID"] for sent in office.mails} == {mail.message_id}
    assert len(office.mails) == 2


async def test_on_the_way_out_the_mail_under_way_is_finished_and_the_others_go_back(
    queue: Queue, office: PostOffice, board: Board
) -> None:
    office.silent.set()
    mails = [queue.put(), queue.put("zus@example.org")]
    async with sending(queue, server(office, patience=10), board) as sender:
        await until(lambda: not queue.waiting)
        await asyncio.sleep(0.2)
        draining = asyncio.create_task(sender.drain())
        await asyncio.sleep(0.1)
        assert not draining.done()
        office.silent.clear()
        await asyncio.wait_for(draining, 5)
        assert [queue.said(mail) for mail in mails] == [[("sent", None)], [("queued", None)]]
        queue.put("later@example.org")
        await asyncio.sleep(0.3)
    assert len(office.mails) == 1


async def test_it_looks_at_once_when_woken(queue: Queue, office: PostOffice, board: Board) -> None:
    async with sending(queue, server(office), board, every=3600) as sender:
        await until(lambda: queue.claims)
        mail = queue.put()
        sender.wake()
        await until(lambda: queue.said(mail))


async def test_an_address_that_cannot_be_written_to_fails_and_keeps_nobody_waiting(
    queue: Queue, office: PostOffice, board: Board
) -> None:
    odd, other = queue.put('"a@example.org'), queue.put()
    async with sending(queue, server(office), board):
        await until(lambda: len(queue.results) == 2)
    assert queue.said(odd) == [("failed", "address")]
    assert queue.said(other) == [("sent", None)]


async def test_a_fault_of_ours_in_one_mail_holds_up_no_other(queue: Queue, office: PostOffice, board: Board) -> None:
    def broken(mail: OutgoingMail, hours: object) -> Letter:
        if mail.to == "stuk@example.org":
            raise KeyError(mail.to)
        return write(mail, hours)

    odd, other = queue.put("stuk@example.org"), queue.put()
    sender = Sender(cast("Intake", queue), server(office), broken, None, board, 0.05)
    running = asyncio.create_task(sender.run())
    await until(lambda: len(queue.results) == 2)
    running.cancel()
    assert queue.said(odd) == [("queued", "KeyError")]
    assert queue.said(other) == [("sent", None)]


async def test_an_address_beyond_ascii_is_sent_to_where_the_server_knows_how(
    queue: Queue, office: PostOffice, board: Board
) -> None:
    mail = queue.put("zoë@example.org")
    async with sending(queue, server(office), board):
        await until(lambda: queue.results)
    assert queue.said(mail) == [("sent", None)]
    assert office.mails[0].recipients == ("zoë@example.org",)


async def test_starttls_is_used_or_nothing_is_sent(queue: Queue, board: Board, tmp_path: Path) -> None:
    trusted, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, key)
    password = tmp_path / "password"
    password.write_text("geheim\n")
    wrong = tmp_path / "wrong"
    wrong.write_text("anders")
    signed_in = {"tls": Tls.STARTTLS, "ca": trusted, "user": "onthaal", "password_file": password}
    plain, secured = PostOffice(), PostOffice()
    with plain.listening(), secured.listening(context):
        for office, given in (
            (plain, {"tls": Tls.STARTTLS, "ca": trusted}),  # it does not know STARTTLS
            (plain, {"tls": Tls.TLS, "ca": trusted}),
            (secured, signed_in | {"ca": None}),  # nobody vouches for its certificate
            (secured, signed_in | {"password_file": wrong}),
            (secured, signed_in | {"password_file": tmp_path / "missing"}),
        ):
            mail = queue.put()
            async with sending(queue, server(office, **given), board):
                await until(lambda: queue.said(mail))  # noqa: B023
            assert queue.said(mail)[0][0] == "queued"
        mail = queue.put()
        async with sending(queue, server(secured, **signed_in), board):
            await until(lambda: queue.said(mail))
    assert queue.said(mail) == [("sent", None)]
    assert plain.mails == []
    assert [sent.encrypted for sent in secured.mails] == [True]


async def test_a_token_lets_in_and_another_is_asked_for_when_it_is_refused(queue: Queue, board: Board, tmp_path: Path) -> None:
    trusted, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, key)
    given = iter([httpx.Response(503)] + [httpx.Response(200, json={"access_token": f"t{number}"}) for number in (1, 2)])
    tokens = AccessTokens(ACCOUNT, lambda: httpx.AsyncClient(transport=httpx.MockTransport(lambda _: next(given))))
    mails = PostOffice()
    mails.token = "t2"
    to = server(mails, tls=Tls.STARTTLS, ca=trusted, user="onthaal", tokens=tokens)
    with mails.listening(context):
        for said in (("queued", "no token: status 503"), ("queued", "SMTPAuthenticationError"), ("sent", None), ("sent", None)):
            mail = queue.put()
            async with sending(queue, to, board):
                await until(lambda: queue.said(mail))  # noqa: B023
            assert queue.said(mail) == [said]
    assert len(mails.mails) == 2


async def test_the_signature_of_our_domain_holds_and_breaks_when_anything_is_changed(
    queue: Queue, office: PostOffice, board: Board, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "dkim.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])
    asked = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    queue.put("noor@example.org", in_reply_to="<een@example.org>")
    async with sending(queue, server(office), board, read_signature(file, "post", "example.be").on):
        await until(lambda: office.mails)
    content = office.mails[0].content
    assert dkim.verify(content, dnsfunc=dns)
    assert asked == [b"post._domainkey.example.be."]
    assert not dkim.verify(content.replace(b"Ontvangstbevestiging", b"Iets anders"), dnsfunc=dns)
    assert not dkim.verify(content.replace(b"noor@example.org", b"boef@example.org", 1), dnsfunc=dns)
    assert not dkim.verify(b"From: boef@example.net\r\n" + content, dnsfunc=dns)
    assert not dkim.verify(b"Subject: Iets anders\r\n" + content, dnsfunc=dns)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_sign_stops_the_start(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "dkim.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettings, match="DKIM_KEY_FILE"):
        read_signature(file, "post", "example.be")
