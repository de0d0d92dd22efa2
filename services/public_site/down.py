"""The page for when nothing else answers: one file and one style sheet, that a proxy serves by itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from services.kit.pages import Pages
from services.public_site.catalogue import PageLanguage, Words, words
from services.public_site.pages import HERE
from services.public_site.settings import PublicSiteSettings

STYLE = HERE / "static" / "down.css"

DayHours = Sequence[tuple[int, int]]
"""The hours of a day, in minutes since midnight."""

Week = Sequence[DayHours]
"""Seven days, Monday first."""


@dataclass(frozen=True)
class Helper:
    """Somebody else who helps, told in each language."""

    name: str
    what: Mapping[str, str]
    phone: str | None = None
    site: str | None = None


@dataclass(frozen=True)
class _Part:
    t: Words
    tag: str
    code: str
    hours: tuple[str, ...]


def down(settings: PublicSiteSettings, helpers: Iterable[Helper], telephone: Week) -> str:
    """Write the page: how to reach help now, and us by telephone. It needs no script, and nothing from elsewhere."""
    parts = [
        _Part(words(language), words(language)("language.tag"), language.value, tuple(in_words(telephone, words(language))))
        for language in PageLanguage
    ]
    page = Pages(HERE / "templates").render("down.html", parts=parts, helpers=tuple(helpers), site=settings)
    return bytes(page.body).decode() + "\n"


def in_words(week: Week, says: Words) -> Iterable[str]:
    """Write a week as a person says it: days that follow one another with the same hours are one line."""
    for hours, days in groupby(enumerate(week), lambda numbered: tuple(map(tuple, numbered[1]))):
        numbers = [number for number, _ in days]
        if hours:
            yield says("down.line", days=_days(numbers, says), hours=", ".join(_span(span, says) for span in hours))


def _days(numbers: Sequence[int], says: Words) -> str:
    names = says.all("hours.days")
    if len(numbers) == 1:
        return names[numbers[0]]
    return says("down.days", first=names[numbers[0]], last=names[numbers[-1]])


def _span(span: tuple[int, ...], says: Words) -> str:
    opens, closes = (_clock(minutes) for minutes in span)
    return says("down.span", opens=opens, closes=closes)


def _clock(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour}.{minute:02}" if minute else str(hour)
