"""`make fuzz`: read CASES mails that nobody wrote, from SEED on; ONLY reads one of them again.

Most are read in this process, each within its time; one in SHARE goes through a real parsing process with 300 MB and 2 s.
"""

import asyncio
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from types import FrameType
from typing import Final

from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.parser import parse, scan
from tests.fuzz.mails import mail
from tests.fuzz.verdict import require_fit

SECONDS: Final = 2.0
MEGABYTES: Final = 300
SHOWN: Final = 10
SHARE: Final = 100


class TooSlow(BaseException):
    """Reading took longer than it may. No `Exception`, so that nothing takes it for a fault in a mail."""


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def tried(seed: int, number: int) -> str | None:
    """Read one mail here; give what is wrong with what was read."""
    raw = mail(seed, number)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        require_fit(raw, parse(raw))
        scan(raw)
    except TooSlow:
        return "it took too long"
    except BaseException as fault:
        if isinstance(fault, KeyboardInterrupt):
            raise
        return f"{type(fault).__name__}: {fault} at {traceback.extract_tb(fault.__traceback__)[-1].name}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


async def tried_apart(seed: int, numbers: range) -> dict[int, str]:
    """Read some mails in a real parsing process."""
    wrong: dict[int, str] = {}
    async with LimitedParser(seconds=SECONDS * 5, megabytes=MEGABYTES, workers=1) as parser:
        for number in numbers:
            raw = mail(seed, number)
            try:
                require_fit(raw, await parser.parse(raw))
            except AssertionError as fault:
                wrong[number] = f"in a process: {fault}"
    return wrong


def main() -> int:
    """Read them all, and say what was wrong with which."""
    cases, seed = int(os.environ.get("CASES", "200000")), int(os.environ.get("SEED", "1"))
    only = os.environ.get("ONLY")
    numbers = range(int(only), int(only) + 1) if only else range(cases)
    signal.signal(signal.SIGPROF, _ring)
    began, slowest, wrong = time.process_time(), (0.0, -1), dict[int, str]()
    for number in numbers:
        start = time.process_time()
        if fault := tried(seed, number):
            wrong[number] = fault
        slowest = max(slowest, (time.process_time() - start, number))
    took = time.process_time() - began
    apart = numbers[::SHARE]
    wrong |= asyncio.run(tried_apart(seed, apart))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    for number, fault in list(wrong.items())[:SHOWN]:
        print(f"SEED={seed} ONLY={number}: {fault}")
    for what, times in Counter(wrong.values()).most_common(SHOWN):
        print(f"{times:>7} × {what}")
    print(
        f"{len(numbers)} mails read in {took:.0f} s of processor time, {len(apart)} of them in a process of 300 MB too; "
        f"slowest {slowest[0] * 1000:.0f} ms (ONLY={slowest[1]}), memory {memory} MB; {len(wrong)} wrong"
    )
    return 1 if wrong or memory > MEGABYTES else 0


if __name__ == "__main__":
    sys.exit(main())
