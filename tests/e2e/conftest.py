"""What every test in a browser may rely on."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.chromium import launched

# a page is given the time that a busy machine takes; what never comes still fails
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        started = launched(playwright)
        yield started
        started.close()
