"""`make test-faults`: break everything that can break while clients are at work, and count.

KILLS (100) SIGKILLs of each process, SECONDS (10) for each fault that lasts, SEED (1) for every chance, ONLY (a part of a
scenario's name) for some of them, JOBS (2) scenarios at a time, MINUTES (10) after which a scenario kills nothing any more,
WRITE=1 to keep the table in ARCHITECTURE.md.
"""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime

from tests.faults import table
from tests.faults.attempt import KILLS, MINUTES, SECONDS, SEED, attempt
from tests.faults.scenarios import SCENARIOS
from tests.faults.verdict import Outcome

ONLY = os.environ.get("ONLY", "")
JOBS = int(os.environ.get("JOBS", "2"))
COMMAND = f"`make test-faults KILLS={KILLS} SECONDS={SECONDS:g} SEED={SEED} JOBS={JOBS} MINUTES={MINUTES:g}`"


def main() -> int:
    """Run the suite; 1 when a scenario does not stand."""
    names = [name for name in SCENARIOS if ONLY in name]
    print(f"KILLS={KILLS} SECONDS={SECONDS:g} SEED={SEED} JOBS={JOBS} MINUTES={MINUTES:g}\n\n{table.HEAD}", flush=True)
    outcomes: dict[str, Outcome] = {}
    with ProcessPoolExecutor(JOBS, multiprocessing.get_context("spawn")) as pool:
        for finished in as_completed([pool.submit(attempt, name) for name in names]):
            outcome = finished.result()
            outcomes[outcome.name] = outcome
            print(table.row(outcome), flush=True)
            for problem in outcome.problems:
                print(f"  ! {problem}", flush=True)
            if os.environ.get("WRITE"):  # after each: a run that is cut short has figures as well
                table.keep(
                    f"{COMMAND}, {datetime.now(UTC):%d %B %Y}:\n\n{table.table([outcomes[n] for n in names if n in outcomes])}"
                )
    return int(any(outcome.problems for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
