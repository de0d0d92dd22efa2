"""Which mailboxes are read, and how: what `ONTHAAL_MAILBOXES` may say."""

import json
from datetime import date
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_settings import NoDecode

from onthaal_schema.mail import MailboxName
from services.kit.settings import Settings

Word = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Something on one line: nothing in it can end a command to a server."""


class Tls(StrEnum):
    """How the connection is encrypted. The server's certificate is always verified."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class Mode(StrEnum):
    """What happens on the server to a mail that is a stored contact; never before."""

    KEEP = "keep"
    MARK = "mark"
    MOVE = "move"
    DELETE = "delete"


class Provider(StrEnum):
    """Who gives the tokens."""

    MICROSOFT = "microsoft"
    GOOGLE = "google"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class OAuth(_Strict):
    """Signing in with a token (XOAUTH2): client credentials, or a refresh token when there is one."""

    provider: Provider
    token_url: Annotated[str, StringConstraints(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])")]
    client_id: Word
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    scope: Word | None = None

    @model_validator(mode="after")
    def _proves_who_asks(self) -> Self:
        if not (self.client_secret or self.refresh_token):
            message = "needs client_secret, refresh_token, or both"
            raise ValueError(message)
        if self.provider is Provider.GOOGLE and not self.refresh_token:
            message = "google needs refresh_token"
            raise ValueError(message)
        return self

    @property
    def asked_scope(self) -> str | None:
        """The scope to ask for: Microsoft's for everything that the application was given, unless another is named."""
        return self.scope or ("https://outlook.office365.com/.default" if self.provider is Provider.MICROSOFT else None)


class Mailbox(_Strict):
    """A mailbox on an IMAP server."""

    name: MailboxName
    host: Word
    port: int | None = Field(None, ge=1, le=65535)
    tls: Tls = Tls.IMPLICIT
    ca_file: Path | None = None
    user: Word
    password: SecretStr | None = None
    password_file: Path | None = None
    oauth: OAuth | None = None
    folder: Word = "INBOX"
    mode: Mode = Mode.KEEP
    move_to: Word | None = None
    import_from: date | None = None
    answers: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if sum(way is not None for way in (self.password, self.password_file, self.oauth)) != 1:
            message = "needs one of password, password_file and oauth"
            raise ValueError(message)
        if (self.mode is Mode.MOVE) != (self.move_to is not None):
            message = "mode move and move_to need one another"
            raise ValueError(message)
        if self.move_to == self.folder:
            message = "move_to must be another folder"
            raise ValueError(message)
        if self.tls is Tls.NONE and not _is_this_machine(self.host):
            message = "tls none is for a server on this machine only"
            raise ValueError(message)
        if self.name == "smtp":
            message = "the name smtp is the listener's"
            raise ValueError(message)
        return self

    @property
    def server_port(self) -> int:
        """The port to connect to."""
        return self.port or (993 if self.tls is Tls.IMPLICIT else 143)

    def secret(self) -> str:
        """Give the password; a file is read each time, so that a new password needs no restart.

        Raises:
            OSError: the file cannot be read.

        """
        if self.password_file:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        return self.password.get_secret_value() if self.password else ""


def from_json(value: object) -> object:
    """Read a setting that is written in JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:  # whose text repeats what was written
        message = "must be JSON, as the README says"
        raise ValueError(message) from None


class MailboxSettings(Settings):
    """Settings of the mailboxes that are read."""

    mailboxes: Annotated[tuple[Mailbox, ...], NoDecode, BeforeValidator(lambda value: from_json(value) or ())] = Field(
        (),
        description="Mailboxes that are read by IMAP, a JSON list; the README says what each may have. Empty: none is read.",
    )
    mailbox_poll_seconds: float = Field(
        60, gt=0, le=1500, description="Seconds after which a mailbox is looked at whether or not its server told of new mail."
    )
    mailbox_retry_seconds: float = Field(
        300, gt=0, description="Seconds at most between two attempts to reach a mail server, or to take in a mail that failed."
    )
    mailbox_size_limit: int = Field(
        35_000_000,
        ge=10_000,
        description="Largest mail that is fetched from a mailbox, in bytes; of a larger one only the headers.",
    )

    @field_validator("mailboxes")
    @classmethod
    def _have_names_of_their_own(cls, value: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
        if len({mailbox.name for mailbox in value}) < len(value):
            message = "each mailbox needs a name of its own"
            raise ValueError(message)
        return value


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
