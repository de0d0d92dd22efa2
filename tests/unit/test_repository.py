"""What the repository promises of itself: locks without addresses, documents that agree, migrations that are known."""

import re
import subprocess
import tomllib
from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

from services.__main__ import app
from services.intake_api.store.migrate import FOLDER, HEAD
from services.kit.settings import names
from services.settings import settings_classes

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    """List tracked files; in a copy without git, every file of that name."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    found = [ROOT / line for line in listed.stdout.splitlines()]
    return found or [path for pattern in patterns for path in ROOT.glob(pattern)]


def test_locks_name_no_address_and_no_option_of_an_index() -> None:
    locks = tracked("requirements.lock", "tests/e2e/package-lock.json")
    assert locks
    for lock in locks:
        text = lock.read_text()
        assert not re.search(r"https?:/|--\S*(?:index|links)|\"resolved\"", text), lock.name


def test_every_locked_package_has_a_hash() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert text.count("==") > 50
    assert all("--hash=sha256:" in part for part in re.split(r"\n(?=[a-z0-9])", text) if part.strip())


def test_the_case_service_of_both_readmes_is_the_same() -> None:
    [ours] = re.findall(r"```python\n(import os\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [theirs] = re.findall(r"```python\n(import os\n.*?)```", (ROOT / "shared/README.md").read_text(), re.DOTALL)
    assert ours == theirs
    assert len(ours.splitlines()) <= 20


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    revisions = sorted(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))
    assert revisions[-1] == HEAD


def test_every_setting_says_what_it_means() -> None:
    for kind in settings_classes().values():
        for name, field in zip(names(kind), kind.model_fields.values(), strict=True):
            assert field.description, name


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    rows = [line.split("|")[1] for line in readme[readme.index("| Command | |") :].splitlines() if line.startswith("| `onthaal ")]
    group = get_command(app)
    with group.make_context("onthaal", [], resilient_parsing=True) as context:
        commands = {name: group.get_command(context, name) for name in group.list_commands(context)}  # type: ignore[attr-defined]
    assert commands.keys() > {"serve", "doctor", "backup"}
    for name, command in commands.items():
        parts = getattr(command, "commands", ())
        [row] = [row for row in rows if re.search(rf"`onthaal {name}\b", row) or (not parts and f"`{name}`" in row)]
        for part in parts:
            assert re.search(rf"[` ]{part}\b", row), f"{name} {part}"


def test_only_the_store_and_nothing_that_was_forgotten_may_speak_to_the_database() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [bound] = [set(one["source_modules"]) for one in contracts if one["name"] == "Only the store speaks to the database"]
    rooms = {
        f"services.intake_api.{path.stem}" for path in (ROOT / "services" / "intake_api").glob("[a-z]*") if path.stem != "doc"
    }
    rooms |= {f"services.{path.stem}" for path in (ROOT / "services").glob("*.py") if path.stem != "__init__"} | {"services.cli"}
    assert rooms - bound == {"services.intake_api.store"}


def test_the_list_of_settings_shows_defaults_that_say_something() -> None:
    told = CliRunner().invoke(app, ["settings"]).output
    assert "ONTHAAL_PORT (default: 8080)" in told
    assert "ONTHAAL_DRAIN_NOTICE (default: 0)" in told
    assert not re.search(r"default: (\)|\(\)|PydanticUndefined|None)", told)


def test_settings_named_in_the_readme_exist() -> None:
    known = {name for kind in settings_classes().values() for name in names(kind)}
    named = set(re.findall(r"ONTHAAL_[A-Z_]+[A-Z]", (ROOT / "README.md").read_text()))
    assert named <= known
