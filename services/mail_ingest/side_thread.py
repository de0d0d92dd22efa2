"""A thread of its own for calls that block: they run one after another, and never in the event loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


class SideThread:
    """Runs calls. A call that nobody waits for any more does not keep the process from ending."""

    def __init__(self, name: str) -> None:
        """Start the thread."""
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def call(self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """Run a call in the thread, and give what it gives or raise what it raises."""
        future: Future[Result] = Future()
        self._calls.put((future, lambda: function(*args, **kwargs)))
        return await asyncio.wrap_future(future)

    def post(self, function: Callable[[], object]) -> None:
        """Run a call in the thread that nobody waits for; what it raises is not heard."""
        self._calls.put((Future(), function))

    def end(self) -> None:
        """End the thread after the call that it is at."""
        self._calls.put(None)

    def _run(self) -> None:
        while (waiting := self._calls.get()) is not None:
            future, function = waiting
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
                future.set_exception(error)
            else:
                future.set_result(result)
            del future, function, waiting
