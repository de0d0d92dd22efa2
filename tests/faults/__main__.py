"""`make test-faults`: break everything that can break while clients are at work, and count.

KILLS (100) SIGKILLs of each process, SECONDS (10) for each fault that lasts, SEED (1) for every chance, ONLY (a part of a
scenario's name) for some of them, WRITE=1 to keep the table in ARCHITECTURE.md.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.engines import Postgres
from tests.faults import table
from tests.faults.house import Run
from tests.faults.scenarios import SCENARIOS
from tests.faults.verdict import Outcome

KILLS = int(os.environ.get("KILLS", "100"))
SECONDS = float(os.environ.get("SECONDS", "10"))
SEED = int(os.environ.get("SEED", "1"))
ONLY = os.environ.get("ONLY", "")


def run_one(
    name: str, postgres: Postgres | None, folder: Path, kills: int = KILLS, seconds: float = SECONDS, seed: int = SEED
) -> Outcome:
    """Run one scenario."""
    began = time.monotonic()
    run = Run(name, folder, random.Random(f"{seed} {name}"), kills, seconds, postgres)
    outcome = asyncio.run(SCENARIOS[name](run))  # type: ignore[arg-type]
    outcome.name, outcome.seconds = name, time.monotonic() - began
    return outcome


def main() -> int:
    """Run the suite; 1 when a scenario does not stand."""
    print(f"KILLS={KILLS} SECONDS={SECONDS:g} SEED={SEED}\n\n{table.HEAD}", flush=True)
    outcomes = []
    postgres = Postgres().start()
    try:
        for name in (name for name in SCENARIOS if ONLY in name):
            with tempfile.TemporaryDirectory(prefix="onthaal-faults-") as folder:
                outcomes.append(run_one(name, postgres, Path(folder)))
            print(table.row(outcomes[-1]), flush=True)
            for problem in outcomes[-1].problems:
                print(f"  ! {problem}", flush=True)
    finally:
        postgres.stop()
    if os.environ.get("WRITE"):
        told = f"`make test-faults KILLS={KILLS} SECONDS={SECONDS:g} SEED={SEED}`, {datetime.now(UTC):%d %B %Y}:"
        table.keep(f"{told}\n\n{table.table(outcomes)}")
    return int(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
