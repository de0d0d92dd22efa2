"""`make run`: the gateway with its demo page, and the demo case service, until Ctrl-C.

Everything that is kept lies under `ONTHAAL_VAR` (default `var`).
Ports: ONTHAAL_PORT (8080), ONTHAAL_SMTP_PORT (8025), ONTHAAL_CASES_PORT (8090).
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import httpx

from deploy.demo.processes import ROOT, Addresses, NotStarted, Processes, keep_secret
from deploy.demo.running import announced

PAGES: Final = (
    ("Contact form", "/contact"),
    ("Other help", "/hulp"),
    ("A site with the chat widget", "/demo"),
    ("Desk", "/desk"),
    ("Desk: a call", "/desk/telefoon/new"),
    ("Desk: a letter", "/desk/brief/new"),
    ("Desk: chat", "/desk/chat"),
    ("API description", "/doc/intake_api/openapi.yaml"),
    ("Health", "/health"),
)


class Stop(KeyboardInterrupt):
    """Somebody asked to stop. An event loop lets a KeyboardInterrupt through, other exceptions not always."""


def main() -> int:
    """Run until stopped; 1 when something could not start or ended by itself."""
    var = ROOT / os.environ.get("ONTHAAL_VAR", "var")
    try:
        addresses = Addresses.chosen(os.environ)
        addresses.refuse_taken()
        with stop_on_signals(), Processes(addresses, var) as processes, announced(var, addresses):
            start(processes)
            show(processes)
            return watch(processes)
    except NotStarted as error:
        sys.stderr.write(f"Onthaal does not run: {error}\n")
        return 1
    except Stop:
        return 0


def start(processes: Processes) -> None:
    """Start the gateway, then the case service with its own token and subscription, made once."""
    kept = processes.var / "demo"
    token, secret = kept / "token", kept / f"secret-{processes.addresses.cases_port}"
    processes.start_gateway()
    wanted: dict[Path, Callable[[Processes], str]] = {token: create_token, secret: create_subscription}
    if _holds(processes.addresses.gateway, token):
        wanted = {path: create for path, create in wanted.items() if not path.exists()}
    with ThreadPoolExecutor() as together:
        for path, made in [(path, together.submit(create, processes)) for path, create in wanted.items()]:
            keep_secret(path, made.result())
    processes.start_cases(secret, token, kept / "cases")


def create_token(processes: Processes) -> str:
    """Make the case service's token."""
    scopes = ("--scope", "contacts:read", "--scope", "events:read")
    return processes.onthaal("tokens", "create", "--name", "demo-case-service", *scopes)


def create_subscription(processes: Processes) -> str:
    """Subscribe the case service; the answer is the secret that deliveries are signed with."""
    return processes.onthaal("subscriptions", "create", "--url", processes.addresses.cases + "/events")


def show(processes: Processes) -> None:
    """Print every page's address and a sign-in link that works once."""
    link = processes.onthaal("operators", "add", "--name", "Demo")
    addresses = processes.addresses
    rows = [(name, addresses.gateway + path) for name, path in PAGES]
    rows += [("Demo case service", addresses.cases), ("Mail", f"smtp://127.0.0.1:{addresses.smtp_port}")]
    lines = "".join(f"  {name:<28}{address}\n" for name, address in rows)
    sys.stdout.write(f"\nOnthaal runs. Ctrl-C stops it.\n\n{lines}\n  Sign in at the desk (works once): {link}\n\n")
    sys.stdout.flush()


def watch(processes: Processes) -> int:
    """Wait until a part ends by itself."""
    while (name := processes.stopped()) is None:
        time.sleep(0.5)
    sys.stderr.write(f"Onthaal stops: {name} ended by itself; its reason stands above.\n")
    return 1


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into `Stop`; later ones change nothing, the parts are stopping."""

    def stop(_: int, __: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise Stop

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    yield


def _holds(gateway: str, token: Path) -> bool:
    """Say whether there is a token that this gateway's database knows; another database knows no subscription either."""
    if not token.exists():
        return False
    headers = {"Authorization": f"Bearer {token.read_text().strip()}"}
    return httpx.get(gateway + "/intake/v1/events", headers=headers, timeout=10).status_code != httpx.codes.UNAUTHORIZED


if __name__ == "__main__":
    sys.exit(main())
