"""An IMAP server as bad as a test wants it: a few commands of RFC 3501 in memory, and faults that no real server has on demand."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.mail_ingest.mailboxes import Mailbox

WHEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
ABILITIES = "IMAP4rev1 IDLE UIDPLUS MOVE AUTH=PLAIN"


class HangUp(Exception):
    """The server closes the connection."""


@dataclass
class Stored:
    """A mail on the server."""

    raw: bytes
    at: datetime = WHEN
    flags: set[str] = field(default_factory=set)


@dataclass
class MailServer:
    """A server with one user and a few folders."""

    abilities: str = ABILITIES
    password: str = "geheim"
    uid_validity: int = 7
    folders: dict[str, dict[int, Stored]] = field(default_factory=lambda: {"INBOX": {}})
    faults: dict[int, Callable[[], bytes]] = field(default_factory=dict)
    """What is answered to a FETCH of the bytes of a mail, by its number; may raise `HangUp`."""
    said: list[str] = field(default_factory=list)
    """Every command that was given, without its tag."""
    greeting: str = "* OK ready"
    read_only: bool = False
    counts: int = 0
    """How many mails more it counts than it has."""
    late: tuple[bytes, ...] = ()
    """Mails that come at the moment at which the client begins to wait; it is told in one breath with the permission to wait."""
    port: int = 0
    _next: int = 1
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _idling: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def inbox(self) -> dict[int, Stored]:
        """The mails by number."""
        return self.folders["INBOX"]

    def deliver(self, *raws: bytes, at: datetime = WHEN) -> list[int]:
        """Put mails into the inbox, and tell whoever listens."""
        numbers = []
        for raw in raws:
            self.inbox[self._next] = Stored(raw, at)
            numbers.append(self._next)
            self._next += 1
        for writer in self._idling:
            writer.write(f"* {len(self.inbox)} EXISTS\r\n".encode())
        return numbers

    def _come_late(self) -> int:
        """Take in what was to come between two commands of the client."""
        self._idling, listening = set(), self._idling
        self.deliver(*self.late)
        self._idling, self.late = listening, ()
        return len(self.inbox)

    def renumber(self) -> None:
        """Give every mail another number under another numbering."""
        self.uid_validity += 1
        self.folders["INBOX"] = {self._next + place: mail for place, mail in enumerate(self.inbox.values())}
        self._next += len(self.inbox)

    def cut(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()

    def mailbox(self, **more: Any) -> Mailbox:
        """Give the settings of the mailbox on it."""
        own = {"name": "post", "host": "127.0.0.1", "port": self.port, "tls": "none", "user": "post", "password": self.password}
        return Mailbox.model_validate(own | more)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with a client."""
        self._writers.add(writer)
        try:
            writer.write(f"{self.greeting}\r\n".encode())
            await self._converse(reader, writer)
        except (HangUp, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            self._idling.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        folder = "INBOX"
        while line := (await reader.readline()).decode().strip():
            tag, _, command = line.partition(" ")
            self.said.append(command)
            name = command.upper().removeprefix("UID ").split()[0]
            if name in {"SELECT", "EXAMINE"}:
                folder = _words(command)[-1]
            if name == "AUTHENTICATE":
                writer.write(b"+ \r\n")
                self.said.append((await reader.readline()).decode().strip())
            if name == "IDLE":
                if self.abilities.count("IDLE") > 1:
                    raise HangUp
                self._idling.add(writer)
                late = b"* %d EXISTS\r\n" % self._come_late() if self.late else b""
                writer.write(b"+ idling\r\n" + late)
                await reader.readline()
                self._idling.discard(writer)
            try:
                answer, done = self._answer(name, command, folder)
            except HangUp:
                await writer.drain()
                raise
            for part in answer:
                writer.write(part + b"\r\n")
            writer.write(f"{tag} {done}\r\n".encode())
            await writer.drain()

    def _answer(  # noqa: PLR0911 - one for each command
        self, name: str, command: str, folder: str
    ) -> tuple[Iterable[bytes], str]:
        mails = self.folders.get(folder)
        match name:
            case "CAPABILITY":
                return [f"* CAPABILITY {self.abilities}".encode()], "OK done"
            case "SELECT" | "EXAMINE":
                return self._selected(mails, name)
            case "LIST":
                wanted = _words(command)[-1]
                return [f'* LIST () "/" "{wanted}"'.encode()] if wanted in self.folders else [], "OK done"
            case "CREATE":
                self.folders[_words(command)[-1]] = {}
                return [], "OK done"
            case "LOGOUT":
                return [b"* BYE"], "OK done"
            case "SEARCH" | "FETCH" | "STORE" | "MOVE" | "COPY" | "EXPUNGE":
                assert mails is not None
                return getattr(self, f"_{name.lower()}")(mails, command.split(" ", 2)[2])
            case _:
                return [], "OK done"

    def _selected(self, mails: dict[int, Stored] | None, name: str) -> tuple[Iterable[bytes], str]:
        if mails is None:
            return [], "NO no such folder"
        access = "READ-ONLY" if name == "EXAMINE" or self.read_only else "READ-WRITE"
        return [
            f"* {len(mails) + self.counts} EXISTS".encode(),
            b"* 0 RECENT",
            rb"* FLAGS (\Seen \Deleted)",
            rb"* OK [PERMANENTFLAGS (\Seen \Deleted \*)] ok",
            f"* OK [UIDVALIDITY {self.uid_validity}] ok".encode(),
        ], f"OK [{access}] done"

    def _search(self, mails: dict[int, Stored], wanted: str) -> tuple[Iterable[bytes], str]:
        found = sorted(mails)
        if wanted.startswith("UID "):
            first = int(wanted[4:].split(":", maxsplit=1)[0])
            found = [uid for uid in found if uid >= first or uid == max(mails)]
        elif wanted == "UNSEEN":
            found = [uid for uid in found if "\\Seen" not in mails[uid].flags]
        elif wanted.startswith("UNKEYWORD "):
            found = [uid for uid in found if wanted.split()[1] not in mails[uid].flags]
        return [b"* SEARCH " + " ".join(map(str, found)).encode()], "OK done"

    def _fetch(self, mails: dict[int, Stored], wanted: str) -> tuple[Iterable[bytes], str]:
        numbers, _, items = wanted.partition(" ")
        answer = []
        for uid in _numbers(numbers):
            if uid not in mails:
                continue
            if "BODY" in items and uid in self.faults:
                answer.append(self.faults[uid]())
                continue
            place = sorted(mails).index(uid) + 1
            raw, when = mails[uid].raw, mails[uid].at.strftime("%d-%b-%Y %H:%M:%S %z")
            if "HEADER" in items:
                raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                body = b" BODY[HEADER]<0> {%d}\r\n%s" % (len(raw), raw)
            elif "BODY" in items:
                body = b" BODY[] {%d}\r\n%s" % (len(raw), raw)
            else:
                body = b" RFC822.SIZE %d" % len(raw)
            answer.append(f'* {place} FETCH (UID {uid} INTERNALDATE "{when}"'.encode() + body + b")")
        return answer, "OK done"

    def _store(self, mails: dict[int, Stored], wanted: str) -> tuple[Iterable[bytes], str]:
        numbers, _, flags = wanted.split(" ", 2)
        for uid in _numbers(numbers):
            mails[uid].flags.update(flags.strip("()").split())
        return [], "OK done"

    def _move(self, mails: dict[int, Stored], wanted: str) -> tuple[Iterable[bytes], str]:
        self._copy(mails, wanted)
        for uid in _numbers(wanted.split(maxsplit=1)[0]):
            del mails[uid]
        return [], "OK done"

    def _copy(self, mails: dict[int, Stored], wanted: str) -> tuple[Iterable[bytes], str]:
        numbers, folder = wanted.split(" ", 1)
        for uid in _numbers(numbers):
            self.folders[folder.strip('"')][self._next] = mails[uid]
            self._next += 1
        return [], "OK done"

    def _expunge(self, mails: dict[int, Stored], wanted: str) -> tuple[Iterable[bytes], str]:
        for uid in _numbers(wanted):
            assert "\\Deleted" in mails[uid].flags
            del mails[uid]
        return [], "OK done"


@asynccontextmanager
async def serving(**how: Any) -> AsyncIterator[MailServer]:
    """Run a server for the length of a block."""
    server = MailServer(**how)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, limit=2**20)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        server.cut()


def _words(command: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', command)]


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found
