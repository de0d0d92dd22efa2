"""Mails that are wrapped in their own signature."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.parser import parse
from services.mail_ingest.signed_data import content_of
from tests.unit.mail_ingest.awkward import HEAD, PDF, PLAIN, mail
from tests.unit.mail_ingest.signatures import in_pieces

INNER = mail(f"Content-Type: multipart/mixed; boundary=y\n\n--y\n{PLAIN}\n--y\n{PDF}\n--y--\n")


def signed(content: bytes, *options: pkcs7.PKCS7Options) -> bytes:
    """Sign as a mail program does, with a key made for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Noor")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = builder.not_valid_before(datetime(2024, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2034, 1, 1, tzinfo=UTC))
    signer = pkcs7.PKCS7SignatureBuilder().set_data(content)
    return signer.add_signer(certificate.sign(key, hashes.SHA256()), key, hashes.SHA256()).sign(
        Encoding.DER, [pkcs7.PKCS7Options.Binary, *options]
    )


SIGNED = signed(INNER)


def received(content: bytes) -> ParsedMail:
    """Read a mail that holds nothing but this."""
    head = mail(f"{HEAD}Content-Type: application/pkcs7-mime; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n")
    return parse(head + b64encode(content))


@pytest.mark.parametrize("content", [SIGNED, in_pieces(INNER), in_pieces(INNER[:20], INNER[20:])])
def test_what_is_signed_is_read_with_its_files_and_nothing_is_sealed(content: bytes) -> None:
    found = received(content)
    assert (found.text, found.status, found.sealed_by) == ("Dag", Reading.COMPLETE, None)
    assert [file.name for file in found.attachments] == ["brief.pdf", "smime.p7m"]


@pytest.mark.parametrize(
    "content", [b"", b"x", SIGNED[:200], signed(INNER, pkcs7.PKCS7Options.DetachedSignature), b"\x30\x80" * 5_000]
)
def test_what_cannot_be_read_is_said_to_be_sealed(content: bytes) -> None:
    found = received(content)
    assert (found.text, found.sealed_by) == ("", "smime")


def test_signatures_within_signatures_have_an_end() -> None:
    content = INNER
    for _ in range(6):
        head = b"Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        content = head + b64encode(in_pieces(content))
    assert parse(mail(HEAD) + content).sealed_by == "smime"


@settings(max_examples=300, deadline=None, database=None)
@given(st.data())
def test_any_damage_is_borne(data: st.DataObject) -> None:
    damaged = bytearray(in_pieces(INNER[:30], INNER[30:]))
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    content_of(bytes(damaged))
