"""`onthaal doctor`: looks at everything that is needed, and says what to do about what is wrong."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import typer
from nats import errors
from nats.aio.client import Client

from onthaal_schema.channel import Channel
from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.administration import Store
from services.intake_api.alarms.mail import AlarmMail, NotSent
from services.intake_api.alarms.settings import AlarmSettings
from services.intake_api.opening_hours.calendar import Calendar
from services.intake_api.opening_hours.public_holidays import check_public_holidays
from services.intake_api.settings import IntakeSettings
from services.intake_api.store.examination import Examination
from services.intake_api.store.figures import Figures
from services.intake_api.store.migrate import HEAD
from services.intake_api.store.vault import CannotOpen, Keys, UnusableKeys, Vault
from services.kit.clock import SystemClock
from services.kit.mail_server import NotConnected
from services.kit.pages import BRUSSELS
from services.kit.settings import InvalidSettings, ProcessSettings, read, refuse_unknown
from services.mail_ingest.settings import MailOutSettings
from services.settings import settings_classes

SKEW = 5
"""Seconds that two clocks may differ; signatures are refused at 300."""

SOON = timedelta(days=14)


class Level(StrEnum):
    """How bad it is: FAIL makes the command fail."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what to do when it is not well."""

    level: Level
    what: str
    found: str
    advice: str = ""

    def line(self) -> str:
        """Write it as one line."""
        return f"{self.level:<4}  {self.what:<14}  {self.found}" + (f" → {self.advice}" if self.advice else "")


Findings = AsyncIterator[Finding]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check settings, database, keys, clocks, disk, subscriptions, alarms and hours; fail when something is broken."""
    findings = asyncio.run(_examine())
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            typer.echo(finding.line())
    raise typer.Exit(any(finding.level is Level.FAIL for finding in findings))


async def _examine() -> list[Finding]:
    try:
        refuse_unknown(settings_classes().values(), os.environ)
        for kind in settings_classes().values():
            read(kind)
        calendar = Calendar(read(IntakeSettings).calendar())
    except (InvalidSettings, ValueError) as error:
        return [Finding(Level.FAIL, "settings", str(error), "see `onthaal settings`")]
    findings = [Finding(Level.OK, "settings", "every one is known and valid")]
    findings += [finding async for finding in _hours(calendar)]
    findings.append(_disk(read(ProcessSettings).var))
    findings += [finding async for finding in _alarms(read(AlarmSettings), read(ProcessSettings))]
    findings += [finding async for finding in _answers(read(MailOutSettings))]
    findings += [finding async for finding in _nats(read(ProcessSettings))]
    return findings + [finding async for finding in _kept(read(ProcessSettings), read(IntakeSettings))]


async def _hours(calendar: Calendar) -> Findings:
    today = SystemClock().now().astimezone(BRUSSELS).date()
    try:
        check_public_holidays()
        christmas = calendar.on_day(Channel.TELEFOON, today.replace(month=12, day=25))
    except ValueError as error:
        yield Finding(Level.FAIL, "hours", str(error), "install onthaal again, from its lock file")
        return
    ahead = [calendar.on_day(Channel.TELEFOON, today + timedelta(days=days)).open for days in range(14)]
    if christmas.open:
        yield Finding(Level.WARN, "hours", "25 December counts as open", "look at ONTHAAL_HOURS_TELEFOON and ONTHAAL_CLOSURES")
    elif not any(ahead):
        yield Finding(Level.WARN, "hours", "the telephone is closed for two weeks", "look at ONTHAAL_HOURS_TELEFOON")
    else:
        yield Finding(Level.OK, "hours", f"25 December is closed, {sum(ahead)} of the next 14 days are open")


def _disk(var: Path) -> Finding:
    if not var.is_dir():
        return Finding(Level.FAIL, "disk", f"{var} is no folder", "set ONTHAAL_VAR, or start `onthaal serve` once")
    if not os.access(var, os.W_OK):
        return Finding(Level.FAIL, "disk", f"{var} cannot be written", "let the user that runs onthaal own it")
    disk = shutil.disk_usage(var)
    free = 100 * disk.free / disk.total
    level = Level.FAIL if free < 2 else Level.WARN if free < read(AlarmSettings).alarm_disk_percent else Level.OK
    return Finding(level, "disk", f"{free:.0f} % free", "" if level is Level.OK else "make room: a full disk refuses contacts")


async def _alarms(settings: AlarmSettings, process: ProcessSettings) -> Findings:
    if settings.alarm_smtp_host is None:
        yield Finding(Level.WARN, "alarms", "nobody is told", "set ONTHAAL_ALARM_SMTP_HOST and ONTHAAL_ALARM_TO")
        return
    server = f"{settings.alarm_smtp_host}:{settings.alarm_smtp_port}"
    try:
        await AlarmMail(settings, process.origin).probe()
    except NotSent as error:
        yield Finding(Level.FAIL, "alarms", f"{server}: {error}", "look at ONTHAAL_ALARM_SMTP_*; `onthaal alarms test` sends one")
    else:
        yield Finding(Level.OK, "alarms", f"{server} takes mail ({settings.alarm_smtp_tls})")


async def _answers(settings: MailOutSettings) -> Findings:
    if settings.server is None:
        return
    server = f"{settings.mail_out_host}:{settings.mail_out_port}"
    try:
        async with settings.server.connected():
            yield Finding(Level.OK, "answers", f"{server} takes mail ({settings.mail_out_tls})")
    except NotConnected as error:
        yield Finding(Level.FAIL, "answers", f"{server}: {error}", "look at ONTHAAL_MAIL_OUT_*: people who mail hear nothing")


async def _nats(process: ProcessSettings) -> Findings:
    if process.nats_url is None:
        return
    client = Client()
    servers = [server.strip() for server in process.nats_url.get_secret_value().split(",")]
    try:
        async with asyncio.timeout(5):  # the library would try sixty times
            await client.connect(servers, allow_reconnect=False, connect_timeout=3)
    except (errors.Error, OSError, TimeoutError) as error:
        advice = "look at ONTHAAL_NATS_URL, and whether they run"
        yield Finding(Level.FAIL, "nats", f"no server answers ({type(error).__name__})", advice)
        return
    yield Finding(Level.OK, "nats", f"it answers; {len(client.servers)} servers are known")
    await client.close()


async def _kept(process: ProcessSettings, settings: IntakeSettings) -> Findings:
    path = settings.keys(process)
    if not path.exists():
        yield Finding(
            Level.FAIL, "keys", f"{path} is not there", "put the backup of the keys back, or start `onthaal serve` once"
        )
        return
    try:
        vault = Vault(Keys.load_or_make(path))
    except UnusableKeys as error:
        yield Finding(
            Level.FAIL, "keys", str(error), "only its owner may read it; put the backup of the keys back when it is damaged"
        )
        return
    if not _may_exist(settings.database(process)):
        yield Finding(
            Level.FAIL, "database", "there is none", "look at ONTHAAL_VAR and ONTHAAL_DATABASE_URL, or run `onthaal migrate`"
        )
        return
    store = Store.open(process, settings, SystemClock())
    try:
        async for finding in _database(store, vault):
            yield finding
    finally:
        await store.database.close()


def _may_exist(address: str) -> bool:
    """Say whether there can be a database: looking into a file that is not there would make it."""
    return not address.startswith("sqlite") or Path(address.partition(":///")[2]).exists()


async def _database(store: Store, vault: Vault) -> Findings:
    asked = Examination(store.database)
    try:
        revision = await asked.revision()
    except ServiceUnavailable:
        yield Finding(Level.FAIL, "database", "it does not answer", "look at ONTHAAL_DATABASE_URL, and whether it runs")
        return
    if revision != HEAD:
        yield Finding(
            Level.FAIL, "database", f"it is at {revision or 'nothing'}, this code needs {HEAD}", "run `onthaal migrate`"
        )
        return
    for look in (_writable, _clock, _key, _claims, _tokens):
        yield await look(asked, vault, store)
    async for finding in _subscriptions(store):
        yield finding


Look = Callable[[Examination, Vault, Store], Awaitable[Finding]]


async def _writable(asked: Examination, _: Vault, __: Store) -> Finding:
    try:
        await asked.write()
    except ServiceUnavailable:
        return Finding(Level.FAIL, "database", "nothing can be written", "is its disk full, or is it a standby?")
    return Finding(Level.OK, "database", f"it answers, can be written, and is at {HEAD}")


async def _clock(asked: Examination, _: Vault, __: Store) -> Finding:
    ahead = await asked.seconds_ahead()
    return _skew("clock", "the database's", ahead)


async def _key(asked: Examination, vault: Vault, _: Store) -> Finding:
    mark = vault.digest(b"onthaal doctor", b"doctor").hex()[:12]
    try:
        opened = await asked.open_newest_key(vault)
    except CannotOpen as error:
        return Finding(Level.FAIL, "keys", str(error), "these keys are of another database: put the right key file back")
    return Finding(Level.OK, "keys", f"{mark} " + ("opens the newest contact" if opened else "has no contact to open yet"))


async def _claims(asked: Examination, _: Vault, __: Store) -> Finding:
    orphans = await asked.orphaned_claims()
    if orphans:
        return Finding(
            Level.WARN, "claims", f"{orphans} of contacts that are owed nothing", "they go at the next delivery of each"
        )
    return Finding(Level.OK, "claims", "each has something to deliver")


async def _tokens(asked: Examination, _: Vault, store: Store) -> Finding:
    ending = await asked.tokens_ending(store.database.clock.now() + SOON)
    if not ending:
        return Finding(Level.OK, "tokens", "none ends within two weeks")
    names = ", ".join(f"{name} on {ends:%d/%m/%Y}" for name, ends in ending)
    return Finding(Level.WARN, "tokens", names, "make new ones with `onthaal tokens create`")


async def _subscriptions(store: Store) -> Findings:
    limit = timedelta(minutes=read(AlarmSettings).alarm_queue_age)
    owed = {one.id: one for one in (await Figures(store.database).read(limit)).owed}
    rows = await store.subscriptions.all()
    if not rows:
        yield Finding(Level.WARN, "subscriptions", "there is none", "nobody gets events: `onthaal subscriptions create --url …`")
    async with httpx.AsyncClient(timeout=5, follow_redirects=False) as http:
        for row in rows:
            one, now = owed[row["id"]], store.database.clock.now()
            if urlsplit(row["url"]).scheme != "nats":
                yield await _reached(http, row, now)
            troubles = [
                *([f"status {one.status}"] if one.status != "active" else []),
                *([f"{one.dead} dead letters"] if one.dead else []),
                *([f"its books differ by {one.difference}: `onthaal handover replay`"] if one.difference else []),
                *([f"{one.failures} failures in a row, last {one.last_error}"] if one.failures else []),
                *([f"held until {one.held_until:%H:%M:%S} UTC"] if one.held_until and one.held_until > now else []),
                *(
                    [f"{one.pending} events wait, the oldest for {now - one.oldest}"]
                    if one.oldest and now - one.oldest > limit
                    else []
                ),
            ]
            advice = (
                "`onthaal handover list` shows dead letters, `replay` sends them again" if one.dead else "look at the receiver"
            )
            if troubles:
                yield Finding(Level.WARN, _named(row), "; ".join(troubles), advice)


async def _reached(http: httpx.AsyncClient, row: dict[str, Any], now: datetime) -> Finding:
    """Reach the receiver without an event: any answer at all says that it is there."""
    try:
        answer = await http.options(row["url"])
    except httpx.HTTPError as error:
        return Finding(
            Level.FAIL, _named(row), f"it cannot be reached: {type(error).__name__}", "is the address right, and does it run?"
        )
    try:
        ahead = (parsedate_to_datetime(answer.headers.get("Date", "")) - now).total_seconds()
    except (ValueError, TypeError):
        return Finding(Level.OK, _named(row), f"it answers (OPTIONS {answer.status_code})")
    # a Date has whole seconds
    return _skew(_named(row), f"it answers (OPTIONS {answer.status_code}); the receiver's", ahead + 0.5)


def _skew(what: str, whose: str, ahead: float) -> Finding:
    if abs(ahead) > SKEW:
        return Finding(
            Level.WARN, what, f"{whose} clock is {ahead:+.0f} s from ours", "let both keep time (NTP): signatures expire"
        )
    return Finding(Level.OK, what, f"{whose} clock agrees with ours")


def _named(row: dict[str, Any]) -> str:
    return f"{row['name']} ({urlsplit(row['url']).hostname})"
