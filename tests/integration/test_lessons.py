"""`onthaal tagging export`: off until it is decided on; then what the model got wrong, pseudonymised, and who read it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from services.intake_api.tagging.messages import read_messages
from tests.running import Gateway, running

TEXT = "Mijn trainer Bart Lokerman slaat mij elke week na de training. Bel mij op 0478/12.34.56. Groetjes, Joris"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("lessons") / "var", "intake_api") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def desk(own: Gateway) -> Iterator[httpx.Client]:
    with own.client() as client:
        yield client


def register(desk: httpx.Client, text: str = TEXT) -> str:
    contact = str(uuid4())
    person = {"name": "Joris Peeters", "email": "joris@voorbeeld.be"}
    answer = desk.put(f"/contacts/{contact}", json={"channel": "mail", "subject": "Over Bart", "text": text, "person": person})
    assert answer.status_code == 201
    assert answer.json()["suggestion"]["kind"] == "melding"
    return contact


def correct(desk: httpx.Client, contact: str) -> None:
    assert desk.put(f"/contacts/{contact}/kind", json={"kind": "vraag"}).status_code == 200
    assert desk.put(f"/contacts/{contact}/details", json={"sector": "Jeugd"}).status_code == 200


@pytest.fixture(scope="module")
def exported(own: Gateway, desk: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of what was corrected, and the one contact in it."""
    corrected, erased, right, half = (register(desk) for _ in range(4))
    for contact in (corrected, erased):
        correct(desk, contact)
    assert desk.put(f"/contacts/{half}/kind", json={"kind": "vraag"}).status_code == 200  # its sector is the model's own
    assert desk.put(f"/contacts/{right}/kind", json={"kind": "melding"}).status_code == 200
    assert desk.delete(f"/contacts/{erased}").status_code == 204
    file = tmp_path_factory.mktemp("export") / "lessons.jsonl"
    allowed = replace(own, settings={**own.settings, "ONTHAAL_TRAINING_EXPORT": "true"})
    assert allowed.command("tagging", "export", str(file)).startswith("1 written.")
    return file, corrected


def test_nothing_is_written_unless_the_setting_says_so(own: Gateway, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ONTHAAL_TRAINING_EXPORT is off"):
        own.command("tagging", "export", str(tmp_path / "lessons.jsonl"))

    assert list(tmp_path.iterdir()) == []


def test_only_what_a_person_corrected_whole_is_written_and_nothing_erased(exported: tuple[Path, str]) -> None:
    file, _ = exported
    (message,) = read_messages(file)

    assert (message.id, message.kind, message.sector, message.channel) == ("real001", "vraag", "Jeugd", "mail")
    assert message.text == "Mijn trainer … slaat mij elke week na de training. Bel mij op … . Groetjes, …"


def test_nothing_personal_and_no_way_back_is_written(exported: tuple[Path, str]) -> None:
    file, contact = exported
    written = file.read_text().lower()

    assert not [word for word in ("bart", "lokerman", "joris", "0478", "peeters", contact) if word in written]


def test_only_its_owner_can_read_the_file(exported: tuple[Path, str]) -> None:
    assert exported[0].stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_never_written_to(own: Gateway, exported: tuple[Path, str]) -> None:
    before = exported[0].read_bytes()
    allowed = replace(own, settings={**own.settings, "ONTHAAL_TRAINING_EXPORT": "true"})

    with pytest.raises(RuntimeError, match="there is a file with this name"):
        allowed.command("tagging", "export", str(exported[0]))
    assert exported[0].read_bytes() == before


def test_every_reading_is_audited(own: Gateway, exported: tuple[Path, str]) -> None:
    with closing(sqlite3.connect(own.var / "onthaal.db")) as database:
        found = database.execute("SELECT contact_id FROM audit WHERE by = 'onthaal tagging export'").fetchall()

    assert exported[1].replace("-", "") in {str(row[0]).replace("-", "") for row in found}
