"""Stopping without losing anything: first nobody is sent here any more, then what was begun is finished."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

FINISH = 6
"""Seconds that requests and mails under way may still take."""

STOP = 8
"""Seconds that workers may take to put down what they hold."""


class Drain:
    """Whether the process is about to stop. Set once, never taken back."""

    def __init__(self) -> None:
        """Start with no end in sight."""
        self._event = asyncio.Event()

    @property
    def begun(self) -> bool:
        """Whether the process is about to stop."""
        return self._event.is_set()

    def begin(self) -> None:
        """Say that the process is about to stop."""
        self._event.set()

    async def wait(self) -> None:
        """Wait until the process is about to stop."""
        await self._event.wait()


class DrainingServer(uvicorn.Server):
    """A server that is told to stop by SIGTERM or SIGINT, drains, and ends as a success; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, drain: Drain, notice: float) -> None:
        """Keep serving for `notice` seconds after the signal, while readiness already says no."""
        super().__init__(config)
        self._drain = drain
        self._notice = notice

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen to signals for the length of a block. The server's own way raises them again, and ends as a failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._begin)
        yield
        # nothing is given back: a signal that comes now, with all work done, must not turn a success into a failure

    def _begin(self) -> None:
        if self._drain.begun:
            self.force_exit = self.should_exit = True
            return
        self._drain.begin()
        asyncio.get_running_loop().call_later(self._notice, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Do what a signal does."""
        del sig, frame
        self._begin()
