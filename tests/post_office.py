"""The mail server that our mail is sent by, on loopback: it takes, refuses, or keeps silent, as a test tells it."""

import asyncio
import email
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.running import free_port

OK = "250 2.0.0 Ok"


@dataclass(frozen=True)
class Sent:
    """A mail that was taken."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    encrypted: bool = False
    greeting: str = ""

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return cast("EmailMessage", email.message_from_bytes(self.content, policy=default))

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.message.get_content()).replace("\r\n", "\n")


class PostOffice:
    """Keeps what it is sent."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.mails: list[Sent] = []
        self.to_recipient: Callable[[str], str] = lambda _address: OK
        """What is answered to RCPT."""
        self.to_data: Callable[[Envelope], str] = lambda _envelope: OK
        """What is answered to the end of the data; asked after the mail is kept when it says 250."""
        self.token = ""
        """The access token that lets in, beside the password."""
        self.silent = threading.Event()
        """While set, no end of data is answered."""

    def sent_to(self, address: str) -> list[Sent]:
        """Give what was sent to an address."""
        return [mail for mail in self.mails if address in mail.recipients]

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802
        answer = self.to_recipient(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        while self.silent.is_set():
            await asyncio.sleep(0.05)
        answer = self.to_data(envelope)
        if answer.startswith("250"):
            self.mails.append(
                Sent(
                    str(envelope.mail_from),
                    tuple(map(str, envelope.rcpt_tos)),
                    cast("bytes", envelope.original_content),
                    session.ssl is not None,
                    str(session.host_name),
                )
            )
        return answer

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """Let in whoever has the token; to others it says why, and waits for an empty answer, as Google and Microsoft do."""
        said = b64decode(args[1]).decode()
        if self.token and said == f"user=onthaal\x01auth=Bearer {self.token}\x01\x01":
            return AuthResult(success=True, auth_data="onthaal")
        await server.challenge_auth(b'{"status":"401"}')
        return AuthResult(success=False, handled=False)

    @contextmanager
    def listening(self, tls: ssl.SSLContext | None = None) -> Iterator["PostOffice"]:
        """Listen for the length of a block; with TLS, only after STARTTLS and as `onthaal` with password `geheim`."""
        secured = (
            {"tls_context": tls, "require_starttls": True, "auth_required": True, "authenticator": _authenticate} if tls else {}
        )
        controller = Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True, **secured)
        controller.start()
        try:
            yield self
        finally:
            self.silent.clear()
            controller.stop()


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"onthaal", b"geheim"))
