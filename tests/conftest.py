"""What every test may ask for."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.running import Gateway, running


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests that use a gateway run on the split deployment: `--split`."""
    parser.addoption("--split", action="store_true", help="run on two processes of each service behind nginx (make test-split)")


@pytest.fixture(scope="session")
def split(request: pytest.FixtureRequest) -> bool:
    """Whether the gateway is the split deployment."""
    return bool(request.config.getoption("--split"))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, split: bool) -> Iterator[Gateway]:
    """A gateway with every service, open day and night, shared by the tests of a session."""
    folder = tmp_path_factory.mktemp("gateway")
    always = {"ONTHAAL_DEMO": "true", "ONTHAAL_HOURS_CHAT": "24/7", "ONTHAAL_CHAT_RATE": "100000/minute"}
    if split:
        from tests.house import living

        with living(folder, ONTHAAL_LOG_LEVEL="DEBUG", **always) as house:
            yield house
    else:
        with running(folder, **always) as started:
            yield started
