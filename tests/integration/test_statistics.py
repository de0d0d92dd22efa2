"""Counts: of persons, by what is asked, from stored counts, the same by API and command line."""

import csv
import io
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import Gateway

YEAR = 1987
PERIOD = {"from": f"{YEAR}-01-01", "until": f"{YEAR + 1}-01-01"}
RECEIVED = [
    ("brief", "melding", f"{YEAR}-01-31T22:30:00Z"),  # 23:30 in Brussels: still January
    ("brief", "melding", f"{YEAR}-01-31T23:30:00Z"),  # 00:30 in Brussels: February
    ("telefoon", "melding", f"{YEAR}-02-03T10:00:00Z"),
    ("telefoon", "vraag", f"{YEAR}-02-03T10:00:00Z"),
    ("mail", "melding", f"{YEAR}-02-07T10:00:00Z"),  # a Saturday
]


@pytest.fixture(scope="module")
def counted(api: httpx.Client) -> dict[str, str]:
    """Contacts of a year in which nothing else was received; gives the id of each by channel."""
    ids = {}
    for channel, kind, received_at in RECEIVED:
        ids[channel] = str(uuid4())
        body = {
            "channel": channel,
            "kind": kind,
            "kindSource": "operator",
            "receivedAt": received_at,
            "text": "x",
            "sector": "Sport",
        }
        assert api.put(f"/contacts/{ids[channel]}", json=body).status_code == 201
    return ids


def table(api: httpx.Client, by: str, **other: Any) -> dict[tuple[Any, ...], int]:
    answer = api.get("/statistics/contacts", params={"by": by, **PERIOD, **other})
    assert answer.status_code == 200, answer.text
    names = by.split(",")
    return {tuple(row[name] for name in names): row["count"] for row in answer.json()["items"]}


@pytest.mark.usefixtures("counted")
def test_contacts_are_counted_by_month_in_brussels_and_channel(api: httpx.Client) -> None:
    assert table(api, "month,channel") == {
        (f"{YEAR}-01", "brief"): 1,
        (f"{YEAR}-02", "brief"): 1,
        (f"{YEAR}-02", "telefoon"): 2,
        (f"{YEAR}-02", "mail"): 1,
    }
    assert table(api, "kind") == {("melding",): 4, ("vraag",): 1}
    assert table(api, "channel", kind="vraag") == {("telefoon",): 1}
    assert table(api, "opening")[("weekend",)] >= 1
    assert table(api, "sector") == {("Sport",): 5}


@pytest.mark.usefixtures("counted")
def test_the_command_line_and_csv_say_the_same_as_the_api(gateway: Gateway, api: httpx.Client) -> None:
    words = ["statistics", "--by", "month,channel", "--from", PERIOD["from"], "--until", PERIOD["until"]]
    by_command = json.loads(gateway.command(*words, "--format", "json"))
    by_api = api.get("/statistics/contacts", params={"by": "month,channel", **PERIOD}).json()
    assert (by_command["items"], by_command["total"]) == (by_api["items"], by_api["total"]) == (by_api["items"], 5)
    text = api.get("/statistics/contacts", params={"by": "month,channel", "format": "csv", **PERIOD}).text
    rows = [{**row, "count": int(row["count"])} for row in csv.DictReader(io.StringIO(text))]
    assert rows == by_api["items"]


def test_a_contact_that_is_tagged_again_moves_in_the_counts(api: httpx.Client, counted: dict[str, str]) -> None:
    before = table(api, "kind")
    contact = counted["mail"]
    assert api.put(f"/contacts/{contact}/kind", json={"kind": "vraag"}).status_code == 200
    assert table(api, "kind") == {("melding",): before[("melding",)] - 1, ("vraag",): before[("vraag",)] + 1}
    assert api.put(f"/contacts/{contact}/kind", json={"kind": "vraag", "nature": "spam"}).status_code == 200
    assert table(api, "kind") == {("melding",): before[("melding",)] - 1, ("vraag",): before[("vraag",)]}
    assert table(api, "kind", nature="spam") == {("vraag",): 1}
    assert api.put(f"/contacts/{contact}/kind", json={"kind": "melding", "nature": "person"}).status_code == 200
    assert table(api, "kind") == before


def test_a_corrected_sector_moves_in_the_counts(api: httpx.Client, counted: dict[str, str]) -> None:
    contact = counted["telefoon"]
    assert api.put(f"/contacts/{contact}/details", json={"sector": "Zorg"}).status_code == 200
    assert table(api, "sector") == {("Sport",): 4, ("Zorg",): 1}
    assert api.put(f"/contacts/{contact}/details", json={"sector": "Sport"}).status_code == 200
    assert table(api, "sector") == {("Sport",): 5}


def test_a_message_more_is_no_contact_more(api: httpx.Client, counted: dict[str, str]) -> None:
    before = table(api, "month,channel,kind")
    body = {"direction": "note", "text": "x"}
    assert api.put(f"/contacts/{counted['brief']}/messages/{uuid4()}", json=body).status_code == 201
    assert api.put(f"/contacts/{counted['brief']}/completion").status_code == 200
    assert table(api, "month,channel,kind") == before


@pytest.mark.parametrize("params", [{"by": "name"}, {"colour": "red"}, {"from": "yesterday"}, {"format": "xls"}, {"kind": "x"}])
def test_what_cannot_be_counted_is_a_named_problem(api: httpx.Client, params: dict[str, str]) -> None:
    answer = api.get("/statistics/contacts", params=params)
    assert answer.status_code == 400
    assert answer.json()["issues"][0]["name"].partition("[")[0] in params
