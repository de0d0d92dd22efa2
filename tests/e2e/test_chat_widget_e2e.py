"""What a visitor sees in every state of the chat, by keyboard, on small screens, and on the way out; nothing else is loaded."""

import gzip
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    Frame,
    FrameLocator,
    Locator,
    Page,
    Response,
    Route,
    ViewportSize,
    WebSocketRoute,
    expect,
)

from tests.e2e.accessibility import violations_of_every_rule
from tests.e2e.test_chat_e2e import (
    DESKTOP,
    PHONE,
    SMALL,
    chat,
    leaves,
    open_chat,
    opened,
    say,
    shoot,
    take,
)
from tests.engines import eventually
from tests.running import Gateway, free_port, running
from tests.serving import Silent, serving

KILOBYTE = 1024
LEASE = 8


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose operators come and go as a test wants, and that gives up on whoever is gone sooner than usual."""
    settings = {
        "ONTHAAL_DEMO": "true",
        "ONTHAAL_HOURS_CHAT": "24/7",
        "ONTHAAL_CHAT_RATE": "1000/minute",
        "ONTHAAL_CHAT_OPERATOR_LEASE": str(LEASE),
        "ONTHAAL_CHAT_VISITOR_LEASE": str(LEASE),
    }
    with running(tmp_path_factory.mktemp("widget"), **settings) as gateway:
        yield gateway


@pytest.fixture
def visitor(browser: Browser, house: Gateway) -> Iterator[Page]:
    """A visitor's telephone on the site."""
    context = opened(browser, PHONE)
    page = context.new_page()
    page.goto(f"{house.url}/demo")
    yield page
    context.close()


@pytest.fixture
def operator(browser: Browser, house: Gateway) -> Iterator[Page]:
    """An operator who is present."""
    context = opened(browser, DESKTOP)
    page = context.new_page()
    page.goto(house.sign_in_link("An Peeters"))
    page.goto(f"{house.url}/desk/chat")
    expect(page.get_by_text("Je bent verbonden.")).to_be_visible()
    yield page
    context.close()


@contextmanager
def emergency(house: Gateway) -> Iterator[None]:
    """Close the chat now, until the end of the block."""
    rule, now = str(uuid4()), datetime.now(UTC).isoformat()
    close = {"type": "emergencyClose", "id": rule, "channels": ["chat"], "label": "Panne", "validFrom": now, "closedFrom": now}
    with house.client() as api:
        assert api.put(f"/openingHours/exceptions/{rule}", json=close).status_code == 200
        try:
            yield
        finally:
            api.delete(f"/openingHours/exceptions/{rule}")


def answer(operator: Page, text: str) -> None:
    operator.get_by_label("Je antwoord").filter(visible=True).fill(text)
    operator.get_by_role("button", name="Verstuur").filter(visible=True).click()


def status(widget: FrameLocator, text: str) -> None:
    expect(widget.locator("#status")).to_contain_text(text)


def stop(widget: FrameLocator) -> None:
    widget.get_by_role("button", name="Beëindig het gesprek").click()
    widget.get_by_role("button", name="Ja, beëindig").click()
    expect(widget.get_by_role("button", name="Begin een nieuw gesprek")).to_be_visible()


def remembered(page: Page) -> list[str]:
    """What the tab keeps for the origin of the chat, which is the site's own origin here."""
    kept: list[str] = page.evaluate("[...Object.values(sessionStorage), ...Object.values(localStorage), document.cookie]")
    return [value for value in kept if value]


def test_everything_that_is_served_is_small_and_comes_from_one_place(browser: Browser, house: Gateway) -> None:
    context = opened(browser, DESKTOP)
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    context.on("response", note)
    page = context.new_page()
    page.goto(f"{house.url}/demo?lang=fr")
    page.get_by_role("button", name="Chat").click()
    expect(page.frame_locator("iframe").get_by_label("Ton message")).to_be_visible()
    widget = [found for found in answers if "/chat/widget?" in (found.frame.url or "") and "/demo" not in found.url]
    loader = next(found for found in answers if found.url.endswith("/chat/widget.js"))
    weights = {found.url: len(gzip.compress(found.body())) for found in [loader, *widget]}
    elsewhere = [found.url for found in answers if not found.url.startswith((house.url, "data:"))]
    context.close()
    assert weights[loader.url] <= 3 * KILOBYTE
    assert sum(weights.values()) <= 30 * KILOBYTE, weights
    assert any(url.endswith("/connection.js") for url in weights)
    assert elsewhere == []


def test_only_sites_on_the_list_may_show_the_widget(house: Gateway, tmp_path: Path) -> None:
    policy = httpx.get(f"{house.url}/chat/widget").headers["content-security-policy"]
    assert "frame-ancestors 'self';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    with running(tmp_path / "var", "intake_api", "chat_relay", ONTHAAL_CHAT_EMBEDDERS="https://www.voorbeeld.be") as gateway:
        listed = httpx.get(f"{gateway.url}/chat/widget").headers["content-security-policy"]
    assert "frame-ancestors 'self' https://www.voorbeeld.be;" in listed


class Site(Silent):
    """A page of a site that is not ours, as strict as it can be, with a script of its own that wants to read along."""

    gateway = ""

    def respond(self) -> None:
        allowed = f"default-src 'none'; script-src {self.gateway}; frame-src {self.gateway}"
        script = f'<script src="{self.gateway}/chat/widget.js" defer data-lang="nl-BE"></script>'
        page = f'<!doctype html><html lang="nl"><title>Turnclub</title>{script}<h1>Turnclub</h1></html>'
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": allowed}
        self.answer(200, page.encode(), headers)


@contextmanager
def another_site(gateway: Gateway, port: int) -> Iterator[str]:
    """Serve the page for the length of a block, under a name that a browser takes for another site."""
    with serving(type("Its", (Site,), {"gateway": gateway.url}), port):
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, int]]:
    """A gateway, and the port of a site that may show its chat."""
    port = free_port()
    settings = {"ONTHAAL_HOURS_CHAT": "24/7", "ONTHAAL_CHAT_EMBEDDERS": f"http://localhost:{port}"}
    services = ("intake_api", "public_site", "chat_relay")
    with running(tmp_path_factory.mktemp("abroad"), *services, **settings) as gateway:
        yield gateway, port


def test_the_chat_works_on_a_strict_site_of_somebody_else(browser: Browser, abroad: tuple[Gateway, int]) -> None:
    gateway, port = abroad
    context = opened(browser, PHONE)
    page = context.new_page()
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    with another_site(gateway, port) as site:
        page.goto(site)
        say(open_chat(page), "Hier ben ik")
        assert remembered(page) == []
        assert page.evaluate("document.querySelector('iframe')") is None
        chat(page).get_by_label("Je bericht").fill("Naar het formulier, van ver")
        chat(page).get_by_role("button", name="Naar het formulier").click()
        expect(page.locator("textarea[name=text]")).to_have_value("Naar het formulier, van ver")
        page.goto(site)
        leaves(page)
        open_chat(page).get_by_role("button", name="Verlaat deze pagina").click()
        page.wait_for_url("https://www.vlaanderen.be/**")
        page.goto(site)
        expect(page.get_by_role("button", name="Chat")).to_have_attribute("aria-expanded", "false")
        expect(open_chat(page).get_by_text("Hier ben ik")).to_have_count(0)
    context.close()
    assert [text for text in broken if "favicon" not in text] == []


def test_a_site_that_is_not_on_the_list_cannot_show_the_chat(browser: Browser, abroad: tuple[Gateway, int]) -> None:
    context = opened(browser, PHONE)
    page = context.new_page()
    with another_site(abroad[0], free_port()) as site:
        page.goto(site)
        page.get_by_role("button", name="Chat").click()
        expect(page.get_by_role("button", name="De chat laadt niet. Probeer opnieuw.")).to_be_visible()
        expect(page.locator("iframe")).to_be_hidden()
    context.close()


def test_a_site_that_names_the_script_twice_has_one_chat(visitor: Page, house: Gateway) -> None:
    add = """address => new Promise((done, failed) => {
        const named = trustedTypes.createPolicy("again", { createScriptURL: (given) => given });
        const script = document.createElement("script");
        script.src = named.createScriptURL(address);
        script.onload = done;
        script.onerror = failed;
        document.head.append(script);
    })"""
    expect(visitor.locator("iframe")).to_have_count(1)
    visitor.evaluate(add, f"{house.url}/chat/widget.js")
    expect(visitor.locator("iframe")).to_have_count(1)
    say(open_chat(visitor), "Eén chat")
    stop(chat(visitor))


def test_a_chat_that_does_not_load_never_covers_the_site_and_can_be_tried_again(visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Eerst ging het")
    stop(widget)
    visitor.context.set_offline(True)
    widget.get_by_role("button", name="Begin een nieuw gesprek").click()
    again = visitor.get_by_role("button", name="De chat laadt niet. Probeer opnieuw.")
    expect(again).to_be_visible()
    expect(visitor.locator("iframe")).to_be_hidden()
    again.click()
    expect(again).to_be_visible()
    visitor.context.set_offline(False)
    again.click()
    expect(chat(visitor).get_by_label("Je bericht")).to_be_visible()


def test_with_nobody_there_the_page_says_so_and_takes_the_text_to_the_form(visitor: Page) -> None:
    widget = open_chat(visitor)
    expect(widget.get_by_role("heading", name="Er is nu geen medewerker")).to_be_visible()
    assert violations_of_every_rule(visitor) == []
    widget.get_by_label("Je bericht").fill("Dit wil ik niet twee keer schrijven.\nEcht niet.")
    widget.get_by_role("button", name="Naar het formulier").click()
    visitor.wait_for_url("**/contact")
    written = visitor.locator("textarea[name=text]")
    expect(written).to_have_value("Dit wil ik niet twee keer schrijven.\nEcht niet.")
    assert visitor.url.endswith("/contact")
    assert remembered(visitor) == []


def test_who_waits_is_told_the_place_and_that_everybody_is_busy(operator: Page, visitor: Page) -> None:
    operator.get_by_label("Bezig").check()
    widget = open_chat(visitor)
    say(widget, "Ik wacht wel")
    expect(widget.get_by_role("heading", name="Alle medewerkers zijn in gesprek")).to_be_visible()
    status(widget, "Je bent nummer 1 in de rij.")
    shoot(visitor, "phone-busy")
    assert violations_of_every_rule(visitor) == []
    operator.get_by_label("Beschikbaar").check()
    status(widget, "een medewerker antwoordt zo meteen")
    expect(widget.get_by_role("heading", name="Alle medewerkers zijn in gesprek")).to_be_hidden()
    stop(widget)


def test_an_operator_who_vanishes_is_told_and_the_conversation_waits_again(operator: Page, visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Blijf je?")
    take(operator, widget)
    operator.goto("about:blank")
    expect(widget.get_by_role("log")).to_contain_text("De verbinding van de medewerker is weg. Je staat weer in de rij.")
    expect(widget.get_by_role("heading", name="Er is nu geen medewerker")).to_be_visible()
    assert violations_of_every_rule(visitor) == []
    stop(widget)


def test_a_colleague_who_takes_over_is_named(operator: Page, visitor: Page, browser: Browser, house: Gateway) -> None:
    other = opened(browser, DESKTOP)
    colleague = other.new_page()
    colleague.goto(house.sign_in_link("Elif Demir"))
    colleague.goto(f"{house.url}/desk/chat")
    expect(colleague.get_by_text("Je bent verbonden.")).to_be_visible()
    widget = open_chat(visitor)
    say(widget, "Liever met iemand anders")
    operator.get_by_role("button", name="Neem aan").first.click()
    expect(widget.get_by_text("Een medewerker is er voor jou: An Peeters.")).to_be_visible()
    operator.get_by_role("button", name="Geef door").click()
    operator.get_by_label("Elif Demir").check()
    operator.get_by_role("dialog").get_by_role("button", name="Geef door").click()
    expect(widget.get_by_role("log")).to_contain_text("Een collega neemt het gesprek over: Elif Demir.")
    assert violations_of_every_rule(visitor) == []
    stop(widget)
    other.close()


def test_closing_keeps_what_was_sent_and_takes_what_was_not_to_the_form(visitor: Page, house: Gateway) -> None:
    widget = open_chat(visitor)
    say(widget, "Dit is verzonden")
    widget.get_by_label("Je bericht").fill("Dit nog niet")
    with emergency(house):
        expect(widget.get_by_role("heading", name="De chat is nu gesloten")).to_be_visible()
        expect(widget.get_by_text("Wat je al verstuurde, is bij ons bewaard.")).to_be_visible()
        expect(widget.get_by_label("Wat je schreef")).to_have_value("Dit nog niet")
        expect(widget.get_by_role("link", name="Tele-Onthaal 106")).to_be_visible()
        shoot(visitor, "phone-turned-away")
        assert violations_of_every_rule(visitor) == []
        assert remembered(visitor) == []
        widget.get_by_role("button", name="Naar het formulier").click()
        expect(visitor.locator("textarea[name=text]")).to_have_value("Dit nog niet")


def test_a_lost_connection_is_told_and_what_was_written_meanwhile_arrives_once(operator: Page, visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Voor de onderbreking")
    take(operator, widget)
    visitor.context.set_offline(True)
    widget.get_by_label("Je bericht").fill("Tijdens de onderbreking")
    widget.get_by_role("button", name="Verstuur").click()
    answer(operator, "Ben je er nog?")
    expect(operator.get_by_role("log").filter(visible=True)).to_contain_text("Ben je er nog?")
    status(widget, "De verbinding is weg. Wij proberen opnieuw. Wat je schreef blijft staan.")
    expect(widget.get_by_role("button", name="Probeer opnieuw")).to_be_visible()
    shoot(visitor, "phone-lost")
    assert violations_of_every_rule(visitor) == []
    visitor.context.set_offline(False)
    status(widget, "De verbinding is er weer.")
    assert violations_of_every_rule(visitor) == []
    expect(widget.get_by_role("listitem").filter(has_text="Tijdens de onderbreking")).to_contain_text("Verzonden")
    expect(widget.get_by_role("log").get_by_text("Ben je er nog?")).to_have_count(1)
    expect(operator.get_by_role("log").filter(visible=True).get_by_text("Tijdens de onderbreking")).to_have_count(1)
    stop(widget)


def chat_frame(page: Page) -> Frame:
    return next(frame for frame in page.frames if "/chat/widget" in frame.url)


def test_going_to_another_page_of_the_site_does_not_end_the_conversation(visitor: Page, house: Gateway) -> None:
    say(open_chat(visitor), "Ik kijk even rond")
    visitor.goto(f"{house.url}/veilig")
    visitor.goto(f"{house.url}/demo")
    expect(chat(visitor).get_by_role("log")).to_contain_text("Ik kijk even rond")
    say(chat(visitor), "Ik ben er weer")
    stop(chat(visitor))
    assert remembered(visitor) == []


def test_unread_answers_are_counted_on_the_button_without_a_word_of_them(operator: Page, visitor: Page) -> None:
    title = visitor.title()
    widget = open_chat(visitor)
    say(widget, "Zeg maar iets")
    take(operator, widget)
    widget.get_by_role("button", name="Verklein de chat").click()
    answer(operator, "Een geheim")
    opener = visitor.get_by_role("button", name="Chat: 1 nieuw")
    expect(opener).to_be_visible()
    assert visitor.title() == f"(1) {title}"
    assert "geheim" not in visitor.content()
    shoot(visitor, "phone-unread")
    opener.click()
    expect(visitor.get_by_role("button", name="Chat", exact=True)).to_be_attached()
    assert visitor.title() == title
    stop(widget)


def test_the_conversation_can_be_taken_along_as_text_after_a_warning(visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Dit wil ik bewaren")
    widget.get_by_role("button", name="Bewaar als tekst").click()
    expect(widget.get_by_text("Wie het toestel gebruikt, kan het lezen.")).to_be_visible()
    expect(widget.get_by_role("button", name="Nee, niet bewaren")).to_be_focused()
    assert violations_of_every_rule(visitor) == []
    with visitor.expect_download() as taken:
        widget.get_by_role("button", name="Ja, bewaar").click()
    text = taken.value.path().read_text("utf-8-sig")
    assert taken.value.suggested_filename == "tekst.txt"
    assert text.startswith("Jij: ")
    assert "Dit wil ik bewaren" in text
    stop(widget)


def test_a_double_click_saves_nothing_before_the_warning_is_read(visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Dit mag niemand zien")
    saved: list[str] = []
    visitor.on("download", lambda download: saved.append(download.suggested_filename))
    widget.get_by_role("button", name="Bewaar als tekst").dblclick()
    visitor.wait_for_timeout(500)
    expect(widget.get_by_text("Wie het toestel gebruikt, kan het lezen.")).to_be_visible()
    assert saved == []
    stop(widget)


def test_a_long_story_goes_in_parts_and_an_empty_message_is_explained(visitor: Page) -> None:
    widget = open_chat(visitor)
    message = widget.get_by_label("Je bericht")
    message.press("Enter")
    widget.get_by_role("button", name="Verstuur").click()
    expect(widget.get_by_role("alert").filter(has_text="Schrijf eerst een bericht.")).to_be_visible()
    expect(message).to_be_focused()
    expect(message).to_have_attribute("aria-invalid", "true")
    assert violations_of_every_rule(visitor) == []
    message.fill("woord " * 1500)
    expect(message).to_have_attribute("aria-invalid", "false")
    widget.get_by_role("button", name="Verstuur").click()
    turns = widget.get_by_role("listitem").filter(has_text="woord woord")
    expect(turns).to_have_count(3)
    expect(turns.filter(has_text="Verzonden")).to_have_count(3)
    stop(widget)


def test_a_message_with_what_no_text_holds_is_sent_without_it(visitor: Page) -> None:
    widget = open_chat(visitor)
    widget.get_by_label("Je bericht").evaluate(r"field => { field.value = 'Half \ud83d en niets\0'; }")
    widget.get_by_role("button", name="Verstuur").click()
    expect(widget.get_by_role("listitem").filter(has_text="en niets")).to_contain_text("Verzonden")
    stop(widget)


def test_a_capital_letter_is_not_a_press_of_shift(visitor: Page) -> None:
    widget = open_chat(visitor)
    widget.get_by_label("Je bericht").focus()
    for letter in "ABCD":
        visitor.keyboard.press(f"Shift+{letter}")
    expect(widget.locator("#exit-status")).to_be_empty()
    expect(widget.get_by_label("Je bericht")).to_have_value("ABCD")


def test_another_layout_of_the_keyboard_is_not_a_press_of_shift(visitor: Page) -> None:
    widget = open_chat(visitor)
    for focused in (widget.get_by_label("Je bericht"), visitor.get_by_role("button", name="Chat")):
        focused.focus()
        for held in ("Alt", "Control"):
            visitor.keyboard.down(held)
            for _ in range(4):
                visitor.keyboard.press("Shift")
            visitor.keyboard.up(held)
    expect(widget.locator("#exit-status")).to_be_empty()
    expect(widget.get_by_label("Je bericht")).to_be_visible()


def test_who_ends_before_anybody_came_hears_that_it_ended_and_a_double_click_does_not_end_it(visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Laat maar")
    widget.get_by_role("button", name="Beëindig het gesprek").dblclick()
    expect(widget.get_by_role("button", name="Beëindig het gesprek")).to_be_focused()
    stop(widget)
    status(widget, "Het gesprek is afgelopen.")


def test_another_tab_of_who_ended_before_anybody_came_says_that_it_was_ended_and_connects_no_more(visitor: Page) -> None:
    say(open_chat(visitor), "In twee vensters")
    with visitor.expect_popup() as copied:
        visitor.evaluate("window.open('/demo')")
    copy = copied.value
    lines: list[str] = []
    copy.on("websocket", lambda line: lines.append(line.url))
    expect(chat(copy).get_by_role("log")).to_contain_text("In twee vensters")
    stop(chat(visitor))
    status(chat(copy), "Je hebt het gesprek in een ander venster beëindigd. Wat je verstuurde, is bewaard.")
    expect(chat(copy).get_by_role("button", name="Begin een nieuw gesprek")).to_be_visible()
    assert violations_of_every_rule(copy) == []
    assert remembered(copy) == []
    made = len(lines)
    for _ in range(2):
        copy.context.set_offline(True)
        copy.context.set_offline(False)
        copy.wait_for_timeout(1000)
    assert len(lines) == made


def test_shift_three_times_on_the_site_itself_leaves_too(browser: Browser, abroad: tuple[Gateway, int]) -> None:
    gateway, port = abroad
    context = opened(browser, PHONE)
    page = context.new_page()
    leaves(page)
    with another_site(gateway, port) as site:
        page.goto(site)
        widget = open_chat(page)
        say(widget, "Weg van de site")
        widget.get_by_role("button", name="Verklein de chat").click()
        expect(page.get_by_role("button", name="Chat")).to_be_focused()
        before = page.evaluate("history.length")
        for _ in range(3):
            page.keyboard.press("Shift")
        page.wait_for_url("https://www.vlaanderen.be/**")
        assert page.evaluate("history.length") == before
    context.close()


def test_leaving_works_without_a_network_and_leaves_nothing_to_come_back_to(visitor: Page, house: Gateway) -> None:
    widget = open_chat(visitor)
    say(widget, "Er is geen internet meer")
    visitor.context.set_offline(True)
    widget.get_by_role("button", name="Verlaat deze pagina").click()
    expect(visitor).to_have_url(re.compile("^chrome-error:"))
    visitor.context.set_offline(False)
    visitor.goto(f"{house.url}/demo")
    assert remembered(visitor) == []
    expect(open_chat(visitor).get_by_text("Er is geen internet meer")).to_have_count(0)


def test_a_neutral_page_that_is_slow_still_replaces_this_one(visitor: Page) -> None:
    def late(route: Route) -> None:
        time.sleep(2)
        route.fulfill(body="neutraal", content_type="text/plain")

    visitor.route("https://www.vlaanderen.be/**", late)
    widget = open_chat(visitor)
    before = visitor.evaluate("history.length")
    widget.get_by_role("button", name="Verlaat deze pagina").click()
    visitor.wait_for_url("https://www.vlaanderen.be/**")
    assert visitor.evaluate("history.length") == before


def status_of(house: Gateway, conversation: str) -> str:
    with house.client() as api:
        return str(api.get(f"/contacts/{conversation}").json()["status"])


def heard_on_the_line(page: Page, lost: str = "nothing") -> list[dict[str, str]]:
    """What the relay tells from now on; frames of one type are lost on their way to it."""
    told: list[dict[str, str]] = []

    def carry(line: WebSocketRoute) -> None:
        relay = line.connect_to_server()
        line.on_message(lambda said: None if f'"{lost}"' in str(said) else relay.send(said))

        def tell(said: str | bytes) -> None:
            told.append(json.loads(said))
            line.send(said)

        relay.on_message(tell)

    page.route_web_socket(re.compile("/chat/v1/visitor$"), carry)
    return told


def conversation_in(told: list[dict[str, str]]) -> str:
    return next(frame["conversation"] for frame in told if frame["type"] == "welcome")


def test_the_relay_is_told_of_leaving_also_when_the_line_did_not_carry_it(visitor: Page, house: Gateway) -> None:
    leaves(visitor)
    told = heard_on_the_line(visitor, lost="end")  # as when the page is torn down too soon
    visitor.reload()
    widget = open_chat(visitor)
    say(widget, "Ik moet nu weg")
    conversation = conversation_in(told)
    assert status_of(house, conversation) == "open"
    widget.get_by_role("button", name="Verlaat deze pagina").click()
    visitor.wait_for_url("https://www.vlaanderen.be/**")
    eventually(lambda: status_of(house, conversation) == "completed", LEASE / 2)


def test_going_to_another_page_tells_the_relay_nothing(visitor: Page, house: Gateway) -> None:
    told = heard_on_the_line(visitor)
    visitor.reload()
    say(open_chat(visitor), "Ik ben zo terug")
    asked: list[str] = []
    visitor.on("request", lambda request: asked.append(request.url))
    visitor.goto(f"{house.url}/veilig")
    visitor.goto(f"{house.url}/demo")
    expect(chat(visitor).get_by_role("log")).to_contain_text("Ik ben zo terug")
    assert status_of(house, conversation_in(told)) == "open"
    assert not [url for url in asked if "/leave" in url]
    stop(chat(visitor))


REFUSED = """Object.defineProperty(window, "sessionStorage", {
  get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
})"""
"""What a page in a frame on another site gets from a browser that lets it keep nothing."""


def test_where_nothing_may_be_remembered_that_is_said_and_a_reload_ends_the_conversation(
    operator: Page, visitor: Page, house: Gateway
) -> None:
    visitor.add_init_script(REFUSED)
    told = heard_on_the_line(visitor)
    visitor.reload()
    widget = open_chat(visitor)
    say(widget, "Mijn browser onthoudt niets")
    expect(widget.get_by_role("log")).to_contain_text("Blijf op deze pagina")
    take(operator, widget)
    answer(operator, "Dag jij")
    expect(widget.get_by_role("log")).to_contain_text("Dag jij")
    expect(widget.get_by_text("Je browser laat de chat niets onthouden.")).to_have_count(1)
    shoot(visitor, "phone-not-remembered")
    assert violations_of_every_rule(visitor) == []
    conversation = conversation_in(told)
    assert status_of(house, conversation) == "open"
    visitor.reload()
    eventually(lambda: status_of(house, conversation) == "completed", LEASE / 2)
    widget = open_chat(visitor)
    expect(widget.get_by_text("Mijn browser onthoudt niets")).to_have_count(0)
    say(widget, "Nog een keer")
    stop(widget)


def test_another_language_makes_no_step_in_the_history(visitor: Page) -> None:
    widget = open_chat(visitor)
    before = visitor.evaluate("history.length")
    widget.get_by_label("Je bericht").fill("Dit mag niet verloren gaan")
    expect(widget.get_by_role("link", name="Français")).to_be_hidden()
    widget.get_by_label("Je bericht").fill("")
    widget.get_by_role("link", name="Français").click()
    expect(widget.get_by_label("Ton message")).to_be_visible()
    assert visitor.evaluate("history.length") == before


def tab_to(page: Page, widget: FrameLocator, name: str) -> None:
    """Go on by Tab alone until a button has the focus."""
    button = widget.get_by_role("button", name=name)
    for _ in range(30):
        if button.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {name}")


def test_ending_and_taking_along_need_no_mouse_and_keep_the_focus(visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Alleen toetsen")
    widget.get_by_label("Je bericht").focus()
    tab_to(visitor, widget, "Bewaar als tekst")
    visitor.keyboard.press("Enter")
    expect(widget.get_by_role("button", name="Nee, niet bewaren")).to_be_focused()
    visitor.keyboard.press("Escape")
    expect(widget.get_by_role("button", name="Bewaar als tekst")).to_be_focused()
    visitor.keyboard.press("Shift+Tab")
    expect(widget.get_by_role("button", name="Beëindig het gesprek")).to_be_focused()
    visitor.keyboard.press("Enter")
    expect(widget.get_by_role("button", name="Nee, ga verder")).to_be_focused()
    visitor.keyboard.press("Tab")
    visitor.keyboard.press("Enter")
    expect(widget.get_by_role("button", name="Begin een nieuw gesprek")).to_be_focused()


def test_a_new_answer_never_takes_the_focus(operator: Page, visitor: Page) -> None:
    widget = open_chat(visitor)
    say(widget, "Dag")
    take(operator, widget)
    summary = widget.locator("summary").first
    summary.focus()
    answer(operator, "Dag jij")
    expect(widget.get_by_role("log")).to_contain_text("Dag jij")
    expect(summary).to_be_focused()
    stop(widget)


def test_the_tab_key_goes_out_of_the_chat_again(visitor: Page) -> None:
    open_chat(visitor)
    left = False
    for _ in range(40):
        visitor.keyboard.press("Tab")
        left = left or visitor.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('main, header')"
        )
    assert left


def too_wide_or_hidden(widget: FrameLocator) -> list[str]:
    """What cannot be used: wider than the page, or a control that is under the bar or the message field when it has the focus."""
    found: list[str] = widget.locator("html").evaluate(
        """page => {
          const wrong = page.scrollWidth > page.clientWidth ? [`page ${page.scrollWidth} > ${page.clientWidth}`] : [];
          for (const one of document.querySelectorAll("a, button, summary, textarea")) {
            if (!one.checkVisibility()) continue;
            one.focus();
            const box = one.getBoundingClientRect();
            const seen = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
            if (!seen || (!one.contains(seen) && !seen.contains(one))) wrong.push(one.outerHTML.slice(0, 80));
            if (box.left < 0 || box.right > page.clientWidth + 1) wrong.push("wide " + one.outerHTML.slice(0, 80));
          }
          return wrong;
        }"""
    )
    return found


@pytest.mark.parametrize(
    ("size", "letters"),
    [(SMALL, "100%"), ((320, 256), "100%"), (SMALL, "200%"), (PHONE, "200%")],
    ids=["320", "zoomed to 400%", "320 with large letters", "390 with large letters"],
)
def test_every_state_fits_a_small_screen_and_large_letters(
    browser: Browser, house: Gateway, size: tuple[int, int], letters: str
) -> None:
    context = opened(browser, size)
    page = context.new_page()
    page.goto(f"{house.url}/demo")
    widget = open_chat(page)

    def fits() -> list[str]:
        widget.locator("html").evaluate("(page, size) => { page.style.fontSize = size; }", letters)
        return too_wide_or_hidden(widget)

    states = {"start": fits()}
    widget.get_by_label("Je bericht").fill("Een heel lang woord: " + "grensoverschrijdend" * 8)
    widget.get_by_role("button", name="Verstuur").click()
    expect(widget.get_by_role("log")).to_contain_text("Verzonden")
    status(widget, "Je bericht is bewaard")
    shoot(page, f"small-{size[0]}x{size[1]}-{letters[:3]}")
    states["waiting"] = fits()
    widget.get_by_role("button", name="Bewaar als tekst").click()
    states["sure"] = fits()
    stop(widget)
    states["ended"] = fits()
    context.close()
    assert not any(states.values()), states


SEEN = """turn => {
  const box = turn.getBoundingClientRect();
  const bar = document.getElementById("bar").getBoundingClientRect().bottom;
  const whole = box.top >= bar - 1 && box.bottom <= innerHeight + 1;
  return whole && [box.top + 2, box.bottom - 2].every((height) => turn.contains(document.elementFromPoint(box.left + 20, height)));
}"""
"""Whether the whole of an element is in sight, under nothing."""


def in_sight(turn: Locator) -> None:
    """The turn comes to be in sight, and stays there while what is around it settles."""
    eventually(lambda: bool(turn.evaluate(SEEN)), 10)
    turn.page.wait_for_timeout(1000)
    assert turn.evaluate(SEEN)


@pytest.mark.parametrize(("size", "letters"), [((320, 256), "100%"), (SMALL, "200%"), (PHONE, "100%")])
def test_what_was_sent_is_in_sight_on_the_smallest_screen_unless_who_wrote_it_reads_above(
    browser: Browser, house: Gateway, operator: Page, size: tuple[int, int], letters: str
) -> None:
    context = opened(browser, size)
    page = context.new_page()
    page.goto(f"{house.url}/demo")
    widget = open_chat(page)
    widget.locator("html").evaluate("(page, size) => { page.style.fontSize = size; }", letters)
    turn = widget.get_by_role("listitem")
    for text in ("bericht 1", "bericht 2", "bericht 3"):
        say(widget, text)
        in_sight(turn.filter(has_text=text))
    take(operator, widget)
    answer(operator, "antwoord 1")
    in_sight(turn.filter(has_text="antwoord 1"))
    newer = widget.get_by_role("button", name="Nieuw bericht: toon het")
    for number in range(6):
        say(widget, f"Verder {number}")
    widget.locator("h1").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    answer(operator, "antwoord 2")
    expect(newer).to_be_visible()
    expect(widget.locator("h1")).to_be_in_viewport()
    newer.evaluate("button => button.click()")  # a click that scrolls to it would find the answer by itself
    in_sight(turn.filter(has_text="antwoord 2"))
    widget.get_by_role("button", name="Bewaar als tekst").click()
    in_sight(widget.get_by_role("button", name="Nee, niet bewaren"))
    widget.get_by_role("button", name="Nee, niet bewaren").click()
    stop(widget)
    in_sight(widget.get_by_role("button", name="Begin een nieuw gesprek"))
    context.close()


def test_an_answer_does_not_push_away_what_somebody_writes_on_a_small_screen(
    browser: Browser, house: Gateway, operator: Page
) -> None:
    context = opened(browser, SMALL)
    page = context.new_page()
    page.goto(f"{house.url}/demo")
    widget = open_chat(page)
    widget.locator("html").evaluate("page => { page.style.fontSize = '200%'; }")
    say(widget, "Dag")
    take(operator, widget)
    message = widget.get_by_label("Je bericht")
    message.press_sequentially("Ik wil nog zeggen dat")
    operator.get_by_label("Je antwoord").filter(visible=True).press_sequentially("Neem")
    expect(widget.get_by_text("De medewerker is aan het typen.")).to_be_visible()
    answer(operator, "Neem je tijd")
    expect(widget.get_by_role("button", name="Nieuw bericht: toon het")).to_be_in_viewport()
    expect(message).to_be_in_viewport(ratio=0.6)
    shoot(page, "small-writing")
    message.press("Enter")
    in_sight(widget.get_by_role("listitem").filter(has_text="Ik wil nog zeggen dat"))
    stop(widget)
    context.close()


def test_bubbles_have_an_edge_where_the_system_sets_the_colours(browser: Browser, house: Gateway) -> None:
    viewport: ViewportSize = {"width": PHONE[0], "height": PHONE[1]}
    context = browser.new_context(viewport=viewport, locale="nl-BE", forced_colors="active")
    page = context.new_page()
    page.goto(f"{house.url}/demo")
    widget = open_chat(page)
    say(widget, "Zwart op wit")
    turn = widget.get_by_role("listitem").filter(has_text="Zwart op wit")
    shoot(page, "phone-forced-colors")
    seen = turn.evaluate("one => getComputedStyle(one).borderTopColor !== getComputedStyle(document.body).backgroundColor")
    stop(widget)
    context.close()
    assert seen
