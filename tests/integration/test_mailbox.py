"""The mailbox on a real mail server: Dovecot, over TLS, with passwords and tokens, killed and numbered anew."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from services.mail_ingest.mailboxes import Mailbox
from tests.certificates import certificate
from tests.dovecot import PASSWORD, Dovecot, dovecot, settings
from tests.mail_register import MailRegister
from tests.mailbox.reading import reading_of, until
from tests.mailbox.trial import trial
from tests.running import Gateway, running

KEY = b"een sleutel van de dienst die tokens geeft"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    """A mail server that knows passwords and tokens."""
    with dovecot(oauth_key=KEY) as started:
        yield started


def written(number: int, *more: str, body: str = "Dag") -> bytes:
    """Write a mail."""
    head = (f"From: Noor <noor{number}@example.be>", f"Subject: Vraag {number}", *more)
    return "\r\n".join((*head, "", f"{body} {number}", "")).encode()


def whole(number: int) -> tuple[str, ...]:
    """Give the headers by which a mail is known again."""
    return (f"Message-ID: <{number}@example.be>", "Date: Mon, 2 Mar 2026 10:00:00 +0100")


@pytest.mark.parametrize("nodes", [1, 2])
def test_nothing_is_lost_or_doubled_while_everything_is_killed(tmp_path: Path, nodes: int) -> None:
    figures = trial(tmp_path, 60, 3, 1, nodes)
    assert figures.stands, "\n".join(figures.lines())


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_a_mailbox_is_read_over_a_verified_connection(server: Dovecot, tls: str) -> None:
    port = server.tls_port if tls == "implicit" else server.port
    server.deliver(tls, written(1))
    register = MailRegister()
    async with reading_of(Mailbox.model_validate(server.mailbox(tls, tls=tls, port=port)), register):
        await until(lambda: register.held)
        with server.connection(tls, None) as client:
            client.append("INBOX", written(2))
        await until(lambda: len(register.held) == 2)
    assert [held.original for held in register.held.values()] == [written(1), written(2)]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_a_server_that_nobody_vouches_for_is_told_nothing(server: Dovecot, tmp_path: Path, tls: str) -> None:
    other, _ = certificate(tmp_path)
    port = server.tls_port if tls == "implicit" else server.port
    register = MailRegister()
    signed_in = server.log().count("Login: user=")
    async with reading_of(Mailbox.model_validate(server.mailbox("noor", tls=tls, port=port, ca_file=str(other))), register):
        await until(lambda: any(report.error == "certificateNotTrusted" for report in register.reports))
    assert server.log().count("Login: user=") == signed_in


async def test_a_wrong_password_is_named_and_the_right_one_in_its_file_is_taken_without_a_restart(
    server: Dovecot, tmp_path: Path
) -> None:
    word = tmp_path / "word"
    word.write_text("fout\n", encoding="utf-8")
    server.deliver("sara", written(1))
    register = MailRegister()
    mailbox = Mailbox.model_validate(server.mailbox("sara", password=None, password_file=str(word)))
    async with reading_of(mailbox, register):
        await until(lambda: any(report.error == "signInRefused" for report in register.reports))
        word.write_text(f"{PASSWORD}\n", encoding="utf-8")
        await until(lambda: register.held)


@asynccontextmanager
async def giving_tokens(answers: list[tuple[int, dict[str, Any]]], asked: list[dict[str, list[str]]]) -> AsyncIterator[str]:
    """Run a token endpoint (RFC 6749 §3.2) that gives each answer once and the last one for ever."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        asked.append(parse_qs((await reader.readexactly(length)).decode()))
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        text = json.dumps(body)
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
        )
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/token"
    finally:
        listening.close()


def token(user: str, seconds: float = 3600) -> dict[str, Any]:
    """Give a token as a provider does."""
    claims = {"sub": user, "iat": int(time.time()), "exp": int(time.time() + seconds)}
    return {"access_token": jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(KEY)), "expires_in": seconds}


@pytest.mark.parametrize(
    ("account", "form"),
    [
        (
            {"provider": "microsoft", "client_secret": "s"},
            {
                "grant_type": ["client_credentials"],
                "client_id": ["onthaal"],
                "client_secret": ["s"],
                "scope": ["https://outlook.office365.com/.default"],
            },
        ),
        (
            {"provider": "google", "client_secret": "s", "refresh_token": "r"},
            {"grant_type": ["refresh_token"], "client_id": ["onthaal"], "client_secret": ["s"], "refresh_token": ["r"]},
        ),
    ],
)
async def test_a_mailbox_is_opened_with_a_token_that_is_asked_for_once(
    server: Dovecot, account: dict[str, str], form: dict[str, list[str]]
) -> None:
    user = account["provider"]
    server.deliver(user, written(1))
    register, asked = MailRegister(), []
    async with giving_tokens([(200, token(user))], asked) as url:
        own = {"oauth": account | {"token_url": url, "client_id": "onthaal"}, "password": None}
        async with reading_of(Mailbox.model_validate(server.mailbox(user, **own)), register) as reader:
            await until(lambda: register.held and reader.standing.reading)
            server.cut()
            server.deliver(user, written(2))
            await until(lambda: len(register.held) == 2)
    assert asked == [form]


async def test_no_token_and_a_token_that_is_not_believed_are_named_and_asked_for_again(server: Dovecot) -> None:
    server.deliver("ilse", written(1))
    register, asked = MailRegister(), []
    answers = [(401, {"error": "invalid_client"}), (200, {"access_token": "x.y.z", "expires_in": 3600}), (200, token("ilse"))]
    async with giving_tokens(answers, asked) as url:
        account = {"provider": "microsoft", "client_secret": "s", "token_url": url, "client_id": "onthaal"}
        mailbox = Mailbox.model_validate(server.mailbox("ilse", oauth=account, password=None))
        async with reading_of(mailbox, register):
            await until(lambda: register.held)
    assert len(asked) == 3
    errors = [report.error for report in register.reports if report.error]
    assert {"tokenRefused", "signInRefused"} <= set(errors)


async def test_folders_may_be_named_in_any_script(server: Dovecot) -> None:
    with server.connection("karim", None) as client:
        client.create_folder("Meldingen é & 日本")
        client.append("Meldingen é & 日本", written(1))
    register = MailRegister()
    mailbox = server.mailbox("karim", folder="Meldingen é & 日本", mode="move", move_to="Verwerkt ✓")
    async with reading_of(Mailbox.model_validate(mailbox), register):
        await until(lambda: register.held)
        await asyncio.sleep(0.5)
    with server.connection("karim", "Verwerkt ✓") as client:
        assert len(client.search()) == 1


async def test_mail_is_deleted_once_it_is_held_and_nothing_else_is(server: Dovecot) -> None:
    server.deliver("weg", written(1))
    server.deliver("weg", written(2, body="x" * 20_000))
    with server.connection("weg") as client:
        client.add_flags(client.search(), ["\\Deleted", "\\Seen"])
    register = MailRegister()
    async with reading_of(Mailbox.model_validate(server.mailbox("weg", mode="delete")), register) as reader:
        await until(lambda: len(register.held) == 2 and reader.standing.last_read_at)
        assert reader.standing.is_well
    with server.connection("weg") as client:
        assert client.fetch(client.search(), ["RFC822.SIZE"]).popitem()[1][b"RFC822.SIZE"] > 20_000


async def test_a_server_that_is_down_for_a_while_is_caught_up_with() -> None:
    register = MailRegister()
    with dovecot() as own:
        own.deliver("noor", written(1))
        async with reading_of(Mailbox.model_validate(own.mailbox("noor")), register) as reader:
            await until(lambda: register.held and reader.standing.reading)
            await asyncio.to_thread(own.kill)
            await until(lambda: reader.standing.trouble == "unreachable")
            own.deliver("noor", written(2))
            await asyncio.to_thread(own.start)
            await until(lambda: len(register.held) == 2 and reader.standing.is_well)


def contacts(api: httpx.Client) -> list[dict[str, Any]]:
    """List every mail."""
    asked = {"channel": ["mail"], "nature": ["person", "machine", "spam", "nonContact"], "pageSize": 200}
    items: list[dict[str, Any]] = api.post("/contacts/query", json=asked).raise_for_status().json()["items"]
    return items


def outcomes(api: httpx.Client, server: Dovecot, user: str) -> dict[str, int]:
    """Say what became of the mails of a mailbox."""
    answer = api.get(f"/mailboxes/{user}", params={"uidValidity": server.uid_validity(user)}).raise_for_status().json()
    found: dict[str, int] = answer["outcomes"] | {"held": answer.get("held", "")}
    return found


def wait(holds: Any, seconds: float = 60) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_server_that_is_replaced_and_writes_mails_anew_brings_none_twice(tmp_path: Path) -> None:
    with dovecot() as own, ExitStack() as clients:
        for number in range(1, 4):
            own.deliver("post", written(number, *whole(number)))
        own.deliver("post", written(4, whole(4)[1]))  # without a Message-ID it is only like the other
        mailboxes = settings(own.mailbox("post"))
        with running(
            tmp_path, "intake_api", "mail_ingest", ONTHAAL_MAILBOXES=mailboxes, ONTHAAL_MAILBOX_POLL_SECONDS="1"
        ) as gateway:
            api = clients.enter_context(gateway.client())
            wait(lambda: len(contacts(api)) == 4)
            own.kill()
            kept = [*(own.folder / "mail" / "post").glob("[cn]*/*.test*")]
            assert len(kept) == 4
            for path in kept:
                rendered = path.read_bytes().replace(b"\r\nSubject: ", b"\r\nSubject:\r\n  ").replace(b"Dag", b" Dag ")
                path.write_bytes(b"X-Verhuisd: ja\r\n" + rendered)
            own.renumber("post")
            own.deliver("post", written(5, *whole(5)))
            wait(lambda: own.is_numbered("post") and outcomes(api, own, "post")["held"] == "1:5")
            assert outcomes(api, own, "post") == {"accepted": 6, "duplicate": 3, "held": "1:5"}
            read = [api.get(f"/contacts/{contact['id']}").raise_for_status().json() for contact in contacts(api)]
            assert sorted(contact["subject"] for contact in read) == [f"Vraag {number}" for number in (1, 2, 3, 4, 4, 5)]
            assert [contact["subject"] for contact in read if contact.get("possibleLink")] == ["Vraag 4"]


@pytest.fixture
def reader(server: Dovecot, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that reads a mailbox, and another one whose password is wrong, and writes down everything."""
    mailboxes = settings(server.mailbox("gezond"), server.mailbox("ziek", password="fout-Woord"))
    with running(
        tmp_path,
        ONTHAAL_MAILBOXES=mailboxes,
        ONTHAAL_LOG_LEVEL="DEBUG",
        ONTHAAL_MAILBOX_POLL_SECONDS="1",
        ONTHAAL_MAILBOX_RETRY_SECONDS="1",
    ) as started:
        yield started


def test_health_and_measures_tell_how_a_mailbox_is_and_the_log_tells_no_secret(server: Dovecot, reader: Gateway) -> None:
    marker = "merkwaardig"
    server.deliver("gezond", written(1, f"X-Iets: {marker}", body=marker))
    with reader.client() as api:
        wait(lambda: len(contacts(api)) == 1)
    wait(lambda: "signInRefused" in reader.logged())
    health = httpx.get(f"{reader.url}/health")
    assert (health.status_code, health.json()) == (200, {"status": "DEGRADED"})
    wait(lambda: 'onthaal_mailbox_reader_held{mailbox="gezond"} 1.0' in httpx.get(f"{reader.url}/metrics").text)
    told = httpx.get(f"{reader.url}/metrics").text
    assert 'onthaal_mailbox_reader_well{mailbox="gezond"} 1.0' in told
    assert 'onthaal_mailbox_reader_well{mailbox="ziek"} 0.0' in told
    assert 'onthaal_mailbox_mails_total{mailbox="gezond",outcome="accepted"} 1.0' in told
    written_down = reader.logged()
    assert not [secret for secret in (PASSWORD, "fout-Woord", marker, "noor1@example.be") if secret in written_down]
    begun = time.monotonic()
    reader.stop()
    assert time.monotonic() - begun < 10


def test_a_wrong_mailbox_stops_the_start(tmp_path: Path) -> None:
    gateway = Gateway(
        tmp_path,
        settings={"ONTHAAL_MAILBOXES": settings({"name": "post", "host": "x", "user": "u", "password": "s3cret", "tls": "none"})},
    )
    with pytest.raises(RuntimeError, match="ONTHAAL_MAILBOXES_0"):
        gateway.start()
    assert "s3cret" not in gateway.logged()


def test_a_certificate_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    mailbox = {"name": "post", "host": "x", "user": "u", "password": "p", "ca_file": str(tmp_path / "geen")}
    with pytest.raises(RuntimeError, match="ONTHAAL_MAILBOXES_0_CA_FILE"):
        Gateway(tmp_path / "var", settings={"ONTHAAL_MAILBOXES": settings(mailbox)}).start()
