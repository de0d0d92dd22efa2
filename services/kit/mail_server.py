"""A mail server that takes mail from us. Encrypted or not at all: a failed STARTTLS is no reason to go on in clear (RFC 3207 §6)."""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import aiosmtplib

FAREWELL: Final = 5
"""Seconds that a server may take to say goodbye."""


class Tls(StrEnum):
    """How the connection to a mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class NotConnected(Exception):
    """The server cannot be reached, cannot prove who it is, or does not let us in. The message names the fault, and nobody."""


class Tokens(Protocol):
    """Access tokens of one account, to sign in with by XOAUTH2."""

    async def token(self) -> str:
        """Give a token.

        Raises:
            NotConnected: there is none.

        """
        ...

    def forget(self) -> None:
        """Give another one next time: the server refused it."""
        ...


@dataclass(frozen=True)
class MailServer:
    """Where it is, and how we come in."""

    host: str
    port: int
    tls: Tls = Tls.STARTTLS
    ca: Path | None = None
    """Certificates to trust instead of the system's."""
    user: str | None = None
    password_file: Path | None = None
    tokens: Tokens | None = None
    """Instead of a password."""
    greeting: str | None = None
    """The name that we greet with; the name of this machine without one."""
    patience: float = 20
    """Seconds for each step."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Be connected and let in for the length of a block.

        Raises:
            NotConnected: before the block has begun.

        """
        server = self._client()
        try:
            await server.connect()
        except NotConnected:
            server.close()
            raise
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            server.close()
            if self.tokens and isinstance(error, aiosmtplib.SMTPAuthenticationError):
                self.tokens.forget()
            raise NotConnected(type(error).__name__) from error
        try:
            yield server
            with suppress(aiosmtplib.SMTPException, OSError):
                await server.quit(timeout=FAREWELL)
        finally:
            server.close()

    def _client(self) -> aiosmtplib.SMTP:
        try:
            password = self.password_file.read_text("utf-8").strip() if self.password_file else None
            return aiosmtplib.SMTP(
                hostname=self.host,
                port=self.port,
                local_hostname=self.greeting,
                use_tls=self.tls is Tls.TLS,
                start_tls=self.tls is Tls.STARTTLS,
                tls_context=None if self.tls is Tls.NONE else ssl.create_default_context(cafile=self.ca),
                username=self.user,
                password=password,
                oauth_token_generator=self.tokens.token if self.tokens else None,
                timeout=self.patience,
            )
        except (OSError, ValueError) as error:
            raise NotConnected(type(error).__name__) from error


def is_this_machine(host: str) -> bool:
    """Tell whether a name or address is certainly this machine's: only there a connection in clear is allowed."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
