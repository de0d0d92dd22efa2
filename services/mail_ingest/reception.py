"""Where the mail listener hands mail in: it is registered, or its sender is told to keep it."""

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from onthaal_schema.mail import MailReceipt
from onthaal_schema.problems import PayloadTooLarge, ServiceUnavailable
from services.kit.alarms import Alarm, Board
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.kit.throttle import address_of
from services.mail_ingest.addresses import plausible
from services.mail_ingest.measures import MAILS
from services.mail_ingest.received import NULL_SENDER, ReceivedMail
from services.mail_ingest.smtp.recipients import Recipients
from services.mail_ingest.smtp.replies import Reply
from services.mail_ingest.smtp.session import Envelope

log = logger(__name__)

FAREWELL_SECONDS: Final = 10
"""How long mails that were read to the end are waited for at the stop."""

_FAULT: Final = "mail is not stored for a fault here, its sender keeps it"
_UNREADABLE: Final = "\ufffd"


class Taker(Protocol):
    """Whoever makes a contact of a mail."""

    async def take_in(self, mail: ReceivedMail) -> MailReceipt:
        """Take a mail in: on return it is stored.

        Raises:
            PayloadTooLarge: it never will be.
            ProblemError: it is not stored, or it is not known.

        """
        ...


class MailReception:
    """Where mail is handed in: it is registered, or its sender is told to keep it."""

    def __init__(self, ingest: Taker, clock: Clock, recipients: Recipients, alarms: Board) -> None:
        """Take mail for the given recipients; a mail that is not stored is an alarm."""
        self._alarms = alarms
        self._ingest = ingest
        self._clock = clock
        self._recipients = recipients
        self._under_way: set[asyncio.Task[str]] = set()

    def takes(self, recipient: str) -> bool:
        """Say whether mail is taken for an address."""
        return self._recipients.take(recipient)

    async def hand_in(self, envelope: Envelope, content: bytes) -> str:
        """Register a mail that came in whole; the client may hang up, it is registered all the same."""
        task = asyncio.create_task(self._register(self._received(envelope, content)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def finish(self) -> None:
        """Wait for the mails that are being registered, and not for ever."""
        if self._under_way:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await asyncio.gather(*self._under_way, return_exceptions=True)

    def _received(self, envelope: Envelope, content: bytes) -> ReceivedMail:
        return ReceivedMail(
            original=content,
            received_at=self._clock.now(),
            envelope_sender=(_readable(envelope.sender) or None) if envelope.sender else NULL_SENDER,
            envelope_recipients=tuple(filter(None, map(_readable, envelope.recipients))),
            peer=address_of(envelope.peer),
        )

    async def _register(self, mail: ReceivedMail) -> str:
        try:
            contact_id = (await self._ingest.take_in(mail)).contact_id
        except PayloadTooLarge:
            MAILS.labels("tooLarge").inc()
            return Reply.TOO_LARGE
        except ServiceUnavailable:
            log.warning("mail is not stored, its sender keeps it", message=str(mail.mail_id))
            return self._not_taken()
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the sender must keep the mail
            log.error(_FAULT, message=str(mail.mail_id), error=error_name(error))  # noqa: TRY400 - no traceback
            return self._not_taken()
        MAILS.labels("registered").inc()
        self._alarms.settle(Alarm.MAIL_NOT_TAKEN)
        log.info("mail registered", contact=str(contact_id), size=len(mail.original))
        return f"250 2.0.0 Registered as {contact_id}"

    def _not_taken(self) -> str:
        MAILS.labels("later").inc()
        self._alarms.raise_alarm(Alarm.MAIL_NOT_TAKEN)
        return Reply.NOT_STORED


def _readable(address: str) -> str:
    return "" if _UNREADABLE in address else plausible(address)
