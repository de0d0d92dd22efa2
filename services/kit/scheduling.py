"""How a thread shares the processor."""

import os
from contextlib import suppress


def interrupt_nobody() -> None:
    """Let this thread wait for its turn when it has work again, instead of interrupting who is at work (sched(7), SCHED_BATCH).

    It gets as much of the processor as before, in longer stretches. Where the system does not know or allow this, nothing changes.
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
