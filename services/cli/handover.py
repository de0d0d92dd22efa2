"""`onthaal subscriptions` and `onthaal handover`."""

import json
from typing import Annotated
from uuid import UUID

import typer

from services.cli.opened import with_store
from services.intake_api.administration import Store
from services.intake_api.subscriptions import Subscriptions

subscriptions = typer.Typer(no_args_is_help=True, help="Who gets events.")
handover = typer.Typer(no_args_is_help=True, help="Events that were not taken.")


@subscriptions.command("create")
def create_subscription(
    url: Annotated[str, typer.Option(help="Where events are posted to.")],
    name: Annotated[str, typer.Option(help="Who listens there.")] = "case service",
    nature: Annotated[list[str] | None, typer.Option(help="person (default), machine, spam, nonContact.")] = None,
    from_start: Annotated[bool, typer.Option(help="Hand over every past event as well.")] = False,
) -> None:
    """Hand events over to an address; its secret is printed this once, as the last word."""

    async def create(store: Store) -> str:
        made = await Subscriptions(store.subscriptions).create(name, url, nature or ["person"], from_start=from_start)
        return made.secret

    typer.echo(f"Subscription of {name}; its secret: {with_store(create)}")


@subscriptions.command("list")
def list_subscriptions() -> None:
    """List subscriptions and what they are owed, as JSON lines."""
    for row in with_store(lambda store: store.subscriptions.all()):
        typer.echo(json.dumps(row, default=str))


@handover.command("list")
def list_dead_letters() -> None:
    """List dead letters, newest first, as JSON lines."""
    for row in with_store(lambda store: store.dead_letters.dead()):
        typer.echo(json.dumps(row, default=str))


@handover.command("replay")
def replay(
    event: Annotated[str | None, typer.Argument(help="Id of one event; all dead letters when none is given.")] = None,
) -> None:
    """Deliver dead letters again."""
    count = with_store(lambda store: store.dead_letters.redrive(UUID(event) if event else None))
    typer.echo(f"{count} will be delivered again.")
