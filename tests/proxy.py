"""The proxy as it is shipped: Debian's nginx over deploy/proxy, with what is a house's own (site/) written by a test."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import free_port

SHIPPED = Path(__file__).parents[1] / "deploy" / "proxy"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
NOBODY = 65534
GENEROUS = (
    "limit_req_zone $binary_remote_addr zone=visitor:1m rate=5000r/s;\n"
    "limit_req_zone $binary_remote_addr zone=form:1m rate=5000r/s;\n"
    "limit_conn_zone $binary_remote_addr zone=visitors:1m;\n"
)


@dataclass
class Proxy:
    """nginx over the shipped configuration; `site` replaces files of site/ by name."""

    main: str
    upstreams: Mapping[str, Sequence[int]]
    site: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    leaves: str = "max_fails=2 fail_timeout=2s"

    def __post_init__(self) -> None:
        """Lay the configuration out where another user can read it."""
        self.folder = Path(tempfile.mkdtemp(prefix="onthaal-proxy-"))
        self.folder.chmod(0o755)
        self.configuration = Path(shutil.copytree(SHIPPED, self.folder / "conf"))
        self.run = self.folder / "run"
        self.run.mkdir()
        self.log = self.folder / "log"
        self.log.touch()
        names = ("listen", "upstreams") if self.main == "public" else ("register_listen", "register_upstreams")
        listen = f"listen 127.0.0.1:{self.port};\n"
        upstreams = "".join(
            f"upstream {name} {{ zone {name} 64k; {' '.join(f'server 127.0.0.1:{port} {self.leaves};' for port in ports)} }}\n"
            for name, ports in self.upstreams.items()
        )
        own = {f"{names[0]}.conf": listen, f"{names[1]}.conf": upstreams, "limits.conf": GENEROUS}
        own |= {"down.conf": f"alias {self.folder}/down/;\n"}
        for name, text in (own | dict(self.site)).items():
            (self.configuration / "site" / name).write_text(text)
        shutil.copytree(SHIPPED.parent / "down", self.folder / "down")

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        """How it is run."""
        assert NGINX, "nginx is not here: deploy/setup/proxy installs it"
        return [NGINX, "-p", f"{self.run}/", "-e", "stderr", "-c", str(self.configuration / f"{self.main}.conf")]

    def start(self) -> "Proxy":
        """Start it as a user without rights, and wait until it takes connections."""
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if who:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, **who)  # type: ignore[call-overload]
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return self

    def _answers(self) -> bool:
        with socket.socket() as knocking:
            return knocking.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self.folder)


@contextmanager
def proxying(main: str, upstreams: Mapping[str, Sequence[int]], *, leaves: str = "max_fails=0", **site: str) -> Iterator[Proxy]:
    """Run a proxy for the length of a block; as a rule one that forgets at once which node failed."""
    proxy = Proxy(main, upstreams, {f"{name}.conf": text for name, text in site.items()}, leaves=leaves).start()
    try:
        yield proxy
    finally:
        proxy.stop()
