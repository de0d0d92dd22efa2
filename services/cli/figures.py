"""`onthaal statistics`."""

import json
from datetime import date
from typing import Annotated

import typer

from services.cli.opened import with_store
from services.intake_api.administration import Store
from services.intake_api.store.statistics import DIMENSIONS, as_csv


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

    rows = with_store(count)
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
