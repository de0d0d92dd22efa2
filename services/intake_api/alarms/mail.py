"""The mail to whoever is on call: the alarm's name, how many, since when, and where to look. Nothing of anybody's story."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

import aiosmtplib

from services.intake_api.alarms.settings import BRUSSELS, AlarmSettings
from services.kit.alarms import URGENT, Alarm
from services.kit.mail_server import MailServer, NotConnected

WHAT: Final = {
    Alarm.IMMEDIATE_DANGER: "Er wacht een contact met een teken van onmiddellijk gevaar. Kijk nu op de werklijst.",
    Alarm.DATABASE_AWAY: "De database antwoordt niet. Er kan niets geregistreerd worden.",
    Alarm.MAIL_NOT_TAKEN: "Een mail kon niet geregistreerd worden; de afzender probeert opnieuw.",
    Alarm.MAILBOX_GAP: "Een mailbox heeft mails die niet geregistreerd zijn, of kan niet gelezen worden.",
    Alarm.MAIL_NOT_SENT: "De mailserver neemt geen antwoorden aan; ze wachten en worden opnieuw geprobeerd.",
    Alarm.WORKER_FAILING: "Een deel van de poort stopt telkens opnieuw.",
    Alarm.DISK_NEARLY_FULL: "De schijf is bijna vol.",
    Alarm.QUEUE_AGE: "Gebeurtenissen wachten te lang om overgedragen te worden.",
    Alarm.DEAD_LETTERS: "Gebeurtenissen worden niet meer overgedragen tenzij iemand ze opnieuw verstuurt.",
    Alarm.CIRCUIT_OPEN: "Een ontvanger neemt al een tijd niets aan.",
    Alarm.REFUSED_BY_RECEIVER: "Een ontvanger kent ons niet (401, 403 of 404): foute uitrol of verlopen token.",
    Alarm.SUBSCRIPTION_GONE: "Een ontvanger zei dat hij niet meer bestaat (410), en krijgt nog gebeurtenissen.",
    Alarm.NEVER_FETCHED: "Contacten werden aangekondigd en nooit opgehaald.",
    Alarm.DOES_NOT_ADD_UP: "Wat geregistreerd, overgedragen en onderweg is, klopt niet met elkaar.",
    Alarm.BACKUP_OLD: "De laatste back-up is te oud.",
}


class NotSent(Exception):
    """A mail was not taken by the mail server; it is tried again."""


@dataclass(frozen=True)
class Notice:
    """What is told: an alarm that rose, lasts or is over. `place` is the machine, for what concerns one machine."""

    alarm: Alarm
    count: int
    since: datetime
    over: bool = False
    place: str | None = None


@dataclass(frozen=True)
class AlarmMail:
    """Sends notices. STARTTLS means encrypted or not at all (RFC 3207 §6)."""

    settings: AlarmSettings
    origin: str

    async def send(self, notice: Notice, now: datetime) -> None:
        """Send one notice to everybody who is on call.

        Raises:
            NotSent: the mail server did not take it.

        """
        await self._send(self._message(notice, now))

    async def send_test(self, now: datetime) -> None:
        """Send a mail that says it is a test.

        Raises:
            NotSent: the mail server did not take it.

        """
        message = self._envelope("Onthaal: test", now)
        message.set_content(f"Dit is een test van de alarmen.\n\n{self.origin}/desk\n")
        await self._send(message)

    def _message(self, notice: Notice, now: datetime) -> EmailMessage:
        word = "voorbij" if notice.over else "DRINGEND" if notice.alarm in URGENT else "alarm"
        message = self._envelope(f"Onthaal: {word}: {notice.alarm} ({notice.count})", now)
        since = notice.since.astimezone(BRUSSELS).strftime("%d/%m/%Y %H:%M")
        lines = [
            f"Voorbij: {notice.alarm}." if notice.over else WHAT[notice.alarm],
            f"Alarm: {notice.alarm}",
            f"Aantal: {notice.count}",
            f"Sinds: {since}",
            *([f"Waar: {notice.place}"] if notice.place else []),
            f"Kijk op {self.origin}/desk",
        ]
        message.set_content("\n".join(lines) + "\n")
        return message

    def _envelope(self, subject: str, now: datetime) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = subject
        message["From"] = self.settings.alarm_from
        message["To"] = ", ".join(self.settings.recipients)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = make_msgid(domain="onthaal.invalid")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday reply comes back
        return message

    async def probe(self) -> None:
        """Greet the mail server, and sign in, without sending anything.

        Raises:
            NotSent: it cannot be reached, or does not let us in.

        """
        async with self._server():
            pass

    async def _send(self, message: EmailMessage) -> None:
        async with self._server() as server:
            await server.send_message(message)

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[aiosmtplib.SMTP]:
        settings = self.settings
        server = MailServer(
            host=settings.alarm_smtp_host or "",
            port=settings.alarm_smtp_port,
            tls=settings.alarm_smtp_tls,
            ca=settings.alarm_smtp_ca,
            user=settings.alarm_smtp_user,
            password_file=settings.alarm_smtp_password_file,
        )
        try:
            async with server.connected() as connection:
                yield connection
        except NotConnected as error:
            raise NotSent(str(error)) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotSent(type(error).__name__) from error
