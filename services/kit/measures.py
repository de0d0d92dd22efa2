"""What a process measures of itself, and how figures of its services are gathered. Nothing in a label was written by a person."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from prometheus_client import REGISTRY, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]

Figures = Callable[[], Awaitable[Iterable[Metric]]]
"""What a service tells of itself; asked at most once in `FRESH` seconds, however often it is scraped."""

FRESH = 5.0
BEAT = 0.25

WORKER_RESTARTS = Counter("onthaal_worker_restarts", "How often a worker failed and was started again.", ["worker"])
LOOP_LAG = Histogram(
    "onthaal_event_loop_lag_seconds",
    "How much later than asked the event loop came back.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)


async def beat() -> None:
    """Measure the lag of the event loop until cancelled."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(BEAT)
        LOOP_LAG.observe(max(0.0, time.perf_counter() - asked - BEAT))


def gauge(name: str, documentation: str, values: Iterable[tuple[Sequence[str], float]], labels: Sequence[str] = ()) -> Metric:
    """Make a gauge of values by their labels."""
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for label, value in values:
        family.add_metric(label, value)
    return family


def of_process(services: Sequence[str], var: Path) -> Iterable[Metric]:
    """Say which code this is and how much room its folder has."""
    yield gauge(
        "onthaal_build_info", "1, with what runs here.", [((version("onthaal"), " ".join(services)), 1)], ["version", "services"]
    )
    disk = shutil.disk_usage(var if var.exists() else Path.cwd())
    yield gauge("onthaal_disk_free_bytes", "Free room where everything is kept.", [((), disk.free)])
    yield gauge("onthaal_disk_size_bytes", "Room where everything is kept.", [((), disk.total)])


class Exposition:
    """What `/metrics` answers: counters as they are, figures that are a few seconds old at most."""

    def __init__(self, sources: Sequence[Figures]) -> None:
        """Gather from the sources."""
        self._sources = sources
        self._asking = asyncio.Lock()
        self._text = b""
        self._at = -FRESH

    async def text(self, now: Iterable[Metric]) -> bytes:
        """Write everything in Prometheus' text format; `now` are figures that cost nothing."""
        async with self._asking:
            if time.monotonic() - self._at >= FRESH:
                found = await asyncio.gather(*(source() for source in self._sources))
                self._text = _text(family for families in found for family in families)
                self._at = time.monotonic()
        return generate_latest(REGISTRY) + _text(now) + self._text


class _Given(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _text(families: Iterable[Metric]) -> bytes:
    return generate_latest(_Given(families))
