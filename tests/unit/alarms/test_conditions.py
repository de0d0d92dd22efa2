"""What is an alarm, and what is not yet."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.intake_api.alarms.conditions import conditions
from services.intake_api.alarms.settings import AlarmSettings
from services.intake_api.store.figures import Mailbox, Mails, Owed, Standing, Waiting
from services.kit.alarms import Alarm, Board
from services.kit.clock import SetClock

NOW = datetime(2026, 3, 4, 11, tzinfo=UTC)
WELL: dict[str, Any] = {
    "status": "active", "pending": 0, "oldest": None, "dead": 0, "failures": 0, "held_until": None, "last_error": None,
    "last_error_at": None, "difference": 0,
}  # fmt: skip


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def alarms(work: dict[str, Waiting] | None = None, unfetched: int = 0, **owed: Any) -> set[Alarm]:
    standing = Standing((Owed(uuid4(), **WELL | owed),), work or {}, Waiting(unfetched, ago(90)))
    return {condition.alarm for condition in conditions(standing, AlarmSettings(), NOW)}


@pytest.mark.parametrize(
    ("owed", "found"),
    [
        ({}, set()),
        ({"pending": 9, "oldest": ago(14)}, set()),
        ({"pending": 9, "oldest": ago(16)}, {Alarm.QUEUE_AGE}),
        ({"pending": 9, "oldest": ago(16), "status": "paused"}, set()),
        ({"dead": 1}, {Alarm.DEAD_LETTERS}),
        ({"dead": 1, "status": "paused"}, {Alarm.DEAD_LETTERS}),
        ({"failures": 1, "last_error": "HTTP 401"}, {Alarm.REFUSED_BY_RECEIVER}),
        ({"failures": 0, "last_error": "HTTP 401"}, set()),
        ({"failures": 9, "last_error": "HTTP 500"}, set()),
        ({"pending": 1, "oldest": ago(31), "failures": 9, "held_until": NOW}, {Alarm.QUEUE_AGE, Alarm.CIRCUIT_OPEN}),
        ({"pending": 1, "oldest": ago(16), "failures": 9, "held_until": NOW}, {Alarm.QUEUE_AGE}),
        ({"status": "disabled", "pending": 2}, {Alarm.SUBSCRIPTION_GONE}),
        ({"status": "disabled"}, set()),
        ({"difference": -1}, {Alarm.DOES_NOT_ADD_UP}),
        ({"unfetched": 3}, {Alarm.NEVER_FETCHED}),
        ({"work": {"danger": Waiting(1, ago(14))}}, set()),
        ({"work": {"danger": Waiting(1, ago(16))}}, {Alarm.IMMEDIATE_DANGER}),
        ({"work": {"unsure": Waiting(1, ago(9000))}}, set()),
    ],
)
def test_what_is_an_alarm(owed: dict[str, Any], found: set[Alarm]) -> None:
    assert alarms(**owed) == found


@pytest.mark.parametrize(
    ("box", "count"),
    [
        ({}, 0),
        ({"missing": 3, "missing_since": ago(9)}, 0),
        ({"missing": 3, "missing_since": ago(11)}, 3),
        ({"last_read_at": ago(9)}, 0),
        ({"last_read_at": ago(11)}, 1),
        ({"last_read_at": ago(11), "missing": 3, "missing_since": ago(60)}, 4),
        ({"last_read_at": ago(31 * 24 * 60)}, 0),
        ({"last_read_at": None}, 0),
        ({"last_read_at": None, "error": "LoginError", "first_seen_at": ago(9)}, 0),
        ({"last_read_at": None, "error": "LoginError"}, 1),
    ],
)
def test_a_mailbox_with_mails_that_are_not_taken_in_or_that_is_not_read_is_an_alarm(box: dict[str, Any], count: int) -> None:
    well = {
        "name": "meldpunt",
        "first_seen_at": ago(9999),
        "last_read_at": ago(1),
        "missing": 0,
        "missing_since": None,
        "error": None,
    }
    standing = Standing((), {}, Waiting(0, None), Mails((Mailbox(**well | box),)))
    found = [condition.count for condition in conditions(standing, AlarmSettings(), NOW)]
    assert found == ([count] if count else [])


def test_parts_of_one_name_are_counted_and_each_is_settled_by_itself() -> None:
    clock = SetClock(NOW)
    board = Board(clock)
    board.raise_alarm(Alarm.WORKER_FAILING, "writer")
    clock.advance(timedelta(minutes=5))
    board.raise_alarm(Alarm.WORKER_FAILING, "dispatcher")
    board.raise_alarm(Alarm.WORKER_FAILING, "dispatcher")
    condition = board.conditions()[Alarm.WORKER_FAILING]
    assert (condition.count, condition.since) == (2, NOW)
    board.settle(Alarm.WORKER_FAILING, "writer")
    assert board.conditions()[Alarm.WORKER_FAILING].since == NOW + timedelta(minutes=5)
    board.settle(Alarm.WORKER_FAILING, "dispatcher")
    assert board.conditions() == {}
