"""The JSON Schema that case services in other languages read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator, meta

from onthaal_schema.json_schema import bundle

SHARED = Path(__file__).parents[2] / "shared"
SUBMISSION = {
    "channel": "telefoon",
    "kind": "melding",
    "kindSource": "operator",
    "text": "Gesprek over de trainer.",
}
HOURS = {"open": False, "reason": "weekend", "nextOpening": "2026-03-02T08:00:00Z", "calendarVersion": "1"}
EVENT = {
    "specversion": "1.0",
    "id": "6f5b0a3e-1d53-4b1c-9b4b-0d5f6a7b8c9d",
    "source": "urn:onthaal:test",
    "type": "be.vlaanderen.meldpunt.onthaal.v1.contacts.notify.registered",
    "subject": "e5469c35-4b01-5c3e-ab8f-27a7830c99ff",
    "time": "2026-03-01T10:00:00Z",
    "data": {
        "contactId": "e5469c35-4b01-5c3e-ab8f-27a7830c99ff",
        "version": 1,
        "channel": "mail",
        "nature": "person",
        "kind": "melding",
        "kindSource": "model",
        "anonymous": False,
        "receivedAt": "2026-03-01T10:00:00Z",
        "openingHours": HOURS,
        "links": {"contact": "https://onthaal.example/intake/v1/contacts/e5469c35-4b01-5c3e-ab8f-27a7830c99ff"},
    },
}


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(bundle() | {"$ref": f"#/$defs/{name}"})


def test_the_bundle_is_a_valid_2020_12_schema() -> None:
    meta.validate(bundle())


@pytest.mark.parametrize(
    "name",
    [
        "ContactSubmission",
        "Contact",
        "MessageSubmission",
        "Message",
        "ContactEvent",
        "Problem",
        "OpeningHours",
    ],
)
def test_each_public_model_is_in_the_bundle_by_name(name: str) -> None:
    assert name in bundle()["$defs"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "content"), [("ContactSubmission", SUBMISSION), ("ContactEvent", EVENT), ("OpeningHours", HOURS)]
)
def test_what_is_sent_fits_the_schema(name: str, content: dict[str, object]) -> None:
    validator(name).validate(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ContactSubmission", SUBMISSION | {"channel": "fax"}),
        ("ContactSubmission", SUBMISSION | {"anonymous": "no"}),
        ("ContactSubmission", SUBMISSION | {"unknown": 1}),
        ("ContactEvent", EVENT | {"specversion": "2.0"}),
        ("ContactEvent", EVENT | {"data": {}}),
    ],
)
def test_what_is_wrong_does_not_fit_the_schema(name: str, content: dict[str, object]) -> None:
    assert not validator(name).is_valid(content)


def test_a_reader_accepts_properties_that_a_later_version_adds() -> None:
    validator("ContactEvent").validate(EVENT | {"addedLater": 1})


def test_the_command_prints_the_bundle_and_writes_it_to_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "onthaal_schema.json_schema"]
    printed = subprocess.run(command, cwd=SHARED, check=True, capture_output=True, text=True).stdout
    subprocess.run([*command, str(tmp_path / "onthaal.json")], cwd=SHARED, check=True)
    assert json.loads(printed) == bundle()
    assert (tmp_path / "onthaal.json").read_text(encoding="utf-8") == printed
