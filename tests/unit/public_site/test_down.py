"""The page for when nothing answers: it is never behind the settings, and needs nothing of ours."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.__main__ import app
from services.kit.words import PageLanguage, hours
from services.public_site.catalogue import words

COMMITTED = Path(__file__).parents[3] / "deploy" / "down"
NUMBERS = ("112", "101", "1712", "106", "116000")


def printed(**settings: str) -> str:
    done = CliRunner().invoke(app, ["page", "down"], env={f"ONTHAAL_{name}": value for name, value in settings.items()})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_page_in_the_repository_is_what_the_command_writes(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["page", "down", str(tmp_path)]).exit_code == 0
    for name in ("index.html", "down.css"):
        assert (COMMITTED / name).read_bytes() == (tmp_path / name).read_bytes(), f"run `onthaal page down deploy/down`: {name}"


def test_every_number_to_call_is_there_in_each_language() -> None:
    page = printed()
    for language in PageLanguage:
        part = page.split(f'<section id="{language}"')[1].split("</section>")[0]
        assert [number for number in NUMBERS if f'"tel:{number}"' not in part] == []
        assert "nupraatikerover.be" in part
        assert "Seksueel Geweld" in part


def test_it_has_no_script_no_form_no_style_of_its_own_and_nothing_from_elsewhere() -> None:
    page = printed()
    assert not re.search(r"<script|<form|<style|style=|<img|@import| on[a-z]+=", page)
    assert re.findall(r'(?:src|href)="(/[^"]*)"', page) == ["/down/down.css"]
    assert re.findall(r'<link rel="stylesheet" href="([^"]*)"', page) == ["/down/down.css"]
    assert "url(" not in (COMMITTED / "down.css").read_text()


def test_the_first_link_leads_away_from_the_site_at_once() -> None:
    first = re.search(r'<a class="exit" href="([^"]*)" rel="([^"]*)"', printed(EXIT_URL="https://weer.example"))
    assert first
    assert first[1] == "https://weer.example"
    assert "noreferrer" in first[2]


def test_telephone_and_hours_are_those_of_the_settings() -> None:
    page = printed(PUBLIC_TELEPHONE="02 123 45 67", HOURS_TELEFOON="Mo-Sa 10:00-16:30")
    assert '"tel:021234567"' in page
    assert "maandag tot zaterdag: van 10 tot 16.30 uur" in page
    assert "Monday to Saturday: from 10 to 16.30" in page


@pytest.mark.parametrize(
    ("week", "lines"),
    [
        ([[]] * 7, []),
        ([[(540, 1020)]] * 5 + [[], []], ["maandag tot vrijdag: van 9 tot 17 uur"]),
        ([[(540, 720), (780, 1020)]] + [[]] * 6, ["maandag: van 9 tot 12 uur, van 13 tot 17 uur"]),
        ([[(0, 1440)]] * 7, ["maandag tot zondag: van 0 tot 24 uur"]),
    ],
)
def test_a_week_is_said_as_a_person_says_it(week: list[list[tuple[int, int]]], lines: list[str]) -> None:
    assert list(hours.week(week, words(PageLanguage.NL))) == lines
