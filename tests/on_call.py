"""The mail server of whoever is on call, on loopback: plain, or with STARTTLS and a certificate of its own."""

import email
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

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
