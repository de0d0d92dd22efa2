"""`make run` and `make demo`, as a newcomer starts them: real processes, real ports, a folder of their own."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.demo.processes import ROOT, Addresses

TOTALS = ["totaal", "2", "31", "56", "40", "82", "211"]


def environment(var: Path, addresses: Addresses) -> dict[str, str]:
    ports = {
        "ONTHAAL_PORT": str(addresses.port),
        "ONTHAAL_SMTP_PORT": str(addresses.smtp_port),
        "ONTHAAL_CASES_PORT": str(addresses.cases_port),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONTHAAL_")}
    return kept | ports | {"ONTHAAL_VAR": str(var), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "shared")))}


@contextmanager
def onthaal(var: Path, addresses: Addresses) -> Iterator[str]:
    """Run `make run`'s program; give what it printed when everything had started."""
    command = [sys.executable, "-m", "deploy.demo.run"]
    surroundings = environment(var, addresses)
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        patience = threading.Timer(300, running.terminate)
        patience.start()
        printed = ""
        for line in running.stdout:
            printed += line
            if "Sign in" in line:
                break
        patience.cancel()
        try:
            yield printed
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0


def demo(var: Path, addresses: Addresses) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.demo.demo"]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(var, addresses),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.timeout(600)
def test_the_demo_by_itself_counts_what_was_published_and_stops_everything(tmp_path: Path) -> None:
    done = demo(tmp_path / "var", Addresses.free())
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines() if line.startswith("totaal")][1] == TOTALS
    address = re.search(r"http://127\.0\.0\.1:\d+", done.stdout)
    assert address
    assert not is_up(address.group())
    assert not (tmp_path / "var").exists()


@pytest.mark.timeout(600)
def test_what_runs_shows_its_pages_and_is_replayed_into_twice_with_the_same_result(tmp_path: Path) -> None:
    addresses = Addresses.free()
    with onthaal(tmp_path, addresses) as printed:
        assert pages_that_do_not_open(printed) == []
        for _ in range(2):
            done = demo(tmp_path, addresses)
            assert done.returncode == 0, done.stderr
            assert addresses.gateway in done.stdout
        assert httpx.get(addresses.cases + "/cases").json()["count"] == 242
        assert run_again(tmp_path, addresses) == (
            1,
            f"Onthaal does not run: port {addresses.port} is taken: stop what runs there, or set ONTHAAL_PORT\n",
        )
        assert {(path.stat().st_mode & 0o777) for path in secrets(tmp_path)} == {0o600}
    assert not is_up(addresses.gateway)
    assert not is_up(addresses.cases)


def secrets(var: Path) -> list[Path]:
    found = [var / "demo" / "token", *(var / "demo").glob("secret-*")]
    assert len(found) == 2
    return found


def run_again(var: Path, addresses: Addresses) -> tuple[int, str]:
    command = [sys.executable, "-m", "deploy.demo.run"]
    surroundings = environment(var, addresses)
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def is_up(address: str) -> bool:
    try:
        httpx.get(address)
    except httpx.ConnectError:
        return False
    return True


def pages_that_do_not_open(printed: str) -> list[str]:
    found = re.findall(r"http://\S+", printed)
    assert len(found) >= 9
    as_a_browser = {"Accept": "text/html,*/*"}
    answers = {page: httpx.get(page, headers=as_a_browser, follow_redirects=True).status_code for page in found}
    return [f"{page}: {status}" for page, status in answers.items() if status != 200]
