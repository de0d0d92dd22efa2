"""`onthaal tokens` and `onthaal operators`."""

from typing import Annotated

import typer

from services.cli.opened import with_store
from services.intake_api.caller import OPERATOR_SCOPES, SCOPES
from services.kit.settings import ProcessSettings, read

tokens = typer.Typer(no_args_is_help=True, help="API tokens.")
operators = typer.Typer(no_args_is_help=True, help="Who may sign in at the desk.")


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Option(help="Whose token it is.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; give it more than once for more.")],
) -> None:
    """Make a token; it is printed this once, as the last word."""
    wanted = {one for given in scope for one in given.replace(",", " ").split()}
    if unknown := sorted(wanted - SCOPES):
        raise typer.BadParameter(f"no scope {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}")
    secret = with_store(lambda store: store.access.create_token(name, wanted))
    typer.echo(f"Token of {name} ({' '.join(sorted(wanted))}): {secret}")


@tokens.command("revoke")
def revoke_tokens(name: Annotated[str, typer.Option(help="Whose tokens.")]) -> None:
    """Revoke every token of a name."""
    count = with_store(lambda store: store.access.revoke_tokens(name))
    typer.echo(f"{count} revoked.")


@operators.command("add")
def add_operator(name: Annotated[str, typer.Option(help="Name that colleagues and visitors see.")]) -> None:
    """Let somebody sign in at the desk; a one-time link (24 hours) is printed as the last word."""
    code = with_store(lambda store: store.access.add_operator(name, OPERATOR_SCOPES))
    typer.echo(f"Sign-in link of {name}, for one use: {read(ProcessSettings).origin}/desk/sign-in#{code}")
