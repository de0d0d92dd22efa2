"""The split deployment as processes: PostgreSQL, three NATS servers, two of each service, and nginx before them.

A `House` is a `Gateway` to tests: pages at `url`, mail at `smtp_port`, the API by `client`, an administrator's commands.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from services.intake_api.caller import SERVICE_SCOPES
from tests.engines import Postgres
from tests.nats import running_nats
from tests.proxy import Proxy
from tests.running import Gateway, free_port

CHAT_SECRET = "0123456789abcdef" * 2
PUBLIC = ("public_site", "chat_relay", "mail_ingest", "phone_log")
PROXIED = ("public_site", "chat_relay", "phone_log")
DEMO = "location = /demo { include proxied.conf; proxy_pass http://public_site; }\n"
ENGINES = ("antwerpen", "brugge", "gent")


@dataclass
class House(Gateway):
    """Nodes of each service behind a proxy. `settings` are those of intake_api, `of_all` what every process is told."""

    copies: int = 2
    of_all: Mapping[str, str] = field(default_factory=dict)
    nats_url: str | None = None
    proxied: bool = True
    engines: tuple[Path, ...] = ()
    door_port: int = field(default_factory=free_port)
    nodes: dict[str, list[Gateway]] = field(default_factory=dict)
    proxies: list[Proxy] = field(default_factory=list)

    def start(self) -> "House":
        """Start everything, in the order that a deployment does."""
        origin = {"ONTHAAL_ORIGIN": self.url}
        register = {"ONTHAAL_INTAKE_URL": self.door} if self.proxied else {}
        bus = {"ONTHAAL_NATS_URL": self.nats_url} if self.nats_url else {}
        self._add("intake_api", dict(self.settings) | origin | register | bus | self.of_all)
        self._start(self.nodes["intake_api"])
        addresses = " ".join(node.url for node in self.nodes["intake_api"])
        common = origin | {"ONTHAAL_INTAKE_URL": addresses} | self.of_all
        for name, own in self._own(bus).items():
            self._add(name, common | own)
        self.smtp_port = self.nodes["mail_ingest"][0].smtp_port
        self._start([node for name in PUBLIC for node in self.nodes[name]])
        if self.proxied:
            self._start_proxies()
        return self

    def _own(self, bus: Mapping[str, str]) -> dict[str, dict[str, str]]:
        tokens = {
            name: {f"ONTHAAL_{name.upper()}_TOKEN": self.token(*SERVICE_SCOPES[name])} for name in PUBLIC if SERVICE_SCOPES[name]
        }
        trusting = {"ONTHAAL_TRUSTED_PROXIES": "127.0.0.1"}
        return {
            "public_site": tokens["public_site"] | trusting | {"ONTHAAL_FORM_RATE": "100000/minute"},
            "chat_relay": tokens["chat_relay"]
            | trusting
            | {"ONTHAAL_CHAT_SECRET": CHAT_SECRET, "ONTHAAL_CHAT_RATE": "100000/minute"}
            | dict(bus),
            "mail_ingest": tokens["mail_ingest"],
            "phone_log": {},
        }

    def _add(self, name: str, settings: Mapping[str, str]) -> None:
        made = [Gateway(self.var / f"{name}_{number}", (name,), settings) for number in range(1, self.copies + 1)]
        self.nodes[name] = made

    def _start(self, nodes: Iterable[Gateway]) -> None:
        with ThreadPoolExecutor(4) as together:
            list(together.map(Gateway.start, nodes))

    def _start_proxies(self) -> None:
        ports = {name: [node.port for node in nodes] for name, nodes in self.nodes.items()}
        public = Proxy("public", {name: ports[name] for name in PROXIED}, {"further.conf": DEMO}, self.port)
        self.proxies = [public, Proxy("internal", {"intake_api": ports["intake_api"]}, port=self.door_port)]
        for proxy in self.proxies:
            proxy.start()

    @property
    def door(self) -> str:
        """The address at which the case service and tests reach the register."""
        return f"http://127.0.0.1:{self.door_port}" if self.proxied else self.nodes["intake_api"][0].url

    def everyone(self) -> list[Gateway]:
        """List every process of every service."""
        return [node for nodes in self.nodes.values() for node in nodes]

    def is_up(self) -> bool:
        """Say whether every process answers that it is up."""
        return all(node.is_up() for node in self.everyone())

    def client(self, token: str | None = None) -> httpx.Client:
        """Speak to the register through its door."""
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return httpx.Client(base_url=f"{self.door}/intake/v1", headers=headers, timeout=30)

    def roll(self, pause: Callable[[], object] = lambda: None) -> None:
        """Restart every process, one after the other: stop, start, wait until it is ready, next."""
        for node in self.everyone():
            node.stop()
            node.start()
            pause()

    def _end(self, how: signal.Signals) -> None:
        for proxy in self.proxies:
            proxy.stop()
        for node in reversed(self.everyone()):
            node._end(how)

    def logged(self) -> str:
        """Give everything that services and proxies wrote to standard output and error."""
        return "".join(
            path.read_text() for path in (*(node.log for node in self.everyone()), *(proxy.log for proxy in self.proxies))
        )

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Give everything that services, proxies, the database and NATS wrote to disk, and what each process measures."""
        for folder in (self.var, *self.engines, *(proxy.folder for proxy in self.proxies)):
            for path in folder.rglob("*"):
                if path.is_file():
                    yield str(path), path.read_bytes()
        for node in self.everyone():
            yield "metrics", httpx.get(f"{node.url}/metrics").content


@contextmanager
def living(folder: Path, *, copies: int = 2, engines: bool = True, proxied: bool = True, **of_all: str) -> Iterator[House]:
    """Run a split deployment for the length of a block; with `engines` on PostgreSQL and three NATS servers."""
    with ExitStack() as stack:
        settings = {
            "ONTHAAL_KEY_FILE": os.fspath(folder / "keys" / "onthaal.json"),
            "ONTHAAL_BLOB_URL": f"file://{folder / 'files'}",
            "ONTHAAL_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'onthaal.db'}",
        }
        nats_url, folders = None, ()
        if engines:
            server = Postgres().start()
            stack.callback(server.stop)
            settings["ONTHAAL_DATABASE_URL"] = server.without_fsync().new_database()
            servers = stack.enter_context(running_nats(*ENGINES))
            nats_url, folders = servers.url, (server.folder, *(node.folder for node in servers.nodes.values()))
        house = House(folder, (), settings, copies=copies, of_all=of_all, nats_url=nats_url, proxied=proxied, engines=folders)
        stack.callback(house.stop)
        yield house.start()
