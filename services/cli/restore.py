"""`onthaal restore`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from services.cli.backup import report
from services.cli.opened import settings_in_force, with_database
from services.cli.passphrase import PassphraseFile, Prompt, passphrase
from services.intake_api.administration import event_frame
from services.intake_api.store import key_backup
from services.intake_api.store.backup import Manifest
from services.intake_api.store.dump import PostgresTools, UnusableBackup
from services.intake_api.store.engine import Database
from services.intake_api.store.file_backup import FileMirror, Mirrored
from services.intake_api.store.files import LocalBlobs
from services.intake_api.store.key_file import KeyFile
from services.intake_api.store.ledger import Ledger, Orders, read
from services.intake_api.store.restore import Renewed, Restoration
from services.intake_api.store.vault import UnusableKeys, Vault
from services.kit.clock import SystemClock

restore = typer.Typer(no_args_is_help=True, help="Put backups back: the keys, then the database, then the files.")

Force = Annotated[bool, typer.Option("--force", help="Put it in the place of what is there.")]


@restore.command("database")
def restore_database(
    folder: Annotated[Path, typer.Argument(help="A backup of the database.")],
    ledger: Annotated[list[Path] | None, typer.Option(help="Ledger of erasures; more than once for those of more nodes.")] = None,
    no_ledger: Annotated[
        bool, typer.Option("--no-ledger", help="There is none left: whoever was erased since lives again.")
    ] = False,
    force: Force = False,
) -> None:
    """Restore the database and erase again whoever was erased since. The gateway must not run."""
    process, settings = settings_in_force()
    orders = _orders(settings.ledger(process), ledger or [], none=no_ledger)
    restoration = Restoration(
        url=settings.database(process),
        vault=Vault.of(settings.keys(process), make=False),
        frame=event_frame(process, settings),
        blobs=LocalBlobs(settings.blobs(process)),
        ledger=Ledger(settings.ledger(process)),
        postgres=PostgresTools(settings.pg_bin),
        clock=SystemClock(),
    )
    manifest, renewed = asyncio.run(restoration(folder, orders.orders, force=force))
    Ledger(settings.ledger(process)).add_missing(orders.orders.values())
    typer.echo(_told(manifest, renewed, orders))


@restore.command("files")
def restore_files(folder: Annotated[Path, typer.Argument(help="The copy of the files.")]) -> None:
    """Copy back the files that the restored database knows; those of erased contacts stay away."""
    process, settings = settings_in_force()

    async def run(database: Database) -> Mirrored:
        return await FileMirror(folder).restore(database, settings.blobs(process))

    report(with_database(run), "removed")


@restore.command("keys")
def restore_keys(
    file: Annotated[Path, typer.Argument(help="A backup of the keys.")],
    merge: Annotated[bool, typer.Option("--merge", help="Add its master keys to the key file that is there.")] = False,
    passphrase_file: PassphraseFile = None,
    prompt: Prompt = False,
    force: Force = False,
) -> None:
    """Restore the key file, or add master keys to it that an old backup of the database needs."""
    process, settings = settings_in_force()
    key_file = KeyFile(settings.keys(process))
    keys = key_backup.opened(file.read_bytes(), passphrase(passphrase_file, prompt=prompt, twice=False))
    if merge:
        added = key_file.merge(keys)
        typer.echo(f"Master keys added: {', '.join(map(str, added)) or 'none'}.")
        return
    if key_file.path.exists() and not force:
        raise UnusableKeys(f"{key_file.path} exists: --merge adds to it, --force puts the backup in its place")
    key_file.put(keys)
    typer.echo(f"Master keys {', '.join(map(str, sorted(keys.wrapping)))}, digest and signing key: {key_file.path}")


def _orders(own: Path, others: list[Path], *, none: bool) -> Orders:
    if none:
        return Orders({}, 0)
    paths = [*([own] if own.exists() else []), *others]
    if missing := [path for path in others if not path.exists()]:
        raise UnusableBackup(f"there is no ledger {missing[0]}")
    if not paths:
        raise UnusableBackup(f"there is no ledger of erasures {own}: give --ledger FILE, or --no-ledger when none is left")
    return read(paths)


def _told(manifest: Manifest, renewed: Renewed, orders: Orders) -> str:
    taken = f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    unreadable = f" {orders.unreadable} lines of the ledger cannot be read." if orders.unreadable else ""
    return f"""\
The database of {taken} is in place: {manifest.counts["contact"]} contacts, {manifest.counts["event"]} events.
Erased again: {renewed.erased} of it, and {renewed.entombed} that came later and must not come again.{unreadable}
Ended: {renewed.sessions} sessions and {renewed.codes} sign-in codes. It has a new epoch: cursors of the feed start again.
Will be delivered, some perhaps again: {renewed.pending} events.
Now: `onthaal restore files`, then `onthaal serve`. By hand (deploy/RUNBOOK.md):
- what came in after {taken} is not here: compare with what the case service holds since then;
- {renewed.tokens} tokens work as they did then: revoke again those that were revoked since, and see who has left;
- secrets of subscriptions that were changed since are the old ones again."""
