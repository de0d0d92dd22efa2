"""Mail: a real client, the real listener, the real intake."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import aiosmtplib
import httpx
import pytest

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
