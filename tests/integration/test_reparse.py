"""`onthaal mail reparse`: what an earlier parser could not read is read again, from the original."""

import json
from uuid import UUID, uuid4

import httpx
import pytest

from tests.mail_contacts import File, register_mail
from tests.running import Gateway

RAW = (
    b"From: Noor <noor@example.be>\r\nTo: meldpunt@example.be\r\nSubject: Vraag\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Ik wil iets melden.<img src=http://x/>\r\n"
    b"--x\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n--x--\r\n"
)
BROKEN = RAW.replace(b"--x--\r\n", b"")


def registered(api: httpx.Client, raw: bytes, status: str) -> UUID:
    """Register a mail as a parser would that could read so much of it."""
    contact_id = uuid4()
    details = {"parseStatus": status, "recipients": ["bcc@example.be"], "authentication": "dmarc=pass", "doubts": ["failed"]}
    contact = {"channel": "mail", "subject": "Vraag", "details": details}
    parts = {"contact": ("", json.dumps(contact), "application/json"), "original": ("original.eml", raw, "message/rfc822")}
    assert api.put(f"/contacts/{contact_id}", files=parts).status_code == 201
    return contact_id


@pytest.fixture(scope="module")
def reread(gateway: Gateway) -> tuple[Gateway, UUID, UUID, UUID]:
    """A gateway whose mails that could not be read were read again."""
    with gateway.client() as api:
        failed, partial = registered(api, RAW, "failed"), registered(api, RAW, "partial")
        empty = registered(api, b"", "failed")
    assert gateway.command("mail", "reparse").endswith("left as they were.\n")
    return gateway, failed, partial, empty


def test_a_mail_that_could_not_be_read_is_read(reread: tuple[Gateway, UUID, UUID, UUID]) -> None:
    gateway, failed, _, _ = reread
    with gateway.client() as api:
        contact = api.get(f"/contacts/{failed}").json()
        assert (contact["text"], contact["person"]["email"], contact["parseStatus"]) == (
            "Ik wil iets melden.",
            "noor@example.be",
            "complete",
        )
        assert [(file["name"], file["role"]) for file in contact["files"]] == [
            ("original.eml", "original"),
            ("a.pdf", "attachment"),
            ("weergave.html", "display"),
        ]
        content = api.get(f"/contacts/{failed}/files/{contact['files'][0]['id']}").content
    assert content == RAW
    details = contact["details"]
    assert (details["remoteContent"], details["authentication"]) == (1, "dmarc=pass")
    assert details["recipients"] == ["meldpunt@example.be", "bcc@example.be"]


def test_a_mail_that_was_read_in_part_is_read_again_only_on_request(reread: tuple[Gateway, UUID, UUID, UUID]) -> None:
    gateway, _, partial, _ = reread
    with gateway.client() as api:
        assert "text" not in api.get(f"/contacts/{partial}").json()
        gateway.command("mail", "reparse", "--all")
        assert api.get(f"/contacts/{partial}").json()["text"] == "Ik wil iets melden."


def test_a_virus_that_was_found_stays_found_where_there_is_no_scanner(gateway: Gateway) -> None:
    with gateway.client() as api:
        contact = register_mail(
            api,
            File("original.eml", RAW, "message/rfc822", "original", {"Onthaal-Virus": "found"}),
            File("a.pdf", b"%PDF", "application/pdf", says={"Onthaal-Virus": "found"}),
            parseStatus="failed",
        )
        gateway.command("mail", "reparse")
        files = api.get(f"/contacts/{contact}").json()["files"]
    assert {file["name"]: file.get("virus") for file in files} == {
        "original.eml": "found",
        "a.pdf": "found",
        "weergave.html": None,
    }


def joined(api: httpx.Client, status: str) -> tuple[str, str]:
    """Let a mail of which so much could be read become a message: what staff wrote, or what answers us; gives contact and message."""
    contact, mail_id = register_mail(api), str(uuid4())
    sent = {"messageId": f"<{contact}@meldpunt.example>", "to": f"noor.{contact[:8]}@example.be"}
    assert api.put(f"/contacts/{contact}/outgoing/{uuid4()}", json=sent).is_success
    mail = {
        "mailbox": "smtp",
        "references": [f"<{contact}@meldpunt.example>"],
        "byStaff": status == "failed",  # a person's mail that cannot be read stands apart
        "contact": {
            "channel": "mail",
            "text": "Ik",
            "person": {"email": f"noor.{contact[:8]}@example.be"},
            "details": {"parseStatus": status, "doubts": ["cut"], "authentication": "dmarc=pass"},
        },
    }
    parts = [
        ("mail", ("", json.dumps(mail).encode(), "application/json")),
        ("original", ("original.eml", RAW, "message/rfc822")),
        ("attachment", ("half.bin", b"x", "application/octet-stream")),
    ]
    assert api.put(f"/mails/{mail_id}", files=parts).json()["messageId"] == mail_id
    return contact, mail_id


@pytest.mark.parametrize(("status", "asked"), [("failed", ()), ("partial", ("--all",))])
def test_a_mail_that_became_a_message_is_read_again(gateway: Gateway, status: str, asked: tuple[str, ...]) -> None:
    with gateway.client() as api:
        contact, mail_id = joined(api, status)
        version = api.get(f"/contacts/{contact}").json()["version"]
        gateway.command("mail", "reparse", *asked)
        [message] = api.get(f"/contacts/{contact}/messages").json()["items"]
        assert (message["id"], message["sequence"]) == (mail_id, 1)
        assert (message["subject"], message["text"]) == ("Vraag", "Ik wil iets melden.")
        assert [file["name"] for file in message["files"]] == ["original.eml", "a.pdf", "weergave.html"]
        details = message["details"]
        assert (details["parseStatus"], details["doubts"], details["authentication"]) == ("complete", [], "dmarc=pass")
        read = api.get(f"/contacts/{contact}").json()
        assert (read["text"], read["subject"], read["version"] > version) == ("Een mail.", "Vraag", True)
        gateway.command("mail", "reparse", *asked)
        assert api.get(f"/contacts/{contact}/messages").json()["items"] == [message]  # its files, too, are the same ones


def test_a_mail_that_reads_no_better_is_left_as_it_is(reread: tuple[Gateway, UUID, UUID, UUID]) -> None:
    gateway, _, _, _ = reread
    with gateway.client() as api:
        contact_id = registered(api, BROKEN, "partial")
        gateway.command("mail", "reparse", "--all")
        version = api.get(f"/contacts/{contact_id}").json()["version"]
        gateway.command("mail", "reparse", "--all")
        assert api.get(f"/contacts/{contact_id}").json()["version"] == version
