"""Settings of alarms."""

from datetime import time
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from services.kit.mail_server import Tls, is_this_machine
from services.kit.settings import Settings

BRUSSELS = ZoneInfo("Europe/Brussels")


class AlarmSettings(Settings):
    """To whom alarms are sent, and when something is one. Times are minutes."""

    alarm_smtp_host: str | None = Field(None, description="Mail server that alarms are sent by; without one nobody is told.")
    alarm_smtp_port: int = Field(587, ge=1, le=65535, description="Port of that mail server.")
    alarm_smtp_tls: Tls = Field(
        Tls.STARTTLS, description="starttls, tls, or none (for a mail server on this machine only). There is no falling back."
    )
    alarm_smtp_ca: Path | None = Field(None, description="Certificates (PEM) to trust instead of the system's.")
    alarm_smtp_user: str | None = Field(None, description="User at that mail server.")
    alarm_smtp_password_file: Path | None = Field(None, description="File with the password at that mail server.")
    alarm_from: str = Field("onthaal@localhost", description="Sender of alarms.")
    alarm_to: str = Field("", description="Who is on call: mail addresses separated by commas.")
    alarm_repeat: float = Field(4 * 60, gt=0, description="Minutes after which an alarm that lasts is told again.")
    alarm_quiet: str = Field(
        "",
        pattern=r"^(\d\d:\d\d-\d\d:\d\d)?$",
        description='Quiet hours in Brussels, "22:00-07:00": only urgent alarms are told.',
    )
    alarm_every: float = Field(15, gt=0, description="Seconds between looks at what may be wrong.")
    alarm_grace: float = Field(1, ge=0, description="What is wrong on one machine is told when it lasts longer than this.")
    alarm_queue_age: float = Field(15, gt=0, description="An event that waits longer than this to be handed over is an alarm.")
    alarm_circuit: float = Field(30, gt=0, description="A subscription that takes nothing for longer than this is an alarm.")
    alarm_danger: float = Field(15, gt=0, description="Immediate danger that nobody looked at for longer than this is an alarm.")
    alarm_unfetched: float = Field(
        60, gt=0, description="A contact that was announced and not fetched for longer than this is one."
    )
    alarm_mailbox_gap: float = Field(
        10, gt=0, description="Mails that a mailbox has and that were not taken in for longer than this are an alarm."
    )
    alarm_mailbox_silent: float = Field(
        10, gt=0, description="A mailbox that could not be read for longer than this is an alarm."
    )
    alarm_disk_percent: float = Field(10, ge=0, le=100, description="Less free room than this, in percent, is an alarm.")
    alarm_backup_stamp: Path | None = Field(
        None, description="File or folder that each backup changes; without it the age is not watched."
    )
    alarm_backup_age: float = Field(26 * 60, gt=0, description="A newest backup older than this is an alarm.")

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who is on call."""
        return tuple(address.strip() for address in self.alarm_to.split(",") if address.strip())

    def is_quiet(self, local: time) -> bool:
        """Say whether a time on the clock of Brussels lies in the quiet hours; they may reach past midnight."""
        if not self.alarm_quiet:
            return False
        first, last = (time.fromisoformat(part) for part in self.alarm_quiet.split("-"))
        return first <= local < last if first <= last else local >= first or local < last

    @model_validator(mode="after")
    def _can_tell(self) -> Self:
        if self.alarm_quiet:
            self.is_quiet(time())
        if self.alarm_smtp_host is None:
            return self
        if not self.recipients:
            message = "ONTHAAL_ALARM_TO is needed with ONTHAAL_ALARM_SMTP_HOST"
            raise ValueError(message)
        if self.alarm_smtp_tls is Tls.NONE and not is_this_machine(self.alarm_smtp_host):
            message = "ONTHAAL_ALARM_SMTP_TLS: none is for a mail server on this machine"
            raise ValueError(message)
        if (self.alarm_smtp_user is None) != (self.alarm_smtp_password_file is None):
            message = "ONTHAAL_ALARM_SMTP_USER and ONTHAAL_ALARM_SMTP_PASSWORD_FILE belong together"
            raise ValueError(message)
        return self
