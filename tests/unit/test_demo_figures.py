"""The five months of the demo: the contacts that are replayed, and the figures they must add up to."""

from collections import Counter

from deploy.demo.figures import Counts, differences, table
from deploy.demo.replay import read


def counted(kind: str | None = None) -> Counts:
    kept = [contact for contact in read() if kind in (None, contact["kind"])]
    return Counter((str(contact["receivedAt"])[:7], str(contact["channel"])) for contact in kept)


def test_the_contacts_add_up_to_the_published_figures() -> None:
    assert differences(counted(), counted("melding")) == []


def test_of_the_meldingen_134_are_admissible() -> None:
    assert sum(contact["admissible"] is True for contact in read()) == 134


def test_one_melding_less_is_named_in_each_figure_that_it_changes() -> None:
    meldingen = counted("melding") - Counter({("2023-10", "chat"): 1})
    assert differences(counted(), meldingen) == [
        "meldingen: 210, published is 211",
        "vragen: 32, published is 31",
        "meldingen in 2023-10: 35, published is 36",
        "meldingen per chat: 39, published is 40",
    ]


def test_the_table_shows_each_month_and_medium_with_its_sums() -> None:
    lines = table("Meldingen", counted("melding")).splitlines()
    assert lines[1].split() == ["maand", "brief", "contactformulier", "mail", "chat", "telefoon", "totaal"]
    assert [line.split()[-1] for line in lines[2:]] == ["29", "36", "26", "22", "47", "51", "211"]
    assert lines[-1].split() == ["totaal", "2", "31", "56", "40", "82", "211"]
