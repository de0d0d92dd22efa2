"""The trial of the mailbox reader: mails come in while everything on their way is killed, cut and numbered anew; then all is counted."""

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx

from services.mail_ingest.imap import KEYWORD
from services.mail_ingest.received import ReceivedMail
from tests.dovecot import Dovecot, dovecot, settings
from tests.mailbox.mails import mails
from tests.running import Gateway

MAILBOX = "post"
PATIENCE = 300


def mail_id(raw: bytes) -> UUID:
    """Give the id that a mail has in the mailbox."""
    from datetime import UTC, datetime

    return ReceivedMail(raw, datetime.now(UTC), mailbox=MAILBOX).mail_id


@dataclass
class Figures:
    """What was done, and what was found."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    delivered: int = 0
    contacts: int = 0
    missing: int = 0
    twice: int = 0
    altered: int = 0
    strange: int = 0
    marked: int = 0
    marked_too_early: int = 0
    reported: str = ""
    seconds: float = 0.0

    @property
    def stands(self) -> bool:
        """Whether nothing was lost, doubled, altered or marked too early."""
        wrong = self.missing + self.twice + self.altered + self.strange + self.marked_too_early
        return not wrong and self.contacts == self.delivered == self.marked

    def lines(self) -> Iterator[str]:
        """Write it down."""
        yield f"seed {self.seed}, {self.seconds:.0f} s: " + ", ".join(
            f"{what} {times}×" for what, times in sorted(self.done.items())
        )
        yield (
            f"{self.delivered} delivered = {self.contacts} contacts; missing {self.missing}, twice {self.twice}, "
            f"altered {self.altered}, of something else {self.strange}; marked {self.marked}, before the commit {self.marked_too_early}"
        )
        yield f"the reader's last report: {self.reported}"


class Watcher:
    """Looks at the mailbox from outside: whatever is marked must be a stored contact at that moment."""

    def __init__(self, server: Dovecot, intake: httpx.Client) -> None:
        """Look at the server, and ask the intake."""
        self._server = server
        self._intake = intake
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: set[UUID] = set()
        self.too_early: set[UUID] = set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with a last look."""
        self._stopping.set()
        self._thread.join()
        self.look()

    def end(self) -> None:
        """End, whatever happened."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._intake.close()

    def _run(self) -> None:
        while not self._stopping.wait(0.2):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - the server was killed, or the intake was: look again
                time.sleep(0.2)

    def look(self) -> None:
        """Look once."""
        with self._server.connection(MAILBOX, None) as client:
            client.select_folder("INBOX", readonly=True)
            looked: set[int] = set()
            while not self._stopping.is_set() or not looked:
                marked = set(client.search(["SEEN"])) | set(client.search(["KEYWORD", KEYWORD.decode()]))
                for uid in sorted(marked - looked):
                    self._check(mail_id(client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]))
                looked |= marked or {0}
                time.sleep(0.05)
                client.noop()

    def _check(self, one: UUID) -> None:
        if one in self.seen:
            return
        until = time.monotonic() + PATIENCE
        while (answer := self._ask(one)) is None and time.monotonic() < until:
            time.sleep(0.1)
        self.seen.add(one)
        if answer != httpx.codes.OK:
            self.too_early.add(one)

    def _ask(self, one: UUID) -> int | None:
        try:
            answer = self._intake.get(f"/contacts/{one}")
        except httpx.HTTPError:
            return None
        return answer.status_code if answer.status_code < 500 else None


@dataclass
class House:
    """The intake and the nodes of the mail service as processes of their own, and a mail server."""

    server: Dovecot
    intake: Gateway
    nodes: list[Gateway]
    api: httpx.Client
    chance: random.Random
    figures: Figures

    def taken(self) -> int:
        """How many mails were taken in; -1 while nobody can say."""
        try:
            state = self.api.get(f"/mailboxes/{MAILBOX}", params={"uidValidity": self.server.uid_validity(MAILBOX)})
        except (httpx.HTTPError, OSError):
            return -1
        return sum(state.json()["outcomes"].values()) if state.is_success else -1

    def wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds, for so long at the most."""
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def deliver(self, raw: bytes) -> None:
        """Deliver a mail: into the folder, or by IMAP as a person moves one in."""
        if self.chance.random() < 0.8:
            self.server.deliver(MAILBOX, raw)
            return
        try:
            with self.server.connection(MAILBOX, None) as client:
                client.append("INBOX", raw)
            self.figures.done["appended"] += 1
        except Exception as error:
            # it may be there, or not: it must not be there twice, for then the server has one more
            message = "the mail server was meant to be up"
            raise RuntimeError(message) from error

    def harm(self, what: str) -> None:
        """Do one kind of harm."""
        self.figures.done[what] += 1
        match what:
            case "mail service killed":
                node = self.chance.choice(self.nodes)
                node.kill()
                node.launch()
            case "connections cut":
                self.server.cut()
            case "mail server killed":
                self.server.kill()
                time.sleep(self.chance.uniform(0, 1))
                self.server.start()
            case "numbered anew":
                self.server.renumber(MAILBOX)
            case "intake killed":
                self.intake.kill()
                time.sleep(self.chance.uniform(0, 1))
                self.intake.start()
            case _:
                raise ValueError(what)


def trial(folder: Path, count_of_mails: int, kills: int, seed: int, nodes: int = 1) -> Figures:
    """Do it, and count. Of several nodes one reads, and whichever is hit is killed."""
    begun = time.monotonic()
    chance = random.Random(seed)
    figures = Figures(seed)
    with dovecot() as server:
        intake = Gateway(folder / "intake", ("intake_api",)).start()
        token = intake.token("contacts:write:mail")
        mailbox = settings(server.mailbox(MAILBOX, mode="mark"))
        of_mail = {
            "ONTHAAL_INTAKE_URL": intake.url,
            "ONTHAAL_MAIL_INGEST_TOKEN": token,
            "ONTHAAL_MAILBOXES": mailbox,
            "ONTHAAL_MAILBOX_POLL_SECONDS": "5",
            "ONTHAAL_MAILBOX_RETRY_SECONDS": "2",
        }
        readers = [Gateway(folder / f"mail_{number}", ("mail_ingest",), of_mail) for number in range(nodes)]
        api = intake.client()
        watcher = Watcher(server, intake.client())
        try:
            for reader in readers:
                reader.start()
            house = House(server, intake, readers, api, chance, figures)
            raws = [*mails(count_of_mails, chance)]
            watcher.start()
            _harm_while_delivering(house, raws, kills)
            house.wait(lambda: house.taken() >= len(raws), PATIENCE)
            house.wait(lambda: _marked(server) == len(raws), 60)
            watcher.stop()
            figures.marked, figures.marked_too_early = _marked(server), len(watcher.too_early)
            _count(house, raws)
        finally:
            watcher.end()
            api.close()
            for reader in readers:
                reader.kill()
            intake.kill()
    figures.seconds = time.monotonic() - begun
    return figures


def _harm_while_delivering(house: House, raws: list[bytes], kills: int) -> None:
    chance = house.chance
    others = max(1, kills // 3)
    harms = ["mail service killed"] * kills + ["connections cut"] * others + ["mail server killed"] * max(1, kills // 6)
    harms += ["numbered anew"] * max(1, kills // 10) + ["intake killed"] * max(1, kills // 10)
    chance.shuffle(harms)
    waiting = iter(raws)
    for place, what in enumerate(harms):
        share = len(raws) * (place + 1) // len(harms) - len(raws) * place // len(harms)
        before = house.taken()
        for _, raw in zip(range(share), waiting, strict=False):
            house.deliver(raw)
            house.figures.delivered += 1
        # in the midst of its work: some of what came is taken in, and some is not
        house.wait(lambda before=before: house.taken() > before, 15)  # type: ignore[misc]
        time.sleep(chance.expovariate(4))
        house.harm(what)
    for raw in waiting:
        house.deliver(raw)
        house.figures.delivered += 1


def _marked(server: Dovecot) -> int:
    with server.connection(MAILBOX) as client:
        return len(client.search(["SEEN"]))


def _count(house: House, raws: list[bytes]) -> None:
    """Compare what was delivered with the contacts there are, byte for byte."""
    figures, api = house.figures, house.api
    expected = Counter(hashlib.sha256(raw).hexdigest() for raw in raws)
    found: Counter[str] = Counter()
    for contact_id in _contacts(api):
        contact = api.get(f"/contacts/{contact_id}").raise_for_status().json()
        figures.contacts += 1
        (original,) = (file["sha256"] for file in contact["files"] if file["role"] == "original")
        found[original] += 1
    figures.missing = (expected - found).total()
    figures.twice = sum(times - 1 for times in found.values() if times > 1)
    figures.strange = sum(times for digest, times in found.items() if digest not in expected)
    with house.server.connection(MAILBOX) as client:
        kept = Counter(
            hashlib.sha256(client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]).hexdigest() for uid in client.search()
        )
    figures.altered = (expected - kept).total() + (kept - expected).total()
    told = [line for node in house.nodes for line in httpx.get(f"{node.url}/metrics").text.splitlines()]
    figures.reported = ", ".join(
        line.removeprefix("onthaal_mailbox_reader_").replace(f'{{mailbox="{MAILBOX}"}}', "")
        for line in told
        if line.startswith(tuple(f"onthaal_mailbox_reader_{what}" for what in ("present", "held", "missing")))
    )


def _contacts(api: httpx.Client) -> Iterator[str]:
    asked: dict[str, object] = {"channel": ["mail"], "nature": ["person", "machine", "spam", "nonContact"], "pageSize": 200}
    for _ in count():
        page = api.post("/contacts/query", json=asked).raise_for_status().json()
        yield from (item["id"] for item in page["items"])
        if not page.get("next"):
            return
        asked = asked | {"before": page["next"]}
