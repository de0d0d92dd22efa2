"""Settings of the mail service."""

from pydantic import Field

from services.mail_ingest.mailboxes import MailboxSettings
from services.mail_ingest.smtp.settings import ListenerSettings


class MailSettings(MailboxSettings, ListenerSettings):
    """Where mail comes in, and what one mail and one sender may use."""

    mail_parse_seconds: float = Field(10, gt=0, description="Seconds that reading one mail may take.")
    mail_parse_megabytes: int = Field(1024, ge=64, description="Memory for a process that reads mails, in MiB.")
    mail_parse_processes: int = Field(2, ge=1, description="Processes that read mails, at most.")
