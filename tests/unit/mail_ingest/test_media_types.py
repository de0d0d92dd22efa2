"""What files are by their bytes, and what is told of sealed ones."""

import io
import zipfile

import pytest

from services.kit.media_types import is_locked_zip, sniffed
from services.mail_ingest.parsed_mail import Reading
from services.mail_ingest.parser import parse
from tests.unit.mail_ingest.awkward import HEAD, PLAIN, mail, parts

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PROGRAM = "application/vnd.microsoft.portable-executable"


def zipped(*names: str) -> bytes:
    """Write a zip that holds these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "inhoud")
    return out.getvalue()


def locked(content: bytes) -> bytes:
    """Set the sign of a password on the first file of a zip."""
    return content[:6] + bytes([content[6] | 1]) + content[7:]


@pytest.mark.parametrize(
    ("content", "declared", "found"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg", None),
        (b"\xff\xd8\xff\xe0", "image/jpg", None),
        (b"\xff\xd8\xff\xe0", "image/png", "image/jpeg"),
        (b"%PDF-1.4", "application/octet-stream", "application/pdf"),
        (b"MZ\x90", "application/pdf", PROGRAM),
        (b"MZ\x90", "application/x-msdownload", None),
        (b"<html><script>x", "text/plain", "text/html"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "image/png", "text/html"),
        (b"<?xml version='1.0'?><svg onload=x>", "image/png", "image/svg+xml"),
        (b"#!/bin/sh", "text/plain", "text/x-shellscript"),
        (b"ID3\x03", "audio/mp3", None),
        (b"\xff\xfb\x90\x00" + bytes(99), "application/octet-stream", "audio/mpeg"),
        (bytes(4) + b"ftypheic" + bytes(20), "image/heic", None),
        (bytes(4) + b"ftypheic" + bytes(20), "image/jpeg", "image/heic"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "image/png", "application/x-ole-storage"),
        (zipped("[Content_Types].xml", "word/document.xml"), WORD, None),
        (zipped("[Content_Types].xml", "word/document.xml"), "application/octet-stream", WORD),
        (
            zipped("[Content_Types].xml", "xl/workbook.xml"),
            WORD,
            WORD.replace("wordprocessingml.document", "spreadsheetml.sheet"),
        ),
        (zipped("a.zip"), "application/x-zip-compressed", None),
        (zipped("a.txt"), "application/vnd.apple.pages", None),
        (zipped("a.txt"), "application/pdf", "application/zip"),
        (b"Dag Noor", "text/plain", None),
        (b"Dag Noor", "application/pdf", None),
        (b"", "application/pdf", None),
        (b"{\\rtf1", "text/rtf", None),
        (b"7z\xbc\xaf\x27\x1c\x00", "application/octet-stream", "application/x-7z-compressed"),
    ],
)
def test_a_file_is_told_by_its_bytes_when_it_is_not_what_it_says(content: bytes, declared: str, found: str | None) -> None:
    assert sniffed(content, declared) == found


def test_a_zip_with_a_password_is_known() -> None:
    assert is_locked_zip(locked(zipped("a.txt")))
    assert not is_locked_zip(zipped("a.txt", "b.zip"))
    assert not is_locked_zip(b"PK\x03\x04")


def test_a_zip_with_a_password_is_kept_and_said() -> None:
    content = locked(zipped("a.txt"))
    head = mail(
        f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n--x\n{PLAIN}\n--x\nContent-Type: application/zip; name=a.zip\n\n"
    )
    found = parse(head + content + b"\r\n--x--")
    assert (found.doubts, found.attachments[0].content, found.text) == (("encrypted",), content, "Dag")


def test_a_file_says_what_it_is_beside_what_it_was_called() -> None:
    (file,) = parse(parts("Content-Type: image/png; name=foto.png\n\n<html><script>")).attachments
    assert (file.name, file.media_type, file.sniffed) == ("foto.png", "image/png", "text/html")


@pytest.mark.parametrize(
    ("headers", "seal"),
    [
        ("Content-Type: application/pkcs7-mime; name=smime.p7m", "smime"),
        ("Content-Type: application/x-pkcs7-mime; smime-type=signed-data", "smime"),
        ("Content-Type: application/octet-stream; name=smime.p7m", "smime"),
        ('Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=x', "pgp"),
    ],
)
def test_what_is_sealed_is_said(headers: str, seal: str) -> None:
    found = parse(mail(f"{HEAD}{headers}\n\n--x\n\n--x--"))
    assert (found.sealed_by, found.status, "sealed" in found.doubts) == (seal, Reading.PARTIAL, True)


def test_a_signature_beside_a_text_seals_nothing() -> None:
    found = parse(parts(PLAIN, "Content-Type: application/pkcs7-signature; name=smime.p7s\n\nx", kind="signed"))
    assert (found.sealed_by, found.status, found.text) == (None, Reading.COMPLETE, "Dag")


def test_the_notice_is_given_only_when_there_is_nothing_else() -> None:
    seal = "Content-Type: application/pkcs7-mime; name=smime.p7m\n\nx"
    assert parse(parts(PLAIN, seal)).text == "Dag"
    assert parse(parts(seal)).text == ""
