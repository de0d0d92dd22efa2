"""`make bench`: the hot paths beside their floors, in one run. ROUNDS (default 15) rounds of one-second slots in random order."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import asyncpg

from tests.bench import chat, delivery, drain, mail
from tests.bench.intake import TAGGED, UNTAGGED, Contender, measure, table
from tests.bench.servers import SLOW_FSYNC, floor, gateway, postgres

ROUNDS = int(os.environ.get("ROUNDS", "15"))


def forget_suggestions(socket: str) -> bool:
    """Take the contacts on PostgreSQL from the model, which looks at them after the commit: it would burden the others' slots."""

    async def forget() -> None:
        connection = await asyncpg.connect(user="postgres", database="postgres", host=socket)
        try:
            await connection.execute("UPDATE contact SET suggest_since = NULL WHERE suggest_since IS NOT NULL")
        finally:
            await connection.close()

    asyncio.run(forget())
    return True


def intake(title: str, connections: tuple[int, ...], environment: dict[str, str]) -> None:
    """Measure the intake beside the floor on one PostgreSQL, and on SQLite."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        socket = stack.enter_context(postgres(folder / "postgres"))
        bare = Contender("floor: bare Starlette + asyncpg", stack.enter_context(floor(socket)), TAGGED)
        url = f"postgresql+asyncpg://postgres@/postgres?host={socket}"
        served = stack.enter_context(gateway(url))
        contenders = [
            bare,
            Contender("onthaal on PostgreSQL, kind supplied", served, TAGGED, rest=lambda: forget_suggestions(socket)),
        ]
        for count in connections:
            measure(contenders, count, ROUNDS)
            print(f"\n{title}, {count} connections, {ROUNDS} rounds")
            print(table(contenders, bare), flush=True)
        untagged = [bare, Contender("onthaal on PostgreSQL, tagged by the model", served, UNTAGGED, patience="10s")]
        measure(untagged, 8, max(3, ROUNDS // 3))
        print("\nTagged by the model before the commit, 8 connections")
        print(table(untagged, bare), flush=True)
        embedded = stack.enter_context(gateway())
        light = [bare, Contender("onthaal on SQLite FULL, kind supplied", embedded, TAGGED)]
        measure(light, connections[0], max(3, ROUNDS // 3))
        print(table(light, bare), flush=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def main() -> None:
    """Run every measurement."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed to measure: apt-get install wrk")
    intake("Intake", (32, 128), {})
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "slow_fsync.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SLOW_FSYNC, "-ldl"], check=True)
        intake("Intake with 2 ms more for each flush", (32,), {"LD_PRELOAD": str(library)})
    delivery.main()
    drain.main()
    chat.main()
    mail.main()


main()
