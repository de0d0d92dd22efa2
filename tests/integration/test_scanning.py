"""Files and a real clamd: what it says of them, and that nothing is lost when it says nothing."""

import io
import re
import smtplib
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from onthaal_schema.intake import FileUpload
from services.kit.scanning import Clamd, scanned
from tests.clamd import EICAR, STREAM_LIMIT, Scanner, scanning
from tests.integration.test_desk import hidden, register_call, signed_in
from tests.integration.test_form import post, reviewed
from tests.mail_contacts import File, register_mail
from tests.running import Gateway, running


@pytest.fixture(scope="module")
def clamd() -> Iterator[Scanner]:
    """A scanner that these tests share."""
    with scanning() as scanner:
        yield scanner


def zipped(content: bytes) -> bytes:
    """Put a file in an archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("brief.txt", content)
    return packed.getvalue()


def mailed(content: bytes) -> bytes:
    """Put a file in a mail."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "noor@example.be", "Vraag"
    mail.set_content("Dag, zie bijlage.")
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename="brief.doc")
    return mail.as_bytes()


LOCKED = bytearray(zipped(b"words"))
LOCKED[6] |= 1
LOCKED[LOCKED.index(b"PK\x01\x02") + 8] |= 1


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (b"%PDF-1.7 words", "clean"),
        (b"", "clean"),
        (EICAR, "found"),
        (zipped(EICAR), "found"),
        (mailed(EICAR), "found"),
        (bytes(LOCKED), "notScanned"),
        (bytes(STREAM_LIMIT + 1), "notScanned"),
        (bytes(20 * STREAM_LIMIT), "notScanned"),
    ],
    ids=["clean", "empty", "virus", "virus in a zip", "virus in a mail", "locked zip", "too long", "much too long"],
)
async def test_a_scanner_is_believed_and_its_refusals_are_no_clearance(clamd: Scanner, content: bytes, verdict: str) -> None:
    for address in (clamd.socket, f"127.0.0.1:{clamd.port}"):
        assert await Clamd(address, 20).verdict(content) == verdict


async def test_many_files_are_scanned_at_once(clamd: Scanner) -> None:
    files = [FileUpload(f"{number}", "text/plain", EICAR if number % 2 else b"words") for number in range(40)]
    verdicts = [file.virus for file in await scanned(files, Clamd(clamd.socket, 20))]
    assert verdicts == ["clean", "found"] * 20


def test_a_virus_in_a_form_is_stored_told_and_kept_from_a_single_click(clamd: Scanner, tmp_path: Path) -> None:
    services = ("intake_api", "phone_log", "public_site")
    with (
        running(tmp_path, *services, ONTHAAL_CLAMD=clamd.socket) as gateway,
        httpx.Client(base_url=gateway.url, timeout=30) as browser,
        at_desk(gateway) as desk,
    ):
        fields = reviewed(browser, text="Dit stuurde hij mij.")
        sent = post(browser, "send", fields, ("brief.txt", EICAR, "text/plain"), ("foto.txt", b"words", "text/plain"))
        assert sent.status_code == 200
        contact = f"/desk/contacten/{fields['contact_id']}"
        page = desk.get(contact).text
        assert "Virus gevonden. Open dit bestand niet." in page
        assert "nagekeken op virussen" in page
        path = re.search(rf'<li class="infected">\s*<a href="({contact}/bestanden/[^"]+)">brief.txt', page)
        assert path
        once = desk.get(path[1])
        assert EICAR not in once.content
        assert "In dit bestand zit een virus" in once.text
        twice = desk.post(path[1])
        assert twice.content == EICAR
        assert twice.headers["content-disposition"] == "attachment; filename*=UTF-8''brief.txt.virus"
        assert "Virus gevonden in een bestand" in desk.get("/desk").text


def test_a_virus_in_a_mail_is_found_wherever_it_is_kept(clamd: Scanner, tmp_path: Path) -> None:
    with running(tmp_path, "intake_api", "mail_ingest", "phone_log", ONTHAAL_CLAMD=f"127.0.0.1:{clamd.port}") as gateway:
        send(gateway, mailed(EICAR))
        send(gateway, mailed(b"words"))
        infected, clean = sorted(mail_files(gateway), key=lambda files: files["brief.doc"], reverse=True)
        assert infected == {"original.eml": "found", "brief.doc": "found"}
        assert clean == {"original.eml": "clean", "brief.doc": "clean"}
        with at_desk(gateway) as desk:
            assert desk.get("/desk").text.count("Virus gevonden in een bestand</p>") == 1


def test_what_a_later_parser_finds_in_a_mail_is_scanned_too(clamd: Scanner, tmp_path: Path) -> None:
    services = ("intake_api", "phone_log")
    with running(tmp_path, *services, ONTHAAL_CLAMD=clamd.socket) as gateway, gateway.client() as api, at_desk(gateway) as desk:
        contact = register_mail(api, File("original.eml", mailed(EICAR), "message/rfc822", "original"), parseStatus="failed")
        gateway.command("mail", "reparse")
        assert {file["name"]: file.get("virus") for file in api.get(f"/contacts/{contact}").json()["files"]} == {
            "original.eml": None,
            "brief.doc": "found",
        }
        assert "Virus gevonden in een bestand" in desk.get("/desk").text


def test_a_mail_is_taken_while_the_scanner_is_away(tmp_path: Path) -> None:
    with running(tmp_path, "intake_api", "mail_ingest", ONTHAAL_CLAMD="/nowhere/clamd.ctl") as gateway:
        send(gateway, mailed(EICAR))
        assert mail_files(gateway) == [{"original.eml": "notScanned", "brief.doc": "notScanned"}]


def send(gateway: Gateway, mail: bytes) -> None:
    """Send a mail; on return it is stored."""
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as client:
        client.sendmail("noor@example.be", "meldpunt@example.org", mail)


def mail_files(gateway: Gateway) -> list[dict[str, str]]:
    """Give what is said of the files of each mail, by name."""
    with gateway.client() as api:
        mails = api.post("/contacts/query", json={"channel": ["mail"]}).json()["items"]
        contacts = [api.get(f"/contacts/{mail['id']}").json() for mail in mails]
    return [{file["name"]: file["virus"] for file in contact["files"]} for contact in contacts]


def test_when_the_scanner_is_away_files_are_kept_and_called_not_scanned(tmp_path: Path) -> None:
    with running(tmp_path, "intake_api", "phone_log", ONTHAAL_CLAMD="/nowhere/clamd.ctl") as gateway, at_desk(gateway) as desk:
        contact = register_call(desk)
        add_note(desk, contact, b"%PDF-1.7")
        page = desk.get(f"/desk/contacten/{contact}").text
        assert "bijlage.png" in page
        assert "Niet nagekeken op virussen." in page


def at_desk(gateway: Gateway) -> AbstractContextManager[httpx.Client]:
    """Sign an operator in."""
    return signed_in(gateway, gateway.sign_in_link("Noor"))


def add_note(desk: httpx.Client, contact: str, content: bytes) -> None:
    """Add a note with a file."""
    message = hidden(desk.get(f"/desk/contacten/{contact}").text, "message")
    answer = desk.post(
        f"/desk/contacten/{contact}/notities",
        data={"message": message, "note": "Een bestand."},
        files={"note_files": ("bijlage.png", content, "image/png")},
    )
    assert answer.status_code == 303
