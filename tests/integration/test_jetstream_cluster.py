"""The gateway hands over to a cluster of three that loses its leader under load: every event once, each contact in order."""

import asyncio
import os
from collections import defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.engines import eventually
from tests.nats import Nats, nats_cluster
from tests.running import Gateway

__all__ = ["nats_cluster"]

CONTACTS = int(os.environ.get("JETSTREAM_CONTACTS", "96"))
"""Contacts; each has five events. `make test-nats` runs 400."""

AT_ONCE = 16


async def put(http: httpx.AsyncClient, path: str, body: dict[str, Any] | None = None) -> None:
    """Ask until it is answered with success: the gateway is restarted in between."""
    while True:
        try:
            answer = await http.put(path, json=body)
        except httpx.TransportError:
            await asyncio.sleep(0.1)
            continue
        if answer.is_success:
            return
        assert answer.status_code == 503, answer.text


async def live(http: httpx.AsyncClient) -> str:
    """Register a contact and change it: registered, retagged three times, completed."""
    contact = f"/contacts/{uuid4()}"
    await put(http, contact, {"channel": "telefoon", "kind": "melding", "text": "Een gesprek"})
    for kind in ("vraag", "melding", "vraag"):
        await put(http, f"{contact}/kind", {"kind": kind})
    await put(http, f"{contact}/completion")
    return contact


def subscribed(gateway: Gateway) -> None:
    with gateway.client() as api:
        assert api.post("/subscriptions", json={"url": "nats:///onthaal.contacts", "name": "dossiers"}).status_code == 201


def feed(gateway: Gateway) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    with gateway.client() as api:
        after: dict[str, str] = {}
        while page := api.get("/events", params={"limit": "500", **after}).json():
            events += page["items"]
            after = {"after": page["cursor"]}
            if "next" not in page:
                break
    return events


@pytest.mark.timeout(600)
async def test_no_event_is_lost_or_doubled_when_the_leader_dies_under_load(tmp_path: Path, nats_cluster: Nats) -> None:
    settings = {"ONTHAAL_NATS_URL": nats_cluster.url, "ONTHAAL_NATS_REPLICAS": "3", "ONTHAAL_NATS_CONSUMERS": "cases"}
    gateway = await asyncio.to_thread(Gateway(tmp_path / "var", ("intake_api",), settings).start)
    try:
        await asyncio.to_thread(subscribed, gateway)
        headers = {"Authorization": f"Bearer {await asyncio.to_thread(gateway.token)}"}
        done = 0

        async def worker(http: httpx.AsyncClient, count: int) -> None:
            nonlocal done
            for _ in range(count):
                await live(http)
                done += 1

        async def reach(share: float) -> None:
            while done < CONTACTS * share:
                await asyncio.sleep(0.05)

        async with httpx.AsyncClient(base_url=f"{gateway.url}/intake/v1", headers=headers, timeout=60) as http:
            await live(http)  # the stream is made with the first event, and then has a leader to lose
            while not (leader := await asyncio.to_thread(nats_cluster.leader, "ONTHAAL_CONTACTS")):
                await asyncio.sleep(0.05)
            workers = asyncio.gather(*(worker(http, CONTACTS // AT_ONCE) for _ in range(AT_ONCE)))
            await reach(0.2)
            nats_cluster.nodes[leader].kill()
            await reach(0.5)
            gateway.kill()
            await asyncio.to_thread(gateway.start)
            await reach(0.7)
            await asyncio.to_thread(nats_cluster.start)
            await workers
        written = await asyncio.to_thread(feed, gateway)
        assert len(written) == (CONTACTS + 1) * 5

        def all_are_there() -> bool:
            return nats_cluster.count("ONTHAAL_CONTACTS") >= len(written)

        await asyncio.to_thread(eventually, all_are_there, 300)
        found = await asyncio.to_thread(nats_cluster.events, "ONTHAAL_CONTACTS")
        assert sorted(event["id"] for event in found) == sorted(event["id"] for event in written), "each once"
        versions: dict[str, list[int]] = defaultdict(list)
        for event in found:
            versions[event["subject"]].append(event["data"]["version"])
        assert all(told == sorted(told) for told in versions.values()), "in order"
        assert len(versions) == CONTACTS + 1
    finally:
        gateway.stop()
