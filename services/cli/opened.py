"""The database that a command works on."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.intake_api.administration import Store
from services.intake_api.settings import IntakeSettings
from services.intake_api.store.migrate import migrate
from services.kit.clock import SystemClock
from services.kit.settings import ProcessSettings, read, refuse_unknown
from services.settings import settings_classes

Result = TypeVar("Result")


def with_store(work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Do something with the database of the settings, brought up to the schema of this code."""

    async def run() -> Result:
        refuse_unknown(settings_classes().values(), os.environ)
        store = Store.open(read(ProcessSettings), read(IntakeSettings), SystemClock())
        try:
            await migrate(store.database)
            return await work(store)
        finally:
            await store.database.close()

    return asyncio.run(run())
