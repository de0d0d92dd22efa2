"""A connection to a mailbox (RFC 3501). Every call blocks, within its time-out; after any `Broken` the connection is of no use.

It looks with PEEK, by UID, and changes nothing unless `mark`, `move` or `delete` is called. The flags Seen and Deleted say nothing to it.
"""

import imaplib
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, LoginError

from services.mail_ingest.holdings import sequences
from services.mail_ingest.mailboxes import Mailbox, Tls

CONNECT_SECONDS: Final = 15
READ_SECONDS: Final = 60
"""How long nothing may come while an answer is waited for."""

LIST_CHUNK: Final = 50_000
"""Mails to list in one answer: imaplib takes no line above a million bytes."""

HEADER_LIMIT: Final = 262_144
KEYWORD: Final = b"$Onthaal"
_WHOLE: Final = b"BODY[]"


class Trouble(StrEnum):
    """What stands in the way of reading a mailbox, as it is reported and logged."""

    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificateNotTrusted"
    NO_ENCRYPTION = "encryptionRefused"
    SIGN_IN = "signInRefused"
    TOKEN = "tokenRefused"  # noqa: S105 - a name of what went wrong
    SECRET = "passwordFileUnreadable"  # noqa: S105 - the same
    FOLDER = "folderUnavailable"
    CONNECTION = "connectionLost"


_AT_THE_START: Final = frozenset({Trouble.UNREACHABLE, Trouble.NO_ENCRYPTION})


class Broken(Exception):
    """The connection is of no use any more. Holds no word of the server's: it may repeat an address."""

    def __init__(self, trouble: Trouble) -> None:
        """Say what it was."""
        super().__init__(trouble.value)
        self.trouble = trouble


class Refused(Exception):
    """The server would not or could not do this one thing; the connection goes on."""


@dataclass(frozen=True)
class Selected:
    """A folder at the moment it was opened."""

    uid_validity: int
    exists: int
    writable: bool
    keywords: bool
    """Whether a mail can be given a keyword of ours."""


@dataclass(frozen=True)
class Listed:
    """What a server says of a mail without giving it."""

    uid: int
    size: int
    internal_date: datetime | None


@dataclass(frozen=True)
class Fetched:
    """A mail as the server gives it."""

    uid: int
    content: bytes = field(repr=False)
    internal_date: datetime | None


class Connection:
    """A connection to one mailbox, signed in."""

    def __init__(self, mailbox: Mailbox, sign_in: Callable[[IMAPClient], object]) -> None:
        """Connect, encrypt, and sign in by the given way.

        Raises:
            Broken: saying at which of these it failed. Nothing secret is sent unless the connection is encrypted and verified.

        """
        self._folder = mailbox.folder
        self._client = _connected(mailbox)
        try:
            if mailbox.tls is Tls.STARTTLS:
                with _named(Trouble.NO_ENCRYPTION):
                    self._client.starttls(_context(mailbox))
            _keep_alive(self._client.socket())
            with _named(Trouble.SIGN_IN):
                sign_in(self._client)
            with _named(Trouble.CONNECTION):
                # some servers tell what they can only after the sign-in
                self._can = {capability.upper() for capability in self._client.capabilities()}
        except BaseException:
            with suppress(Exception):
                self._client.shutdown()
            raise
        self._waking, self._woken = socket.socketpair()

    @property
    def can_idle(self) -> bool:
        """Whether the server tells of new mail by itself (RFC 2177)."""
        return b"IDLE" in self._can

    @property
    def can_move(self) -> bool:
        """Whether a mail can be moved without touching another: RFC 6851, or a copy and RFC 4315."""
        return b"MOVE" in self._can or self.can_delete

    @property
    def can_delete(self) -> bool:
        """Whether exactly the mails that are named can be deleted (RFC 4315), and no other that bears the flag."""
        return b"UIDPLUS" in self._can

    def open(self, *, writing: bool) -> Selected:
        """Open the folder, anew when it is open: so its numbering, its count and that it is there at all are of now.

        Raises:
            Broken: also when there is no such folder.

        """
        with _named(Trouble.FOLDER):
            try:
                said = self._client.select_folder(self._folder, readonly=not writing)
            except IMAPClient.ReadOnlyError:
                said = self._client.select_folder(self._folder, readonly=True)
                writing = False
            permanent = said.get(b"PERMANENTFLAGS", ())
            return Selected(
                uid_validity=int(said.get(b"UIDVALIDITY", 0)),
                exists=int(said[b"EXISTS"]),
                writable=writing,
                keywords=rb"\*" in permanent or KEYWORD in permanent,
            )

    def has_folder(self, name: str) -> bool:
        """Say whether there is such a folder, after trying to make it when there is not."""
        with _named(Trouble.CONNECTION):
            if self._client.folder_exists(name):
                return True
            with suppress(Refused), _refusable():
                self._client.create_folder(name)
            return bool(self._client.folder_exists(name))

    def uids(self, exists: int) -> list[int]:
        """List every mail of the folder, which has so many."""
        with _named(Trouble.CONNECTION):
            found: set[int] = set()
            for some in sequences(exists, LIST_CHUNK):
                found.update(self._client.search([some.encode()]))
            return sorted(found)

    def uids_after(self, uid: int) -> list[int]:
        """List the mails with a higher number."""
        with _named(Trouble.CONNECTION):
            # the server answers n:* with its last mail even when that one is below n (RFC 3501 §6.4.8)
            return sorted(found for found in self._client.search([b"UID", f"{uid + 1}:*".encode()]) if found > uid)

    def unmarked(self, *, keywords: bool) -> set[int]:
        """List the mails that `mark` has not marked."""
        with _named(Trouble.CONNECTION):
            return set(self._client.search([b"UNKEYWORD", KEYWORD] if keywords else [b"UNSEEN"]))

    def listed(self, uids: Sequence[int]) -> dict[int, Listed]:
        """Ask sizes and dates; a mail that is gone is not in the answer.

        Raises:
            Refused: the answer makes no sense.

        """
        answer = self._fetch(uids, "RFC822.SIZE", "INTERNALDATE")
        with _sensible():
            return {uid: Listed(uid, int(mail[b"RFC822.SIZE"]), _moment(mail)) for uid, mail in answer.items()}

    def fetch(self, uids: Sequence[int]) -> dict[int, Fetched]:
        """Fetch mails whole; one that is gone is not in the answer.

        Raises:
            Refused: the answer makes no sense, or the server says that it cannot.

        """
        answer = self._fetch(uids, "INTERNALDATE", "BODY.PEEK[]")
        with _sensible():
            return {uid: Fetched(uid, _content(mail[_WHOLE]), _moment(mail)) for uid, mail in answer.items()}

    def headers(self, uid: int) -> Fetched | None:
        """Fetch the headers of a mail, so many bytes at the most.

        Raises:
            Refused: the answer makes no sense, or the server says that it cannot.

        """
        answer = self._fetch([uid], "INTERNALDATE", f"BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>").get(uid)
        if answer is None:
            return None
        with _sensible():
            return Fetched(uid, _content(answer[b"BODY[HEADER]<0>"]), _moment(answer))

    def mark(self, uids: Sequence[int], *, keywords: bool) -> None:
        """Mark mails as seen, and by a keyword of ours where the server knows keywords."""
        with _named(Trouble.CONNECTION), _refusable():
            flags = [rb"\Seen", KEYWORD] if keywords else [rb"\Seen"]
            self._client.add_flags(list(uids), flags, silent=True)

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails to a folder."""
        with _named(Trouble.CONNECTION), _refusable():
            if b"MOVE" in self._can:
                self._client.move(list(uids), folder)
            else:
                self._client.copy(list(uids), folder)
                self.delete(uids)

    def delete(self, uids: Sequence[int]) -> None:
        """Delete exactly these mails."""
        with _named(Trouble.CONNECTION), _refusable():
            if not self.can_delete:
                raise CapabilityError
            self._client.add_flags(list(uids), [rb"\Deleted"], silent=True)
            self._client.uid_expunge(list(uids))

    def wait(self, seconds: float, *, idle: bool) -> None:
        """Wait until the server tells something, `wake` is called, or the time is over."""
        with _named(Trouble.CONNECTION):
            if not idle:
                self._listen(seconds)
                return
            self._client.idle()
            if not self._has_read_more():
                self._listen(seconds, self._client.socket())
            # says whether the connection is still there: waiting alone ends at once and for ever on a dead one
            self._client.idle_done()

    def wake(self) -> None:
        """End `wait`, or the next one; may be called from another thread."""
        with suppress(OSError):
            self._waking.send(b"w")

    def close(self) -> None:
        """Say goodbye, when there is still somebody to say it to."""
        with suppress(Exception):
            self._client.logout()
        with suppress(Exception):
            self._client.shutdown()
        self._waking.close()
        self._woken.close()

    def abandon(self) -> None:
        """Close at once; a call that is waiting in another thread ends too."""
        with suppress(OSError, AttributeError):
            # not the method of an encrypted socket, which would take away what the other thread is using
            socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)

    def _listen(self, seconds: float, *others: socket.socket) -> None:
        poll = select.poll()
        for each in (self._woken, *others):
            poll.register(each.fileno(), select.POLLIN)
        for number, _ in poll.poll(seconds * 1000):
            if number == self._woken.fileno():
                self._woken.recv(100)

    def _has_read_more(self) -> bool:
        """Tell whether something came together with the last answer: it was read already, and no socket tells of it."""
        connection = self._client.socket()
        connection.settimeout(0)
        try:
            return bool(self._client._imap.file.peek(1))  # noqa: SLF001 - the library looks at the socket alone
        except OSError:
            return False
        finally:
            connection.settimeout(READ_SECONDS)

    def _fetch(self, uids: Sequence[int], *items: str) -> dict[int, Any]:
        with _named(Trouble.CONNECTION), _refusable():
            answer: dict[int, Any] = self._client.fetch(list(uids), list(items))
            return answer


def password(mailbox: Mailbox) -> Callable[[IMAPClient], object]:
    """Sign in with the mailbox' password.

    Raises:
        Broken: its file cannot be read.

    """
    try:
        secret = mailbox.secret()
    except (OSError, ValueError) as error:
        raise Broken(Trouble.SECRET) from error

    def sign_in(client: IMAPClient) -> object:
        # LOGIN takes ASCII alone, and not every server knows the other way
        if client.has_capability("AUTH=PLAIN"):
            return client.plain_login(mailbox.user, secret)
        return client.login(mailbox.user, secret)

    return sign_in


def bearer(mailbox: Mailbox, token: str) -> Callable[[IMAPClient], object]:
    """Sign in with an access token (XOAUTH2)."""
    return lambda client: client.oauth2_login(mailbox.user, token)


def _connected(mailbox: Mailbox) -> IMAPClient:
    with _named(Trouble.UNREACHABLE):
        client = IMAPClient(
            mailbox.host,
            mailbox.server_port,
            ssl=mailbox.tls is Tls.IMPLICIT,
            ssl_context=_context(mailbox),
            timeout=SocketTimeout(CONNECT_SECONDS, READ_SECONDS),
        )
    # what is written down for debugging is whole mails, at a cost of their size, and nobody may read it
    client._imap.debug = 0  # noqa: SLF001 - the library has no setting for it
    client.normalise_times = False
    return client


def _context(mailbox: Mailbox) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(mailbox.ca_file) if mailbox.ca_file else None)


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if number := getattr(socket, option, None):
            connection.setsockopt(socket.IPPROTO_TCP, number, value)


@contextmanager
def _named(trouble: Trouble) -> Iterator[None]:
    """Turn whatever breaks a connection into `Broken`, without the words that came with it."""
    try:
        yield
    except (Broken, Refused):
        raise
    except ssl.SSLCertVerificationError as error:
        raise Broken(Trouble.CERTIFICATE) from error
    except (LoginError, CapabilityError) as error:
        raise Broken(trouble) from error
    except (OSError, IMAPClient.AbortError) as error:
        raise Broken(trouble if trouble in _AT_THE_START else Trouble.CONNECTION) from error
    except Exception as error:  # imaplib and IMAPClient raise all kinds on what they do not understand
        raise Broken(trouble) from error


@contextmanager
def _refusable() -> Iterator[None]:
    """Tell a no of the server's, after which the connection goes on, from an end of it."""
    try:
        yield
    except (IMAPClient.AbortError, IMAPClient.ReadOnlyError):
        raise
    except imaplib.IMAP4.error as error:
        raise Refused from error


@contextmanager
def _sensible() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused from error


def _content(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    message = "no content"
    raise TypeError(message)


def _moment(mail: dict[bytes, Any]) -> datetime | None:
    found = mail.get(b"INTERNALDATE")
    return found if isinstance(found, datetime) and found.tzinfo else None
