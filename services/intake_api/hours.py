"""The calendar in force: rules from the settings, exceptions from the store, read again when they change."""

import asyncio
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from onthaal_schema.channel import Channel
from onthaal_schema.opening_hours import CalendarException, OpeningHours, PublishedOpeningHours
from onthaal_schema.problems import InvalidInput
from services.intake_api.opening_hours.calendar import Calendar
from services.intake_api.opening_hours.rules import CalendarRules
from services.intake_api.store.exceptions import Exceptions
from services.kit.clock import Clock

BRUSSELS = ZoneInfo("Europe/Brussels")
READ_AGAIN = 2.0
"""Seconds between looks at exceptions that another process may have set."""


class Hours:
    """Answers from the calendar in force. An exception works from the moment it is set, without a restart."""

    def __init__(self, rules: CalendarRules, exceptions: Exceptions, clock: Clock) -> None:
        """Start with the rules alone.

        Raises:
            CalendarError: the rules cannot be read.

        """
        self._rules = rules
        self._exceptions = exceptions
        self._clock = clock
        self._known: tuple[CalendarException, ...] = ()
        self._calendar = Calendar(rules)

    def at(self, channel: Channel, moment: datetime) -> OpeningHours:
        """Say whether a channel is open at a moment."""
        return self._calendar.at(channel, moment)

    def on_day(self, channel: Channel, day: date) -> OpeningHours:
        """Say whether a channel has hours on a day."""
        return self._calendar.on_day(channel, day)

    async def published(self) -> PublishedOpeningHours:
        """Give the hours of the coming year, as schema.org writes them."""
        today = self._clock.now().astimezone(BRUSSELS).date()
        return await asyncio.to_thread(self._calendar.specification, today, today + timedelta(days=365))

    async def put(self, rule: CalendarException, by: str) -> CalendarException:
        """Set an exception, which counts from now on and never before."""
        now = self._clock.now()
        if rule.valid_from > now + timedelta(days=366):
            raise InvalidInput.at("validFrom", "Must lie within a year.")
        settled = rule.model_copy(update={"valid_from": max(rule.valid_from, now)})
        await self._exceptions.put(settled, by)
        await self.read_again()
        return settled

    async def withdraw(self, exception_id: UUID) -> None:
        """Let an exception count no longer from now on."""
        await self._exceptions.withdraw(exception_id, self._clock.now())
        await self.read_again()

    @property
    def exceptions(self) -> tuple[CalendarException, ...]:
        """The exceptions in force, and those that were."""
        return self._known

    async def read_again(self) -> None:
        """Look whether exceptions have changed."""
        known = await self._exceptions.all()
        if set(known) != set(self._known):
            self._calendar = await asyncio.to_thread(Calendar, self._rules, known)
            self._known = known

    async def run(self) -> None:
        """Keep the calendar up with the store until cancelled."""
        while True:
            await self.read_again()
            await asyncio.sleep(READ_AGAIN)
