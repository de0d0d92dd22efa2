"""The browser that pages are tried in."""

from playwright.sync_api import Browser, Playwright


def launched(playwright: Playwright) -> Browser:
    """Start a browser without a window."""
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
