"""Settings of the mail listener."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from limits import parse
from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from services.kit.settings import Settings
from services.kit.throttle import Network, networks
from services.mail_ingest.addresses import plausible


class ListenerSettings(Settings):
    """Where mail comes in, from whom, and what one mail and one client may use."""

    smtp_host: str = Field("127.0.0.1", description="Address on which the mail listener (SMTP) listens.")
    smtp_port: int = Field(8025, ge=0, le=65535, description="Port of the mail listener; 0 takes a free one.")
    smtp_name: str = Field("localhost", pattern=r"^[A-Za-z0-9.-]+$", description="Name by which the mail listener greets.")
    smtp_recipients: str = Field(
        "",
        description="Addresses that mail is taken for, separated by commas, each also with +anything; postmaster and bounce+anything "
        "at their domains as well. Empty takes all.",
    )
    smtp_size_limit: int = Field(35_000_000, ge=10_000, description="Largest mail that is taken, in bytes.")
    smtp_connections: int = Field(100, ge=1, description="Connections of the mail listener at a time.")
    smtp_connections_of_one: int = Field(10, ge=1, description="Connections from one network (/24 or /48) at a time.")
    smtp_rate: str = Field("120/10 minutes", description="Mails from one network in a span of time.")
    smtp_relays: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(networks)] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1")),
        description="Networks of mail servers of our own, with commas between: limits for one network are not for them.",
    )
    smtp_timeout: float = Field(
        600, gt=0, description="Seconds that a client may take for one mail, from the greeting to its end."
    )
    smtp_tls_certificate: Path | None = Field(
        None, description="Certificate chain (PEM) of the mail listener: STARTTLS is offered. Read again when it is renewed."
    )
    smtp_tls_key: Path | None = Field(None, description="Key of that certificate (PEM).")
    smtp_tls_required: bool = Field(default=False, description="Take no mail over SMTP from clients that do not use STARTTLS.")
    lmtp_socket: Path | None = Field(
        None, description="Unix socket on which mail is taken by LMTP (RFC 2033); readable by its group."
    )
    lmtp_host: str = Field("127.0.0.1", description="Address on which mail is taken by LMTP, when a port is given.")
    lmtp_port: int | None = Field(None, ge=0, le=65535, description="Port on which mail is taken by LMTP; 0 takes a free one.")

    @field_validator("smtp_recipients")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        if any(not plausible(address) for address in value.split(",") if address.strip()):
            message = "must be mail addresses separated by commas"
            raise ValueError(message)
        return value

    @field_validator("smtp_rate")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        parse(value)
        return value

    @model_validator(mode="after")
    def _certificate_is_whole(self) -> Self:
        if (self.smtp_tls_certificate is None) != (self.smtp_tls_key is None):
            message = "ONTHAAL_SMTP_TLS_CERTIFICATE and ONTHAAL_SMTP_TLS_KEY belong together"
            raise ValueError(message)
        if self.smtp_tls_required and self.smtp_tls_certificate is None:
            message = "ONTHAAL_SMTP_TLS_REQUIRED needs ONTHAAL_SMTP_TLS_CERTIFICATE"
            raise ValueError(message)
        return self

    @property
    def own_addresses(self) -> frozenset[str]:
        """The addresses of `smtp_recipients`, in lower case."""
        return frozenset(plausible(address).lower() for address in self.smtp_recipients.split(",") if address.strip())
