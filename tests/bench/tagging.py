"""How long the model takes for messages of some sizes, how long it keeps another thread waiting, and what it weighs.

``make bench-tagging``. Processor time, since other work on the machine disturbs the clock.
"""

import random
import resource
import threading
import time

from services.intake_api.tagging.messages import shipped_messages
from services.intake_api.tagging.model import Tagger

SIZES = (200, 1_000, 2_000, 10_000)
TIMES = 300
PAUSE = 0.0002


def texts(size: int) -> list[str]:
    """Make up texts of a size from the labelled messages, another one each time."""
    dutch = [message.text for message in shipped_messages() if message.language == "nl"]
    chance = random.Random(size)  # noqa: S311 - the same texts at every run
    return ["\n".join(chance.sample(dutch, 120))[:size] for _ in range(TIMES)]


def milliseconds(seconds: list[float], share: float) -> str:
    """Write out the value below which a share lies."""
    return f"{sorted(seconds)[int(share * (len(seconds) - 1))] * 1000:8.2f}"


def suggesting(tagger: Tagger, size: int) -> list[float]:
    """Measure the processor time of each suggestion."""
    taken = []
    for text in texts(size):
        started = time.thread_time()
        tagger.suggest("mail", "Een vraag", text)
        taken.append(time.thread_time() - started)
    return taken


def waiting(tagger: Tagger, size: int) -> list[float]:
    """Measure how late a thread that wants to run wakes while another one tags."""
    given, late = texts(size), []
    work = threading.Thread(target=lambda: [tagger.suggest("mail", "Een vraag", text) for text in given])
    work.start()
    while work.is_alive():
        started = time.perf_counter()
        time.sleep(PAUSE)
        late.append(time.perf_counter() - started - PAUSE)
    return late


def main() -> None:
    """Measure and print."""
    started = time.process_time()
    tagger = Tagger.load()
    print(f"loaded in {time.process_time() - started:.3f} s of the processor")
    print(f"{'characters':>10}{'p50':>8}{'p99':>8} ms{'another thread late by, p50':>30}{'p90':>8} ms")
    for size in SIZES:
        taken, late = suggesting(tagger, size), waiting(tagger, size)
        mine = milliseconds(taken, 0.5) + milliseconds(taken, 0.99)
        print(f"{size:10}{mine}   {milliseconds(late, 0.5):>30}{milliseconds(late, 0.9)}")
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, the labelled messages included")


if __name__ == "__main__":
    main()
