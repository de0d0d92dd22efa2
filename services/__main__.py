"""The command line: `onthaal serve`, `onthaal migrate`, and what an administrator does by hand."""

import asyncio
import os
from importlib import import_module
from typing import Annotated, Final

import typer
from pydantic_core import PydanticUndefined
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from onthaal_schema.problems import ProblemError
from services.intake_api.settings import IntakeSettings
from services.intake_api.store.vault import CannotOpen, UnusableKeys
from services.kit.clock import SystemClock
from services.kit.settings import InvalidSettings, ProcessSettings, names, read
from services.settings import SERVICES, settings_classes

NOTHING = (None, "", (), PydanticUndefined)
"""Defaults that say nothing: the meaning of such a setting tells what holds without it."""

PARTS: Final = {
    "statistics": "figures",
    "doctor": "doctor",
    "tokens": "access",
    "subscriptions": "handover",
    "operators": "access",
    "handover": "handover",
    "alarms": "alarms",
    "page": "page",
    "mail": "mail",
    "tagging": "tagging",
    "backup": "backup",
    "restore": "restore",
    "keys": "keys",
    "files": "backup",
}
"""The other commands, and the module of `services.cli` that each is in."""


class Parts(TyperGroup):
    """Imports a command when it is asked for: `serve` starts sooner, and a service apart loads neither database nor keys."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Name every command."""
        return [*super().list_commands(ctx), *PARTS]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        """Find a command."""
        if cmd_name not in PARTS:
            return super().get_command(ctx, cmd_name)  # type: ignore[return-value]
        part = getattr(import_module(f"services.cli.{PARTS[cmd_name]}"), cmd_name)
        if isinstance(part, typer.Typer):
            found = get_group(part)
            found.name = cmd_name
            return found
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(part)
        return get_command(alone)  # type: ignore[return-value]


app = typer.Typer(
    cls=Parts, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Onthaal, an intake gateway."
)


@app.command("serve")
def serve_services(
    services: Annotated[list[str] | None, typer.Argument(help="Which services; all when none is named.")] = None,
) -> None:
    """Run services in this process until it is told to stop."""
    from services.gateway import serve  # noqa: PLC0415 - the other commands start in a fraction of the time without it

    chosen = tuple(services or SERVICES)
    if unknown := [service for service in chosen if service not in SERVICES]:
        raise typer.BadParameter(f"no service {', '.join(unknown)}; there are {', '.join(SERVICES)}")
    serve(chosen)


@app.command()
def migrate(revision: Annotated[str, typer.Argument(help="head, base, or a revision.")] = "head") -> None:
    """Bring the database to the schema of this code."""
    from services.intake_api.administration import Store  # noqa: PLC0415 - as above
    from services.intake_api.store.migrate import migrate as migrate_database  # noqa: PLC0415

    async def run() -> None:
        store = Store.open(read(ProcessSettings), read(IntakeSettings), SystemClock())
        try:
            await migrate_database(store.database, revision)
        finally:
            await store.database.close()

    asyncio.run(run())
    typer.echo(f"The database is at {revision}.")


@app.command()
def settings() -> None:
    """List every setting with its default and what it means."""
    for service, kind in settings_classes().items():
        typer.echo(f"\n{service}")
        for variable, field in zip(names(kind), kind.model_fields.values(), strict=True):
            says = "" if field.default in NOTHING else f" (default: {field.default})"
            typer.echo(f"  {variable}{says}\n      {field.description or 'Token for the intake service.'}")


def main() -> None:
    """Run the command line; what can be expected to go wrong is one clear line."""
    os.umask(0o077)  # what is written here is for its owner alone: database, files, backups
    try:
        app()
    except (InvalidSettings, UnusableKeys, CannotOpen, ValueError) as error:
        typer.echo(f"onthaal: {error}", err=True)
        raise SystemExit(2) from None
    except ProblemError as problem:
        issues = "; ".join(issue.detail for issue in problem.problem.issues or ())
        typer.echo(f"onthaal: {issues or problem.problem.detail or problem.problem.title}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
