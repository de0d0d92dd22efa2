"""`onthaal backup` and `onthaal files`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from services.cli.opened import settings_in_force, with_database
from services.cli.passphrase import PassphraseFile, Prompt, passphrase
from services.intake_api.settings import IntakeSettings
from services.intake_api.store import key_backup
from services.intake_api.store.backup import MANIFEST, DatabaseBackups, erased_in, verify
from services.intake_api.store.dump import PostgresTools, UnusableBackup
from services.intake_api.store.engine import Database
from services.intake_api.store.file_backup import MANIFEST as FILES_MANIFEST
from services.intake_api.store.file_backup import FileMirror, Mirrored, Orphans
from services.intake_api.store.key_file import write_secret
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.vault import Keys, Vault
from services.kit.settings import ProcessSettings

backup = typer.Typer(no_args_is_help=True, help="Copies to restore from, made while the gateway serves.")
files = typer.Typer(no_args_is_help=True, help="Files on the disk.")


@backup.command("database")
def back_up_database(folder: Annotated[Path, typer.Argument(help="Folder of backups; each gets a folder in it.")]) -> None:
    """Back up the database, verified; its path is printed as the last word. Before the files."""
    process, settings = settings_in_force()
    refuse_keys_beside(folder, settings.keys(process))

    async def take(database: Database) -> str:
        vault = Vault.of(settings.keys(process), make=False)
        backups = DatabaseBackups(database, settings.database(process), vault, PostgresTools(settings.pg_bin))
        target, manifest = await backups.take(folder, Ledger(settings.ledger(process)))
        counts = ", ".join(f"{count} {name}" for name, count in manifest.counts.items())
        keys = ", ".join(map(str, manifest.master_keys)) or "none"
        return f"{counts}; {manifest.size} bytes; opens with master key {keys}: {target}"

    typer.echo(with_database(take))


@backup.command("files")
def back_up_files(
    folder: Annotated[Path, typer.Argument(help="Folder of the copy; the same each time, only what is new is copied.")],
    verify: Annotated[bool, typer.Option("--verify", help="Read every copy again as well, and mend damaged ones.")] = False,
) -> None:
    """Bring the copy of the files up to date; those of erased contacts are removed from it. After the database."""
    process, settings = settings_in_force()
    refuse_keys_beside(folder, settings.keys(process))
    orders = Ledger(settings.ledger(process)).orders()

    async def update(database: Database) -> Mirrored:
        erased = {*orders, *await erased_in(database)}
        return await FileMirror(folder).update(database, settings.blobs(process), erased, verify=verify)

    report(with_database(update), "removed because erased")


@backup.command("keys")
def back_up_keys(
    file: Annotated[Path, typer.Argument(help="File to write; elsewhere than any backup of data.")],
    passphrase_file: PassphraseFile = None,
    prompt: Prompt = False,
) -> None:
    """Back up the keys, apart from the data: who holds both can read everything."""
    process, settings = settings_in_force()
    refuse_data_beside(file, process, settings)
    keys = Keys.load(settings.keys(process))
    seal = passphrase(passphrase_file, prompt=prompt, twice=True)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(file, key_backup.sealed(keys, seal))
    how = "sealed with the passphrase" if seal else "NOT sealed: keep it in a safe"
    typer.echo(f"Master keys {', '.join(map(str, sorted(keys.wrapping)))}, digest and signing key, {how}: {file}")


@backup.command("ledger")
def back_up_ledger(file: Annotated[Path, typer.Argument(help="File to add to; several nodes may share it.")]) -> None:
    """Add the erasures of this node's ledger to another file, elsewhere. Often: what is lost of it lives again."""
    process, settings = settings_in_force()
    added = Ledger(file).add_missing(Ledger(settings.ledger(process)).orders().values())
    typer.echo(f"{added} erasures added: {file}")


@backup.command("verify")
def verify_backup(folder: Annotated[Path, typer.Argument(help="A backup of the database.")]) -> None:
    """Check that a backup of the database is whole and, where the keys are, that it was made with them."""
    process, settings = settings_in_force()
    manifest = asyncio.run(verify(folder, PostgresTools(settings.pg_bin)))
    if settings.keys(process).exists():
        manifest.require_vouched(Vault.of(settings.keys(process), make=False))
    else:
        typer.echo("There are no keys here: whether somebody changed it is not known.", err=True)
    typer.echo(f"Whole: {manifest.counts['contact']} contacts of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC.")


@files.command("orphans")
def remove_orphans(
    remove: Annotated[bool, typer.Option("--remove", help="Remove them; without it they are only counted.")] = False,
) -> None:
    """Find files of more than a day old that no contact has: what a crash left. They cannot be opened."""
    process, settings = settings_in_force()

    async def sweep(database: Database) -> int:
        orphans = Orphans(database, settings.blobs(process))
        found = await orphans.find()
        if remove:
            orphans.remove(found)
        return len(found)

    typer.echo(f"{with_database(sweep)} {'removed' if remove else 'found'}.")


def report(done: Mirrored, removed: str) -> None:
    """Say what became of the files; one that is missing or damaged fails the command."""
    typer.echo(f"{done.copied} copied, {done.held} there already, {done.removed} {removed}.")
    for what, places in (("missing", done.missing), ("damaged", done.damaged)):
        for place in places:
            typer.echo(f"{what}: {place}", err=True)
    if done.missing or done.damaged:
        raise typer.Exit(1)


def refuse_keys_beside(folder: Path, key_file: Path) -> None:
    """Stop when a backup of data would lie with the keys that open it."""
    if folder.resolve() in key_file.resolve().parents:
        raise UnusableBackup(f"{folder} holds the key file: keep backups of data elsewhere")
    for path in folder.glob("*") if folder.is_dir() else ():
        if path.is_file() and path.stat().st_size < 1_000_000 and key_backup.FORMAT.encode() in path.read_bytes()[:200]:
            raise UnusableBackup(f"{folder} holds a backup of the keys: keep backups of data elsewhere")


def refuse_data_beside(file: Path, process: ProcessSettings, settings: IntakeSettings) -> None:
    """Stop when a backup of the keys would lie with the data that they open."""
    folder = file.resolve().parent
    for data in (process.var.resolve(), settings.blobs(process).resolve()):
        if data == folder or data in folder.parents:
            raise UnusableBackup(f"{file} lies in {data}, with the data that the keys open: choose another place")
    for place in (folder, *folder.parents):
        if any((place / name).exists() for name in (MANIFEST, FILES_MANIFEST)) or any(place.glob(f"database-*/{MANIFEST}")):
            raise UnusableBackup(f"{place} holds a backup of data, which the keys open: choose another place")
