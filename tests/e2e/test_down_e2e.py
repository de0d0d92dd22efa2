"""The page for when nothing answers, as a proxy serves it: alone, with our own security policy, on a telephone and a desk."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from services.kit.pages import HEADERS

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
AXE_RUN = """async () => (await axe.run(document, {rules: {"target-size": {enabled: true}}})).violations.map(
    found => found.id + ": " + found.nodes.map(node => node.target.join(" ")).join(", "))"""
DOWN = Path(__file__).parents[2] / "deploy" / "down"


class _Proxy(BaseHTTPRequestHandler):
    """What a proxy does when nothing is behind it."""

    def do_GET(self) -> None:
        styles = self.path == "/down/down.css"
        body = (DOWN / ("down.css" if styles else "index.html")).read_bytes()
        self.send_response(200 if styles else 503)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/css" if styles else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    """A proxy with nothing behind it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_page_is_accessible_shows_the_numbers_and_asks_nothing_of_others(proxy: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for width in (360, 1280):
            context = browser.new_context(viewport={"width": width, "height": 740}, bypass_csp=True)
            page = context.new_page()
            page.goto(f"{proxy}/contact")
            page.add_script_tag(path=AXE)
            assert page.evaluate(AXE_RUN) == [], width
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            context.close()

        page = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740}).new_page()
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
        browser.close()
