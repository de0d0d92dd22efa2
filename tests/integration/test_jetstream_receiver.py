"""A case service that reads the stream: the program of the README, against a real gateway and a server that dies."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx

from tests.engines import eventually
from tests.nats import Nats, mortal_nats
from tests.running import Gateway, running

__all__ = ["mortal_nats"]

README = Path(__file__).parents[2] / "shared" / "README.md"


def program() -> str:
    """Copy the case service out of the README."""
    [found] = re.findall(r"```python\n(import asyncio, os\n.*?)```", README.read_text(), re.DOTALL)
    return str(found)


@contextmanager
def case_service(folder: Path, gateway: Gateway, servers: Nats) -> Iterator[Path]:
    """Run it in a folder; gives the file in which it says what it was handed."""
    (folder / "case_service.py").write_text(program())
    told = folder / "told"
    environment = os.environ | {
        "PYTHONPATH": str(README.parent),
        "GATEWAY_URL": gateway.url,
        "GATEWAY_TOKEN": gateway.token("contacts:read", "events:read"),
        "WEBHOOK_SECRET": "whsec_b250aGFhbC10ZXN0LXNlY3JldC0wMDAwMDAwMQ==",
        "NATS_URL": servers.url,
    }
    with told.open("ab") as output:
        running_it = subprocess.Popen([sys.executable, "case_service.py"], cwd=folder, env=environment, stdout=output)
        try:
            yield told
        finally:
            running_it.kill()
            running_it.wait()


def put(api: httpx.Client) -> str:
    contact = str(uuid4())
    body = {"channel": "telefoon", "kind": "melding", "text": "Een gesprek"}
    assert api.put(f"/contacts/{contact}", json=body).status_code == 201
    return contact


def test_a_case_service_that_reads_the_stream_handles_each_event_once(tmp_path: Path, mortal_nats: Nats) -> None:
    settings = {"ONTHAAL_NATS_URL": mortal_nats.url, "ONTHAAL_NATS_CONSUMERS": "cases"}
    with running(tmp_path / "var", "intake_api", **settings) as gateway, gateway.client() as api:
        refused = api.post("/subscriptions", json={"url": "nats://host/onthaal.contacts"})
        assert refused.status_code == 400
        assert api.post("/subscriptions", json={"url": "nats:///onthaal.contacts"}).status_code == 201
        with case_service(tmp_path, gateway, mortal_nats) as told:
            contacts = [put(api) for _ in range(5)]
            eventually(lambda: all(contact in told.read_text() for contact in contacts), 60)
            mortal_nats.stop()
            contacts += [put(api) for _ in range(5)]
            mortal_nats.start()
            eventually(lambda: all(contact in told.read_text() for contact in contacts), 60)
        with case_service(tmp_path, gateway, mortal_nats) as told:  # started again, it remembers
            contacts.append(put(api))
            eventually(lambda: contacts[-1] in told.read_text(), 60)
        lines = told.read_text().splitlines()
        assert sorted(line.split()[-1] for line in lines) == sorted(contacts)
        [subscription] = api.get("/subscriptions").json()["items"]
        assert (subscription["delivered"], subscription["pending"], subscription["dead"]) == (11, 0, 0)
