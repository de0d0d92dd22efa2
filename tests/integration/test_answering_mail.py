"""Mail in, an answer out, and what comes back: a real client, the real gateway, a real mail server."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import aiosmtplib
import httpx
import pytest

from services.gateway import build
from services.intake_api.caller import Caller
from services.intake_api.direct import DirectIntake
from services.kit.clock import SetClock
from tests.dovecot import dovecot
from tests.dovecot import settings as mailboxes
from tests.post_office import PostOffice, Sent
from tests.running import ALL, Gateway, free_port, running

OURS, STAFF = "meldpunt@example.be", "kopie@example.be"
WORDS = {
    "nl": "Ik wil iets melden: mijn trainer raakt mij aan in de kleedkamer en ik weet niet wat ik moet doen.",
    "fr": "Je veux signaler quelque chose : mon entraîneur me touche dans le vestiaire et je ne sais pas quoi faire.",
    "en": "I want to report something: my coach touches me in the changing room and I do not know what to do.",
    "de": "Ich möchte etwas melden: mein Trainer fasst mich in der Umkleide an und ich weiß nicht, was ich tun soll.",
}


def settings(office: PostOffice) -> dict[str, str]:
    """Settings of a gateway that answers."""
    return {
        "ONTHAAL_SMTP_RECIPIENTS": f"{OURS}, {STAFF}",
        "ONTHAAL_MAIL_OUT_HOST": "127.0.0.1",
        "ONTHAAL_MAIL_OUT_PORT": str(office.port),
        "ONTHAAL_MAIL_OUT_TLS": "none",
        "ONTHAAL_MAIL_OUT_FROM": OURS,
        "ONTHAAL_MAIL_OUT_EVERY": "0.2",
        "ONTHAAL_MAIL_OUT_TIMEOUT": "2",
        "ONTHAAL_MAIL_DOMAIN": "example.be",
        "ONTHAAL_MAIL_STAFF_ADDRESS": STAFF,
        "ONTHAAL_MAIL_STAFF_DOMAINS": "example.be",
        "ONTHAAL_MAIL_STAFF_NETWORKS": "127.0.0.0/8",
    }


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    with PostOffice().listening() as office:
        yield office


@pytest.fixture(scope="module")
def house(office: PostOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of its own, that answers by the office."""
    with running(tmp_path_factory.mktemp("answering"), **settings(office)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def api(house: Gateway) -> Iterator[httpx.Client]:
    with house.client(house.token(ALL, "worklist:write")) as client:
        yield client


@dataclass
class Writer:
    """Somebody who mails, and what they have in their mailbox."""

    port: int
    office: PostOffice
    address: str = field(default_factory=lambda: f"p{uuid4().hex[:12]}@example.org")
    sent: list[str] = field(default_factory=list)
    """Message-IDs of what they wrote."""

    async def write(
        self, text: str = WORDS["nl"], headers: str = "", to: str = OURS, sender: str | None = None, rcpt: str = ""
    ) -> str:
        """Mail somebody; gives what the gateway answered."""
        self.sent.append(f"<{uuid4().hex}@example.org>")
        raw = (
            f"From: Noor <{self.address}>\nTo: {to}\nSubject: Vraag\nMessage-ID: {self.sent[-1]}\n"
            f"Date: Mon, 02 Mar 2026 10:00:00 +0000\n{headers}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        )
        return await post(self.port, raw, self.address if sender is None else sender, rcpt or to)

    @property
    def got(self) -> list[Sent]:
        return self.office.sent_to(self.address)


async def post(port: int, raw: str, sender: str, recipient: str) -> str:
    """Hand a mail to the gateway; it must be taken."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False, timeout=30) as client:
        await client.ehlo()
        await client.mail(sender)
        await client.rcpt(recipient)
        return (await client.data(raw.replace("\n", "\r\n").encode())).message


@pytest.fixture
def noor(house: Gateway, office: PostOffice) -> Writer:
    return Writer(house.smtp_port, office)


async def until(done: Callable[[], Any], seconds: float = 30) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := done()):
            await asyncio.sleep(0.05)
    return found


def of(api: httpx.Client, address: str) -> list[dict[str, Any]]:
    """Give the contacts of an address, oldest first, with their content."""
    page = api.post("/contacts/query", json={"channel": ["mail"], "email": address}).raise_for_status().json()
    read = [api.get(f"/contacts/{one['id']}").raise_for_status().json() for one in page["items"]]
    return sorted(read, key=lambda contact: str(contact["registeredAt"]))


def said(api: httpx.Client, contact: dict[str, Any]) -> list[tuple[str, str]]:
    items = api.get(f"/contacts/{contact['id']}/messages").raise_for_status().json()["items"]
    return [(one["direction"], one["text"]) for one in items]


def states(api: httpx.Client, contact: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    found = api.get(f"/contacts/{contact['id']}").raise_for_status().json().get("outgoing", [])
    return [(one["kind"], one["status"], one.get("reason")) for one in found]


def events(api: httpx.Client, contact: dict[str, Any]) -> list[str]:
    found: list[str] = []
    params: dict[str, str] = {}
    while True:
        page = api.get("/events", params=params).raise_for_status().json()
        if not page["items"]:
            return found
        found += [one["type"].rpartition(".")[2] for one in page["items"] if one["subject"] == contact["id"]]
        params = dict(httpx.URL(page["next"]).params)


async def answered(noor: Writer, api: httpx.Client) -> tuple[dict[str, Any], Sent]:
    """Write for the first time, and wait for the answer; gives the contact and the answer."""
    await noor.write()
    await until(lambda: noor.got)
    [contact] = of(api, noor.address)
    await until(lambda: states(api, contact) == [("acknowledgement", "sent", None)])
    return contact, noor.got[0]


async def test_whoever_writes_gets_one_answer_and_it_is_shown_with_their_contact(noor: Writer, api: httpx.Client) -> None:
    _, mail = await answered(noor, api)
    message = mail.message
    assert message["To"] == noor.address
    assert message["From"] == OURS
    assert message["In-Reply-To"] == noor.sent[0]
    assert message["Auto-Submitted"] == "auto-replied"
    assert re.fullmatch(r"bounce\+[a-z2-7]{32}@example\.be", mail.sender)
    assert message["Reply-To"] == mail.sender.replace("bounce", "meldpunt")
    assert re.fullmatch(r"<[0-9a-f]+@example\.be>", message["Message-ID"])
    assert "112" in mail.text
    assert "trainer" not in mail.content.decode()
    await asyncio.sleep(0.6)
    assert len(noor.got) == 1


@pytest.mark.parametrize(
    ("language", "says"),
    [("nl", "We hebben je bericht"), ("fr", "Nous avons bien"), ("en", "We have received"), ("de", "Wir haben deine")],
)
async def test_it_is_in_the_language_of_who_wrote(noor: Writer, language: str, says: str) -> None:
    await noor.write(WORDS[language])
    await until(lambda: noor.got)
    assert says in noor.got[0].text


async def test_a_second_mail_within_a_week_is_a_contact_and_gets_no_answer(noor: Writer, api: httpx.Client) -> None:
    await answered(noor, api)
    await noor.write("Ik vergat nog iets: het was op een donderdag.")
    await until(lambda: len(of(api, noor.address)) == 2)
    await asyncio.sleep(0.6)
    assert len(noor.got) == 1


@pytest.mark.parametrize(
    ("headers", "sender", "to"),
    [
        ("Auto-Submitted: auto-replied\n", None, OURS),
        ("List-Id: <nieuws.example.org>\n", None, OURS),
        ("Precedence: bulk\n", None, OURS),
        ("X-Auto-Response-Suppress: OOF\n", None, OURS),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=q\n", None, OURS),
        ("X-Spam-Flag: YES\n", None, OURS),
        ("X-Onthaal: acknowledgement\n", None, OURS),
        ("", "", OURS),
        ("", "noreply@example.org", OURS),
        ("", OURS, OURS),
        ("", None, "undisclosed@example.org"),
    ],
)
async def test_none_of_these_is_ever_answered(
    noor: Writer, api: httpx.Client, office: PostOffice, headers: str, sender: str | None, to: str
) -> None:
    before = len(office.mails)
    await noor.write(headers=headers, sender=sender, to=to, rcpt=OURS)
    await until(lambda: of(api, noor.address))
    await asyncio.sleep(0.6)
    assert len(office.mails) == before
    [contact] = of(api, noor.address)
    assert "outgoing" not in contact or contact["outgoing"] == []


async def test_a_machine_that_repeats_words_of_danger_alarms_nobody(noor: Writer, api: httpx.Client) -> None:
    danger = "Hij staat nu met een mes voor mijn deur en zegt dat hij mij gaat vermoorden. Help mij."
    await noor.write(f"Ik ben afwezig tot maandag.\n\n> {danger}", "Auto-Submitted: auto-replied\n")
    await noor.write(danger)
    await until(lambda: len(of(api, noor.address)) == 2)
    machine, person = of(api, noor.address)
    await until(lambda: waiting(api, person))
    assert "immediateDanger" in api.get(f"/contacts/{person['id']}").json()["signals"]
    assert machine["nature"] == "machine"
    assert waiting(api, machine) == []
    assert api.get(f"/contacts/{machine['id']}").json()["signals"] == []


def waiting(api: httpx.Client, contact: dict[str, Any]) -> list[str]:
    items = api.get("/workItems").raise_for_status().json()["items"]
    return [one["reason"] for one in items if one["contact"]["id"] == contact["id"]]


async def test_danger_in_an_answer_is_not_lost_when_the_process_is_killed_and_a_quote_is_none(
    noor: Writer, house: Gateway, api: httpx.Client
) -> None:
    danger = "Hij staat nu met een mes voor mijn deur"
    contact, mail = await answered(noor, api)

    async def answer(text: str) -> None:
        await noor.write(text, f"In-Reply-To: {mail.message['Message-ID']}\n", to=mail.message["Reply-To"])
        house.kill()
        house.start()

    await answer(danger)
    await until(lambda: "danger" in waiting(api, contact))
    finish(api, contact)
    await answer(f"Hij is weg, en ik ben vijftien jaar.\n\n> {danger}")
    await until(lambda: "minorInvolved" in api.get(f"/contacts/{contact['id']}").json()["signals"])
    assert "danger" not in waiting(api, contact)
    await answer("Hij is terug en hij wil mij vermoorden")
    await until(lambda: "danger" in waiting(api, contact))


def finish(api: httpx.Client, contact: dict[str, Any]) -> None:
    for item in api.get("/workItems").raise_for_status().json()["items"]:
        if item["contact"]["id"] == contact["id"]:
            api.post(f"/workItems/{item['id']}/finish").raise_for_status()


async def test_an_answer_to_our_answer_joins_its_contact(noor: Writer, api: httpx.Client) -> None:
    contact, mail = await answered(noor, api)
    await noor.write("Nog iets.", f"In-Reply-To: {mail.message['Message-ID']}\n", to=mail.message["Reply-To"])
    await until(lambda: said(api, contact))
    assert said(api, contact) == [("inbound", "Nog iets.")]
    assert len(of(api, noor.address)) == 1
    await until(lambda: "extended" in events(api, contact))
    assert len(noor.got) == 1


@pytest.mark.parametrize("way", ["token", "reference"])
async def test_each_of_the_two_ways_joins_by_itself(noor: Writer, api: httpx.Client, way: str) -> None:
    contact, mail = await answered(noor, api)
    if way == "token":
        await noor.write("Nog iets.", to=f'"Wie dan ook" <{mail.message["Reply-To"]}>', rcpt=mail.message["Reply-To"])
    else:
        await noor.write("Nog iets.", f"References: <weg@example.org> {mail.message['Message-ID']}\n")
    await until(lambda: said(api, contact))
    assert len(of(api, noor.address)) == 1


async def test_an_answer_from_elsewhere_is_a_contact_of_its_own_that_a_person_may_link(
    noor: Writer, house: Gateway, office: PostOffice, api: httpx.Client
) -> None:
    contact, mail = await answered(noor, api)
    other = Writer(house.smtp_port, office)
    await other.write("Ik ben haar zus.", f"In-Reply-To: {mail.message['Message-ID']}\n", to=mail.message["Reply-To"])
    [found] = await until(lambda: of(api, other.address))
    assert found["possibleLink"] == contact["id"]
    assert said(api, contact) == []


async def test_a_machine_with_another_address_for_each_mail_gets_one_answer(
    noor: Writer, house: Gateway, office: PostOffice, api: httpx.Client
) -> None:
    _, mail = await answered(noor, api)
    other = Writer(house.smtp_port, office, noor.address.replace("@", "+2@"))
    await other.write("Dank voor uw bericht.", to=mail.message["Reply-To"])
    await until(lambda: of(api, other.address))
    await asyncio.sleep(0.6)
    assert other.got == []


async def test_a_forged_token_joins_nothing(noor: Writer, api: httpx.Client) -> None:
    contact, mail = await answered(noor, api)
    tag = mail.message["Reply-To"].partition("+")[2].partition("@")[0]
    forged = ("a" if tag[0] != "a" else "b") + tag[1:]
    await noor.write("Nog iets.", to=f"meldpunt+{forged}@example.be")
    await until(lambda: len(of(api, noor.address)) == 2)
    assert said(api, contact) == []


def report(mail: Sent, action: str, status: str) -> str:
    return (
        f"From: MAILER-DAEMON@mx.example.org\nTo: {mail.sender}\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=q\n\n--q\nContent-Type: text/plain\n\nHet ging niet.\n"
        f"--q\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; x\nAction: {action}\n"
        f"Status: {status}\n\n--q\nContent-Type: text/rfc822-headers\n\nMessage-ID: {mail.message['Message-ID']}\n\n--q--\n"
    )


async def test_a_bounce_is_shown_with_the_contact_that_we_could_not_reach(
    noor: Writer, house: Gateway, api: httpx.Client
) -> None:
    contact, mail = await answered(noor, api)
    await post(house.smtp_port, report(mail, "delayed", "4.4.1"), "", mail.sender)
    await asyncio.sleep(0.3)
    assert states(api, contact) == [("acknowledgement", "sent", None)]
    came = await post(house.smtp_port, report(mail, "failed", "5.1.1"), "", mail.sender)
    assert states(api, contact) == [("acknowledgement", "bounced", "5.1.1")]
    bounce = api.get(f"/contacts/{came.split()[-1]}").raise_for_status().json()
    assert (bounce["nature"], bounce["relatedTo"], bounce["details"]["report"]) == ("machine", contact["id"], "failed 5.1.1")
    assert said(api, contact) == []


async def test_what_staff_wrote_is_with_its_contact_and_the_answer_to_it_joins(
    noor: Writer, house: Gateway, api: httpx.Client
) -> None:
    contact, _ = await answered(noor, api)
    theirs = f"<{uuid4().hex}@kantoor.example.be>"
    raw = (
        f"From: An <an@example.be>\nTo: {noor.address}\nSubject: Re: Vraag\nMessage-ID: {theirs}\nIn-Reply-To: {noor.sent[0]}\n"
        f"Date: Mon, 02 Mar 2026 11:00:00 +0000\n\nKan je morgen bellen?\n"
    )
    await post(house.smtp_port, raw, "an@example.be", STAFF)
    assert said(api, contact) == [("outbound", "Kan je morgen bellen?")]
    await noor.write("Ja, om tien uur.", f"In-Reply-To: {theirs}\n")
    await until(lambda: len(said(api, contact)) == 2)
    assert said(api, contact)[1] == ("inbound", "Ja, om tien uur.")
    assert len(of(api, noor.address)) == 1


async def test_a_server_that_hangs_keeps_nobody_from_being_taken_in(
    noor: Writer, house: Gateway, office: PostOffice, api: httpx.Client
) -> None:
    office.silent.set()
    try:
        await noor.write()
        took = []
        for _ in range(10):
            began = time.monotonic()
            await Writer(house.smtp_port, office).write()
            took.append(time.monotonic() - began)
        assert sorted(took)[5] < 2  # shorter than the sender waits for one step
        assert noor.got == []
    finally:
        office.silent.clear()


def test_nothing_of_whom_we_answered_is_written_down_in_the_clear(house: Gateway, office: PostOffice) -> None:
    assert office.mails
    log = house.logged()
    for mail in office.mails:
        assert mail.recipients[0] not in log
        assert mail.sender not in log
        assert mail.message["Message-ID"] not in log
    written = [(name, content) for name, content in house.written() if name != "metrics"]
    address = office.mails[0].recipients[0].encode()
    assert [name for name, content in written if address in content] == []


async def test_who_mails_a_mailbox_is_answered_at_the_return_path_but_not_for_mail_that_lay_there_before(tmp_path: Path) -> None:
    def delivered(address: str, path: str | None = None) -> bytes:
        return (
            f"Return-Path: <{address if path is None else path}>\r\nDelivered-To: {OURS}\r\nFrom: Noor <{address}>\r\nTo: {OURS}\r\nSubject: Vraag\r\n"
            f"Message-ID: <{uuid4().hex}@example.org>\r\n\r\n{WORDS['nl']}\r\n"
        ).encode()

    with PostOffice().listening() as office, dovecot() as server:
        server.deliver("post", delivered("vroeger@example.org"), datetime(2026, 1, 5, 10, tzinfo=UTC))
        given = settings(office) | {
            "ONTHAAL_MAILBOXES": mailboxes(server.mailbox("post", answers=True)),
            "ONTHAAL_MAILBOX_POLL_SECONDS": "1",
        }
        with running(tmp_path, "intake_api", "mail_ingest", **given) as gateway, gateway.client() as api:
            await until(lambda: of(api, "vroeger@example.org"))
            await asyncio.sleep(1.1)  # servers date mails to the second: whatever came in the first one counts as before
            server.deliver("post", delivered("noor@example.org", "noor@mail.example.org"))
            server.deliver("post", delivered("machine@example.org", ""))
            await until(lambda: of(api, "machine@example.org"))
            await until(lambda: office.mails)
            await asyncio.sleep(1)
            assert [mail.recipients for mail in office.mails] == [("noor@mail.example.org",)]
            [contact] = of(api, "noor@example.org")
            answer = f"In-Reply-To: {office.mails[0].message['Message-ID']}\r\n".encode()
            server.deliver("post", answer + delivered("noor@example.org").replace(WORDS["nl"].encode(), b"Nog iets."))
            await until(lambda: said(api, contact))
            assert said(api, contact) == [("inbound", "Nog iets.")]


# --- the queue over time: in this process, by a clock that is set

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)


@dataclass
class Office:
    """A gateway in this process."""

    port: int
    clock: SetClock
    intake: DirectIntake


@asynccontextmanager
async def living(var: Path, office: PostOffice, clock: SetClock) -> AsyncIterator[Office]:
    """Let intake and mail service live in this process for the length of a block."""
    port = free_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (settings(office) | {"ONTHAAL_VAR": str(var), "ONTHAAL_SMTP_PORT": str(port)}).items():
            environment.setenv(name, value)
        app = build(["intake_api", "mail_ingest"], clock)
    async with app.router.lifespan_context(app):
        await until(lambda: _listens(port))
        everything = Caller("test", frozenset({"contacts:read", "contacts:write", "worklist:write"}))
        yield Office(port, clock, DirectIntake(app.state.reception, everything))


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def statuses(office: Office, contact_id: str) -> list[str]:
    return [one.status.value for one in (await office.intake.contact(UUID(contact_id))).outgoing]


async def test_a_queue_outlives_a_server_that_is_away_and_a_restart(tmp_path: Path) -> None:
    clock, post_office = SetClock(MONDAY), PostOffice()
    async with living(tmp_path, post_office, clock) as house:
        noor = Writer(house.port, post_office)
        contact_id = (await noor.write()).split()[-1]
        await asyncio.sleep(1)
        assert await statuses(house, contact_id) == ["queued"]
    with post_office.listening():
        async with living(tmp_path, post_office, clock) as house:
            await asyncio.sleep(0.6)
            assert noor.got == []  # its turn has not come
            clock.advance(timedelta(minutes=6))
            await until(lambda: noor.got)
            await asyncio.sleep(0.6)
            assert await statuses(house, contact_id) == ["sent"]
    assert len(noor.got) == 1


async def test_a_week_later_somebody_is_answered_again(tmp_path: Path) -> None:
    clock = SetClock(MONDAY)
    with PostOffice().listening() as post_office:
        async with living(tmp_path, post_office, clock) as house:
            noor = Writer(house.port, post_office)
            for days, answers in ((0, 1), (6, 1), (7.1, 2)):
                clock.advance(MONDAY + timedelta(days=days) - clock.now())
                await noor.write(f"Dag {days}")
                await asyncio.sleep(1)
                assert len(noor.got) == answers, days


async def test_a_refusal_for_good_is_shown_and_not_tried_again(tmp_path: Path) -> None:
    clock = SetClock(MONDAY)
    with PostOffice().listening() as post_office:
        post_office.to_recipient = lambda _: "550 5.1.1 No such user"
        async with living(tmp_path, post_office, clock) as house:
            contact_id = (await Writer(house.port, post_office).write()).split()[-1]
            await asyncio.sleep(1)
            assert await statuses(house, contact_id) == ["failed"]
            [item] = [
                one
                for one in (await house.intake.work_list()).items
                if str(one.contact.id) == contact_id and one.reason == "bounced"
            ]
            assert item.contact.channel == "mail"
            post_office.to_recipient = lambda _: "250 Ok"
            clock.advance(timedelta(days=2))
            await asyncio.sleep(0.6)
    assert cast("list[Sent]", post_office.mails) == []
