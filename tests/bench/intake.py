"""Intake throughput and latency beside the floor: all servers up together, short slots in random order, ratio of medians."""

import os
import random
import re
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from tests.bench.servers import Server

TEXT = "Ik schrijf u over wat er in onze vereniging gebeurt. " * 26
TAGGED = {
    "channel": "contactformulier",
    "receivedAt": "2026-03-02T10:00:00+01:00",
    "language": "nl",
    "anonymous": False,
    "kind": "melding",
    "kindSource": "melder",
    "subject": "Wat er gebeurde",
    "text": TEXT,
    "person": {"name": "An Peeters", "email": "an.peeters@example.org", "role": "getuige", "minor": False},
    "sector": "Sport",
}
UNTAGGED = {name: value for name, value in TAGGED.items() if not name.startswith("kind")}


@dataclass
class Contender:
    """A server under one name, with what was measured of it."""

    name: str
    server: Server
    body: dict
    patience: str = "5s"
    rest: Callable[[], bool] = lambda: True
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def slot(self, connections: int, seconds: float, seed: int) -> None:
        """Load it for one slot."""
        environment = os.environ | {
            "BENCH_TOKEN": self.server.token,
            "BENCH_BODY": orjson.dumps(self.body).decode(),
            "BENCH_SEED": str(seed),
        }
        script = os.path.join(os.path.dirname(__file__), "put.lua")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", self.patience, "-s", script, self.server.url]
        printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        requests, microseconds, p50, p99, failed = map(int, re.search(r"RESULT (.*)", printed)[1].split())
        if failed:
            raise RuntimeError(f"{self.name}: {failed} requests failed")
        self._let_rest()
        self.rates.append(requests / (microseconds / 1e6))
        self.p50.append(p50 / 1000)
        self.p99.append(p99 / 1000)

    def _let_rest(self) -> None:
        """Wait until what it does after its commits is done, so that it does not burden the others' slots."""
        deadline = time.monotonic() + 120
        while not self.rest() and time.monotonic() < deadline:
            time.sleep(0.2)


def measure(contenders: list[Contender], connections: int, rounds: int, seconds: float = 1) -> None:
    """Give each contender a slot a round, in random order."""
    order = random.Random(connections)
    for contender in contenders:
        contender.rates, contender.p50, contender.p99 = [], [], []
        contender.slot(connections, seconds, order.randrange(2**31))
        contender.rates.clear()
    for _ in range(rounds):
        for contender in order.sample(contenders, len(contenders)):
            contender.slot(connections, seconds, order.randrange(2**31))


def table(contenders: list[Contender], floor: Contender) -> str:
    """Show medians and the ratio to the floor."""
    lines = [f"{'':<44}{'per second':>12}{'x floor':>9}{'(min-max a round)':>20}{'p50 ms':>8}{'p99 ms':>8}"]
    for one in contenders:
        a_round = [mine / base for mine, base in zip(one.rates, floor.rates, strict=True)]
        ratio = statistics.median(one.rates) / statistics.median(floor.rates)
        lines.append(
            f"{one.name:<44}{statistics.median(one.rates):>12,.0f}{ratio:>9.2f}{min(a_round):>13.2f}-{max(a_round):<6.2f}"
            f"{statistics.median(one.p50):>8.1f}{statistics.median(one.p99):>8.1f}"
        )
    return "\n".join(lines)
