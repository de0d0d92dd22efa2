"""The command line: every command is found when it is asked for, and none of them is loaded to serve."""

import subprocess
import sys

from typer.testing import CliRunner

from services.__main__ import PARTS, app


def test_help_lists_every_command_with_what_it_does() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for name in ("serve", "migrate", "settings", *PARTS):
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0
        line = next(line for line in shown.splitlines() if f" {name} " in line)
        assert len(line.split()) > 4, line


def test_a_word_that_is_no_command_is_refused() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_a_service_that_faces_the_outside_loads_no_database() -> None:
    loaded = "import sys, services.__main__, services.gateway, services.public_site.service, services.mail_ingest.service"
    found = subprocess.run(
        [sys.executable, "-c", f"{loaded}; print('sqlalchemy' in sys.modules)"], capture_output=True, check=True
    )
    assert found.stdout == b"False\n"
