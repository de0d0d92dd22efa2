"""`onthaal alarms`."""

import asyncio
import os

import typer

from services.cli.opened import with_store
from services.intake_api.alarms.mail import AlarmMail, NotSent
from services.intake_api.alarms.settings import AlarmSettings
from services.intake_api.store.alarms import KeptAlarms
from services.kit.clock import SystemClock
from services.kit.settings import ProcessSettings, read, refuse_unknown
from services.settings import settings_classes

alarms = typer.Typer(no_args_is_help=True, help="Mails to whoever is on call.")


@alarms.command("test")
def send_test() -> None:
    """Send a test mail to whoever is on call."""
    refuse_unknown(settings_classes().values(), os.environ)
    settings = read(AlarmSettings)
    if settings.alarm_smtp_host is None:
        raise typer.BadParameter("ONTHAAL_ALARM_SMTP_HOST and ONTHAAL_ALARM_TO say by which mail server, and to whom")
    try:
        asyncio.run(AlarmMail(settings, read(ProcessSettings).origin).send_test(SystemClock().now()))
    except NotSent as error:
        typer.echo(f"onthaal: {settings.alarm_smtp_host}:{settings.alarm_smtp_port} did not take it: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Sent to {len(settings.recipients)}.")


@alarms.command("list")
def list_alarms() -> None:
    """List the alarms that were raised and are not over."""
    for alarm in with_store(lambda store: KeptAlarms(store.database).all()):
        told = f"told {alarm.told_at:%d/%m/%Y %H:%M}" if alarm.told_at else "not told yet"
        typer.echo(f"{alarm.name} since {alarm.since:%d/%m/%Y %H:%M} UTC, {told}")
