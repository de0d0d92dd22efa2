"""Mail: a real client, the real listener, the real intake."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID, uuid4

import aiosmtplib
import httpx
import pytest

from onthaal_schema.intake import Intake
from onthaal_schema.mail import MailOutcome, MailReceipt
from onthaal_schema.problems import Conflict, ServiceUnavailable
from services.kit.alarms import Board
from services.kit.clock import SystemClock
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.listener import Listener
from services.mail_ingest.settings import MailSettings
from tests.running import Gateway

OURS = "meldpunt@example.be"
PDF = b"%PDF-1.4 brief"


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    """The intake's API with a token for everything."""
    with gateway.client() as client:
        yield client


def written(marker: str, headers: str = "", body: str = "Ik wil iets melden.") -> bytes:
    """Write a mail whose subject, sender and text hold the marker."""
    return (
        (
            f"From: Noor {marker} <{marker}@example.be>\nTo: {OURS}\nSubject: Vraag {marker}\nMessage-ID: <{marker}@example.be>\n"
            f"MIME-Version: 1.0\n{headers}\n{body} {marker}\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )


def with_file(marker: str) -> bytes:
    """Write a mail with a file."""
    body = (
        f"--x\nContent-Type: text/plain\n\nDag\n--x\nContent-Type: application/pdf; name={marker}.pdf\n\n{PDF.decode()}\n--x--\n"
    )
    return written(marker, "Content-Type: multipart/mixed; boundary=x\n", body)


async def send(port: int, raw: bytes, sender: str = "noor@example.be", *recipients: str) -> tuple[int, str]:
    """Send a mail and give the answer to its data."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False, timeout=60)
    async with client:
        await client.ehlo()
        await client.mail(sender)
        for recipient in recipients or (OURS,):
            await client.rcpt(recipient)
        answer = await client.data(raw)
    return answer.code, answer.message


async def sent(gateway: Gateway, api: httpx.Client, raw: bytes, sender: str = "noor@example.be") -> dict[str, Any]:
    """Send a mail that must be accepted, and give its contact."""
    code, message = await send(gateway.smtp_port, raw, sender)
    assert code == 250, message
    contact: dict[str, Any] = api.get(f"/contacts/{message.split()[-1]}").raise_for_status().json()
    return contact


def found(api: httpx.Client, email: str) -> list[dict[str, Any]]:
    """Find the mails of an address."""
    page = api.post("/contacts/query", json={"channel": ["mail"], "email": email}).raise_for_status().json()
    return cast("list[dict[str, Any]]", page["items"])


def original(api: httpx.Client, contact: dict[str, Any]) -> bytes:
    """Fetch the original of a mail."""
    (file,) = (file for file in contact["files"] if file["role"] == "original")
    return api.get(f"/contacts/{contact['id']}/files/{file['id']}").raise_for_status().content


async def test_a_mail_that_is_accepted_is_a_contact_with_its_original(gateway: Gateway, api: httpx.Client) -> None:
    marker, raw = "m" + uuid4().hex, b""
    raw = written(marker)
    contact = await sent(gateway, api, raw)
    (listed,) = found(api, f"{marker}@example.be")
    assert listed["id"] == contact["id"]
    assert (contact["channel"], contact["nature"], contact["parseStatus"]) == ("mail", "person", "complete")
    assert contact["subject"] == f"Vraag {marker}"
    assert contact["text"] == f"Ik wil iets melden. {marker}"
    assert contact["person"] == {"name": f"Noor {marker}", "email": f"{marker}@example.be"}
    assert contact["details"]["recipients"] == [OURS]
    assert contact["kind"] in {"melding", "vraag"}
    assert original(api, contact) == raw


async def test_the_original_is_kept_byte_for_byte_whatever_it_is(gateway: Gateway, api: httpx.Client) -> None:
    raw = b"From: a@b\r\n\r\n.punt\r\n\xff\x00\xfe " + b"lang" * 5000 + b"\r\n" + uuid4().bytes.hex().encode() + b"\r\n"
    assert original(api, await sent(gateway, api, raw)) == raw


async def test_the_same_mail_again_is_the_same_contact(gateway: Gateway, api: httpx.Client) -> None:
    marker = "m" + uuid4().hex
    answers = await asyncio.gather(*(send(gateway.smtp_port, with_file(marker)) for _ in range(6)))
    answers.append(await send(gateway.smtp_port, with_file(marker)))
    assert {code for code, _ in answers} == {250}
    assert len({message for _, message in answers}) == 1
    assert len(found(api, f"{marker}@example.be")) == 1


async def test_files_can_be_fetched(gateway: Gateway, api: httpx.Client) -> None:
    contact = await sent(gateway, api, with_file("m" + uuid4().hex))
    (file,) = (file for file in contact["files"] if file["role"] == "attachment")
    assert file["mediaType"] == "application/pdf"
    assert file["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert api.get(f"/contacts/{contact['id']}/files/{file['id']}").content == PDF


@pytest.mark.parametrize(
    ("headers", "sender", "nature", "reason"),
    [
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=q\n", "", "machine", "report"),
        ("Auto-Submitted: auto-replied\n", "noor@example.be", "machine", "autoSubmitted"),
        ("X-Plain: yes\n", "", "machine", "nullSender"),
        ("List-Id: <nieuws.example.be>\n", "noor@example.be", "machine", "mailingList"),
        ("X-Spam-Flag: YES\n", "noor@example.be", "spam", "spamVerdict"),
    ],
)
async def test_what_no_person_wrote_is_kept_and_not_counted(
    gateway: Gateway, api: httpx.Client, headers: str, sender: str, nature: str, reason: str
) -> None:
    marker = "m" + uuid4().hex
    before = api.get("/statistics/contacts").raise_for_status().json()["total"]
    contact = await sent(gateway, api, written(marker, headers), sender)
    assert (contact["nature"], contact["details"]["machineReason"]) == (nature, reason)
    assert contact["subject"] == f"Vraag {marker}"
    assert api.get("/statistics/contacts").json()["total"] == before


async def test_an_unreadable_heap_is_a_contact_too(gateway: Gateway, api: httpx.Client) -> None:
    contact = await sent(gateway, api, uuid4().hex.encode() + b"\r\n\xff\xfe=?=?=?\r\n")
    assert contact["parseStatus"] == "partial"


async def test_a_mail_above_the_limit_is_refused_for_good(gateway: Gateway) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=gateway.smtp_port) as client:
        await client.ehlo()
        assert client.esmtp_extensions["size"] == "35000000"
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as refused:
            await client.mail("noor@example.be", options=["SIZE=35000001"])
    assert refused.value.code == 552


async def test_nothing_of_a_mail_is_found_in_the_log_or_in_the_folder(gateway: Gateway, api: httpx.Client) -> None:
    marker = "merk" + uuid4().hex
    await sent(gateway, api, with_file(marker), f"{marker}@example.be")
    held = {path: path.read_bytes() for path in gateway.var.rglob("*") if path.is_file()}
    assert len(held) > 1
    assert [path for path, content in held.items() if marker.encode() in content] == []


async def test_utf8_addresses_are_accepted(gateway: Gateway, api: httpx.Client) -> None:
    marker = "m" + uuid4().hex
    raw = f"From: <zoë.{marker}@voorbeeld.be>\r\nSubject: é\r\n\r\nDag".encode()
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=gateway.smtp_port) as client:
        await client.ehlo()
        await client.mail(f"zoë.{marker}@voorbeeld.be", options=["SMTPUTF8", "BODY=8BITMIME"], encoding="utf-8")
        await client.rcpt(OURS)
        contact_id = (await client.data(raw)).message.split()[-1]
    assert api.get(f"/contacts/{contact_id}").json()["person"]["email"] == f"zoë.{marker}@voorbeeld.be"


class Register:
    """An `Intake` of which only `take_mail` is used: what it does is given."""

    def __init__(self, take: Callable[..., Any]) -> None:
        """Take mail by the given function."""
        self._take = take

    async def take_mail(self, mail_id: UUID, *mail: object) -> MailReceipt:
        """Take a mail."""
        await self._take(mail_id, *mail)
        return MailReceipt(mail_id=mail_id, outcome=MailOutcome.ACCEPTED, contact_id=mail_id)


@asynccontextmanager
async def listening(register: Callable[..., Any], **settings: Any) -> AsyncIterator[int]:
    """Run a listener of its own before an intake that behaves as told; gives the port."""
    async with LimitedParser(workers=1) as parser:
        ingest = Ingest(cast("Intake", Register(register)), parser, {})
        listener = Listener(MailSettings(smtp_port=0, **settings), ingest, SystemClock(), Board(SystemClock()))
        running = asyncio.create_task(listener.run())
        while listener.port is None:
            await asyncio.sleep(0.01)
        try:
            yield listener.port
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def stored(*_: object) -> None:
    """Store it, as far as anybody can see."""


@pytest.mark.parametrize("problem", [ServiceUnavailable, Conflict, RuntimeError])
async def test_a_mail_that_is_not_stored_stays_with_its_sender(problem: type[Exception]) -> None:
    async def fails(*_: object) -> None:
        raise problem

    async with listening(fails) as port:
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await send(port, written("x"))
    assert refused.value.code == 451


async def test_a_mail_is_only_taken_for_addresses_that_are_ours() -> None:
    async with listening(stored, smtp_recipients="Meldpunt@example.be, info@example.be") as port:
        assert (await send(port, written("x"), "noor@example.be", OURS))[0] == 250
        with pytest.raises(aiosmtplib.SMTPRecipientRefused) as refused:
            await send(port, written("x"), "noor@example.be", "elders@example.org")
    assert refused.value.code == 550


async def test_a_mail_that_turns_out_too_large_is_refused_and_the_connection_goes_on() -> None:
    async with listening(stored, smtp_size_limit=20_000) as port, aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
        await client.mail("noor@example.be")
        await client.rcpt(OURS)
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await client.data(b"regel\r\n" * 10_000)
        assert refused.value.code == 552
        await client.mail("noor@example.be")
        await client.rcpt(OURS)
        assert (await client.data(written("x"))).code == 250


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\xfe\0\r\n",
        b"A" * 100_000 + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"EHLO x\r\nMAIL FROM:<\r\nRCPT TO:<>>\r\nDATA\r\n.\r\n",
        b"",
    ],
)
async def test_junk_on_the_line_does_not_disturb_others(junk: bytes) -> None:
    async with listening(stored) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(junk)
        await writer.drain()
        assert (await send(port, written("x")))[0] == 250
        writer.close()


async def test_a_client_that_hangs_up_after_the_last_byte_loses_no_mail() -> None:
    begun, go_on, held = asyncio.Event(), asyncio.Event(), []

    async def slowly(*what: object) -> None:
        begun.set()
        await go_on.wait()
        held.append(what)

    async with listening(slowly) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"EHLO x\r\nMAIL FROM:<a@b.be>\r\nRCPT TO:<" + OURS.encode() + b">\r\nDATA\r\n" + written("x") + b".\r\n")
        await asyncio.wait_for(begun.wait(), 30)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()
        await asyncio.sleep(0.1)
        go_on.set()
    assert len(held) == 1


async def test_a_connection_too_many_is_asked_to_come_back() -> None:
    async with listening(stored, smtp_connections=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"220")
        second, other = await asyncio.open_connection("127.0.0.1", port)
        assert (await second.readline()).startswith(b"421")
        for each in (writer, other):
            each.close()
            await each.wait_closed()
        await asyncio.sleep(0.1)
        assert (await send(port, written("x")))[0] == 250


async def test_a_client_that_says_nothing_is_hung_up_on() -> None:
    async with listening(stored, smtp_timeout=0.2) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


def test_a_wrong_recipient_list_stops_the_start() -> None:
    with pytest.raises(ValueError, match="separated by commas"):
        MailSettings(smtp_recipients="meldpunt, info@example.be")
