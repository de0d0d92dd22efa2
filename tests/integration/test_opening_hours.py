"""The calendar through the API: published for everybody, and changed without a restart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.running import running


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A gateway of its own, whose hours may be changed."""
    always = {"ONTHAAL_HOURS_TELEFOON": "24/7", "ONTHAAL_CLOSURES": "[]", "ONTHAAL_HOLIDAYS": "[]"}
    with running(tmp_path_factory.mktemp("hours"), "intake_api", **always) as gateway, gateway.client() as client:
        yield client


def test_an_emergency_close_works_at_once_and_ends_when_it_is_withdrawn(api: httpx.Client) -> None:
    rule = str(uuid4())
    now = datetime.now(UTC).isoformat()
    close = {
        "type": "emergencyClose",
        "id": rule,
        "channels": ["telefoon"],
        "label": "Stroompanne",
        "validFrom": now,
        "closedFrom": now,
    }
    before = api.get("/openingHours/telefoon").json()
    assert api.put(f"/openingHours/exceptions/{rule}", json=close).status_code == 200
    closed = api.get("/openingHours/telefoon").json()
    contact = api.put(f"/contacts/{uuid4()}", json={"channel": "telefoon", "kind": "vraag"}).json()
    assert api.delete(f"/openingHours/exceptions/{rule}").status_code == 204
    after = api.get("/openingHours/telefoon").json()
    assert (before["open"], closed["open"], after["open"]) == (True, False, True)
    assert (closed["reason"], closed["holiday"]) == ("closure", "Stroompanne")
    assert contact["openingHours"]["holiday"] == "Stroompanne"
    assert closed["calendarVersion"] != before["calendarVersion"]


def test_a_day_can_be_given_other_hours(api: httpx.Client) -> None:
    rule = str(uuid4())
    hours = {
        "type": "day",
        "id": rule,
        "channels": ["chat"],
        "label": "Avondpermanentie",
        "validFrom": datetime.now(UTC).isoformat(),
    }
    days = {"firstDay": "2031-03-04", "lastDay": "2031-03-04", "kind": "add", "hours": ["18:00-21:00"]}
    assert api.put(f"/openingHours/exceptions/{rule}", json=hours | days).status_code == 200
    evening = api.get("/openingHours/chat", params={"at": "2031-03-04T19:00:00+01:00"}).json()
    later = api.get("/openingHours/chat", params={"at": "2031-03-05T19:00:00+01:00"}).json()
    assert (evening["open"], later["open"]) == (True, False)
    assert rule in api.get("/openingHours/exceptions").text


def test_the_hours_are_published_as_schema_org_writes_them(api: httpx.Client) -> None:
    published = httpx.get(str(api.base_url).rstrip("/") + "/openingHours").json()
    chat = next(point for point in published["contactPoint"] if point["contactType"] == "chat")
    week = chat["hoursAvailable"][0]
    assert (week["@type"], week["opens"], week["closes"]) == ("OpeningHoursSpecification", "09:00", "17:00")


def test_an_invalid_calendar_stops_the_start_with_a_clear_line(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="telefoon"),
        running(tmp_path, "intake_api", ONTHAAL_HOURS_TELEFOON="maandag negen uur"),
    ):
        pass


def test_an_unknown_setting_stops_the_start_with_a_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ONTHAAL_PROT"), running(tmp_path, "intake_api", ONTHAAL_PROT="8080"):
        pass
