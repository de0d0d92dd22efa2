"""`make demo`: replays the five months and says whether the gateway counts what was published.

It replays into what `make run` started from this checkout, or else starts everything itself, in a
temporary folder.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from deploy.demo.processes import ROOT, Addresses, NotStarted, Processes
from deploy.demo.replay import SCOPES, ReplayFailed, replay, report
from deploy.demo.run import Stop, start, stop_on_signals
from deploy.demo.running import found


def main() -> int:
    """Replay; 0 when every figure is the published one."""
    var = ROOT / os.environ.get("ONTHAAL_VAR", "var")
    try:
        with stop_on_signals():
            addresses = found(var)
            return replay_alone() if addresses is None else replay_into(Processes(addresses, var))
    except (NotStarted, ReplayFailed) as error:
        sys.stderr.write(f"The demo stopped: {error}\n")
        return 1
    except Stop:
        return 130


def replay_alone() -> int:
    """Start a gateway and a case service of its own, replay, and stop them."""
    with tempfile.TemporaryDirectory(prefix="onthaal-demo-") as folder:
        var = Path(folder)
        with Processes(Addresses.free(), var, var / "log") as processes:
            start(processes)
            return replay_into(processes)


def replay_into(processes: Processes) -> int:
    """Replay into what runs, with a token for this time."""
    addresses = processes.addresses
    sys.stdout.write(f"Replaying into {addresses.gateway}; the cases appear at {addresses.cases}\n\n")
    sys.stdout.flush()
    scopes = (word for scope in SCOPES for word in ("--scope", scope))
    token = processes.onthaal("tokens", "create", "--name", "demo-replay", *scopes)
    return report(asyncio.run(replay(addresses.gateway, token, addresses.cases)))


if __name__ == "__main__":
    sys.exit(main())
