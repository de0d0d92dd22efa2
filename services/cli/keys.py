"""`onthaal keys`: the master keys."""

from typing import Annotated

import typer

from services.cli.opened import settings_in_force, with_store
from services.intake_api.administration import Store
from services.intake_api.store.key_file import KeyFile
from services.intake_api.store.rewrap import Wrapped
from services.intake_api.store.vault import UnusableKeys
from services.kit.clock import SystemClock

keys = typer.Typer(no_args_is_help=True, help="Master keys, which wrap the key of each contact.")

Number = Annotated[int, typer.Argument(help="Number of the master key.")]
REPORTED = 5_000


def _key_file() -> KeyFile:
    process, settings = settings_in_force()
    return KeyFile(settings.keys(process))


@keys.command("list")
def list_keys() -> None:
    """List the master keys and how much each wraps."""
    held = _key_file().read()
    counts = with_store(lambda store: Wrapped(store.database, store.vault).counts())
    for number in sorted({*held.wrapping, *counts}):
        state = "MISSING" if number not in held.wrapping else "in use" if number == held.current else ""
        typer.echo(f"{number:>3}  wraps {counts[number]:>8}  {state}".rstrip())


@keys.command("add")
def add_key() -> None:
    """Add a master key without using it yet: where nodes have key files of their own, give them this file first."""
    number = _key_file().add()
    typer.echo(f"Added, not in use yet: master key {number}")


@keys.command("use")
def use_key(number: Number) -> None:
    """Wrap what is new with a master key. Running processes follow at once."""
    _key_file().use(number, SystemClock().now())
    typer.echo(f"In use: master key {number}")


@keys.command("rotate")
def rotate() -> None:
    """Add a master key and use it: where every node reads one key file. What is wrapped already stays so until `rewrap`."""
    key_file = _key_file()
    number = key_file.add()
    key_file.use(number, SystemClock().now())
    typer.echo(f"In use; back up the keys now: master key {number}")


@keys.command("sign-anew")
def sign_anew(
    stolen: Annotated[bool, typer.Option("--stolen", help="Believe nothing that the former key has signed.")] = False,
) -> None:
    """Sign operators' tokens with a new key, without a restart; who is signed in stays so."""
    _key_file().sign_anew(stolen=stolen)
    typer.echo("Tokens are signed with a new key; back up the keys now.")


@keys.command("rewrap")
def rewrap() -> None:
    """Wrap everything with the master key in use, while the gateway serves. May be broken off and started again."""
    current = _key_file().read().current
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        if (done + count) // REPORTED > done // REPORTED:
            typer.echo(f"{done + count} so far", err=True)
        done += count

    async def run(store: Store) -> int:
        wrapped = Wrapped(store.database, store.vault)
        await wrapped.rewrap(current, progress)
        return sum(count for number, count in (await wrapped.counts()).items() if number != current)

    left = with_store(run)
    typer.echo(f"{done} wrapped again with master key {current}; {left} left with another.")


@keys.command("retire")
def retire(number: Number) -> None:
    """Take a master key out of the key file, once nothing is wrapped with it. Older backups then need a backup of the keys."""
    key_file, now = _key_file(), SystemClock().now()
    key_file.require_replaced(number, now)
    left = with_store(lambda store: Wrapped(store.database, store.vault).counts())[number]
    if left:
        raise UnusableKeys(f"master key {number} still wraps {left}: `onthaal keys rewrap` first")
    key_file.remove(number, now)
    typer.echo(f"Retired: master key {number}")
