"""The page for when nothing answers, as a proxy serves it: alone, with our own security policy, on a telephone and a desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from services.kit.pages import HEADERS
from tests.e2e.accessibility import violations
from tests.serving import Silent, serving

DOWN = Path(__file__).parents[2] / "deploy" / "down"


class _Proxy(Silent):
    """What a proxy does when nothing is behind it."""

    def respond(self) -> None:
        styles = self.path == "/down/down.css"
        body = (DOWN / ("down.css" if styles else "index.html")).read_bytes()
        kind = "text/css" if styles else "text/html; charset=utf-8"
        self.answer(200 if styles else 503, body, {**HEADERS, "Content-Type": kind})


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    """A proxy with nothing behind it."""
    with serving(_Proxy) as port:
        yield f"http://127.0.0.1:{port}"


def test_the_page_is_accessible_shows_the_numbers_and_asks_nothing_of_others(browser: Browser, proxy: str) -> None:
    for width in (360, 1280):
        context = browser.new_context(viewport={"width": width, "height": 740}, bypass_csp=True)
        page = context.new_page()
        page.goto(f"{proxy}/contact")
        assert violations(page) == [], width
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        context.close()

    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{proxy}/contact")
    expect(page.get_by_role("link", name="112", exact=True).first).to_be_in_viewport()
    expect(page.locator("body")).to_have_css("margin-top", "0px")
    assert {url.removeprefix(proxy) for url in asked if not url.startswith("data:")} == {"/contact", "/down/down.css"}
    assert [text for text in said if "Content Security Policy" in text] == []
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Verlaat deze site snel")).to_be_focused()
    context.close()
