"""When a channel is open: pure rules over a calendar. No clock, no network, no database."""

from services.intake_api.opening_hours.calendar import Calendar
from services.intake_api.opening_hours.rules import (
    CalendarError,
    CalendarRules,
    NamedDays,
    OutOfCalendarError,
    RegularHours,
)

__all__ = ["Calendar", "CalendarError", "CalendarRules", "NamedDays", "OutOfCalendarError", "RegularHours"]
