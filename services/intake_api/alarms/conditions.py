"""What is an alarm: rules over figures and a moment. No I/O."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from onthaal_schema.worklist import WorkReason
from services.intake_api.alarms.settings import AlarmSettings
from services.intake_api.store.figures import Mailbox, Owed, Standing
from services.kit.alarms import Alarm, Condition

REFUSED = {"HTTP 401", "HTTP 403", "HTTP 404"}
"""Answers of a receiver that does not know us any more: a bad deployment, or a token that expired."""

GIVEN_UP = timedelta(days=30)
"""A mailbox that was not read for so long is not read any more, on purpose."""


def conditions(standing: Standing, limits: AlarmSettings, now: datetime) -> Iterator[Condition]:
    """Say what is wrong in the database."""
    danger = standing.work.get(WorkReason.DANGER.value)
    if danger and _older(danger.since, limits.alarm_danger, now):
        yield Condition(Alarm.IMMEDIATE_DANGER, danger.count, danger.since)
    active = [one for one in standing.owed if one.status == "active"]
    late = [one for one in active if _older(one.oldest, limits.alarm_queue_age, now)]
    if late:
        yield Condition(Alarm.QUEUE_AGE, sum(one.pending for one in late), _oldest(late))
    yield from _counted(Alarm.DEAD_LETTERS, standing.owed, lambda one: one.dead)
    refused = [one for one in active if one.last_error in REFUSED and one.failures]
    yield from _counted(Alarm.REFUSED_BY_RECEIVER, refused, lambda _: 1)
    stuck = [one for one in active if one.failures and one.held_until and _older(one.oldest, limits.alarm_circuit, now)]
    yield from _counted(Alarm.CIRCUIT_OPEN, stuck, lambda _: 1)
    gone = [one for one in standing.owed if one.status == "disabled" and one.pending]
    yield from _counted(Alarm.SUBSCRIPTION_GONE, gone, lambda _: 1)
    if standing.unfetched.count:
        yield Condition(Alarm.NEVER_FETCHED, standing.unfetched.count, standing.unfetched.since)
    yield from _counted(Alarm.DOES_NOT_ADD_UP, standing.owed, lambda one: abs(one.difference))
    yield from _gaps(standing.mails.mailboxes, limits, now)


def _gaps(mailboxes: Sequence[Mailbox], limits: AlarmSettings, now: datetime) -> Iterator[Condition]:
    """Mails that a server has and we have not, and mailboxes that nobody could read for too long."""
    found: list[tuple[int, datetime]] = []
    for box in mailboxes:
        if box.missing_since and _older(box.missing_since, limits.alarm_mailbox_gap, now):
            found.append((box.missing, box.missing_since))
        read_at = box.last_read_at or (box.first_seen_at if box.error else None)
        if read_at and now - read_at < GIVEN_UP and _older(read_at, limits.alarm_mailbox_silent, now):
            found.append((1, read_at))
    if found:
        yield Condition(Alarm.MAILBOX_GAP, sum(count for count, _ in found), min(since for _, since in found))


def _counted(alarm: Alarm, owed: Sequence[Owed], count: Callable[[Owed], int]) -> Iterator[Condition]:
    total = sum(map(count, owed))
    if total:
        yield Condition(alarm, total, None)


def _oldest(owed: Sequence[Owed]) -> datetime | None:
    return min((one.oldest for one in owed if one.oldest), default=None)


def _older(since: datetime | None, minutes: float, now: datetime) -> bool:
    return since is not None and now - since > timedelta(minutes=minutes)
