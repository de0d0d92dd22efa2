"""The parsing process: reads mails from standard input and answers on standard output.

Started by `limited` as `python -m services.mail_ingest.parse_worker SECONDS MEGABYTES`. It ends when a mail takes
longer or needs more memory than that, and when its parent has gone.
"""

import resource
import signal
import sys
from typing import BinaryIO, Final

from services.kit.scheduling import interrupt_nobody
from services.mail_ingest.frames import CAREFUL, LENGTH, READY, framed, pack
from services.mail_ingest.parser import parse, scan

GRACE: Final = 5
"""Seconds after which the process ends itself; the parent comes first, unless it was killed."""


def serve(requests: BinaryIO, answers: BinaryIO, seconds: float) -> None:
    """Parse until the requests end."""
    answers.write(READY)
    answers.flush()
    while len(head := requests.read(1 + LENGTH)) == 1 + LENGTH:
        raw = requests.read(int.from_bytes(head[1:], "big"))
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
        answer = framed(_answer(raw, careful=head[:1] == CAREFUL))
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(answer)
        answers.flush()


def _answer(raw: bytes, *, careful: bool) -> bytes:
    try:
        return pack(parse(raw, careful=careful))
    except TypeError:
        return pack(scan(raw))


def limit(megabytes: int) -> None:
    """Set what the process may use at most. No core dump: it would hold what people wrote."""
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    for what in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (0, 0))


def main() -> None:
    """Set the limits and serve."""
    seconds, megabytes = float(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    limit(megabytes)
    interrupt_nobody()
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, seconds)
    except MemoryError:
        sys.exit(1)


if __name__ == "__main__":
    main()
