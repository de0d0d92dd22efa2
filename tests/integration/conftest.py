"""What the integration tests share: the session's gateway with a token that may do everything, and the engines."""

from collections.abc import Iterator

import httpx
import pytest

from tests.engines import database_url, mortal_postgres, new_database, postgres
from tests.running import Gateway

__all__ = ["database_url", "mortal_postgres", "new_database", "postgres"]


@pytest.fixture(scope="session")
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    """The API of the session's gateway."""
    with gateway.client() as client:
        yield client
