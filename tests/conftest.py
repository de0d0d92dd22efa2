"""What every test may ask for."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.running import Gateway, running


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with every service, open day and night, shared by the tests of a session."""
    folder = tmp_path_factory.mktemp("gateway")
    always = {f"ONTHAAL_HOURS_{name}": "24/7" for name in ("CHAT",)}
    with running(folder, ONTHAAL_DEMO="true", **always) as started:
        yield started
