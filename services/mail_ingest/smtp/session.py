"""The conversation with one client, in SMTP (RFC 5321) or LMTP (RFC 2033)."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from services.mail_ingest.measures import REFUSALS
from services.mail_ingest.smtp import syntax
from services.mail_ingest.smtp.admission import Seat
from services.mail_ingest.smtp.certificate import Certificate
from services.mail_ingest.smtp.data import Data
from services.mail_ingest.smtp.replies import Reply
from services.mail_ingest.smtp.settings import ListenerSettings
from services.mail_ingest.smtp.syntax import Command, Path
from services.mail_ingest.smtp.wire import Gone, LineTooLong, TooMuch, Wire

RECIPIENT_LIMIT: Final = 100
COMMAND_LIMIT: Final = 250
"""How many commands a client may give without bringing a mail."""

FAULT_LIMIT: Final = 20
"""How many of a client's commands may be wrong, or name mailboxes that are not here."""

_PARAMETERS: Final = {
    "FROM:": frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"}),
    "TO:": frozenset({"NOTIFY", "ORCPT"}),
}
"""What is understood, or (RFC 3461, RFC 4954) harmless: whoever sends it unasked gets their mail through all the same."""

_REFUSALS: Final = frozenset(reply for reply in Reply if reply[0] in "45")
_BODIES: Final = frozenset({"", "7BIT", "8BITMIME"})
_BROWSERS: Final = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"})
_BEFORE_TLS: Final = frozenset({"EHLO", "STARTTLS", "NOOP", "QUIT"})


class Dialect(StrEnum):
    """Which of the two is spoken."""

    SMTP = "SMTP"
    LMTP = "LMTP"


@dataclass
class Envelope:
    """Who sends a mail and to whom, as the client says; the sender is empty for `<>`."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    peer: str = ""
    """The address of the client; empty on a Unix socket."""


class Reception(Protocol):
    """Where mail is handed in."""

    def takes(self, recipient: str) -> bool:
        """Say whether mail is taken for an address."""
        ...

    async def hand_in(self, envelope: Envelope, content: bytes) -> str:
        """Take a mail in, and give what to answer. Whatever happens to the client, it is finished."""
        ...


@dataclass(frozen=True)
class Manners:
    """How clients of one door are spoken to."""

    settings: ListenerSettings
    dialect: Dialect
    reception: Reception
    certificate: Certificate | None = None


class Session:
    """One client."""

    def __init__(self, wire: Wire, seat: Seat, manners: Manners) -> None:
        """Begin before the greeting."""
        self._wire = wire
        self._seat = seat
        self._manners = manners
        self._settings = manners.settings
        self._has_greeted = False
        self._envelope: Envelope | None = None
        self._commands = 0
        self._faults = 0
        self._is_over = False
        self._patience = asyncio.timeout(None)

    @property
    def is_sending(self) -> bool:
        """Whether the client has begun a mail that was not answered yet."""
        return self._envelope is not None

    async def hold(self) -> None:
        """Talk until the client goes, or is sent away."""
        try:
            async with self._patience:
                self._wait_anew()
                self._wire.write(f"220 {self._settings.smtp_name} {self._manners.dialect} Onthaal")
                while not self._is_over:
                    await self._next()
        except TimeoutError:
            self._write(Reply.TOO_SLOW)
        except TooMuch:
            self._write(Reply.TOO_LARGE)
        except Gone:
            pass
        finally:
            self._wire.close()

    def say_goodbye(self) -> None:
        """Ask the client to come back to another one (RFC 5321 §3.8), and close."""
        self._end(Reply.CLOSING)
        self._wire.close()

    def hang_up(self) -> None:
        """Close at once."""
        self._wire.hang_up()

    async def _next(self) -> None:
        if not self._wire.is_ahead:
            await self._wire.flush()
        try:
            command = syntax.command(await self._wire.line())
        except LineTooLong:
            self._say(Reply.LINE_TOO_LONG)
            return
        self._commands += 1
        if self._commands > COMMAND_LIMIT:
            self._end(Reply.TOO_MANY_COMMANDS)
        elif command is None:
            self._say(Reply.UNKNOWN)
        elif command.verb in _BROWSERS:
            self._end(Reply.NO_MAIL_CLIENT)
        else:
            await self._obey(command)

    async def _obey(self, command: Command) -> None:
        if refusal := self._untimely(command.verb):
            self._say(refusal)
            return
        match command.verb:
            case "EHLO" | "LHLO" | "HELO":
                self._greet(command)
            case "STARTTLS":
                await self._start_tls()
            case "MAIL":
                await self._mail(command.argument)
            case "RCPT":
                self._recipient(command.argument)
            case "DATA":
                await self._data()
            case "QUIT":
                self._end(Reply.BYE)
            case _:
                self._aside(command.verb)

    def _aside(self, verb: str) -> None:
        match verb:
            case "RSET":
                self._envelope = None
                self._say(Reply.OK)
            case "NOOP":
                self._say(Reply.OK)
            case "HELP":
                self._say(Reply.HELP)
            case "VRFY":
                self._say(Reply.CANNOT_VERIFY)
            case "EXPN" | "AUTH" | "BDAT" | "ETRN" | "TURN":
                self._say(Reply.NOT_HERE)
            case _:
                self._say(Reply.UNKNOWN)

    def _untimely(self, verb: str) -> Reply | None:
        is_smtp = self._manners.dialect is Dialect.SMTP
        if verb in ({"LHLO"} if is_smtp else {"EHLO", "HELO"}):  # RFC 2033 §4.1
            return Reply.UNKNOWN
        if is_smtp and self._settings.smtp_tls_required and not self._wire.is_protected and verb not in _BEFORE_TLS:
            return Reply.TLS_NEEDED
        if verb in {"MAIL", "RCPT", "DATA"} and not self._has_greeted:
            return Reply.GREET_FIRST
        return None

    def _greet(self, command: Command) -> None:
        self._has_greeted = True
        self._envelope = None
        if command.verb == "HELO":
            self._say(f"250 {self._settings.smtp_name}")
            return
        offers = ["PIPELINING", f"SIZE {self._settings.smtp_size_limit}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self._manners.certificate and not self._wire.is_protected:
            offers.append("STARTTLS")
        *first, last = [self._settings.smtp_name, *offers]
        self._say(*(f"250-{line}" for line in first), f"250 {last}")

    async def _start_tls(self) -> None:
        if self._wire.is_protected:
            self._say(Reply.OUT_OF_ORDER)
        elif not self._manners.certificate:
            self._say(Reply.NOT_HERE)
        else:
            self._say(Reply.READY_FOR_TLS)
            await self._wire.flush()
            await self._wire.protect(self._manners.certificate.context())
            self._has_greeted = False
            self._envelope = None

    async def _mail(self, argument: str) -> None:
        path = syntax.path(argument, "FROM:")
        refusal = Reply.OUT_OF_ORDER if self._envelope else _refusal(path, "FROM:") or self._too_large(path)
        if path is None or refusal:
            self._say(refusal or Reply.SYNTAX)
        elif not await self._seat.may_mail():
            self._say(Reply.TOO_MANY_MAILS)
        else:
            self._envelope = Envelope(path.address, peer=self._wire.peer)
            self._say(Reply.SENDER_OK)

    def _too_large(self, path: Path | None) -> Reply | None:
        announced = path.parameters.get("SIZE", "0") if path else "0"
        if not (announced.isascii() and announced.isdigit()):
            return Reply.SYNTAX
        return Reply.TOO_LARGE if int(announced) > self._settings.smtp_size_limit else None

    def _recipient(self, argument: str) -> None:
        path = syntax.path(argument, "TO:")
        refusal = _refusal(path, "TO:") if self._envelope else Reply.OUT_OF_ORDER
        if path is None or self._envelope is None or refusal:
            self._say(refusal or Reply.SYNTAX)
        elif not self._manners.reception.takes(path.address):
            self._say(Reply.NO_SUCH_MAILBOX)
        elif len(self._envelope.recipients) >= RECIPIENT_LIMIT:
            self._say(Reply.TOO_MANY_RECIPIENTS)
        else:
            self._envelope.recipients.append(path.address)
            self._say(Reply.RECIPIENT_OK)

    async def _data(self) -> None:
        if self._envelope is None or not self._envelope.recipients:
            if self._wire.is_ahead:  # a mail nobody asked for; its lines must not be taken for commands
                self._end(Reply.OUT_OF_STEP)
            else:
                self._say(Reply.OUT_OF_ORDER)
            return
        self._wire.write(Reply.GO_AHEAD)
        data = Data(self._settings.smtp_size_limit, self._seat.room)
        try:
            await self._wire.data(data, self._settings.smtp_size_limit)
            answer = await self._judge(data, self._envelope)
        finally:
            data.let_go()
        # in LMTP each recipient has an answer of its own (RFC 2033 §4.2); there is one mail, so they are all the same
        each = len(self._envelope.recipients) if self._manners.dialect is Dialect.LMTP else 1
        self._envelope = None
        self._say(*[answer] * each)
        self._wait_anew()

    async def _judge(self, data: Data, envelope: Envelope) -> str:
        if data.is_too_large:
            return Reply.TOO_LARGE
        if not data.has_room:
            return Reply.NO_ROOM
        self._commands = 0
        self._patience.reschedule(None)  # from here on it is not the client who takes time
        return await self._manners.reception.hand_in(envelope, data.content())

    def _wait_anew(self) -> None:
        self._patience.reschedule(asyncio.get_running_loop().time() + self._settings.smtp_timeout)

    def _say(self, *lines: str) -> None:
        self._write(*lines)
        if lines[-1].startswith("5"):
            self._faults += 1
            if self._faults >= FAULT_LIMIT:
                self._end(Reply.TOO_MANY_COMMANDS)

    def _end(self, reply: Reply) -> None:
        self._write(reply)
        self._is_over = True

    def _write(self, *lines: str) -> None:
        self._wire.write(*lines)
        if lines[-1] in _REFUSALS:
            REFUSALS.labels(lines[-1][:9]).inc()


def _refusal(path: Path | None, keyword: str) -> Reply | None:
    if path is None:
        return Reply.SYNTAX
    if path.parameters.keys() - _PARAMETERS[keyword] or path.parameters.get("BODY", "").upper() not in _BODIES:
        return Reply.UNKNOWN_PARAMETER
    return Reply.SYNTAX if keyword == "TO:" and not path.address else None
