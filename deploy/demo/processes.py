"""Starting and stopping what the demo consists of: the gateway, its command line, and the case service."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_S: Final = 120


class NotStarted(Exception):
    """Something of the demo does not run; the message says what, and what to do."""


@dataclass(frozen=True)
class Addresses:
    """Where everything listens, on this machine alone."""

    port: int = 8080
    smtp_port: int = 8025
    cases_port: int = 8090

    @classmethod
    def chosen(cls, environment: Mapping[str, str]) -> Self:
        """Read the ports from the environment."""
        names = {"port": "ONTHAAL_PORT", "smtp_port": "ONTHAAL_SMTP_PORT", "cases_port": "ONTHAAL_CASES_PORT"}
        try:
            return cls(**{name: int(environment[key]) for name, key in names.items() if key in environment})
        except ValueError:
            raise NotStarted(f"{', '.join(names.values())} take a port number") from None

    @classmethod
    def free(cls) -> Self:
        """Take three ports that nothing listens on."""
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        ports = [listening.getsockname()[1] for listening in sockets]
        for listening in sockets:
            listening.close()
        return cls(*ports)

    @property
    def gateway(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cases(self) -> str:
        """The case service's address."""
        return f"http://127.0.0.1:{self.cases_port}"

    def refuse_taken(self) -> None:
        """Stop when something listens there already.

        Raises:
            NotStarted: naming the port and the setting that moves it.

        """
        for port, setting in (
            (self.port, "ONTHAAL_PORT"),
            (self.smtp_port, "ONTHAAL_SMTP_PORT"),
            (self.cases_port, "ONTHAAL_CASES_PORT"),
        ):
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", port)) == 0:
                    raise NotStarted(f"port {port} is taken: stop what runs there, or set {setting}")


@dataclass
class Processes:
    """The running parts, by name. At the end of the block each is asked to stop, in the opposite order."""

    addresses: Addresses
    var: Path
    log: Path | None = None
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Start with nothing running."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop what runs."""
        for process in reversed(self.running.values()):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def onthaal(self, *arguments: str) -> str:
        """Run a command of `onthaal` and return the last word that it prints: the secret, the link.

        Raises:
            NotStarted: the command failed; its own words are in the message.

        """
        done = subprocess.run(
            [sys.executable, "-m", "services", *arguments],
            cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        words = done.stdout.split()
        if done.returncode or not words:
            raise NotStarted(f"onthaal {' '.join(arguments[:2])} failed: {done.stderr.strip() or 'it printed nothing'}")
        return words[-1]

    def start_gateway(self) -> None:
        """Start every service of the gateway, with the demo page, and wait until it answers."""
        self._start("the gateway", ["-m", "services", "serve"], self.addresses.gateway + "/health")

    def start_cases(self, secret: Path, token: Path, data: Path) -> None:
        """Start the case service and wait until it answers."""
        arguments = ["-m", "deploy.demo.case_service", "--port", str(self.addresses.cases_port)]
        arguments += ["--gateway", self.addresses.gateway, "--data", str(data)]
        arguments += ["--secret-file", str(secret), "--token-file", str(token)]
        self._start("the case service", arguments, self.addresses.cases + "/cases")

    def stopped(self) -> str | None:
        """Name a part that has ended by itself, if there is one."""
        return next((name for name, process in self.running.items() if process.poll() is not None), None)

    def _start(self, name: str, arguments: Sequence[str], address: str) -> None:
        output = self.log.open("ab") if self.log else None
        self.running[name] = subprocess.Popen(
            [*_ending_with_us(), sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment(),
            stdout=output,
            stderr=output,
        )
        if output:
            output.close()
        self._await(name, address)

    def _await(self, name: str, address: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.running[name].poll() is None:
            if answers(address):
                return
            time.sleep(0.1)
        raise NotStarted(f"{name} did not start{self._last_lines()}")

    def _last_lines(self) -> str:
        if self.log is None:
            return "; its reason stands above"
        return ":\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])

    def _environment(self) -> dict[str, str]:
        # the gateway refuses settings that it does not know, and the case service's port is none of its own
        kept = {name: value for name, value in os.environ.items() if name != "ONTHAAL_CASES_PORT"}
        paths = [str(ROOT), str(ROOT / "shared"), *filter(None, [kept.get("PYTHONPATH")])]
        return {
            "ONTHAAL_ORIGIN": self.addresses.gateway,
            "ONTHAAL_CHAT_ALWAYS": "true",
            **kept,
            "ONTHAAL_PORT": str(self.addresses.port),
            "ONTHAAL_SMTP_PORT": str(self.addresses.smtp_port),
            "ONTHAAL_VAR": str(self.var),
            "ONTHAAL_DEMO": "true",
            "PYTHONPATH": os.pathsep.join(paths),
        }


def _ending_with_us() -> Sequence[str]:
    """Let a part end when we are killed, where the system can (util-linux): it would keep its port otherwise."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def answers(address: str) -> bool:
    """Say whether an address answers with success."""
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.HTTPError:
        return False


def keep_secret(path: Path, secret: str) -> None:
    """Write a secret to a file that its owner alone can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
