"""A gateway as an administrator runs it: its own process, folder and ports, started and killed by a test."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from services.intake_api.administration import Store
from services.intake_api.caller import OPERATOR_SCOPES
from services.intake_api.settings import IntakeSettings
from services.intake_api.subscriptions import Subscriptions
from services.kit.clock import SystemClock
from services.kit.settings import ProcessSettings

ALL = "contacts:write contacts:read contacts:tag contacts:erase events:read outcomes:write subscriptions:write calendar:write handover:write statistics:read"
STARTING = 180

Result = TypeVar("Result")


def free_port() -> int:
    """Find a port that nobody listens on, below those that outgoing connections and other programs are given by chance."""
    while _is_taken(port := random.randrange(20_000, 32_000)):
        pass
    return port


def _is_taken(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


@dataclass
class Gateway:
    """`onthaal serve` in a process of its own."""

    var: Path
    services: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def door(self) -> str:
        """The address at which a case service reaches the register."""
        return self.url

    def logged(self) -> str:
        """Give everything that it wrote to standard output and error."""
        return self.log.read_text()

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Give everything that it wrote to disk, by name, and what it measures."""
        for path in self.var.rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes()
        yield "metrics", httpx.get(f"{self.url}/metrics").content

    @property
    def log(self) -> Path:
        """Everything it wrote to standard output and error, over every start."""
        return self.var / "log"

    @property
    def environment(self) -> dict[str, str]:
        """The environment it runs in."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ONTHAAL_")}
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed gateway does not compile itself at each start either
        own = {
            "ONTHAAL_VAR": str(self.var),
            "ONTHAAL_PORT": str(self.port),
            "ONTHAAL_SMTP_PORT": str(self.smtp_port),
            "ONTHAAL_ORIGIN": self.url,
        }
        return inherited | own | dict(self.settings)

    def launch(self) -> int:
        """Start it without waiting for anything; gives its process id."""
        self.var.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "services", "serve", *self.services]
            self._process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        return self._process.pid

    def start(self) -> "Gateway":
        """Start it and wait until it says that it is up."""
        self.launch()
        assert self._process is not None
        deadline = time.monotonic() + STARTING
        while not self.is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                message = f"the gateway did not start: {self.log.read_text()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(0.05)
        return self

    def is_up(self) -> bool:
        """Say whether it answers that it is up."""
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """End it at once, without a chance to tidy up (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to stop (SIGTERM) and wait until it has."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def command(self, *words: str) -> str:
        """Run `onthaal WORDS` beside it and give what was printed."""
        done = subprocess.run(
            [sys.executable, "-m", "services", *words], env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def token(self, *scopes: str) -> str:
        """Make a token; with every scope that tests need when none is named."""
        wanted = {word for scope in scopes or (ALL,) for word in scope.split()}
        return self._administer(lambda store: store.access.create_token("test", wanted))

    def sign_in_link(self, name: str = "Noor") -> str:
        """Make a one-time sign-in link of an operator."""
        code = self._administer(lambda store: store.access.add_operator(name, OPERATOR_SCOPES))
        return f"{self.url}/desk/sign-in#{code}"

    def subscribe(self, url: str) -> str:
        """Hand events over to an address; gives the secret."""
        made = self._administer(lambda store: Subscriptions(store.subscriptions).create("test", url, ["person"]))
        return made.secret

    def _administer(self, work: Callable[[Store], Awaitable[Result]]) -> Result:
        # what the command line does, without paying its start for every token: `command` runs the real one
        async def run() -> Result:
            process = ProcessSettings(var=self.var, origin=self.url)
            keys = self.settings.get("ONTHAAL_KEY_FILE")
            settings = IntakeSettings(
                database_url=self.settings.get("ONTHAAL_DATABASE_URL"), key_file=Path(keys) if keys else None
            )
            store = Store.open(process, settings, SystemClock())
            try:
                await store.ready()
                return await work(store)
            finally:
                await store.database.close()

        with ThreadPoolExecutor(1) as thread:  # a test may have a running loop of its own
            return thread.submit(asyncio.run, run()).result()

    def client(self, token: str | None = None) -> httpx.Client:
        """Speak to its API with a token, or with one that may do everything."""
        return httpx.Client(
            base_url=f"{self.door}/intake/v1", headers={"Authorization": f"Bearer {token or self.token()}"}, timeout=30
        )


@contextmanager
def running(var: Path, *services: str, **settings: str) -> Iterator[Gateway]:
    """Run a gateway for the length of a block."""
    gateway = Gateway(var, services, settings).start()
    try:
        yield gateway
    finally:
        gateway.stop()
