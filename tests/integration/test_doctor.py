"""The doctor, with things broken on purpose: it names what is wrong, and says what to do."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert, text
from typer.testing import CliRunner, Result

from services.__main__ import app
from services.intake_api.administration import Store
from services.intake_api.settings import IntakeSettings
from services.intake_api.store import tables
from services.intake_api.store.migrate import migrate
from services.intake_api.store.vault import Keys
from services.intake_api.subscriptions import Subscriptions
from services.kit.clock import SystemClock
from services.kit.settings import ProcessSettings
from tests.nats import Nats, mortal_nats
from tests.on_call import OnCall
from tests.post_office import PostOffice
from tests.receiving import Answer, receiving
from tests.running import Gateway

__all__ = ["mortal_nats"]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway that has registered a contact and told a receiver, which is gone since."""
    folder = tmp_path_factory.mktemp("doctor") / "var"
    gateway = Gateway(folder, ("intake_api",)).start()
    with gateway.client() as api:
        call = {"channel": "telefoon", "kind": "melding", "text": "Gesprek"}
        assert api.put(f"/contacts/{uuid4()}", json=call).status_code == 201
    gateway.stop()
    return folder


@pytest.fixture
def var(healthy: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return shutil.copytree(healthy, tmp_path / "var")


def run(var: Path, *options: str, **settings: str) -> Result:
    """Run `onthaal doctor`."""
    own = {"ONTHAAL_VAR": str(var), **{f"ONTHAAL_{name}": value for name, value in settings.items()}}
    return CliRunner().invoke(app, ["doctor", *options], env=own, catch_exceptions=False)


def examined(var: Path, **settings: str) -> tuple[int, Mapping[str, list[Mapping[str, str]]]]:
    """Give its exit code and its findings, by what was looked at."""
    done = run(var, "--json", **settings)
    found: dict[str, list[Mapping[str, str]]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["what"].partition(" (")[0], []).append(finding)
    return done.exit_code, found


def changed(var: Path, statement: object, **values: object) -> None:
    async def work() -> None:
        store = Store.open(ProcessSettings(var=var), IntakeSettings(), SystemClock())
        await migrate(store.database)
        async with store.database.write() as connection:
            await connection.execute(statement, values or None)  # type: ignore[call-overload]
        await store.database.close()

    asyncio.run(work())


def subscribed(var: Path, url: str, name: str = "dossiers") -> None:
    async def work() -> None:
        store = Store.open(ProcessSettings(var=var), IntakeSettings(), SystemClock())
        await Subscriptions(store.subscriptions).create(name, url, ["person"])
        await store.database.close()

    asyncio.run(work())


def levels(found: Mapping[str, list[Mapping[str, str]]], what: str) -> list[str]:
    return [finding["level"] for finding in found[what]]


def test_a_healthy_gateway_has_nothing_that_fails(var: Path) -> None:
    with OnCall().listening() as on_call, receiving() as receiver:
        receiver.always = Answer(200)
        subscribed(var, receiver.url)
        smtp = {
            "ALARM_SMTP_HOST": "127.0.0.1",
            "ALARM_SMTP_PORT": str(on_call.port),
            "ALARM_SMTP_TLS": "none",
            "ALARM_TO": "w@x.be",
        }
        code, found = examined(var, **smtp, ALARM_DISK_PERCENT="0")
        assert on_call.mails == []
        assert receiver.attempts == []
    assert code == 0
    assert {finding["level"] for findings in found.values() for finding in findings} == {"OK"}
    assert {"settings", "hours", "disk", "alarms", "database", "clock", "keys", "claims", "tokens", "dossiers"} <= found.keys()
    assert "opens the newest contact" in found["keys"][0]["found"]


def test_the_server_that_answers_are_sent_by_is_tried(var: Path) -> None:
    out = {"MAIL_OUT_HOST": "127.0.0.1", "MAIL_OUT_TLS": "none", "MAIL_OUT_FROM": "meldpunt@example.be"}
    with PostOffice().listening() as office:
        _, found = examined(var, **out, MAIL_OUT_PORT=str(office.port))
        assert levels(found, "answers") == ["OK"]
        assert office.mails == []
    code, found = examined(var, **out, MAIL_OUT_PORT=str(office.port))
    assert code == 1
    assert levels(found, "answers") == ["FAIL"]
    assert found["answers"][0]["advice"]


@pytest.mark.parametrize(
    ("setting", "value", "what", "level"),
    [
        ("HOURS_TELEPHONE", "24/7", "settings", "FAIL"),
        ("PORT", "many", "settings", "FAIL"),
        ("HOURS_TELEFOON", "every day", "settings", "FAIL"),
        ("ALARM_DISK_PERCENT", "100", "disk", "WARN"),
        ("DATABASE_URL", "postgresql+asyncpg://nobody@127.0.0.1:1/none", "database", "FAIL"),
        ("DATABASE_URL", "sqlite+aiosqlite:////tmp/nowhere/onthaal.db", "database", "FAIL"),
    ],
)
def test_a_wrong_setting_is_named(var: Path, setting: str, value: str, what: str, level: str) -> None:
    code, found = examined(var, **{setting: value})
    assert level in levels(found, what)
    assert all(finding["advice"] for finding in found[what] if finding["level"] != "OK")
    assert code == (level == "FAIL")
    assert "nobody@127" not in json.dumps(found)  # an address holds a password


def test_keys_that_others_may_read_that_are_lost_and_that_are_of_another_database(var: Path, tmp_path: Path) -> None:
    keys = var / "keys" / "onthaal.json"
    keys.chmod(0o644)
    code, found = examined(var)
    assert (code, levels(found, "keys")) == (1, ["FAIL"])
    assert "chmod 600" in found["keys"][0]["found"]

    keys.unlink()
    code, found = examined(var)
    assert (code, levels(found, "keys")) == (1, ["FAIL"])
    assert not keys.exists()

    Keys.load_or_make(tmp_path / "other.json")
    shutil.copy(tmp_path / "other.json", keys)
    code, found = examined(var)
    assert (code, levels(found, "keys")) == (1, ["FAIL"])
    assert "another database" in found["keys"][0]["advice"]


def test_a_database_that_is_behind_is_told_to_migrate_and_is_left_as_it_is(var: Path) -> None:
    changed(var, text("UPDATE alembic_version SET version_num = '0001'"))
    for _ in range(2):
        code, found = examined(var)
        assert (code, levels(found, "database")) == (1, ["FAIL"])
        assert "onthaal migrate" in found["database"][0]["advice"]


def test_a_receiver_that_is_gone_and_one_whose_clock_is_wrong(var: Path) -> None:
    with receiving() as receiver:
        subscribed(var, "http://127.0.0.1:1/events", "weg")
        subscribed(var, receiver.url, "dossiers")
        code, found = examined(var)
    assert code == 1
    assert levels(found, "weg") == ["FAIL"]
    assert levels(found, "dossiers") == ["OK"]


def test_what_is_owed_what_is_dead_claims_of_nothing_and_tokens_that_end(var: Path) -> None:
    now = datetime.now(UTC)
    with receiving() as receiver:
        subscribed(var, receiver.url)
        id_of = "(SELECT id FROM subscription)"
        changed(
            var,
            text(
                f"INSERT INTO delivery (subscription_id, position, contact_id, state, attempts) SELECT {id_of}, 1, {id_of}, 'dead', 3"
            ),
        )
        changed(
            var,
            text(
                f"INSERT INTO claim (subscription_id, contact_id, attempts, due_at) SELECT {id_of}, {id_of}, 0, '2026-01-01T00:00:00.000000Z'"
            ),
        )
        changed(var, text("UPDATE subscription SET failures = 4, last_error = 'HTTP 401', status = 'paused', difference = 7"))
        token = {
            "id": uuid4(),
            "name": "dossierdienst",
            "digest": b"x",
            "scopes": "",
            "created_at": now,
            "expires_at": now + timedelta(days=3),
        }
        changed(var, insert(tables.token).values(**token))
        code, found = examined(var)
    assert code == 0
    assert levels(found, "claims") == ["WARN"]
    assert levels(found, "tokens") == ["WARN"]
    assert "dossierdienst" in found["tokens"][0]["found"]
    assert levels(found, "dossiers") == ["OK", "WARN"]
    told = found["dossiers"][1]["found"]
    assert [word for word in ("status paused", "1 dead letters", "HTTP 401", "differ by 7") if word not in told] == []


def test_without_json_it_is_a_line_each(var: Path) -> None:
    done = run(var)
    lines = done.stdout.splitlines()
    assert all(line.startswith(("OK ", "WARN ", "FAIL ")) for line in lines)
    assert len(lines) >= 9


def test_a_broker_that_is_set_is_reached_or_named(var: Path, mortal_nats: Nats) -> None:
    _, found = examined(var, NATS_URL=mortal_nats.url)
    assert [one["level"] for one in found["nats"]] == ["OK"]

    for node in mortal_nats.nodes.values():
        node.kill()
    code, found = examined(var, NATS_URL=mortal_nats.url)
    assert code == 1
    assert "ONTHAAL_NATS_URL" in found["nats"][0]["advice"]
