"""What is wrong in this process: any part raises an alarm by its name, and settles it when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.kit.clock import Clock


class Alarm(StrEnum):
    """Everything that somebody on call can be told of."""

    IMMEDIATE_DANGER = "immediateDanger"
    DATABASE_AWAY = "databaseAway"
    MAIL_NOT_TAKEN = "mailNotTaken"
    MAILBOX_GAP = "mailboxGap"
    MAIL_NOT_SENT = "mailNotSent"
    WORKER_FAILING = "workerFailing"
    DISK_NEARLY_FULL = "diskNearlyFull"
    QUEUE_AGE = "queueAge"
    DEAD_LETTERS = "deadLetters"
    CIRCUIT_OPEN = "circuitOpen"
    REFUSED_BY_RECEIVER = "refusedByReceiver"
    SUBSCRIPTION_GONE = "subscriptionGone"
    NEVER_FETCHED = "neverFetched"
    DOES_NOT_ADD_UP = "doesNotAddUp"
    BACKUP_OLD = "backupOld"


URGENT = frozenset({
    Alarm.IMMEDIATE_DANGER, Alarm.DATABASE_AWAY, Alarm.MAIL_NOT_TAKEN, Alarm.MAILBOX_GAP, Alarm.WORKER_FAILING, Alarm.DISK_NEARLY_FULL,
})  # fmt: skip
"""Alarms that are told in quiet hours too: somebody may be in danger, or what people send is not taken in."""


@dataclass(frozen=True)
class Condition:
    """An alarm that holds: of how many things, and since when the oldest of them."""

    alarm: Alarm
    count: int = 1
    since: datetime | None = None


class Board:
    """Alarms raised in this process. `part` tells those of one name apart: a worker, a mailbox."""

    def __init__(self, clock: Clock) -> None:
        """Start with nothing wrong."""
        self._clock = clock
        self._raised: dict[tuple[Alarm, str], datetime] = {}

    def raise_alarm(self, alarm: Alarm, part: str = "") -> None:
        """Say that something is wrong; saying it again changes nothing."""
        self._raised.setdefault((alarm, part), self._clock.now())

    def settle(self, alarm: Alarm, part: str = "") -> None:
        """Say that it is over."""
        self._raised.pop((alarm, part), None)

    def conditions(self) -> Mapping[Alarm, Condition]:
        """Give what is wrong now."""
        found: dict[Alarm, Condition] = {}
        for (alarm, _), since in self._raised.items():
            known = found.get(alarm)
            oldest = min(since, known.since) if known and known.since else since
            found[alarm] = Condition(alarm, known.count + 1 if known else 1, oldest)
        return found
