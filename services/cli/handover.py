"""`onthaal subscriptions` and `onthaal handover`."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, Nature
from onthaal_schema.delivery import Change
from onthaal_schema.handover import SubscriptionRequest, SubscriptionState
from services.cli.opened import with_store
from services.intake_api.administration import Store
from services.intake_api.handover.handshake import OptionsHandshake
from services.intake_api.settings import IntakeSettings
from services.intake_api.store.dead_letters import Which
from services.intake_api.subscriptions import Subscriptions
from services.kit.settings import ProcessSettings, read

subscriptions = typer.Typer(no_args_is_help=True, help="Who gets events.")
handover = typer.Typer(no_args_is_help=True, help="Events that were not taken.")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a moment as 2026-11-22T09:30:00+01:00, or a day") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


Name = Annotated[str, typer.Argument(help="Name or id of a subscription.")]
Subscription = Annotated[str | None, typer.Option(help="Name or id of a subscription.")]
Reason = Annotated[str | None, typer.Option(help='Why they were given up, as listed: "HTTP 422".')]
Since = Annotated[datetime | None, typer.Option(help="From this moment on; UTC unless an offset is given.", parser=_moment)]
Until = Annotated[datetime | None, typer.Option(help="Before this moment.", parser=_moment)]


def _subscriptions(store: Store) -> Subscriptions:
    return Subscriptions(store.subscriptions, OptionsHandshake(read(ProcessSettings).host_name), read(IntakeSettings).hosts())


@subscriptions.command("create")
def create_subscription(
    url: Annotated[str, typer.Option(help="Where events are posted to.")],
    name: Annotated[str, typer.Option(help="Who listens there.")] = "case service",
    nature: Annotated[list[Nature] | None, typer.Option(help="Natures that are handed over; default person.")] = None,
    type: Annotated[list[Change] | None, typer.Option(help="Only events of this type.")] = None,  # noqa: A002 - the option's name
    channel: Annotated[list[Channel] | None, typer.Option(help="Only contacts of this channel.")] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only contacts of this kind.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=100, help="How many events one delivery may hold.")] = 1,
    from_start: Annotated[bool, typer.Option(help="Hand over every past event as well.")] = False,
    since: Since = None,
    handshake: Annotated[bool, typer.Option(help="Ask the receiver first (CloudEvents webhook handshake).")] = False,
) -> None:
    """Hand events over to an address; its secret is printed this once, as the last word."""
    asked = {
        "url": url,
        "name": name,
        "natures": tuple(nature or [Nature.PERSON]),
        "types": tuple(type or ()),
        "channels": tuple(channel or ()),
        "kinds": tuple(kind or ()),
        "batch": batch,
        "from_start": from_start,
        "since": since,
        "handshake": handshake,
    }
    try:
        wanted = SubscriptionRequest.model_validate(asked)
    except ValidationError as error:
        raise ValueError("; ".join(f"{issue['loc'][-1]}: {issue['msg']}" for issue in error.errors())) from None
    made = with_store(lambda store: _subscriptions(store).make(wanted))
    if made.refusal:
        typer.echo(f"It gets nothing yet: {made.refusal}. Then run: onthaal subscriptions verify {made.id}")
    typer.echo(f"Subscription of {name}; its secret: {made.secret}")


@subscriptions.command("list")
def list_subscriptions() -> None:
    """List subscriptions and what they are owed, as JSON lines."""
    for row in with_store(lambda store: store.subscriptions.all()):
        typer.echo(json.dumps(row, default=str))


@subscriptions.command("show")
def show_subscription(name: Name) -> None:
    """Show a subscription with what it is owed."""
    _print(with_store(lambda store: _subscriptions(store).named(name)))


@subscriptions.command("pause")
def pause_subscription(name: Name) -> None:
    """Hand nothing over until it is resumed; what happens meanwhile is kept for it."""
    _print(_with_named(name, lambda made, found: made.pause(found.id)))


@subscriptions.command("resume")
def resume_subscription(name: Name) -> None:
    """Hand over again, from where it was: a paused subscription, or one that was disabled by a 410."""
    _print(_with_named(name, lambda made, found: made.resume(found.id)))


@subscriptions.command("verify")
def verify_subscription(name: Name) -> None:
    """Ask the receiver again whether it wants events."""
    _print(_with_named(name, lambda made, found: made.verify(found.id)))


@subscriptions.command("rotate")
def rotate_secret(
    name: Name,
    keep_former_hours: Annotated[int, typer.Option(min=0, max=720, help="Sign with the former secret as well for so long.")] = 24,
) -> None:
    """Give another secret, printed this once, as the last word; for a while deliveries are signed with both."""
    keep = timedelta(hours=keep_former_hours)
    rotated = _with_named(name, lambda made, found: made.rotate(found.id, keep))
    typer.echo(f"The former secret is valid until {rotated.former_until:%Y-%m-%d %H:%M} UTC; the new one: {rotated.secret}")


@subscriptions.command("delete")
def delete_subscription(name: Name) -> None:
    """Hand nothing over any more, and forget what was owed."""
    _with_named(name, lambda made, found: made.delete(found.id))
    typer.echo("Deleted.")


@handover.command("list")
def list_dead_letters(
    subscription: Subscription = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 200,
) -> None:
    """List dead letters, newest event first, as JSON lines."""

    async def dead(store: Store) -> list[dict[str, Any]]:
        return (await store.dead_letters.dead(await _which(store, (), subscription, reason, since, until), limit)).rows

    for row in with_store(dead):
        typer.echo(json.dumps(row, default=str))


@handover.command("replay")
def replay(
    events: Annotated[list[UUID] | None, typer.Argument(help="Ids of events; all dead letters when nothing is chosen.")] = None,
    subscription: Subscription = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    dead_only: Annotated[bool, typer.Option(help="With --since: only dead letters that were given up since.")] = False,
) -> None:
    """Deliver dead letters again. With --subscription and --since: everything since then, also what was delivered."""

    async def again(store: Store) -> str:
        if subscription and since and not (events or reason or until or dead_only):
            found = await _subscriptions(store).named(subscription)
            await store.replays.ask(found.id, since)
            await store.replays.finish(found.id)  # a gateway that runs does a part of it
            return f"Everything that {found.name} asks for since {since:%Y-%m-%d %H:%M %Z}"
        return str(await store.dead_letters.redrive(await _which(store, events or (), subscription, reason, since, until)))

    typer.echo(f"{with_store(again)} will be delivered again.")


async def _which(
    store: Store, events: Any, name: str | None, reason: str | None, since: datetime | None, until: datetime | None
) -> Which:
    found = (await _subscriptions(store).named(name)).id if name else None
    return Which(tuple(events), found, reason, since, until)


def _with_named(name: str, work: Callable[[Subscriptions, SubscriptionState], Awaitable[Any]]) -> Any:
    async def run(store: Store) -> Any:
        made = _subscriptions(store)
        return await work(made, await made.named(name))

    return with_store(run)


def _print(shown: BaseModel) -> None:
    typer.echo(shown.model_dump_json(exclude_none=True, indent=2))
