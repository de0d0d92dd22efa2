"""`onthaal page`: pages that something else serves."""

import os
from datetime import timedelta
from pathlib import Path
from shutil import copyfile
from typing import Annotated

import typer

from onthaal_schema.channel import Channel
from services.intake_api.opening_hours.day import DayPlanner
from services.intake_api.opening_hours.rules import CalendarRules
from services.intake_api.settings import IntakeSettings
from services.kit.clock import SystemClock
from services.kit.pages import BRUSSELS
from services.kit.settings import read, refuse_unknown
from services.kit.short_help import ShortHelpSettings, read_help
from services.kit.words.hours import Week
from services.public_site.down import STYLE, down
from services.public_site.settings import PublicSiteSettings
from services.settings import settings_classes

page = typer.Typer(no_args_is_help=True, help="Pages that something else serves.")


@page.callback()
def pages() -> None:
    """Write pages from the settings, so that they say what the gateway says."""


@page.command("down")
def write_down(
    folder: Annotated[
        Path | None, typer.Argument(help="Where index.html and down.css go; without it the page is printed.")
    ] = None,
) -> None:
    """Write the page that a proxy serves when the gateway does not answer (502, 503, 504)."""
    refuse_unknown(settings_classes().values(), os.environ)
    helpers = read_help(read(ShortHelpSettings).chat_help)
    text = down(read(PublicSiteSettings), helpers, _telephone(read(IntakeSettings).calendar()))
    if folder is None:
        typer.echo(text, nl=False)
        return
    os.umask(0o022)  # the proxy, which is somebody else, reads them
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(text, "utf-8")
    copyfile(STYLE, folder / "down.css")
    typer.echo(f"{folder / 'index.html'} and {folder / 'down.css'} are written.")


def _telephone(rules: CalendarRules) -> Week:
    """Give the hours of this week's days as they regularly are: holidays are told in words."""
    planner = DayPlanner(Channel.TELEFOON, rules)
    today = SystemClock().now().astimezone(BRUSSELS).date()
    monday = today - timedelta(days=today.weekday())
    return [planner.regular_hours(monday + timedelta(days=number)) for number in range(7)]
