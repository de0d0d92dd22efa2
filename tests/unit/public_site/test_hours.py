"""Opening hours as somebody reads them."""

from datetime import UTC, datetime

import pytest

from onthaal_schema.opening_hours import ClosedReason, OpeningHours
from services.kit.words import PageLanguage
from services.kit.words.hours import moment
from services.public_site import hours
from services.public_site.catalogue import words

OPEN = OpeningHours(open=True, calendar_version="1")
WEEKEND = OpeningHours(
    open=False, reason=ClosedReason.WEEKEND, next_opening=datetime(2026, 11, 23, 8, tzinfo=UTC), calendar_version="1"
)
DUTCH = words(PageLanguage.NL)


def test_a_moment_is_told_by_the_clock_of_brussels() -> None:
    winter, summer = datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 7, 13, 7, 30, tzinfo=UTC)
    assert moment(winter, DUTCH) == "maandag 23 november om 9 uur"
    assert moment(summer, DUTCH) == "maandag 13 juli om 9.30 uur"
    assert moment(winter, words(PageLanguage.FR)) == "lundi 23 novembre à 9 h"
    assert moment(winter, words(PageLanguage.EN)) == "Monday 23 November at 9:00"
    assert moment(winter, words(PageLanguage.DE)) == "Montag, 23. November um 9 Uhr"


def test_closed_says_when_it_is_read() -> None:
    assert "maandag 23 november om 9 uur" in hours.on_the_form(WEEKEND, DUTCH)
    assert "maandag 23 november om 9 uur" in hours.of_a_channel(WEEKEND, DUTCH)
    assert "maandag 23 november om 9 uur" in hours.after_sending(WEEKEND, DUTCH)


def test_a_holiday_is_named_in_dutch() -> None:
    feast = WEEKEND.model_copy(update={"reason": ClosedReason.HOLIDAY, "holiday": "Kerstmis"})
    assert "(Kerstmis)" in hours.on_the_form(feast, DUTCH)
    assert "Kerstmis" not in hours.on_the_form(feast, words(PageLanguage.EN))


@pytest.mark.parametrize("language", PageLanguage)
def test_open_closed_and_unknown_never_sound_the_same(language: PageLanguage) -> None:
    says = words(language)
    endless = OpeningHours(open=False, reason=ClosedReason.CLOSURE, calendar_version="1")
    for tell in (hours.on_the_form, hours.of_a_channel):
        assert len({tell(found, says) for found in (OPEN, WEEKEND, endless, None)}) == 4
    assert len({hours.after_sending(found, says) for found in (OPEN, WEEKEND, endless)}) == 3
