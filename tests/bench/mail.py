"""Mail, end to end into the database, beside the time that the standard library takes to parse the same mails. All on one core.

The floor: `email.message_from_bytes(policy=default)`, From, Subject, Date, To, the best body, and the content of every attachment.
Ours: the real listener, several connections, gateway and parsing processes and PostgreSQL together on that core; the clients on another.
Each mail is tagged before its commit.
"""

import asyncio
import base64
import email
import email.policy
import json
import multiprocessing
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg

from tests.bench.chat import shown
from tests.bench.servers import postgres
from tests.dovecot import Dovecot, dovecot, settings
from tests.running import Gateway

ROUNDS = int(os.environ.get("ROUNDS", "9"))
SECONDS = 2.0
CONNECTIONS = 20
LATENCIES = 200
OURS = "meldpunt@example.be"
TEXTS = Path(__file__).parents[2] / "deploy" / "demo" / "contacts_2023_2024.jsonl"
MARK = b"@@number@@"
CORES = sorted(os.sched_getaffinity(0))
CORE, OTHERS = {CORES[0]}, set(CORES[1:]) or {CORES[0]}


def corpus() -> list[bytes]:
    """Write 60 mails: two in five plain, two in five with HTML of 5 to 20 kB, one in five with a file of 50 to 100 kB."""
    chance = random.Random(60)
    texts = [text for line in TEXTS.read_text().splitlines() if len(text := json.loads(line).get("text") or "") > 80]
    return [written(chance, number, chance.choice(texts)) for number in range(60)]


def written(chance: random.Random, number: int, text: str) -> bytes:
    head = (
        f"Received: from mx.example.org (mx.example.org [192.0.2.{number}])\r\n\tby mail.example.be with ESMTPS id {number:08x}\r\n"
        f"\tfor <{OURS}>; Mon, 2 Mar 2026 10:{number:02}:00 +0100\r\n"
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=a;\r\n\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
        f"\tb={base64.b64encode(chance.randbytes(128)).decode()}\r\n"
        f"From: =?utf-8?q?No=C3=ABlle_Peeters?= <noelle.{number}.@@number@@@example.org>\r\nTo: Meldpunt <{OURS}>\r\n"
        f"Subject: =?utf-8?q?Vraag_over_wat_er_gebeurde_in_de_vereniging_=E2=80=93_{number}?=\r\n"
        f"Date: Mon, 2 Mar 2026 10:{number:02}:00 +0100\r\nMessage-ID: <@@number@@@example.org>\r\nMIME-Version: 1.0\r\n"
    )
    body = f"Beste\r\n\r\n{text}\r\n\r\nMet vriendelijke groeten\r\nNoëlle @@number@@\r\n"
    plain = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{quoted(body)}"
    if number % 5 < 2:
        return (head + plain).encode()
    styled = "".join(
        f'<p class="MsoNormal" style="margin:0cm;font-size:11pt"><span lang="NL-BE">{line}</span></p>\r\n'
        for line in body.split("\r\n")
    )
    markup = (
        f"<html><head><style>{'p.MsoNormal{margin:0cm}' * chance.randrange(150, 600)}</style></head><body>{styled}</body></html>"
    )
    html = f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{quoted(markup)}"
    alternative = f"Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\n{plain}\r\n--alt\r\n{html}\r\n--alt--\r\n"
    if number % 5 < 4:
        return (head + alternative).encode()
    content = (
        base64.encodebytes(b"\xff\xd8\xff\xe0" + chance.randbytes(chance.randrange(50_000, 100_000)))
        .decode()
        .replace("\n", "\r\n")
    )
    return (
        f"{head}Content-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\n{alternative}\r\n--mix\r\n"
        f'Content-Type: image/jpeg; name="foto {number}.jpg"\r\nContent-Disposition: attachment; filename="foto {number}.jpg"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{content}\r\n--mix--\r\n"
    ).encode()


def quoted(text: str) -> str:
    import quopri

    return quopri.encodestring(text.encode()).decode().replace("\r\n", "\n").replace("\n", "\r\n")


def another(mail: bytes) -> bytes:
    """Make it a mail that was never sent before."""
    return mail.replace(MARK, uuid4().hex.encode())


def parse(mail: bytes) -> int:
    """Do what any program must do with a mail."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    for name in ("from", "subject", "date", "to"):
        str(message[name])
    body = message.get_body(("plain", "html"))
    read = len(body.get_content()) if body else 0
    return read + sum(len(part.get_content()) for part in message.iter_attachments())


def floor(told) -> None:
    """Parse for as long as is asked, again and again, and tell how many, how long, and how much processor time."""
    os.sched_setaffinity(0, CORE)
    mails = corpus()
    while seconds := told.recv():
        begun, used, done = time.perf_counter(), time.process_time(), 0
        while (took := time.perf_counter() - begun) < seconds:
            parse(mails[done % len(mails)])
            done += 1
        told.send((done, took, time.process_time() - used))


@dataclass
class Contender:
    """Somebody under one name, with what was measured: mails a second, and µs of processor time a mail."""

    name: str
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    sent: int = 0

    def keep(self, done: int, took: float, used: float) -> None:
        self.rates.append(done / took)
        self.costs.append(used / done * 1e6)


class Floor(Contender):
    """The standard library."""

    def start(self, stack: ExitStack) -> "Floor":
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        process = context.Process(target=floor, args=(theirs,), daemon=True)
        process.start()
        stack.callback(process.kill)
        return self

    def slot(self, mails: list[bytes]) -> None:
        self.pipe.send(SECONDS)
        self.keep(*self.pipe.recv())


class Ours(Contender):
    """A gateway, and the database that works for it."""

    def start(self, stack: ExitStack, folder: Path, database: Path | None = None, **settings: str) -> "Ours":
        self.gateway = Gateway(folder, ("intake_api", "mail_ingest"), {"ONTHAAL_LOG_LEVEL": "WARNING", **settings})
        with pinned():
            self.gateway.start()
        stack.callback(self.gateway.stop)
        self.roots = [self.gateway._process.pid]
        self.database = database
        if database:
            self.roots.append(int((database / "postmaster.pid").read_text().split()[0]))
        return self

    def slot(self, mails: list[bytes]) -> None:
        begun, used = time.perf_counter(), processor_time(self.roots)
        done = asyncio.run(send_for(SECONDS, self.gateway.smtp_port, mails))
        self.keep(done, time.perf_counter() - begun, processor_time(self.roots) - used)
        self.sent += done

    def count(self, which: str) -> int:
        query = f"SELECT count(*) FROM contact WHERE {which}"
        if not self.database:
            with closing(sqlite3.connect(self.gateway.var / "onthaal.db")) as connection:
                return connection.execute(query).fetchone()[0]

        async def ask() -> int:
            connection = await asyncpg.connect(user="postgres", database="postgres", host=str(self.database))
            try:
                return await connection.fetchval(query)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def latencies(self, mails: list[bytes]) -> list[float]:
        async def one_by_one() -> list[float]:
            sender = await Sender.connect(self.gateway.smtp_port)
            times = []
            for number in range(LATENCIES):
                mail = another(mails[number % len(mails)])
                begun = time.perf_counter()
                await sender.send(mail)
                times.append((time.perf_counter() - begun) * 1000)
                await asyncio.sleep(0.01)
            sender.writer.close()
            return times

        self.sent += LATENCIES
        return asyncio.run(one_by_one())

    def check(self) -> None:
        """See that everything that was accepted is there."""
        with self.gateway.client() as api:
            total = api.get("/statistics/contacts").raise_for_status().json()["total"]
        if total != self.sent:
            raise RuntimeError(f"{self.name}: {self.sent} were accepted, {total} are there")


class Fetched(Ours):
    """The same, that fetches its mails from a mailbox; the server is on the other core.

    Mails always wait there while it is measured, as they do at the listener. The server tells of the first of them after half a
    second, whatever we do; that shows in the time that one mail alone takes.
    """

    WAITING = 300
    ALONE = 20

    def serve(self, server: Dovecot) -> "Fetched":
        self.server = server
        return self

    def slot(self, mails: list[bytes]) -> None:
        held = self.sent
        self.deliver(mails, self.WAITING)
        while (first := self.count("true")) == held:
            time.sleep(0.005)
        begun, used = time.perf_counter(), processor_time(self.roots)
        while (took := time.perf_counter() - begun) < SECONDS:
            self.deliver(mails, self.count("true") + self.WAITING - self.sent)
            time.sleep(0.02)
        self.keep(self.count("true") - first, took, processor_time(self.roots) - used)
        self.settle()

    def deliver(self, mails: list[bytes], count: int) -> None:
        for _ in range(count):
            self.server.deliver("meldpunt", another(mails[self.sent % len(mails)]))
            self.sent += 1

    def settle(self) -> None:
        while self.count("true") < self.sent:
            time.sleep(0.005)

    def latencies(self, mails: list[bytes]) -> list[float]:
        times = []
        for _ in range(self.ALONE):
            begun = time.perf_counter()
            self.deliver(mails, 1)
            self.settle()
            times.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.1)
        return times


class Sender:
    """A mail server that delivers one mail after another over one connection, as far ahead as PIPELINING allows."""

    def __init__(self, reader, writer) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> "Sender":
        sender = cls(*await asyncio.open_connection("127.0.0.1", port))
        sender.writer.write(b"EHLO bench\r\n")
        await sender.answers(2)
        return sender

    async def answers(self, count: int) -> bytes:
        while count:
            line = await self.reader.readline()
            if not line.startswith((b"2", b"354")):
                raise RuntimeError(line)
            count -= line[3:4] == b" "
        return line

    async def send(self, mail: bytes) -> None:
        self.writer.write(b"MAIL FROM:<noelle@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\n" % OURS.encode())
        await self.answers(3)
        self.writer.write(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        await self.answers(1)


async def send_for(seconds: float, port: int, mails: list[bytes]) -> int:
    """Deliver from several connections; gives how many were accepted."""
    end = time.perf_counter() + seconds
    chance = random.Random()

    async def deliver() -> int:
        sender, done = await Sender.connect(port), 0
        while time.perf_counter() < end:
            await sender.send(another(chance.choice(mails)))
            done += 1
        sender.writer.close()
        return done

    return sum(await asyncio.gather(*(deliver() for _ in range(CONNECTIONS))))


@contextmanager
def pinned():
    """Start processes on the one core; their threads and children stay there."""
    os.sched_setaffinity(0, CORE)
    try:
        yield
    finally:
        os.sched_setaffinity(0, OTHERS)


def processor_time(roots: list[int]) -> float:
    """Give the seconds that processes, their children, and children that have ended have used."""
    fields = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields[int(stat.parent.name)] = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
    family, grown = set(roots), 0
    while len(family) != grown:
        grown = len(family)
        family |= {pid for pid, field in fields.items() if int(field[1]) in family}
    ticks = sum(int(tick) for pid in family if pid in fields for tick in fields[pid][11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def table(contenders: list[Contender], base: Contender) -> str:
    lines = [f"{'':<40}{'mails/s':>8}{'x floor':>8}{'(a round)':>15}{'µs a mail':>11}{'x floor':>8}{'(a round)':>15}"]
    for one in contenders:
        by_clock = [mine / theirs for mine, theirs in zip(one.rates, base.rates, strict=True)]
        by_cost = [theirs / mine for mine, theirs in zip(one.costs, base.costs, strict=True)]
        lines.append(
            f"{one.name:<40}{statistics.median(one.rates):>8,.0f}"
            f"{statistics.median(one.rates) / statistics.median(base.rates):>8.2f}{min(by_clock):>9.2f}-{max(by_clock):<5.2f}"
            f"{statistics.median(one.costs):>11,.0f}"
            f"{statistics.median(base.costs) / statistics.median(one.costs):>8.2f}{min(by_cost):>9.2f}-{max(by_cost):<5.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure mail."""
    mails = corpus()
    sizes = sorted(map(len, mails))
    print(
        f"\nMail on one core, {ROUNDS} rounds of {SECONDS:.0f} s, {CONNECTIONS} connections; {sizes[0]:,} to {sizes[-1]:,} bytes"
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        stack.callback(os.sched_setaffinity, 0, set(CORES))
        with pinned():
            socket = stack.enter_context(postgres(folder / "postgres"))
        url = f"postgresql+asyncpg://postgres@/postgres?host={socket}"
        base = Floor("floor: parsed by the standard library").start(stack)
        ours = [
            Ours("onthaal on SQLite FULL, by SMTP").start(stack, folder / "sqlite"),
            Ours("onthaal on PostgreSQL, by SMTP").start(stack, folder / "var", folder / "postgres", ONTHAAL_DATABASE_URL=url),
        ]
        server = stack.enter_context(dovecot())
        server.deliver("meldpunt", another(mails[0]))
        mailbox = settings(server.mailbox("meldpunt"))
        fetched = (
            Fetched("onthaal on SQLite FULL, by IMAP").serve(server).start(stack, folder / "imap", ONTHAAL_MAILBOXES=mailbox)
        )
        fetched.sent = 1
        ours.append(fetched)
        contenders = [base, *ours]
        for number in range(ROUNDS + 1):
            for contender in random.Random(number).sample(contenders, len(contenders)):
                contender.slot(mails)
            if not number:  # everything is warm now
                for contender in contenders:
                    contender.rates.clear()
                    contender.costs.clear()
        print(table(contenders, base), flush=True)
        print("One mail alone, from MAIL until 250, or from its delivery until it is stored")
        for one in ours:
            print(f"{one.name:<44}{shown(one.latencies(mails))}", flush=True)
            one.check()


if __name__ == "__main__":
    sys.exit(main())
