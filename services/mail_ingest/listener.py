"""The SMTP listener: 250 means that the mail is a stored contact, 451 that it is not; no content is refused."""

import asyncio
from contextlib import suppress
from typing import Final, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from onthaal_schema.problems import PayloadTooLarge, ServiceUnavailable
from services.kit.alarms import Alarm, Board
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.mail_ingest.addresses import plausible
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.measures import MAILS
from services.mail_ingest.received import NULL_SENDER, ReceivedMail
from services.mail_ingest.settings import MailSettings

log = logger(__name__)

RECIPIENT_LIMIT: Final = 100
COMMAND_LIMIT: Final = 1000
"""How often one connection may give one command."""

FAREWELL_SECONDS: Final = 10
"""How long mails that were read to the end are waited for at the stop."""

_FAULT: Final = "mail is not stored for a fault here, its sender keeps it"
AGAIN: Final = "451 4.3.0 Not stored, please try again later"


class Listener:
    """Listens for mail until it is cancelled."""

    def __init__(self, settings: MailSettings, ingest: Ingest, clock: Clock, alarms: Board) -> None:
        """Take mail in by `ingest`; the moment of receipt is the clock's at the end of the data."""
        self._settings = settings
        self._reception = Reception(ingest, clock, settings.own_addresses, alarms)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self.port: int | None = None
        """The port it listens on; None while it does not listen."""

    async def run(self) -> None:
        """Listen. At the end no mail is left between its last byte and its answer."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._protocol, self._settings.smtp_host, self._settings.smtp_port)
        self._server = server
        self.port = server.sockets[0].getsockname()[1]
        log.info("mail listener ready", host=self._settings.smtp_host, port=self.port)
        try:
            await loop.create_future()
        finally:
            self.port = None
            server.close()
            await self._reception.finish()
            for connection in tuple(self._connections):
                connection.hang_up()

    async def drain(self) -> None:
        """Take no new connection, say goodbye to clients between two mails, and let the others finish the one they are sending."""
        if self._server is not None:
            self._server.close()
        while True:
            for connection in tuple(self._connections):
                if not connection.is_sending:
                    connection.say_goodbye()
            if not self._connections:
                return
            await asyncio.sleep(0.05)

    def _protocol(self) -> asyncio.Protocol:
        if len(self._connections) >= self._settings.smtp_connections:
            return TurnedAway()
        return Connection(self._reception, self._settings, self._connections)


class Connection(SMTP):
    """One client's connection, with the limits of the settings."""

    def __init__(self, reception: "Reception", settings: MailSettings, connections: set["Connection"]) -> None:
        """Be one of the connections for as long as it is open."""
        # RFC 5321 allows lines of 1,000 bytes; a person's mail is not lost because their program writes longer ones
        self.line_length_limit = settings.smtp_size_limit
        super().__init__(
            reception,
            data_size_limit=settings.smtp_size_limit,
            enable_SMTPUTF8=True,
            hostname=settings.smtp_name,
            ident="Onthaal",
            timeout=settings.smtp_timeout,
            command_call_limit=COMMAND_LIMIT,
            loop=asyncio.get_running_loop(),
        )
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a seat."""
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the seat."""
        self._connections.discard(self)
        super().connection_lost(error)

    @property
    def is_sending(self) -> bool:
        """Whether the client has begun a mail that was not answered yet."""
        return self.envelope is not None and self.envelope.mail_from is not None

    def say_goodbye(self) -> None:
        """Ask the client to come back to another one (RFC 5321 §3.8), and close."""
        if self.transport and not self.transport.is_closing():
            _last_words(self.transport, b"421 4.3.2 Closing, please try again\r\n")

    def hang_up(self) -> None:
        """Close the connection."""
        if self.transport:
            self.transport.close()


class TurnedAway(asyncio.Protocol):
    """A connection too many: asked to come back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so and close."""
        _last_words(transport, b"421 4.3.2 Too many connections, please try again later\r\n")


def _last_words(transport: asyncio.BaseTransport, line: bytes) -> None:
    # uvloop's transports are none of asyncio's classes, so asking what they are would say no
    cast("asyncio.WriteTransport", transport).write(line)
    transport.close()


class Reception:
    """What happens to a mail on the way in; the hooks have the names that aiosmtpd gives them."""

    def __init__(self, ingest: Ingest, clock: Clock, own_addresses: frozenset[str], alarms: Board) -> None:
        """Take mail for the given addresses, or for all when there are none; a mail that is not stored is an alarm."""
        self._alarms = alarms
        self._ingest = ingest
        self._clock = clock
        self._own_addresses = own_addresses
        self._under_way: set[asyncio.Task[str]] = set()

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient that is ours."""
        if self._own_addresses and address.lower() not in self._own_addresses:
            return "550 5.1.1 No such mailbox here"
        if len(envelope.rcpt_tos) >= RECIPIENT_LIMIT:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Register a mail that came in whole; the client may hang up, it is registered all the same."""
        task = asyncio.create_task(self._register(self._received(envelope)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def handle_exception(self, error: Exception) -> str:
        """Answer a command that broke something; the client keeps what it wanted to send."""
        log.warning("mail command failed", error=error_name(error))
        return AGAIN

    async def finish(self) -> None:
        """Wait for the mails that are being registered, and not for ever."""
        if self._under_way:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await asyncio.gather(*self._under_way, return_exceptions=True)

    def _received(self, envelope: Envelope) -> ReceivedMail:
        content = envelope.original_content or b""
        sender = envelope.mail_from
        return ReceivedMail(
            original=content,
            received_at=self._clock.now(),
            envelope_sender=NULL_SENDER if sender == NULL_SENDER else plausible(sender or "") or None,
            envelope_recipients=tuple(filter(None, (plausible(str(address)) for address in envelope.rcpt_tos))),
        )

    async def _register(self, mail: ReceivedMail) -> str:
        try:
            contact_id = (await self._ingest.take_in(mail)).contact_id
        except PayloadTooLarge:
            MAILS.labels("tooLarge").inc()
            return "552 5.3.4 Message too large"
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
        return AGAIN
