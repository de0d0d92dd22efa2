"""NATS servers that tests own: one, or a cluster of three, with nodes that can be killed and started again by name."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from services.kit.bus import Bus, LocalBus, NatsBus
from services.kit.nats import NatsLink
from tests.running import free_port

PROGRAM = Path(sys.executable).parent / "nats-server"
STARTING = 60
PATIENCE = 20


@dataclass
class Node:
    """One NATS server with JetStream, in a folder of its own and on ports that stay the same."""

    name: str
    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    monitor: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> "Node":
        """Start it and wait until it takes connections."""
        self.folder.mkdir(exist_ok=True)
        own = ["-a", "127.0.0.1", "-p", str(self.port), "-m", str(self.monitor), "-n", self.name]
        kept = ["-js", "-sd", str(self.folder / "data"), "-l", str(self.folder / "log")]
        self._process = subprocess.Popen([PROGRAM, *own, *kept, *self.options])
        deadline = time.monotonic() + STARTING
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "nats-server did not start"
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        with socket.socket() as knocking:
            return knocking.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    def kill(self) -> None:
        """End it at once, without a chance to tidy up (SIGKILL); a frozen one as well."""
        self.end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it answer nothing, with its connections open (SIGSTOP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def ask(self, path: str) -> dict[str, Any]:
        """Ask its monitor."""
        answer: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.monitor}{path}", timeout=5).json()
        return answer


class Nats:
    """Servers of one deployment: the address to give to a gateway, and each node by its name."""

    def __init__(self, folder: Path, *names: str) -> None:
        """Make one server, or a cluster of several; nothing runs yet."""
        routes = {name: free_port() for name in names}
        together = ",".join(f"nats://127.0.0.1:{port}" for port in routes.values())
        self.nodes: dict[str, Node] = {}
        for name, port in routes.items():
            apart = "--cluster_name", "test", "--cluster", f"nats://127.0.0.1:{port}", "--routes", together
            self.nodes[name] = Node(name, folder / name, apart if len(routes) > 1 else ())

    @property
    def url(self) -> str:
        """The addresses of all its nodes, as a setting takes them."""
        return ",".join(node.url for node in self.nodes.values())

    def start(self) -> "Nats":
        """Start every node that does not run, and wait until JetStream has a leader."""
        for node in self.nodes.values():
            if not node.runs:
                node.start()
        deadline = time.monotonic() + STARTING
        while len(self.nodes) > 1 and not all(self._has_leader(node) for node in self.nodes.values()):
            assert time.monotonic() < deadline, "the cluster found no leader"
            time.sleep(0.05)
        return self

    def _has_leader(self, node: Node) -> bool:
        meta = node.ask("/jsz").get("meta_cluster", {})
        return bool(meta.get("leader")) and meta.get("cluster_size") == len(self.nodes)

    def stop(self) -> None:
        """End every node at once: their folders are thrown away."""
        for node in self.nodes.values():
            node.kill()

    def leader(self, stream: str) -> str:
        """Name the node that leads a stream; empty while there is none."""
        leaders = [found.get("cluster", {}).get("leader") for found in self._seen(stream)]
        return next((leader for leader in leaders if leader), "")

    def count(self, stream: str) -> int:
        """Count the messages of a stream, on the node that has most."""
        return max((found["state"]["messages"] for found in self._seen(stream)), default=0)

    def _seen(self, stream: str) -> list[dict[str, Any]]:
        """Give what each running node says of a stream."""
        answers = [node.ask("/jsz?streams=true") for node in self.nodes.values() if node.runs]
        accounts = [account for answer in answers for account in answer.get("account_details", [])]
        return [found for account in accounts for found in account.get("stream_detail", []) if found["name"] == stream]

    def events(self, stream: str) -> list[dict[str, Any]]:
        """Read every message of a stream, in its order: the body as JSON, with `_subject` and `_headers`."""
        return asyncio.run(self._events(stream))

    async def _events(self, stream: str) -> list[dict[str, Any]]:
        import nats

        client = await nats.connect(self.url.split(","))
        jetstream = client.jetstream()
        held = (await jetstream.stream_info(stream)).state.messages
        reading = await jetstream.subscribe("", stream=stream, ordered_consumer=True)
        messages = [await reading.next_msg(10) for _ in range(held)]
        await client.close()
        return [json.loads(m.data) | {"_subject": m.subject, "_headers": dict(m.headers or {})} for m in messages]


@contextmanager
def running_nats(*names: str) -> Iterator[Nats]:
    """Run servers for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="onthaal-nats-"))
    servers = Nats(folder, *(names or ("one",)))
    try:
        yield servers.start()
    finally:
        servers.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def nats() -> Iterator[Nats]:
    """One server, shared by the tests of a module."""
    with running_nats() as servers:
        yield servers


@pytest.fixture
def mortal_nats() -> Iterator[Nats]:
    """One server of one test's own, to be killed."""
    with running_nats() as servers:
        yield servers


@pytest.fixture
def nats_cluster() -> Iterator[Nats]:
    """Three servers of one test's own: Antwerpen, Brugge and Gent."""
    with running_nats("antwerpen", "brugge", "gent") as servers:
        yield servers


def over_nats(servers: Nats) -> NatsBus:
    """A bus as a process of its own would have it."""
    return NatsBus(NatsLink(SecretStr(servers.url), "test", echo=False))


async def until(question: Callable[[], object]) -> None:
    """Wait until the answer is yes."""
    async with asyncio.timeout(PATIENCE):
        while not question():
            await asyncio.sleep(0.02)


@pytest.fixture(params=["within a process", "between processes"])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Bus, Bus]]:
    """Where is spoken and where is listened."""
    if request.param == "within a process":
        bus = LocalBus()
        async with bus.session():
            yield bus, bus
        return
    here, there = (over_nats(request.getfixturevalue("nats")) for _ in range(2))
    async with here.session(), there.session():
        await until(lambda: here.is_whole and there.is_whole)
        yield here, there
