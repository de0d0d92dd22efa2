"""Settings of the mail service."""

from pydantic import Field, field_validator

from services.kit.scanning import ScannerSettings
from services.mail_ingest.addresses import plausible


class MailSettings(ScannerSettings):
    """Where mail comes in, and what one mail and one sender may use."""

    smtp_host: str = Field("127.0.0.1", description="Address on which the mail listener (SMTP) listens.")
    smtp_port: int = Field(8025, ge=0, le=65535, description="Port of the mail listener; 0 takes a free one.")
    smtp_name: str = Field("localhost", pattern=r"^[A-Za-z0-9.-]+$", description="Name by which the mail listener greets.")
    smtp_recipients: str = Field("", description="Addresses that mail is taken for, separated by commas; empty takes all.")
    smtp_size_limit: int = Field(35_000_000, ge=10_000, description="Largest mail that is taken, in bytes.")
    smtp_connections: int = Field(30, ge=1, description="Connections of the mail listener at a time.")
    smtp_timeout: float = Field(300, gt=0, description="Seconds that a client may take for one mail.")
    mail_parse_seconds: float = Field(10, gt=0, description="Seconds that reading one mail may take.")
    mail_parse_megabytes: int = Field(1024, ge=64, description="Memory for a process that reads mails, in MiB.")
    mail_parse_processes: int = Field(2, ge=1, description="Processes that read mails, at most.")

    @field_validator("smtp_recipients")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        if any(not plausible(address) for address in value.split(",") if address.strip()):
            message = "must be mail addresses separated by commas"
            raise ValueError(message)
        return value

    @property
    def own_addresses(self) -> frozenset[str]:
        """The addresses of `smtp_recipients`, in lower case."""
        return frozenset(plausible(address).lower() for address in self.smtp_recipients.split(",") if address.strip())
