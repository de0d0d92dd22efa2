"""The page for when nothing else answers: one file and one style sheet, that a proxy serves by itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.kit.pages import Pages
from services.kit.short_help import Help
from services.kit.words import PageLanguage, Words
from services.kit.words.hours import Week, week
from services.public_site.catalogue import words
from services.public_site.pages import HERE
from services.public_site.settings import PublicSiteSettings

STYLE = HERE / "static" / "down.css"


@dataclass(frozen=True)
class _Part:
    t: Words
    tag: str
    code: str
    hours: tuple[str, ...]


def down(settings: PublicSiteSettings, helpers: Iterable[Help], telephone: Week) -> str:
    """Write the page: how to reach help now, and us by telephone. It needs no script, and nothing from elsewhere."""
    parts = [
        _Part(words(language), words(language)("language.tag"), language.value, tuple(week(telephone, words(language))))
        for language in PageLanguage
    ]
    page = Pages(HERE / "templates").render("down.html", parts=parts, helpers=tuple(helpers), site=settings)
    return bytes(page.body).decode() + "\n"
