"""The database that a command works on."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.intake_api.administration import Store
from services.intake_api.settings import IntakeSettings
from services.intake_api.store.engine import Database
from services.kit.clock import SystemClock
from services.kit.settings import ProcessSettings, read, refuse_unknown
from services.settings import settings_classes

Result = TypeVar("Result")


def settings_in_force() -> tuple[ProcessSettings, IntakeSettings]:
    """Read the settings that say where everything is."""
    refuse_unknown(settings_classes().values(), os.environ)
    return read(ProcessSettings), read(IntakeSettings)


def with_store(work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Do something with the database of the settings, brought up to the schema of this code."""

    async def run() -> Result:
        store = Store.open(*settings_in_force(), SystemClock())
        try:
            await store.ready()
            return await work(store)
        finally:
            await store.database.close()

    return asyncio.run(run())


def with_database(work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Do something with the database as it is: without its keys, whatever its schema."""
    process, settings = settings_in_force()

    async def run() -> Result:
        database = Database(settings.database(process), SystemClock())
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
