"""One scenario, in a folder of its own."""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.house import Run
from tests.faults.scenarios import SCENARIOS
from tests.faults.verdict import Outcome

KILLS = int(os.environ.get("KILLS", "100"))
SECONDS = float(os.environ.get("SECONDS", "10"))
SEED = int(os.environ.get("SEED", "1"))
MINUTES = float(os.environ.get("MINUTES", "10"))


def attempt(name: str, kills: int = KILLS, seconds: float = SECONDS, seed: int = SEED) -> Outcome:
    """Run one scenario; one that breaks off is an outcome that does not stand, and ends no other."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="onthaal-faults-", ignore_cleanup_errors=True) as folder:
        run = Run(name, Path(folder), random.Random(f"{seed} {name}"), kills, seconds, MINUTES)
        try:
            outcome = asyncio.run(SCENARIOS[name](run))  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - of whatever kind: it is told in the outcome
            outcome = Outcome.broken_off("; ".join(f"{type(cause).__name__}: {cause}" for cause in _causes(error)))
    outcome.name, outcome.seconds = name, time.monotonic() - began
    return outcome


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for cause in error.exceptions:
            yield from _causes(cause)
    else:
        yield error
