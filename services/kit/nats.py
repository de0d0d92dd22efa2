"""One connection to NATS that is kept for ever: a broker that is away is a state that shows, not a failure."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from nats import errors
from nats.aio.client import Client
from pydantic import SecretStr

from services.kit.logging import error_name, logger

log = logger(__name__)

TRY_AGAIN = 0.5
"""Seconds between attempts to connect."""

Welcome = Callable[[Client], Awaitable[None]]
"""What is done with each new connection, such as subscribing; a connection that comes back keeps its subscriptions."""


async def _nothing(_: Client) -> None:
    return


class NatsLink:
    """A connection to one of several servers. Addresses hold passwords, so they are never logged."""

    def __init__(self, servers: SecretStr, name: str, *, echo: bool = True) -> None:
        """Reach servers at addresses separated by commas; without `echo` it does not hear itself."""
        self._servers = servers
        self._name = name
        self._echo = echo
        self._client: Client | None = None
        self._was_up: bool | None = None
        self.on_change: Callable[[], None] = lambda: None

    @property
    def client(self) -> Client | None:
        """The connection, while there is one."""
        return self._client if self._client and self._client.is_connected else None

    @asynccontextmanager
    async def session(self, welcome: Welcome = _nothing) -> AsyncIterator[None]:
        """Keep connected for the length of a block, which begins whether a server answers or not."""
        keeping = asyncio.create_task(self._keep(welcome), name=f"nats {self._name}")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _keep(self, welcome: Welcome) -> None:
        while True:  # the library gives up by itself when a server no longer takes the password: begin anew
            client, closed = Client(), asyncio.Event()
            try:
                await self._connect(client, closed)
                await welcome(client)
                self._client = client
                await self._tell()
                await closed.wait()
            except (errors.Error, OSError, TimeoutError):
                await self._tell()
            except Exception as error:
                log.exception("nats connection failed", reason=self._name, error=error_name(error))
                await self._tell()
            finally:
                self._client = None
                with suppress(errors.Error, OSError, TimeoutError):
                    await client.close()
            await asyncio.sleep(TRY_AGAIN)

    async def _connect(self, client: Client, closed: asyncio.Event) -> None:
        async def is_closed() -> None:
            closed.set()
            await self._tell()

        async def failed(error: Exception) -> None:
            await self._tell()
            if isinstance(error, errors.SlowConsumerError):
                self.on_change()  # the library dropped what came in

        await client.connect(
            [server.strip() for server in self._servers.get_secret_value().split(",")],
            name=self._name,
            no_echo=not self._echo,
            max_reconnect_attempts=-1,
            reconnect_time_wait=TRY_AGAIN,  # type: ignore[arg-type] # seconds, of any kind
            connect_timeout=2,
            ping_interval=2,  # after the third without an answer the server is taken for dead
            error_cb=failed,
            disconnected_cb=self._tell,
            reconnected_cb=self._tell,
            closed_cb=is_closed,
        )

    async def _tell(self) -> None:
        is_up = self.client is not None
        if is_up == self._was_up:
            return
        self._was_up = is_up
        if is_up:
            log.info("nats is there", reason=self._name)
        else:
            log.warning("nats is away", reason=self._name)
        self.on_change()
