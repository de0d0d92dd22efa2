"""The passphrase of a backup of keys: from a file or typed, never an argument, which everybody on the machine can read."""

from pathlib import Path
from typing import Annotated

import typer

PassphraseFile = Annotated[Path | None, typer.Option(help="File with the passphrase that seals the backup.")]
Prompt = Annotated[bool, typer.Option("--prompt", help="Ask for the passphrase that seals the backup.")]


def passphrase(file: Path | None, *, prompt: bool, twice: bool) -> str | None:
    """Give the passphrase, if there is to be one."""
    if prompt:
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice))
    if file is None:
        return None
    held = file.read_text().strip()
    if not held:
        raise typer.BadParameter(f"{file} is empty")
    return held
