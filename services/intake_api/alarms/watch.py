"""The worker that looks at what may be wrong, and tells it: once when it rises, again while it lasts, once when it is over.

It only reads, and writes a row an alarm; no intake ever waits for it. When mail cannot be sent it tries again at the
next look, and the service says that it is degraded.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from prometheus_client.core import Metric

from onthaal_schema.problems import ServiceUnavailable
from services.intake_api.alarms.conditions import conditions
from services.intake_api.alarms.mail import AlarmMail, Notice, NotSent
from services.intake_api.alarms.settings import BRUSSELS, AlarmSettings
from services.intake_api.alarms.surroundings import surroundings
from services.intake_api.measures import ALARM_MAILS
from services.intake_api.store.alarms import KeptAlarm, KeptAlarms
from services.intake_api.store.figures import Figures, Mails, Owed, Standing
from services.kit.alarms import URGENT, Alarm, Board, Condition
from services.kit.clock import Clock
from services.kit.logging import logger
from services.kit.measures import gauge

log = logger(__name__)

FORGOTTEN = timedelta(days=7)
"""How long an alarm of another machine, or of another version, is kept without being told again: whoever told it is no more."""


@dataclass(frozen=True)
class Found:
    """What is wrong, by the name it is kept under: `alarm`, or `alarm@node` for what concerns one machine."""

    condition: Condition
    place: str | None = None

    @property
    def name(self) -> str:
        """The name it is kept under."""
        return f"{self.condition.alarm}@{self.place}" if self.place else self.condition.alarm


@dataclass
class Watch:
    """Looks and tells. `mail` is None where nobody was named to be told: alarms then show in `/metrics` only."""

    figures: Figures
    kept: KeptAlarms
    board: Board
    mail: AlarmMail | None
    settings: AlarmSettings
    clock: Clock
    var: Path
    node: str
    cannot_tell: bool = False
    _away: KeptAlarm | None = None
    _away_since: datetime | None = None
    _standing: Standing | None = None
    _found: dict[str, Found] = field(default_factory=dict)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self.settings.alarm_every)

    async def look(self) -> None:
        """Look once, and tell what is to be told."""
        now = self.clock.now()
        try:
            await self.read()
            if self.mail is not None:
                await self._tell_all(self.mail, now)
        except ServiceUnavailable:
            await self._database_is_away(now)
        else:
            await self._database_is_back()

    async def read(self) -> Standing:
        """Read the figures, and find what is wrong.

        Raises:
            ServiceUnavailable: the database cannot be reached.

        """
        now = self.clock.now()
        self._standing = await self.figures.read(timedelta(minutes=self.settings.alarm_unfetched))
        found = [Found(condition) for condition in conditions(self._standing, self.settings, now)]
        found += [Found(condition, self.node) for condition in self._of_this_machine(now)]
        self._found = {one.name: one for one in found}
        return self._standing

    def _of_this_machine(self, now: datetime) -> Iterator[Condition]:
        yield from surroundings(self.var, self.settings, now)
        for condition in self.board.conditions().values():
            if condition.since and now - condition.since >= self._grace:
                yield condition

    @property
    def _grace(self) -> timedelta:
        return timedelta(minutes=self.settings.alarm_grace)

    async def _tell_all(self, mail: AlarmMail, now: datetime) -> None:
        for name in self._found.keys() - {alarm.name for alarm in await self.kept.all()}:
            await self.kept.keep(name, now)
        self.cannot_tell = not all([await self._tell(mail, alarm, now) for alarm in await self.kept.all()])

    async def _tell(self, mail: AlarmMail, alarm: KeptAlarm, now: datetime) -> bool:
        """Tell one alarm if it is time; false when it could not be told."""
        name, _, place = alarm.name.partition("@")
        if (place and place != self.node) or name not in set(Alarm):
            if now - (alarm.told_at or alarm.since) > FORGOTTEN:
                await self.kept.settle(alarm.name)
            return True  # its own machine looks after it, or a node of the version that knows it
        found = self._found.get(alarm.name)
        kind = Alarm(name)
        if found is None and alarm.told_at is None:
            await self.kept.settle(alarm.name)
            return True
        if not self._is_time(alarm, kind, now, over=found is None) or not await self.kept.hold(alarm):
            return True
        condition = found.condition if found else Condition(kind, 0)
        since = condition.since or alarm.since
        return await self._send(mail, alarm, Notice(kind, condition.count, since, over=found is None, place=place or None))

    def _is_time(self, alarm: KeptAlarm, kind: Alarm, now: datetime, *, over: bool) -> bool:
        if kind not in URGENT and self.settings.is_quiet(now.astimezone(BRUSSELS).time()):
            return False
        return over or alarm.told_at is None or now - alarm.told_at >= timedelta(minutes=self.settings.alarm_repeat)

    async def _send(self, mail: AlarmMail, alarm: KeptAlarm, notice: Notice) -> bool:
        if not await self._sent(mail, notice):
            await self.kept.let_go(alarm.name)
            return False
        await (self.kept.settle(alarm.name) if notice.over else self.kept.told(alarm.name))
        return True

    async def _sent(self, mail: AlarmMail, notice: Notice) -> bool:
        try:
            await mail.send(notice, self.clock.now())
        except NotSent as error:
            log.error("alarm not sent", reason=str(error), kind=notice.alarm)  # noqa: TRY400 - it is tried again
            ALARM_MAILS.labels("failed").inc()
            return False
        ALARM_MAILS.labels("sent").inc()
        log.warning("alarm over" if notice.over else "alarm told", kind=notice.alarm, count=notice.count)
        return True

    async def _database_is_away(self, now: datetime) -> None:
        """Tell from memory: what is away cannot remember, and each machine sees its own way to it."""
        self._standing = None
        self._away_since = self._away_since or now
        told = self._away.told_at if self._away else None
        due = told is None or now - told >= timedelta(minutes=self.settings.alarm_repeat)
        if self.mail is None or now - self._away_since < self._grace or not due:
            return
        notice = Notice(Alarm.DATABASE_AWAY, 1, self._away_since, place=self.node)
        self.cannot_tell = not await self._sent(self.mail, notice)
        if not self.cannot_tell:
            self._away = KeptAlarm(Alarm.DATABASE_AWAY, self._away_since, now, None)

    async def _database_is_back(self) -> None:
        if self._away is not None and self.mail is not None:
            notice = Notice(Alarm.DATABASE_AWAY, 0, self._away.since, over=True, place=self.node)
            if not await self._sent(self.mail, notice):
                self.cannot_tell = True
                return
        self._away = self._away_since = None

    async def metrics(self) -> list[Metric]:
        """Give the figures as `/metrics` tells them."""
        try:
            async with asyncio.timeout(3):
                standing = await self.read()
        except (ServiceUnavailable, TimeoutError):
            return [gauge("onthaal_database_up", "1 while the database answers.", [((), 0)])]
        return list(families(standing, [one.condition for one in self._found.values()], self.clock.now()))


def families(standing: Standing, holding: Sequence[Condition], now: datetime) -> Iterator[Metric]:
    """Write figures as Prometheus' families."""
    yield gauge("onthaal_database_up", "1 while the database answers.", [((), 1)])
    counts = [((one.alarm.value,), one.count) for one in holding]
    yield gauge("onthaal_alarm_holds", "Alarms that hold, and of how many things.", counts, ["alarm"])
    for name, (documentation, value) in OF_A_SUBSCRIPTION.items():
        yield gauge(name, documentation, [((str(one.id),), value(one, now)) for one in standing.owed], ["subscription"])
    yield gauge("onthaal_deliveries_never_fetched", "Announced and not fetched for too long.", [((), standing.unfetched.count)])
    work = standing.work.items()
    yield gauge(
        "onthaal_work_items_open", "What a person must look at.", [((one,), wait.count) for one, wait in work], ["reason"]
    )
    ages = [((one,), _age(wait.since, now)) for one, wait in work]
    yield gauge("onthaal_work_items_oldest_seconds", "How long the oldest waits.", ages, ["reason"])
    yield from _of_mail(standing.mails, now)


def _of_mail(mails: Mails, now: datetime) -> Iterator[Metric]:
    boxes = mails.mailboxes
    yield gauge(
        "onthaal_mails_taken", "Mails by their mailbox and what became of them.", mails.taken.items(), ["mailbox", "outcome"]
    )
    missing = [((box.name,), box.missing) for box in boxes]
    yield gauge("onthaal_mailbox_missing", "Mails that a mailbox has and that could not be taken in.", missing, ["mailbox"])
    ages = [((box.name,), _age(box.last_read_at, now)) for box in boxes if box.last_read_at]
    yield gauge("onthaal_mailbox_last_read_seconds", "How long ago a mailbox was last read.", ages, ["mailbox"])
    unsent = [((status,), wait.count) for status, wait in mails.unsent.items()]
    yield gauge(
        "onthaal_outgoing_mails", "Mails of ours that are not sent: queued, failed, bounced, withheld.", unsent, ["status"]
    )


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


OF_A_SUBSCRIPTION: Final[Mapping[str, tuple[str, Callable[[Owed, datetime], float]]]] = {
    "onthaal_deliveries_pending": ("Events that a subscription is owed.", lambda one, _: one.pending),
    "onthaal_deliveries_oldest_pending_seconds": ("Age of the oldest of them.", lambda one, now: _age(one.oldest, now)),
    "onthaal_dead_letters": ("Events that it will not get unless they are sent again.", lambda one, _: one.dead),
    "onthaal_subscription_failures": ("Failures in a row.", lambda one, _: one.failures),
    "onthaal_subscription_active": ("1 while events are handed over to it.", lambda one, _: float(one.status == "active")),
    "onthaal_reconciliation_difference": ("Addressed less delivered, pending and dead.", lambda one, _: one.difference),
}
