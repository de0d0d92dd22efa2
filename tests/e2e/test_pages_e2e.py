"""The public pages in a real browser: with and without JavaScript, with the keyboard, on a narrow screen."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import violations
from tests.running import Gateway, running
from tests.serving import Silent, serving

PATHS = ("/", "/contact", "/hulp", "/veilig", "/demo")
STORY = "Mijn trainer stuurt me berichten.\n\nIk weet niet wat ik moet doen."
Open = Callable[..., AbstractContextManager[Page]]


class _Neutral(Silent):
    def respond(self) -> None:
        self.answer(200, b"<!doctype html><title>Weer</title><h1>Het weer</h1>", {"Content-Type": "text/html"})


@pytest.fixture(scope="module")
def neutral() -> Iterator[str]:
    """A neutral site, to leave for."""
    with serving(_Neutral) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, neutral: str) -> Iterator[Gateway]:
    """A gateway whose way out leads to the neutral site."""
    folder = tmp_path_factory.mktemp("pages")
    with running(folder, ONTHAAL_EXIT_URL=neutral, ONTHAAL_DEMO="true", ONTHAAL_FORM_RATE="1000/minute") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def api(site: Gateway) -> Iterator[httpx.Client]:
    """The API, with a token that may read."""
    with site.client() as client:
        yield client


@pytest.fixture
def visit(browser: Browser, site: Gateway) -> Open:
    """Open a page in a window of its own, that remembers nothing."""

    @contextmanager
    def opened(path: str, *, script: bool = True, width: int = 390, bypass_csp: bool = False) -> Iterator[Page]:
        context = browser.new_context(
            base_url=site.url,
            java_script_enabled=script,
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
            bypass_csp=bypass_csp,
        )
        page = context.new_page()
        page.goto(path)
        yield page
        context.close()

    return opened


def contact_id(page: Page) -> str:
    """The identifier of the contact that the form on a page makes."""
    return page.locator("input[name=contact_id]").first.input_value()


@pytest.mark.parametrize("script", [True, False])
def test_somebody_tells_their_story(visit: Open, api: httpx.Client, tmp_path: Path, *, script: bool) -> None:
    scan = tmp_path / "foto.png"
    scan.write_bytes(b"\x89PNG")
    with visit("/contact", script=script) as page:
        identifier = contact_id(page)
        page.get_by_label("Er is iets gebeurd").check()
        page.get_by_label("Wat wil je vertellen of vragen?").fill(STORY)
        page.get_by_label("Ik heb het zelf meegemaakt").check()
        page.get_by_label("Waar gebeurde het").select_option("Sport")
        page.get_by_label("Ik blijf anoniem").check()
        page.wait_for_timeout(2100)
        page.get_by_role("button", name="Nalezen").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Lees na en verstuur")
        expect(page.get_by_text("Er is nog niets verstuurd.")).to_be_visible()
        page.get_by_label("Wil je bestanden meesturen?").set_input_files(scan)
        page.get_by_role("button", name="Versturen").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("We hebben je bericht goed ontvangen")
        contact = api.get(f"/contacts/{identifier}").json()
        expect(page.locator(".reference")).to_have_text(contact["reference"])
        assert "trainer" not in page.content()
    assert contact["text"] == STORY
    assert (contact["kind"], contact["kindSource"], contact["nature"]) == ("melding", "melder", "person")
    assert (contact["sector"], contact["anonymous"], contact["person"]) == ("Sport", True, {"role": "slachtoffer"})
    assert [file["name"] for file in contact["files"]] == ["foto.png"]


@pytest.mark.parametrize("script", [True, False])
def test_an_error_takes_the_focus_and_leads_to_its_field(visit: Open, *, script: bool) -> None:
    with visit("/contact", script=script) as page:
        page.get_by_role("button", name="Nalezen").click()
        expect(page).to_have_title("Fout: Contactformulier")
        expect(page.locator("#error-summary")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Wat wil je vertellen of vragen?")).to_be_focused()
        expect(page.get_by_label("Wat wil je vertellen of vragen?")).to_have_accessible_description(
            "Schrijf hier je bericht. Eén zin is genoeg."
        )


def test_everything_can_be_done_with_the_keyboard(visit: Open) -> None:
    with visit("/contact") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Verlaat deze site snel")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Ga naar de inhoud")).to_be_focused()
        page.keyboard.press("Enter")
        for _ in range(3):
            page.keyboard.press("Tab")
        expect(page.get_by_label("Er is iets gebeurd")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_label("Ik heb een vraag")).to_be_checked()
        page.keyboard.press("Tab")
        page.keyboard.type("Hoe Werken Jullie?")
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.get_by_role("button", name="Nalezen").evaluate("button => button === document.activeElement"):
                break
        page.keyboard.press("Enter")
        expect(page.get_by_text("Hoe Werken Jullie?")).to_be_visible()


def test_what_has_the_focus_is_never_behind_the_way_out(visit: Open) -> None:
    with visit("/contact", width=320) as page:
        for _ in range(45):
            page.keyboard.press("Shift+Tab")
            hidden = page.evaluate(
                """() => { const focused = document.activeElement, box = focused.getBoundingClientRect();
                const bar = document.getElementById("exit-bar").getBoundingClientRect();
                return !focused.closest("#exit-bar") && focused !== document.body && box.top >= 0 && box.bottom <= bar.bottom; }"""
            )
            assert not hidden, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_who_stays_anonymous_is_not_asked_how_to_be_reached(visit: Open) -> None:
    with visit("/contact") as page:
        expect(page.get_by_label("E-mailadres")).to_be_visible()
        page.get_by_label("Ik blijf anoniem").check()
        expect(page.get_by_label("E-mailadres")).to_be_hidden()
        expect(page.get_by_label("Gebruik een neutrale afzender")).to_be_hidden()
        page.get_by_label("Jullie mogen contact").check()
        expect(page.get_by_label("E-mailadres")).to_be_visible()


def test_too_many_files_are_told_before_they_are_sent(visit: Open, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(6)]
    for file in files:
        file.write_text("x")
    with visit("/contact") as page:
        page.get_by_label("Wat wil je vertellen of vragen?").fill("x")
        page.get_by_role("button", name="Nalezen").click()
        chooser = page.get_by_label("Wil je bestanden meesturen?")
        expect(chooser).to_be_visible()
        page.wait_for_load_state()
        chooser.set_input_files(files)
        page.get_by_role("button", name="Versturen").click()
        assert "ten hoogste 5" in str(chooser.evaluate("input => input.validationMessage"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Lees na en verstuur")


@pytest.mark.parametrize("script", [True, False])
def test_the_way_out_leaves_at_once(visit: Open, neutral: str, *, script: bool) -> None:
    with visit("/contact", script=script) as page:
        page.get_by_role("link", name="Verlaat deze site snel").click()
        page.wait_for_url(neutral)


def test_back_does_not_lead_to_the_page_that_was_left(visit: Open, neutral: str) -> None:
    with visit("/veilig") as page:
        page.goto("/contact")
        page.get_by_role("link", name="Verlaat deze site snel").click()
        page.wait_for_url(neutral)
        page.go_back()
        assert page.url.endswith("/veilig")


def test_three_times_shift_leaves_from_anywhere(visit: Open, neutral: str) -> None:
    with visit("/contact") as page:
        page.get_by_label("Wat wil je vertellen of vragen?").focus()
        page.keyboard.press("Shift")
        expect(page.locator("#exit-status")).to_have_text("Druk nog 2 keer op Shift om deze site te verlaten.")
        page.keyboard.press("Shift")
        expect(page.locator("#exit-status")).to_have_text("Druk nog 1 keer op Shift om deze site te verlaten.")
        page.keyboard.press("Shift")
        page.wait_for_url(neutral)


def test_capital_letters_do_not_leave(visit: Open) -> None:
    with visit("/contact") as page:
        page.get_by_label("Wat wil je vertellen of vragen?").focus()
        for letter in "WAAROM IK":
            page.keyboard.down("Shift")
            page.keyboard.press(letter)
            page.keyboard.up("Shift")
        expect(page.locator("#exit-status")).to_have_text("")
        expect(page.get_by_label("Wat wil je vertellen of vragen?")).to_have_value("WAAROM IK")


@pytest.mark.parametrize("path", PATHS)
def test_no_trace_is_left_and_nobody_else_is_asked(visit: Open, site: Gateway, path: str) -> None:
    with visit("/veilig") as page:
        asked: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path, wait_until="networkidle")
        assert [url for url in asked if not url.startswith((site.url, "data:"))] == []
        assert page.context.cookies() == []
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
        assert problems == []


@pytest.mark.parametrize("language", ["nl", "de"])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_a_narrow_screen_with_targets_for_a_thumb(visit: Open, path: str, language: str) -> None:
    with visit(f"{path}?lang={language}", width=320) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        small = page.locator(".button, .exit, .nav a, .choice input, .field input, select, .ways a, .short-help a").evaluate_all(
            """found => found.filter(each => each.checkVisibility()).map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
            .filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44) && box.left >= 0).map(([name]) => name)"""
        )
        assert small == []


def mistaken(page: Page) -> None:
    """A form with errors."""
    page.get_by_label("E-mailadres").fill("geen adres")
    page.get_by_role("button", name="Nalezen").click()


def read_again(page: Page) -> None:
    """A form that is read again."""
    page.get_by_label("Wat wil je vertellen of vragen?").fill(STORY)
    page.get_by_role("button", name="Nalezen").click()


def sent(page: Page) -> None:
    """A form that was sent."""
    read_again(page)
    page.get_by_role("button", name="Versturen").click()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize(
    ("path", "then"),
    [*((path, None) for path in PATHS), ("/contact", mistaken), ("/contact", read_again), ("/contact", sent)],
)
def test_axe_finds_nothing(visit: Open, path: str, then: Callable[[Page], None] | None, width: int) -> None:
    with visit(path, width=width, bypass_csp=True) as page:
        if then:
            then(page)
            page.wait_for_load_state()
        assert violations(page) == []
