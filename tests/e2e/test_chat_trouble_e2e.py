"""A conversation in two real browsers through trouble: a killed relay, a dead network, a laptop asleep, a rolling restart.

Two nodes serve the public and the desk; visitor and operator each reach them through a network of their own. `TROUBLE=full` takes
the times of real life (make test-chat); without it cuts are as long as it takes the page to notice.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psutil
import pytest
from playwright.sync_api import FrameLocator, Page, expect, sync_playwright

from services.intake_api.caller import SERVICE_SCOPES
from tests.e2e.chromium import launched
from tests.e2e.test_chat_e2e import DESKTOP, PHONE, open_chat, opened
from tests.faults.proxy import Line, Proxy
from tests.nats import Nats, nats
from tests.running import Gateway

__all__ = ["nats"]

pytestmark = pytest.mark.timeout(300)

FULL = os.environ.get("TROUBLE") == "full"
CUT_S, SLEEP_S = (30.0, 25.0) if FULL else (8.0, 6.0)
BACK_MS = 90_000
"""A page finds a dead line out by a ping without an answer (25 s and 10 s), and then connects again."""

SECRET = "0123456789abcdef" * 2


class Network(Proxy):
    """A way to the nodes, the first that answers; it lives in a thread of its own."""

    def __init__(self, nodes: list[Gateway]) -> None:
        """Prefer the nodes in this order."""
        super().__init__("")
        self._nodes = nodes
        self._loop = asyncio.new_event_loop()
        self._forgotten: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """What a browser is told."""
        return f"http://127.0.0.1:{self.port}"

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for node in self._nodes:
            try:
                return await asyncio.open_connection("127.0.0.1", node.port)
            except OSError:
                continue
        raise ConnectionRefusedError

    def turn(self, line: Line) -> None:
        """Change what becomes of bytes."""
        asyncio.run_coroutine_threadsafe(self.become(line), self._loop).result(10)

    def lose_track(self) -> None:
        """Carry new connections; nothing ever comes through those there were, and neither side is told."""
        asyncio.run_coroutine_threadsafe(self.forget(), self._loop).result(10)

    @contextmanager
    def carrying(self) -> Iterator["Network"]:
        """Carry for the length of a block."""
        stopped = asyncio.Event()

        async def carry() -> None:
            async with self.open():
                begun.set()
                await stopped.wait()
            for writer in self._forgotten:
                writer.transport.abort()

        begun = threading.Event()
        thread = threading.Thread(target=self._loop.run_until_complete, args=(carry(),))
        thread.start()
        begun.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(stopped.set)
            thread.join()
            self._loop.run_until_complete(asyncio.sleep(0.1))
            self._loop.close()


@dataclass
class Site:
    """Two nodes, and the ways of the visitor and the operator to them: each to another first."""

    intake: Gateway
    nodes: list[Gateway]
    visitors: Network
    desks: Network


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, nats: Nats) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("trouble")
    with ExitStack() as stack:
        intake = Gateway(folder / "intake", ("intake_api",), {"ONTHAAL_HOURS_CHAT": "24/7", "ONTHAAL_NATS_URL": nats.url})
        stack.callback(intake.stop)
        intake.start()
        nodes: list[Gateway] = []
        visitors, desks = Network(nodes), Network([])
        shared = {
            "ONTHAAL_INTAKE_URL": intake.url,
            "ONTHAAL_NATS_URL": nats.url,
            "ONTHAAL_CHAT_SECRET": SECRET,
            "ONTHAAL_DEMO": "true",
            "ONTHAAL_ORIGIN": desks.url,
            "ONTHAAL_CHAT_ORIGINS": visitors.url,
            "ONTHAAL_CHAT_RELAY_TOKEN": intake.token(*SERVICE_SCOPES["chat_relay"]),
            "ONTHAAL_PUBLIC_SITE_TOKEN": intake.token(*SERVICE_SCOPES["public_site"]),
        }
        services = ("public_site", "phone_log", "chat_relay")
        nodes += [Gateway(folder / name, services, shared) for name in ("a", "b")]
        desks._nodes = nodes[::-1]
        for node in nodes:
            stack.callback(node.stop)
        with ThreadPoolExecutor(2) as together:
            list(together.map(Gateway.start, nodes))
        yield Site(intake, nodes, stack.enter_context(visitors.carrying()), stack.enter_context(desks.carrying()))


@dataclass
class Talk:
    """A conversation on two screens, and what was said in it."""

    visitor: Page
    widget: FrameLocator
    desk: Page
    browsers: list[psutil.Process]
    """The visitor's browser, all its processes."""

    said: list[str] = field(default_factory=list)

    def visitor_writes(self, text: str) -> None:
        """Send something, without waiting for it to arrive."""
        self.said.append(text)
        self.widget.get_by_label("Je bericht").fill(text)
        self.widget.get_by_role("button", name="Verstuur").click()

    def operator_writes(self, text: str) -> None:
        """Send something, without waiting for it to arrive."""
        self.said.append(text)
        self.desk.get_by_label("Je antwoord").filter(visible=True).fill(text)
        self.desk.get_by_role("button", name="Verstuur").filter(visible=True).click()

    @property
    def _logs(self) -> tuple[list[str], list[str]]:
        turns = ".turn:not(.event) .said"
        seen = self.widget.get_by_role("log").locator(turns).all_text_contents()
        return seen, self.desk.get_by_role("log").filter(visible=True).locator(turns).all_text_contents()

    def arrived(self, *texts: str) -> None:
        """Both screens come to show these, as sent to whoever said them."""
        for text in texts:
            for log in (self.widget.get_by_role("log"), self.desk.get_by_role("log").filter(visible=True)):
                shown = log.get_by_role("listitem").filter(has_text=text)
                expect(shown).to_have_count(1, timeout=BACK_MS)
                expect(shown).not_to_contain_text("Wordt verzonden", timeout=BACK_MS)
                expect(shown).not_to_contain_text("Niet verzonden", timeout=BACK_MS)

    def is_whole(self) -> None:
        """Everything is on both screens, once; a turn that was read is never moved by one that was said before it."""
        for seen in self._logs:
            assert sorted(seen) == sorted(self.said)


def both_speak(talk: Talk, subject: str) -> None:
    talk.visitor_writes(f"bezoeker over {subject}")
    talk.arrived(f"bezoeker over {subject}")
    talk.operator_writes(f"onthaal over {subject}")
    talk.arrived(f"onthaal over {subject}")


@pytest.fixture(scope="module")
def talk(site: Site) -> Iterator[Talk]:
    """A visitor and an operator in conversation, each in a browser of their own."""
    with sync_playwright() as playwright, ExitStack() as stack:
        before = set(psutil.Process().children(recursive=True))
        browsers = [launched(playwright)]
        visitors_own = [process for process in psutil.Process().children(recursive=True) if process not in before]
        browsers.append(launched(playwright))
        for browser in browsers:
            stack.callback(browser.close)
        desk = opened(browsers[1], DESKTOP).new_page()
        desk.goto(site.intake.sign_in_link("An Peeters").replace(site.intake.url, site.desks.url))
        expect(desk).to_have_url(f"{site.desks.url}/desk")
        desk.goto(f"{site.desks.url}/desk/chat")
        visitor = opened(browsers[0], PHONE).new_page()
        visitor.goto(f"{site.visitors.url}/demo")
        made = Talk(visitor, open_chat(visitor), desk, [p for p in visitors_own if "chrom" in p.name().lower()])
        made.visitor_writes("Dag")
        desk.get_by_role("button", name="Neem aan").first.click()
        expect(made.widget.get_by_text("Een medewerker is er voor jou")).to_be_visible()
        yield made


def test_it_goes_on_when_the_relay_of_either_is_killed(site: Site, talk: Talk) -> None:
    both_speak(talk, "de eerste")
    for node, writes, name in (
        (site.nodes[0], talk.visitor_writes, "visitor"),
        (site.nodes[1], talk.operator_writes, "operator"),
    ):
        node.kill()
        writes(f"{name} na de klap")
        talk.arrived(f"{name} na de klap")
        node.start()
    both_speak(talk, "de tweede")
    talk.is_whole()


@pytest.mark.parametrize("whose", ["visitors", "desks"])
def test_it_goes_on_after_a_network_that_carried_nothing(site: Site, talk: Talk, whose: str) -> None:
    network: Network = getattr(site, whose)
    network.turn(Line.SILENT)
    talk.visitor_writes(f"uit de tunnel, {whose}")
    talk.operator_writes(f"naar de tunnel, {whose}")
    talk.visitor.wait_for_timeout(CUT_S * 1000)
    if FULL and whose == "visitors":
        network.lose_track()
    else:
        network.turn(Line.WELL)
    talk.arrived(f"uit de tunnel, {whose}", f"naar de tunnel, {whose}")
    both_speak(talk, f"de tunnel, {whose}")
    talk.is_whole()


def stop(processes: list[psutil.Process], how: signal.Signals) -> None:
    """Send a signal to every process of a browser, those that it started since as well."""
    for process in [*processes, *(child for one in processes for child in one.children(recursive=True))]:
        process.send_signal(how)


def test_it_goes_on_when_the_laptop_of_the_visitor_wakes_up(site: Site, talk: Talk) -> None:
    both_speak(talk, "slapengaan")
    stop(talk.browsers, signal.SIGSTOP)
    try:
        talk.said.append("terwijl je sliep")
        talk.desk.get_by_label("Je antwoord").filter(visible=True).fill("terwijl je sliep")
        talk.desk.get_by_role("button", name="Verstuur").filter(visible=True).click()
        talk.desk.wait_for_timeout(SLEEP_S * 1000)
        site.visitors.turn(Line.WELL)  # what was connected is not connected any more
    finally:
        stop(talk.browsers, signal.SIGCONT)
    talk.arrived("terwijl je sliep")
    both_speak(talk, "wakker worden")
    talk.is_whole()


def test_it_goes_on_through_a_rolling_restart(site: Site, talk: Talk) -> None:
    for number, node in enumerate(site.nodes):
        node.stop()
        talk.visitor_writes(f"bezoeker {number} tijdens het herstarten")
        talk.operator_writes(f"onthaal {number} tijdens het herstarten")
        node.start()
        talk.arrived(f"bezoeker {number} tijdens het herstarten", f"onthaal {number} tijdens het herstarten")
    both_speak(talk, "het herstarten")
    talk.is_whole()
