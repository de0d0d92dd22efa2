"""`onthaal tagging`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

tagging = typer.Typer(no_args_is_help=True, help="The model that tags contacts.")


@tagging.command("predict")
def predict(
    file: Annotated[Path, typer.Argument(help="JSON lines with channel, subject and text.", exists=True, dir_okay=False)],
) -> None:
    """Print what the model makes of each message, as JSON lines.

    Each line has kind (melding or vraag), unsure, kindConfidence, sector (null where none is indicated), sectorConfidence, language,
    signals, the words that tell the role, and the id that was given, if any. A line that cannot be read ends it, by its number.
    """
    from services.intake_api.tagging import commands  # noqa: PLC0415

    commands.predict(file, sys.stdout)


@tagging.command("evaluate")
def evaluate(
    data: Annotated[
        Path | None, typer.Argument(help="Labelled messages; the shipped ones when none is given.", exists=True)
    ] = None,
) -> None:
    """Print how good the model is, on messages it has not seen."""
    from services.intake_api.tagging import commands  # noqa: PLC0415

    typer.echo(commands.evaluate(data))


@tagging.command("train")
def train(
    out: Annotated[Path | None, typer.Option(help="Where to write the model; the shipped place when none is given.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Labelled messages; the shipped ones when none is given.", exists=True)
    ] = None,
    *,
    take_anyway: Annotated[bool, typer.Option(help="Take a model that does worse than the accepted one.")] = False,
) -> None:
    """Train the model again; the same messages give the same model. One that does worse on a slice is refused."""
    from services.intake_api.tagging import commands  # noqa: PLC0415

    typer.echo(f"Model {commands.train(data, out, anyway=take_anyway)} is written.")


@tagging.command("export")
def export(file: Annotated[Path, typer.Argument(help="A new file; only its owner can read it.")]) -> None:
    """Write what the model got wrong, pseudonymised, as messages to learn from; needs ONTHAAL_TRAINING_EXPORT."""
    from services.cli.lessons import write  # noqa: PLC0415

    write(file)
