"""Two nodes of the intake service on one PostgreSQL: whatever they are asked at once, they agree."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from onthaal_schema.channel import Channel
from onthaal_schema.contact import ContactSubmission, FormSubmission
from onthaal_schema.intake import IntakeClient
from tests.engines import Postgres, eventually
from tests.running import Gateway, free_port


def node(folder: Path, name: str, database: str, **settings: str) -> Gateway:
    """A node with a folder of its own; keys and files are shared."""
    shared = {
        "ONTHAAL_DATABASE_URL": database,
        "ONTHAAL_KEY_FILE": os.fspath(folder / "keys" / "onthaal.json"),
        "ONTHAAL_BLOB_URL": f"file://{folder / 'files'}",
        "ONTHAAL_HOURS_CHAT": "24/7",
    }
    return Gateway(folder / name, ("intake_api",), shared | settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def nodes(folder: Path, postgres: Postgres) -> Iterator[tuple[Gateway, Gateway]]:
    """Two nodes that were started together on a database with nothing in it, without a key file."""
    database = postgres.new_database()
    one, other = node(folder, "one", database), node(folder, "other", database)
    with ThreadPoolExecutor(2) as together:
        list(together.map(Gateway.start, (one, other)))
    yield one, other
    one.stop()
    other.stop()


@pytest.fixture(scope="module")
def token(nodes: tuple[Gateway, Gateway]) -> str:
    return nodes[0].token()


@pytest.fixture
def doors(nodes: tuple[Gateway, Gateway], token: str) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    with nodes[0].client(token) as one, nodes[1].client(token) as other:
        yield one, other


@asynccontextmanager
async def async_doors(nodes: tuple[Gateway, Gateway], token: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    headers = {"Authorization": f"Bearer {token}"}
    addresses = [f"{node.url}/intake/v1" for node in nodes]
    opened = [httpx.AsyncClient(base_url=address, headers=headers, timeout=60) for address in addresses]
    try:
        yield opened
    finally:
        for door in opened:
            await door.aclose()


def form(text: str = "Ik wil iets melden") -> dict[str, Any]:
    return {"channel": "contactformulier", "kind": "melding", "text": text, "anonymous": True}


def test_nodes_that_start_together_use_one_key_file(folder: Path, doors: tuple[httpx.Client, httpx.Client]) -> None:
    one, other = doors
    contact = uuid4()
    assert one.put(f"/contacts/{contact}", json=form("bij de ene")).status_code == 201
    assert other.get(f"/contacts/{contact}").json()["text"] == "bij de ene"
    assert other.put(f"/contacts/{contact}", json=form("bij de ene")).status_code == 200
    assert [path.name for path in (folder / "keys").iterdir()] == ["onthaal.json"]


def test_a_node_with_other_keys_does_not_start(folder: Path, nodes: tuple[Gateway, Gateway]) -> None:
    stranger = Gateway(folder / "stranger", ("intake_api",), {"ONTHAAL_DATABASE_URL": nodes[0].settings["ONTHAAL_DATABASE_URL"]})
    stranger.var.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "services", "serve", "intake_api"],
        env=stranger.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "the key file is not that of this database" in done.stdout


def test_a_database_in_which_nothing_is_sealed_yet_knows_its_keys(folder: Path, postgres: Postgres) -> None:
    database = {"ONTHAAL_DATABASE_URL": postgres.new_database()}
    words = ("tokens", "create", "--name", "x", "--scope", "events:read")
    Gateway(folder / "first", (), database).command(*words)
    with pytest.raises(RuntimeError, match="made with other keys"):
        Gateway(folder / "second", (), database).command(*words)


async def test_equal_contacts_sent_to_both_in_any_order_are_one_each_and_nobody_waits_in_vain(
    nodes: tuple[Gateway, Gateway], token: str
) -> None:
    async with async_doors(nodes, token) as doors:
        for _ in range(4):
            contacts = [uuid4() for _ in range(40)]
            one = [doors[0].put(f"/contacts/{contact}", json=form()) for contact in contacts]
            other = [doors[1].put(f"/contacts/{contact}", json=form()) for contact in reversed(contacts)]
            statuses = Counter(answer.status_code for answer in await asyncio.gather(*one, *other))
            assert statuses == {201: 40, 200: 40}
    assert not any("batch failed" in node.log.read_text() for node in nodes)


def test_an_emergency_closure_set_at_one_node_reaches_the_other_within_seconds(doors: tuple[httpx.Client, httpx.Client]) -> None:
    one, other = doors
    now = datetime.now(UTC)
    closing = {"id": str(uuid4()), "type": "emergencyClose", "label": "Brand", "validFrom": now.isoformat()}
    closing["closedFrom"] = (now - timedelta(minutes=1)).isoformat()
    path = f"/openingHours/exceptions/{closing['id']}"
    before = one.get("/openingHours/chat").json().get("reason")
    answer = one.put(path, json=closing)
    assert answer.is_success, answer.text
    eventually(lambda: other.get("/openingHours/chat").json().get("reason") == "closure", patience_s=15)
    assert other.delete(path).status_code == 204
    eventually(lambda: one.get("/openingHours/chat").json().get("reason") == before, patience_s=15)


async def test_the_same_exception_set_at_both_at_once_is_one(nodes: tuple[Gateway, Gateway], token: str) -> None:
    async with async_doors(nodes, token) as doors:
        for _ in range(5):
            rule = {"id": str(uuid4()), "type": "day", "label": "Dicht", "firstDay": "2027-03-01", "lastDay": "2027-03-01"}
            rule["validFrom"] = datetime.now(UTC).isoformat()
            calls = (door.put(f"/openingHours/exceptions/{rule['id']}", json=rule) for door in doors * 3)
            assert {answer.status_code for answer in await asyncio.gather(*calls)} == {200}


def test_a_token_revoked_at_one_node_is_refused_by_the_other_within_seconds(nodes: tuple[Gateway, Gateway]) -> None:
    one, other = nodes
    secret = one.command("tokens", "create", "--name", "weg", "--scope", "events:read").split()[-1]
    with other.client(secret) as door:
        assert door.get("/events").status_code == 200
        one.command("tokens", "revoke", "--name", "weg")
        eventually(lambda: door.get("/events").status_code == 401, patience_s=15)


async def test_counts_asked_of_both_at_once_count_each_contact_once(nodes: tuple[Gateway, Gateway], token: str) -> None:
    async with async_doors(nodes, token) as doors:
        before = (await doors[0].get("/statistics/contacts")).json()["total"]
        for _ in range(4):
            await asyncio.gather(*(door.put(f"/contacts/{uuid4()}", json=form()) for door in doors * 3))
            answers = await asyncio.gather(*(door.get("/statistics/contacts") for door in doors * 4))
            assert {answer.status_code for answer in answers} == {200}
        assert (await doors[1].get("/statistics/contacts")).json()["total"] == before + 24


async def test_a_service_that_knows_both_nodes_does_not_notice_that_one_stops(nodes: tuple[Gateway, Gateway], token: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    submission: ContactSubmission = FormSubmission(channel=Channel.CONTACTFORMULIER, text="Blijft", anonymous=True)
    accepted: list[UUID] = []
    async with IntakeClient(f"{nobody} {nodes[0].url} {nodes[1].url}/", token) as client:

        async def submit(count: int) -> None:
            for _ in range(count):
                contact = uuid4()
                await client.register(contact, submission)
                accepted.append(contact)

        submitting = [asyncio.create_task(submit(20)) for _ in range(4)]
        await asyncio.to_thread(eventually, lambda: len(accepted) > 8)
        for node in nodes:
            await asyncio.to_thread(node.stop)
            await asyncio.to_thread(node.start)
        await asyncio.gather(*submitting)
        for contact in accepted:
            assert (await client.contact(contact)).text == "Blijft"
    assert len(accepted) == 80
