"""Answering mail, as the settings say it."""

from onthaal_schema.mail import OutgoingMail
from onthaal_schema.opening_hours import PublishedOpeningHours
from services.kit.service import House
from services.kit.short_help import read_help
from services.mail_ingest.acknowledge import Letter, Letterhead, acknowledgement
from services.mail_ingest.sending import Sender
from services.mail_ingest.settings import MailOutSettings
from services.mail_ingest.signature import read_signature


def answering(house: House, settings: MailOutSettings) -> Sender | None:
    """Make what sends our answers; None where no server is set, and nothing is answered.

    Raises:
        InvalidSettings: a file that is needed cannot be read.

    """
    server = settings.server
    if server is None:
        return None
    head = Letterhead(
        address=settings.mail_out_from.strip(),
        bounces=settings.bounce_address,
        name=settings.mail_out_name,
        subject=settings.mail_out_subject,
        helpers=read_help(settings.chat_help),
    )

    def write(mail: OutgoingMail, hours: PublishedOpeningHours | None) -> Letter:
        return acknowledgement(mail, head, hours, house.clock.now())

    key_file, domain = settings.mail_out_dkim_key_file, settings.mail_out_dkim_domain or settings.domain
    sign = read_signature(key_file, settings.mail_out_dkim_selector, domain).on if key_file else None
    return Sender(house.intake.own("mail_ingest"), server, write, sign, house.alarms, settings.mail_out_every)
