"""The command line: `onthaal serve`, `onthaal migrate`, and what an administrator does by hand."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from onthaal_schema.problems import ProblemError
from services.intake_api.administration import Store
from services.intake_api.caller import OPERATOR_SCOPES, SCOPES
from services.intake_api.settings import IntakeSettings
from services.intake_api.store.migrate import migrate as migrate_database
from services.intake_api.store.statistics import DIMENSIONS, as_csv
from services.intake_api.store.vault import UnusableKeys
from services.intake_api.subscriptions import Subscriptions
from services.kit.clock import SystemClock
from services.kit.settings import InvalidSettings, ProcessSettings, names, read, refuse_unknown
from services.settings import SERVICES, settings_classes

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Onthaal, an intake gateway.")
tokens = typer.Typer(no_args_is_help=True, help="API tokens.")
subscriptions = typer.Typer(no_args_is_help=True, help="Who gets events.")
operators = typer.Typer(no_args_is_help=True, help="Who may sign in at the desk.")
handover = typer.Typer(no_args_is_help=True, help="Events that were not taken.")
tagging = typer.Typer(no_args_is_help=True, help="The model that tags contacts.")
for name, part in (
    ("tokens", tokens),
    ("subscriptions", subscriptions),
    ("operators", operators),
    ("handover", handover),
    ("tagging", tagging),
):
    app.add_typer(part, name=name)

Result = TypeVar("Result")


def _with_store(work: Callable[[Store], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        refuse_unknown(settings_classes().values(), os.environ)
        store = Store.open(read(ProcessSettings), read(IntakeSettings), SystemClock())
        try:
            await migrate_database(store.database)
            return await work(store)
        finally:
            await store.database.close()

    return asyncio.run(run())


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
            default = "" if field.default is None else f" (default: {field.default})"
            typer.echo(f"  {variable}{default}\n      {field.description or 'Token for the intake service.'}")


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Option(help="Whose token it is.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; give it more than once for more.")],
) -> None:
    """Make a token; it is printed this once, as the last word."""
    wanted = {one for given in scope for one in given.replace(",", " ").split()}
    if unknown := sorted(wanted - SCOPES):
        raise typer.BadParameter(f"no scope {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}")
    secret = _with_store(lambda store: store.access.create_token(name, wanted))
    typer.echo(f"Token of {name} ({' '.join(sorted(wanted))}): {secret}")


@tokens.command("revoke")
def revoke_tokens(name: Annotated[str, typer.Option(help="Whose tokens.")]) -> None:
    """Revoke every token of a name."""
    count = _with_store(lambda store: store.access.revoke_tokens(name))
    typer.echo(f"{count} revoked.")


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

    typer.echo(f"Subscription of {name}; its secret: {_with_store(create)}")


@subscriptions.command("list")
def list_subscriptions() -> None:
    """List subscriptions and what they are owed, as JSON lines."""
    for row in _with_store(lambda store: store.subscriptions.all()):
        typer.echo(json.dumps(row, default=str))


@operators.command("add")
def add_operator(name: Annotated[str, typer.Option(help="Name that colleagues and visitors see.")]) -> None:
    """Let somebody sign in at the desk; a one-time link (24 hours) is printed as the last word."""
    code = _with_store(lambda store: store.access.add_operator(name, OPERATOR_SCOPES))
    typer.echo(f"Sign-in link of {name}, for one use: {read(ProcessSettings).origin}/desk/sign-in#{code}")


@handover.command("list")
def list_dead_letters() -> None:
    """List dead letters, newest first, as JSON lines."""
    for row in _with_store(lambda store: store.dead_letters.dead()):
        typer.echo(json.dumps(row, default=str))


@handover.command("replay")
def replay(
    event: Annotated[str | None, typer.Argument(help="Id of one event; all dead letters when none is given.")] = None,
) -> None:
    """Deliver dead letters again."""
    count = _with_store(lambda store: store.dead_letters.redrive(UUID(event) if event else None))
    typer.echo(f"{count} will be delivered again.")


@app.command()
def statistics(
    by: Annotated[str, typer.Option(help=f"Of {', '.join(DIMENSIONS)}; separated by commas.")] = "month,channel",
    since: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="First day that is left out, YYYY-MM-DD.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="melding or vraag.")] = None,
    format: Annotated[str, typer.Option(help="table, json or csv.")] = "table",  # noqa: A002 - the option's name
) -> None:
    """Count the contacts of persons, from stored counts."""
    wanted = by.split(",")
    if unknown := [one for one in wanted if one not in DIMENSIONS]:
        raise typer.BadParameter(f"no {', '.join(unknown)}; there are {', '.join(DIMENSIONS)}")

    async def count(store: Store) -> list[dict[str, object]]:
        await store.statistics.catch_up()
        days = [date.fromisoformat(day) if day else None for day in (since, until)]
        return await store.statistics.table(wanted, *days, kind=kind or (), nature=("person",))

    rows = _with_store(count)
    typer.echo(_rendered(format, wanted, rows), nl=False)


def _rendered(form: str, wanted: list[str], rows: list[dict[str, object]]) -> str:
    total = sum(int(str(row["count"])) for row in rows)
    if form == "json":
        return json.dumps({"items": rows, "total": total}, ensure_ascii=False) + "\n"
    if form == "csv":
        return as_csv(wanted, rows)
    columns = [*wanted, "count"]
    lines = [columns, *([str(row[one]) for one in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return f"{text}\ntotal {total}\n"


@tagging.command("predict")
def predict(file: Annotated[Path, typer.Argument(help="JSON lines with channel, subject and text.")]) -> None:
    """Print what the model makes of each message, as JSON lines."""
    from services.intake_api.tagging import commands  # noqa: PLC0415

    commands.predict(file, sys.stdout)


@tagging.command("evaluate")
def evaluate(
    data: Annotated[Path | None, typer.Argument(help="Labelled messages; the shipped ones when none is given.")] = None,
) -> None:
    """Print how good the model is, on messages it has not seen."""
    from services.intake_api.tagging import commands  # noqa: PLC0415

    typer.echo(commands.evaluate(data))


@tagging.command("train")
def train(
    out: Annotated[Path | None, typer.Option(help="Where to write the model; the shipped place when none is given.")] = None,
    data: Annotated[Path | None, typer.Option(help="Labelled messages; the shipped ones when none is given.")] = None,
) -> None:
    """Train the model again; the same messages give the same model."""
    from services.intake_api.tagging import commands  # noqa: PLC0415

    shipped = Path(commands.__file__).with_name("data") / "model.bin"
    typer.echo(f"Model {commands.train(data, out or shipped)} is written.")


def main() -> None:
    """Run the command line; what can be expected to go wrong is one clear line."""
    try:
        app()
    except (InvalidSettings, UnusableKeys, ValueError) as error:
        typer.echo(f"onthaal: {error}", err=True)
        raise SystemExit(2) from None
    except ProblemError as problem:
        issues = "; ".join(issue.detail for issue in problem.problem.issues or ())
        typer.echo(f"onthaal: {issues or problem.problem.detail or problem.problem.title}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
