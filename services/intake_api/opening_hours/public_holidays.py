"""The Belgian public holidays with their Dutch names."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays

from services.intake_api.opening_hours.rules import CalendarError


# One finished table per year: the library's own fills itself while it is read, and a thread could see it
# half done.
@lru_cache(maxsize=512)
def _of_year(year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays("BE", language="nl", years=year))


def public_holiday(day: date) -> str | None:
    """Return the Dutch name of the public holiday on this day, if it is one (Easter and Whit Sunday are)."""
    return _of_year(day.year).get(day)


def check_public_holidays() -> None:
    """Raise CalendarError unless Christmas is known: without its data a holiday would be open in silence."""
    if public_holiday(date(2025, 12, 25)) != "Kerstmis":
        message = "the Belgian public holidays are not available: 25 December is not known as Kerstmis"
        raise CalendarError(message)
