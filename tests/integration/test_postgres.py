"""The gateway on PostgreSQL: what was answered with success survives its crash, and the feed has no gaps."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.engines import Postgres, eventually
from tests.running import Gateway, running


def call(text: str) -> dict[str, Any]:
    return {"channel": "telefoon", "kind": "melding", "text": text}


def letter(text: str) -> list[tuple[str, tuple[str, bytes, str]]]:
    contact = f'{{"channel":"brief","kind":"melding","text":"{text}"}}'.encode()
    return [("contact", ("", contact, "application/json")), ("scan", ("brief.pdf", text.encode() * 8000, "application/pdf"))]


def _http(gateway: Gateway, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=40, max_keepalive_connections=40)
    return httpx.AsyncClient(base_url=f"{gateway.url}/intake/v1", headers=headers, timeout=60, limits=limits)


async def put(http: httpx.AsyncClient, contact: UUID) -> httpx.Response:
    """Register a contact: every third one a letter with a scan."""
    if contact.int % 3 == 0:
        return await http.put(f"/contacts/{contact}", files=letter(f"Brief {contact}"))
    return await http.put(f"/contacts/{contact}", json=call(f"Gesprek {contact}"))


async def feed(http: httpx.AsyncClient, after: str | None = None) -> tuple[list[dict[str, Any]], str]:
    events: list[dict[str, Any]] = []
    while True:
        page = (await http.get("/events", params={"limit": 200, **({"after": after} if after else {})})).json()
        events += page["items"]
        after = page["cursor"]
        if "next" not in page:
            return events, page["cursor"]


async def test_a_commit_that_fails_is_never_answered_with_success(tmp_path: Path, mortal_postgres: Postgres) -> None:
    address = {"ONTHAAL_DATABASE_URL": mortal_postgres.new_database()}
    gateway = Gateway(tmp_path / "var", ("intake_api",), address).start()
    try:
        token = await asyncio.to_thread(gateway.token)
        async with _http(gateway, token) as http:
            statuses: dict[UUID, int] = {}
            killed = asyncio.Event()

            async def write() -> None:
                while not killed.is_set():
                    contact = uuid4()
                    statuses[contact] = 0
                    answer = await put(http, contact)
                    statuses[contact] = answer.status_code
                    assert answer.is_success or answer.headers["content-type"] == "application/problem+json"

            writers = [asyncio.create_task(write()) for _ in range(30)]
            while sum(status == 201 for status in statuses.values()) < 60:
                await asyncio.sleep(0.01)
                assert not any(writer.done() for writer in writers)
            await asyncio.to_thread(mortal_postgres.kill)
            refused = await http.put(f"/contacts/{uuid4()}", json=call("Tijdens de storing"))
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:problem-type:belgif:serviceUnavailable")
            assert not await asyncio.to_thread(gateway.is_up)
            killed.set()
            await asyncio.gather(*writers)
            assert set(statuses.values()) == {201, 503}

            await asyncio.to_thread(mortal_postgres.start)
            await asyncio.to_thread(eventually, gateway.is_up)
            told = Counter(event["subject"] for event in (await feed(http))[0])
            acknowledged = {contact for contact, status in statuses.items() if status == 201}
            assert acknowledged <= set(map(UUID, told))

            for contact in statuses:
                again = await put(http, contact)
                assert again.status_code == (200 if str(contact) in told else 201), again.text
            told = Counter(event["subject"] for event in (await feed(http))[0] if event["type"].endswith("registered"))
            assert told == Counter(map(str, statuses))
            for contact in [contact for contact in statuses if contact.int % 3 == 0]:
                [scan] = (await http.get(f"/contacts/{contact}")).json()["files"]
                content = await http.get(f"/contacts/{contact}/files/{scan['id']}")
                assert content.content == f"Brief {contact}".encode() * 8000
    finally:
        gateway.stop()


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Gateway]:
    with running(
        tmp_path_factory.mktemp("onpostgres") / "var", "intake_api", ONTHAAL_DATABASE_URL=postgres.new_database()
    ) as gateway:
        yield gateway


async def test_a_reader_who_follows_the_feed_misses_nothing_of_sixteen_writers(on_postgres: Gateway, tmp_path: Path) -> None:
    second = Gateway(tmp_path / "second", ("intake_api",), dict(on_postgres.settings) | keys_of(on_postgres)).start()
    try:
        token = await asyncio.to_thread(on_postgres.token)
        async with _http(on_postgres, token) as http, _http(second, token) as other:
            _, cursor = await feed(http)
            told: dict[str, set[str]] = {}
            writers = 16

            async def write(door: httpx.AsyncClient) -> None:
                nonlocal writers
                for _ in range(8):
                    contact = uuid4()
                    assert (await put(door, contact)).status_code == 201
                    note = {"direction": "note", "text": "Een notitie"}
                    assert (await door.put(f"/contacts/{contact}/messages/{uuid4()}", json=note)).status_code == 201
                    told[str(contact)] = {"registered", "extended"}
                    if contact.int % 2:
                        assert (await http.put(f"/contacts/{contact}/kind", json={"kind": "vraag"})).status_code == 200
                        told[str(contact)].add("retagged")
                writers -= 1

            async def follow(after: str) -> list[dict[str, Any]]:
                found: list[dict[str, Any]] = []
                async with asyncio.timeout(60):
                    while writers or len(found) < sum(map(len, told.values())):  # a note is told of by a worker, soon
                        events, after = await feed(http, after)
                        found += events
                return found + (await feed(http, after))[0]

            found, *_ = await asyncio.gather(follow(cursor), *(write(door) for door in (http, other) * 8))

            assert {event["subject"] for event in found} == set(told)
            for contact, kinds in told.items():
                of_it = [event for event in found if event["subject"] == contact]
                assert sorted(event["type"].rpartition(".")[2] for event in of_it) == sorted(kinds)
                versions = [event["data"]["version"] for event in of_it]
                assert versions == sorted(set(versions))
                assert versions[-1] == len(kinds) + 1  # the note itself is a version, of which `extended` tells in another
            assert (await feed(http, cursor))[0] == found
    finally:
        second.stop()


def keys_of(gateway: Gateway) -> dict[str, str]:
    """Let another process of the same deployment use the same keys and files."""
    return {
        "ONTHAAL_KEY_FILE": os.fspath(gateway.var / "keys" / "onthaal.json"),
        "ONTHAAL_BLOB_URL": f"file://{gateway.var / 'files'}",
    }


async def test_a_cursor_of_the_feed_survives_a_restart(on_postgres: Gateway) -> None:
    token = await asyncio.to_thread(on_postgres.token)
    async with _http(on_postgres, token) as http:
        _, cursor = await feed(http)
        on_postgres.kill()
        await asyncio.to_thread(on_postgres.start)
        contact = uuid4()
        assert (await put(http, contact)).status_code == 201
        assert [event["subject"] for event in (await feed(http, cursor))[0]] == [str(contact)]
