"""Case services beside a real gateway: the one of the README, installed on its own, and the one of the demo."""

import json
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.demo.processes import ROOT, Addresses, Processes, keep_secret
from tests.running import Gateway, free_port, running

SHARED = ROOT / "shared"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], SHARED)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Give the Python of a new virtual environment in which nothing is installed."""
    venv.create(tmp_path / "venv", symlinks=True)
    return tmp_path / "venv" / "bin" / "python"


def run(command: list[str], folder: Path) -> str:
    """Run a command without this project's own path; return what it prints."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pip(python: Path, *arguments: str) -> str:
    return run([sys.executable, "-m", "pip", "--python", str(python), *arguments], python.parent)


def code_block() -> str:
    """Copy the case service out of the README."""
    [found] = re.findall(r"`case_service.py`:\n\n```python\n(.*?)```", (SHARED / "README.md").read_text(), re.DOTALL)
    return str(found)


def eventually(question: Callable[[], str | None], patience_s: float = 90) -> str:
    """Ask until there is an answer."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.05)
    pytest.fail("it did not come in time")


def line_with(output: Path, words: str) -> str | None:
    return next((line for line in output.read_text().splitlines() if words in line), None)


def register(writer: httpx.Client, **said: str) -> dict[str, object]:
    told = {"channel": "telefoon", "kind": "melding", "kindSource": "operator", "subject": "Trainer", "text": "Een gesprek."}
    answer = writer.put(f"/contacts/{uuid4()}", json=told | said)
    assert answer.status_code == 201, answer.text
    answered: dict[str, object] = answer.json()
    return answered


def test_the_case_service_in_the_readme_has_twenty_lines_or_fewer() -> None:
    assert len([line for line in code_block().splitlines() if line.strip()]) <= 20


def test_the_models_need_pydantic_alone(environment: Path, wheel: Path, tmp_path: Path) -> None:
    pip(environment, "install", "--quiet", str(wheel))
    program = "import onthaal_schema.events, onthaal_schema.json_schema, sys; print('httpx' in sys.modules)"
    assert run([str(environment), "-c", program], tmp_path) == "False\n"
    installed = json.loads(pip(environment, "list", "--format", "json"))
    assert {"httpx", "starlette", "standardwebhooks"}.isdisjoint(package["name"] for package in installed)


@pytest.mark.timeout(300)
def test_a_contact_reaches_the_case_service_of_the_readme(
    gateway: Gateway, environment: Path, wheel: Path, tmp_path: Path
) -> None:
    pip(environment, "install", "--quiet", f"{wheel}[receiver]", "uvicorn")
    (tmp_path / "case_service.py").write_text(code_block())
    output, port = tmp_path / "output", free_port()
    settings = {
        "PATH": os.environ["PATH"],
        "GATEWAY_URL": gateway.door,
        "GATEWAY_TOKEN": gateway.token("contacts:read", "events:read"),
        "WEBHOOK_SECRET": gateway.subscribe(f"http://127.0.0.1:{port}/events"),
    }
    command = [str(environment), "-m", "uvicorn", "case_service:app", "--port", str(port)]
    with gateway.client(gateway.token("contacts:write")) as writer, output.open("w") as file:
        service = subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=file, stderr=subprocess.STDOUT)
        try:
            eventually(lambda: line_with(output, "Uvicorn running"))
            contact = register(writer)
            received = eventually(lambda: line_with(output, str(contact["reference"])))
        finally:
            service.terminate()
            service.wait(10)
    assert received.split() == [contact["reference"], "1", "telefoon", "melding", "Trainer"]
    assert "Traceback" not in output.read_text()


@pytest.mark.timeout(300)
def test_the_demo_case_service_keeps_its_cases_and_catches_up_after_a_restart(tmp_path: Path) -> None:
    # a gateway of its own: the page lists the newest hundred, and it catches up with everything the tests ever registered
    with running(tmp_path / "gateway", "intake_api") as gateway:
        keeps_its_cases(gateway, tmp_path)


def keeps_its_cases(gateway: Gateway, tmp_path: Path) -> None:
    addresses = Addresses(int(gateway.door.rpartition(":")[2]), gateway.smtp_port, free_port())
    secret, token = tmp_path / "secret", tmp_path / "token"
    keep_secret(secret, gateway.subscribe(addresses.cases + "/events"))
    keep_secret(token, gateway.token("contacts:read", "events:read"))
    with gateway.client(gateway.token("contacts:write")) as writer:
        with Processes(addresses, gateway.var, tmp_path / "log") as processes:
            processes.start_cases(secret, token, tmp_path / "cases")
            before = register(writer, subject="Voor de herstart")
            seen = case(addresses, before)
        meanwhile = register(writer, channel="chat", kind="vraag", text="<b>Hoe werkt het?</b>")
        with Processes(addresses, gateway.var, tmp_path / "log") as processes:
            processes.start_cases(secret, token, tmp_path / "cases")
            caught_up = case(addresses, meanwhile)
            assert case(addresses, before) == seen
            held = httpx.get(addresses.cases + "/cases").json()
    assert (seen["subject"], seen["channel"], seen["version"], seen["events"]) == ("Voor de herstart", "telefoon", 1, 1)
    assert (caught_up["text"], caught_up["channel"], caught_up["kind"]) == ("<b>Hoe werkt het?</b>", "chat", "vraag")
    ids = [item["id"] for item in held["items"]]
    assert held["count"] == len(ids) == len(set(ids))
    assert {before["id"], meanwhile["id"]} <= set(ids)


def case(addresses: Addresses, contact: dict[str, object]) -> dict[str, object]:
    """Wait until the page of the demo case service shows the contact."""
    reference = str(contact["reference"])

    def shown() -> str | None:
        board = httpx.get(addresses.cases + "/board").json()
        return next((json.dumps(found) for found in board["cases"] if found["reference"] == reference), None)

    found: dict[str, object] = json.loads(eventually(shown))
    return found
