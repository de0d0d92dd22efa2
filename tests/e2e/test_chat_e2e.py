"""The chat in a real browser: a visitor on a site, an operator at the desk, keyboard, phone and leaving in a hurry."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FrameLocator,
    Page,
    StorageState,
    ViewportSize,
    expect,
)

from tests.e2e.accessibility import violations_of_every_rule
from tests.running import Gateway, running

PHONE, SMALL, DESKTOP = (390, 844), (320, 640), (1280, 900)
SHOTS = os.environ.get("CHAT_SCREENSHOTS")


@pytest.fixture(scope="module")
def session(browser: Browser, gateway: Gateway) -> StorageState:
    """What the browser of a signed-in operator holds."""
    context = opened(browser, DESKTOP)
    page = context.new_page()
    page.goto(gateway.sign_in_link("An Peeters"))
    expect(page).to_have_url(f"{gateway.url}/desk")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def desk(browser: Browser, gateway: Gateway, session: StorageState) -> Iterator[Page]:
    """The chat page of a signed-in operator."""
    context = opened(browser, DESKTOP, session)
    page = context.new_page()
    page.goto(f"{gateway.url}/desk/chat")
    expect(page.get_by_text("Je bent verbonden.")).to_be_visible()
    yield page
    context.close()


@pytest.fixture
def visitor(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    """A visitor's telephone, on the site that shows the widget."""
    context = opened(browser, PHONE)
    page = context.new_page()
    page.goto(f"{gateway.url}/demo")
    yield page
    context.close()


def opened(browser: Browser, size: tuple[int, int], state: StorageState | None = None) -> BrowserContext:
    viewport: ViewportSize = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, locale="nl-BE", reduced_motion="reduce", storage_state=state)
    context.set_default_timeout(15_000)
    return context


def chat(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='Chatvenster']")


def open_chat(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Chat").click()
    expect(chat(page).get_by_label("Je bericht")).to_be_visible()
    return chat(page)


def take(desk: Page, widget: FrameLocator) -> None:
    """Take what waits, the newest first, until it is this visitor's: what another test left may still be the newest shown."""
    for _ in range(10):
        desk.get_by_role("button", name="Neem aan").last.click()
        with suppress(AssertionError):
            expect(widget.get_by_text("Een medewerker is er voor jou")).to_be_visible(timeout=5_000)
            return
    pytest.fail("the conversation was not offered")


def say(widget: FrameLocator, text: str) -> None:
    widget.get_by_label("Je bericht").fill(text)
    widget.get_by_role("button", name="Verstuur").click()
    expect(widget.get_by_role("listitem").filter(has_text=text)).to_contain_text("Verzonden")


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def test_a_visitor_and_an_operator_talk_both_ways(desk: Page, visitor: Page) -> None:
    widget = open_chat(visitor)
    expect(widget.get_by_text("Een medewerker van het Meldpunt leest wat je schrijft.")).to_be_visible()
    shoot(visitor, "phone-start")
    say(widget, "Iets over de turnclub")
    expect(widget.get_by_role("status").filter(has_text="Even geduld")).to_be_visible()
    shoot(visitor, "phone-waiting")
    take(desk, widget)
    expect(desk.get_by_role("log").filter(visible=True)).to_contain_text("Iets over de turnclub")
    expect(widget.get_by_text("Een medewerker is er voor jou: An Peeters.")).to_be_visible()
    desk.get_by_label("Je antwoord").filter(visible=True).fill("Dag, neem rustig je tijd.")
    desk.get_by_role("button", name="Verstuur").click()
    expect(widget.get_by_role("log")).to_contain_text("Medewerker:")
    expect(widget.get_by_role("log")).to_contain_text("Dag, neem rustig je tijd.")
    widget.get_by_label("Je bericht").press_sequentially("Het")
    expect(desk.get_by_text("De bezoeker is aan het typen.").filter(visible=True)).to_be_visible()
    shoot(desk, "desk-talking")
    shoot(visitor, "phone-talking")
    desk.get_by_role("button", name="Sluit af").click()
    desk.get_by_label("Vraag", exact=True).check()
    desk.get_by_role("button", name="Beëindig het gesprek").click()
    expect(widget.get_by_text("Het gesprek is afgelopen.")).to_be_visible()
    expect(widget.get_by_label("Je bericht")).to_be_hidden()
    expect(desk.get_by_text("Dit gesprek is afgelopen.").filter(visible=True)).to_be_visible()
    shoot(visitor, "phone-ended")


def test_markup_in_a_message_stays_text(desk: Page, visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "<img src=x onerror=alert(1)><b>vet</b>")
    take(desk, widget)
    expect(desk.get_by_text("<img src=x onerror=alert(1)><b>vet</b>").filter(visible=True)).to_be_visible()
    assert desk.locator(".said b, .said img").count() == 0


def test_a_reload_does_not_end_the_conversation(visitor: Page) -> None:
    say(open_chat(visitor), "Blijft dit staan?")
    visitor.reload()
    expect(chat(visitor).get_by_role("log")).to_contain_text("Blijft dit staan?")
    say(chat(visitor), "Ja dus")
    assert visitor.context.cookies() == []
    assert visitor.evaluate("Object.keys(localStorage)") == []


def test_everything_can_be_done_with_the_keyboard(visitor: Page) -> None:
    opener = visitor.get_by_role("button", name="Chat")
    assert opener.get_attribute("aria-expanded") == "false"
    opener.focus()
    visitor.keyboard.press("Enter")
    widget = chat(visitor)
    expect(widget.get_by_role("heading", name="Chat met een medewerker")).to_be_focused()
    assert opener.get_attribute("aria-expanded") == "true"
    message = widget.get_by_label("Je bericht")
    expect(message).to_be_visible()
    for _ in range(20):
        visitor.keyboard.press("Tab")
        if message.evaluate("element => element === document.activeElement"):
            break
    expect(message).to_be_focused()
    visitor.keyboard.type("Met toetsen alleen")
    visitor.keyboard.press("Enter")
    expect(widget.get_by_role("log")).to_contain_text("Verzonden")
    expect(message).to_be_focused()
    visitor.keyboard.press("Escape")
    expect(opener).to_be_focused()
    assert opener.get_attribute("aria-expanded") == "false"


def test_leaving_is_the_first_thing_the_keyboard_reaches(visitor: Page) -> None:
    widget = open_chat(visitor)
    first = widget.locator("a, button, textarea, summary").first
    assert first.text_content() == "Verlaat deze pagina"


def leaves(page: Page) -> None:
    """Catch the neutral page, which is outside this machine."""
    page.route("https://www.vlaanderen.be/**", lambda route: route.fulfill(body="neutraal", content_type="text/plain"))


def test_shift_three_times_leaves_at_once_and_ends_the_conversation(desk: Page, visitor: Page) -> None:
    leaves(visitor)
    before = visitor.evaluate("history.length")
    widget = open_chat(visitor)
    say(widget, "Iemand komt binnen")
    take(desk, widget)
    expect(desk.get_by_role("log").filter(visible=True)).to_contain_text("Iemand komt binnen")
    widget.get_by_label("Je bericht").focus()
    visitor.keyboard.press("Shift")
    expect(widget.get_by_text("Druk nog 2 keer op Shift")).to_be_attached()
    visitor.keyboard.press("Shift")
    visitor.keyboard.press("Shift")
    visitor.wait_for_url("https://www.vlaanderen.be/**")
    assert visitor.evaluate("history.length") == before
    expect(desk.get_by_text("Dit gesprek is afgelopen.").filter(visible=True)).to_be_visible()


def test_the_exit_button_forgets_the_conversation(visitor: Page, gateway: Gateway) -> None:
    leaves(visitor)
    widget = open_chat(visitor)
    say(widget, "Weg hier")
    widget.get_by_role("button", name="Verlaat deze pagina").click()
    visitor.wait_for_url("https://www.vlaanderen.be/**")
    visitor.goto(f"{gateway.url}/demo")
    expect(visitor.get_by_role("button", name="Chat")).to_have_attribute("aria-expanded", "false")
    open_chat(visitor)
    expect(chat(visitor).get_by_text("Weg hier")).to_have_count(0)


@pytest.mark.parametrize("size", [SMALL, PHONE, DESKTOP], ids=["320", "390", "1280"])
def test_nothing_has_to_be_scrolled_sideways(browser: Browser, gateway: Gateway, size: tuple[int, int]) -> None:
    context = opened(browser, size)
    page = context.new_page()
    page.goto(f"{gateway.url}/demo")
    widget = open_chat(page)
    say(widget, "Een heel lang woord: " + "grensoverschrijdend" * 8)
    shoot(page, f"talk-{size[0]}")
    wider = widget.locator("html").evaluate("page => page.scrollWidth - page.clientWidth")
    small = widget.locator("button:visible, a:visible, summary:visible, textarea:visible").evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().height < 44 || one.getBoundingClientRect().width < 44)"
        ".map(one => one.outerHTML)"
    )
    context.close()
    assert wider == 0
    assert small == []


def test_a_closed_chat_says_when_it_opens_and_who_else_helps(browser: Browser, tmp_path: Path) -> None:
    in_two_days = f"{datetime.now(UTC) + timedelta(days=2):%a}"[:2]
    hours = {"ONTHAAL_HOURS_CHAT": f"{in_two_days} 09:00-17:00", "ONTHAAL_DEMO": "true"}
    with running(tmp_path / "var", "intake_api", "public_site", "chat_relay", **hours) as gateway:
        context = opened(browser, PHONE)
        page = context.new_page()
        page.goto(f"{gateway.url}/demo")
        page.get_by_role("button", name="Chat").click()
        widget = chat(page)
        expect(widget.get_by_role("heading", name="De chat is nu gesloten")).to_be_visible()
        expect(widget.get_by_text("De chat is opnieuw open op")).to_contain_text("09:00")
        expect(widget.get_by_role("link", name="Tele-Onthaal 106")).to_be_visible()
        expect(widget.get_by_role("button", name="Naar het formulier")).to_be_visible()
        expect(widget.get_by_label("Je bericht")).to_be_hidden()
        shoot(page, "phone-closed")
        context.close()


def test_axe_finds_nothing_in_any_state(desk: Page, visitor: Page) -> None:
    widget = open_chat(visitor)
    assert violations_of_every_rule(visitor) == []
    say(widget, "Dag")
    take(desk, widget)
    expect(widget.get_by_text("Een medewerker is er voor jou")).to_be_visible()
    assert violations_of_every_rule(visitor) == []
    assert violations_of_every_rule(desk) == []
    widget.get_by_role("button", name="Beëindig het gesprek").click()
    assert violations_of_every_rule(visitor) == []
    widget.get_by_role("button", name="Ja, beëindig").click()
    expect(widget.get_by_role("button", name="Begin een nieuw gesprek")).to_be_visible()
    assert violations_of_every_rule(visitor) == []
