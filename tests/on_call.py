"""The mail server of whoever is on call, on loopback: plain, or with STARTTLS and a certificate of its own."""

import email
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.running import free_port


class OnCall:
    """Keeps what it is sent; refuses it while `refusing`."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.encrypted: list[bool] = []
        self.refusing = False
        self.port = free_port()

    @property
    def subjects(self) -> list[str]:
        """What was sent, by subject."""
        return [str(mail["Subject"]) for mail in self.mails]

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusing:
            return "451 4.3.0 Not now"
        self.mails.append(email.message_from_bytes(envelope.original_content or b""))
        self.encrypted.append(session.ssl is not None)
        return "250 2.0.0 Ok"

    @contextmanager
    def listening(self, tls: ssl.SSLContext | None = None) -> Iterator["OnCall"]:
        """Listen for the length of a block; with TLS, only after STARTTLS and as `wacht` with password `geheim`."""
        secured = (
            {"tls_context": tls, "require_starttls": True, "auth_required": True, "authenticator": _authenticate} if tls else {}
        )
        controller = Controller(self, hostname="127.0.0.1", port=self.port, **secured)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"wacht", b"geheim"))


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for this machine; gives the file to trust it by, and the server's side."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "server.pem", folder / "server.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return public, context
