"""The mail listener: 250 means that the mail is a stored contact, 451 that it is not; no content is refused."""

import asyncio
from collections.abc import Iterable
from typing import Final

from services.kit.alarms import Board
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.mail_ingest.measures import REFUSALS
from services.mail_ingest.reception import MailReception, Taker
from services.mail_ingest.smtp.admission import Admission, Full
from services.mail_ingest.smtp.certificate import Certificate
from services.mail_ingest.smtp.recipients import Recipients
from services.mail_ingest.smtp.replies import Reply
from services.mail_ingest.smtp.session import Dialect, Manners, Session
from services.mail_ingest.smtp.settings import ListenerSettings
from services.mail_ingest.smtp.wire import Wire

log = logger(__name__)

SOCKET_MODE: Final = 0o660
"""Who may connect to the Unix socket: its owner and its group, in which the mail server is."""


class Listener:
    """Listens for mail until it is cancelled."""

    def __init__(
        self, settings: ListenerSettings, ingest: Taker, clock: Clock, alarms: Board, further: Iterable[str] = ()
    ) -> None:
        """Take mail in by `ingest`, for `further` addresses too; the moment of receipt is the clock's at the end of the data.

        Raises:
            InvalidSettings: the certificate is no good.

        """
        self._settings = settings
        self._reception = MailReception(
            ingest, clock, Recipients({*settings.own_addresses, *further} if settings.own_addresses else ()), alarms
        )
        self._admission = Admission(settings, clock)
        certificate, key = settings.smtp_tls_certificate, settings.smtp_tls_key
        self._certificate = Certificate(certificate, key) if certificate and key else None
        self._sessions: set[Session] = set()
        self._doors: list[asyncio.Server] = []
        self.port: int | None = None
        """The port on which SMTP is spoken; None while it does not listen."""
        self.lmtp_port: int | None = None
        """The port on which LMTP is spoken, if any."""

    @property
    def is_busy(self) -> bool:
        """Whether a client is connected."""
        return bool(self._sessions)

    async def run(self) -> None:
        """Listen. At the end no mail is left between its last byte and its answer."""
        try:
            await self._open()
            log.info("mail listener ready", host=self._settings.smtp_host, port=self.port)
            await asyncio.get_running_loop().create_future()
        finally:
            self.port = self.lmtp_port = None
            self._close_doors()
            await self._reception.finish()
            for session in tuple(self._sessions):
                session.hang_up()

    async def drain(self) -> None:
        """Take no new connection, say goodbye to clients between two mails, and let the others finish the one they are sending."""
        self._close_doors()
        while True:
            for session in tuple(self._sessions):
                if not session.is_sending:
                    session.say_goodbye()
            if not self._sessions:
                return
            await asyncio.sleep(0.05)

    async def _open(self) -> None:
        loop, settings = asyncio.get_running_loop(), self._settings
        if settings.lmtp_socket:
            self._doors.append(await loop.create_unix_server(self._lmtp, str(settings.lmtp_socket)))
            settings.lmtp_socket.chmod(SOCKET_MODE)
        if settings.lmtp_port is not None:
            self._doors.append(await loop.create_server(self._lmtp, settings.lmtp_host, settings.lmtp_port))
            self.lmtp_port = self._doors[-1].sockets[0].getsockname()[1]
        self._doors.append(await loop.create_server(self._smtp, settings.smtp_host, settings.smtp_port))
        self.port = self._doors[-1].sockets[0].getsockname()[1]

    def _close_doors(self) -> None:
        for door in self._doors:
            door.close()
        self._doors.clear()

    def _smtp(self) -> asyncio.Protocol:
        return Wire(lambda wire: self._talk(wire, Dialect.SMTP))

    def _lmtp(self) -> asyncio.Protocol:
        return Wire(lambda wire: self._talk(wire, Dialect.LMTP))

    async def _talk(self, wire: Wire, dialect: Dialect) -> None:
        try:
            seat = self._admission.seat(wire.peer)
        except Full:
            REFUSALS.labels(Reply.TOO_MANY_CONNECTIONS[:9]).inc()
            wire.write(Reply.TOO_MANY_CONNECTIONS)
            wire.close()
            return
        session = Session(wire, seat, Manners(self._settings, dialect, self._reception, self._certificate))
        self._sessions.add(session)
        try:
            await session.hold()
        except Exception as error:  # noqa: BLE001 - one client's fault here must not end the listener; its mail is not answered
            log.error("mail connection failed", error=error_name(error))  # noqa: TRY400 - no traceback
        finally:
            seat.leave()
            self._sessions.discard(session)
