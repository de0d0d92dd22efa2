"""A connection together with the thread in which alone it is spoken over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from services.mail_ingest.imap import Connection
from services.mail_ingest.side_thread import SideThread

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Line:
    """A connection in its thread."""

    connection: Connection
    thread: SideThread

    async def call(self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """Call a method of the connection.

        Raises:
            Broken: the connection is of no use any more.
            Refused: the server would not do this; the connection goes on.

        """
        return await self.thread.call(function, *args, **kwargs)
