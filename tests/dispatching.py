"""A dispatcher alone in a process: `python -m tests.dispatching DATABASE KEYS LEASE` hands over until it is killed."""

import asyncio
import json
import sys
from base64 import b64decode
from datetime import timedelta

from services.intake_api.store.deliveries import Patience
from services.intake_api.store.vault import Keys
from tests import handing_over


async def main(url: str, keys: str, lease: str) -> None:
    held = json.loads(keys)
    wrapping = {int(number): b64decode(key) for number, key in held["wrapping"].items()}
    handing_over.KEYS = Keys(wrapping, held["current"], b64decode(held["digest"]), held["signing"])
    async with (
        handing_over.handing_over(url, Patience(lease=timedelta(seconds=float(lease)))) as hand_over,
        hand_over.dispatching(),
    ):
        print("ready", flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
