"""The operators' chat in a real browser: presence, several conversations, passing on, closing, keys and alerts."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from services.chat_relay.frames import PROTOCOL
from tests.e2e.accessibility import violations_of_every_rule
from tests.e2e.test_chat_e2e import DESKTOP, PHONE, SMALL, desk, opened, session, shoot
from tests.running import Gateway, running

__all__ = ["desk", "session"]


class Visitor:
    """A visitor without a browser."""

    def __init__(self, socket: ClientConnection, text: str, language: str = "nl") -> None:
        self.socket = socket
        self.send("hello")
        welcome = self.next("welcome")
        proof = {"conversation": welcome["conversation"], "token": welcome["token"]}
        self.send("start", **proof, text=text, language=language)
        self.next("sent")

    def send(self, kind: str, **properties: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **properties}))

    def next(self, kind: str, **expected: Any) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = json.loads(self.socket.recv(timeout=20))
            if frame["type"] == kind and all(frame.get(name) == value for name, value in expected.items()):
                return frame

    def say(self, text: str) -> None:
        self.send("say", message=str(uuid4()), text=text)
        self.next("sent")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway at whose desk nobody waits whom another test left behind."""
    with running(tmp_path_factory.mktemp("desk"), ONTHAAL_DEMO="true", ONTHAAL_HOURS_CHAT="24/7") as started:
        yield started


@pytest.fixture
def visit(gateway: Gateway) -> Iterator[Any]:
    """Make visitors, who leave at the end."""
    visitors: list[Visitor] = []
    address = f"ws://127.0.0.1:{gateway.port}/chat/v1/visitor"
    with ExitStack() as stack:

        def make(text: str, language: str = "nl") -> Visitor:
            asked = connect(address, origin=Origin(gateway.url), subprotocols=[Subprotocol(PROTOCOL)], compression=None)
            visitors.append(Visitor(stack.enter_context(asked), text, language))
            return visitors[-1]

        yield make
        for visitor in visitors:
            visitor.send("end")
            visitor.send("ping")
            visitor.next("pong")


@pytest.fixture
def colleague(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    """The chat page of another operator."""
    context = opened(browser, DESKTOP)
    page = context.new_page()
    page.goto(gateway.sign_in_link("Elif Demir"))
    expect(page).to_have_url(f"{gateway.url}/desk")
    page.goto(f"{gateway.url}/desk/chat")
    expect(page.get_by_text("Je bent verbonden.")).to_be_visible()
    yield page
    context.close()


def take_first(page: Page) -> None:
    """Take whoever waits longest, and wait until the answer can be written."""
    page.get_by_role("button", name="Neem aan").first.click()
    expect(page.get_by_label("Je antwoord").filter(visible=True)).to_be_visible()


def test_a_colleague_gets_a_conversation_with_a_note(desk: Page, colleague: Page, visit: Any) -> None:
    visitor = visit("Ik praat liever met een vrouw.")
    expect(desk.locator("#waiting li")).to_have_count(1)
    expect(desk.locator("#waiting")).to_contain_text("wacht minder dan 1 minuut, Nederlands")
    shoot(desk, "desk-waiting")
    take_first(desk)
    visitor.next("state", because="taken")
    desk.get_by_role("button", name="Geef door").click()
    expect(desk.get_by_label("Elif Demir: beschikbaar, geen gesprekken")).to_be_visible()
    desk.get_by_role("dialog").get_by_role("button", name="Geef door").click()
    expect(desk.get_by_role("alert").filter(visible=True)).to_have_text("Kies een collega.")
    desk.get_by_label("Elif Demir").check()
    desk.get_by_label("Notitie voor je collega").fill("Spreekt liever met een vrouw.")
    shoot(desk, "desk-handing-over")
    desk.get_by_role("dialog").get_by_role("button", name="Geef door").click()
    expect(desk.get_by_role("dialog")).to_have_count(0)
    expect(desk.get_by_role("status").filter(has_text="ging naar Elif Demir.")).to_be_visible()
    expect(desk.locator("#others")).to_contain_text("bij Elif Demir")
    assert visitor.next("state", because="handedOver")["operator"] == "Elif Demir"
    log = colleague.get_by_role("log").filter(visible=True)
    expect(log).to_contain_text("Ik praat liever met een vrouw.")
    expect(log).to_contain_text("Notitie:")
    expect(log).to_contain_text("Spreekt liever met een vrouw.")
    shoot(colleague, "desk-handed-over")


def test_the_choice_of_a_colleague_and_the_focus_stay_while_colleagues_come_and_go(
    desk: Page, colleague: Page, visit: Any
) -> None:
    visit("Met toetsen naar een collega")
    take_first(desk)
    desk.get_by_role("button", name="Geef door").click()
    choice = desk.get_by_label("Elif Demir: beschikbaar, geen gesprekken")
    expect(choice).to_be_focused()
    desk.keyboard.press("Space")
    colleague.get_by_label("Bezig").check()
    choice = desk.get_by_label("Elif Demir: bezig, geen gesprekken")
    expect(choice).to_be_focused()
    expect(choice).to_be_checked()
    desk.keyboard.press("Enter")
    note = desk.get_by_label("Notitie voor je collega")
    note.fill("Nog niet af")
    colleague.get_by_label("Afwezig").check()
    expect(desk.get_by_role("alert").filter(visible=True)).to_have_text("Elif Demir is niet meer aanwezig.")
    expect(note).to_be_focused()
    gone = desk.get_by_label("Elif Demir: afwezig")
    expect(gone).to_be_disabled()
    expect(gone).not_to_be_checked()
    expect(desk.get_by_role("dialog").get_by_role("button", name="Geef door")).to_be_disabled()
    assert violations_of_every_rule(desk) == []
    shoot(desk, "desk-colleague-away")
    colleague.get_by_label("Beschikbaar").check()
    desk.get_by_label("Elif Demir: beschikbaar").check()
    colleague.goto("about:blank")
    expect(desk.get_by_label("Elif Demir")).to_have_count(0)
    expect(desk.get_by_role("alert").filter(visible=True)).to_have_text("Elif Demir is niet meer aanwezig.")
    expect(desk.get_by_role("button", name="Ga terug naar het gesprek").filter(visible=True)).to_be_focused()
    expect(note).to_have_value("Nog niet af")


def test_enter_in_a_dialog_throws_nothing_away(desk: Page, visit: Any) -> None:
    visit("Bijna klaar")
    take_first(desk)
    desk.get_by_role("button", name="Sluit af").click()
    desk.get_by_label("Samenvatting voor collega’s").fill("Een lange samenvatting")
    desk.get_by_label("Iemand anders").fill("de huisarts")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("dialog")).to_be_visible()
    expect(desk.get_by_label("Samenvatting voor collega’s")).to_have_value("Een lange samenvatting")


def test_a_note_is_still_there_after_escape_and_gone_once_it_is_kept(desk: Page, visit: Any) -> None:
    visit("Per ongeluk")
    take_first(desk)
    note = desk.get_by_label("Voor jou en je collega’s")
    for expected in ("", "Klinkt jong."):
        desk.get_by_role("button", name="Schrijf een notitie").click()
        expect(note).to_have_value(expected)
        note.fill("Klinkt jong.")
        desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Schrijf een notitie").click()
    desk.get_by_role("button", name="Bewaar de notitie").click()
    expect(desk.locator(".turn.note")).to_contain_text("Bewaard")
    desk.get_by_role("button", name="Schrijf een notitie").click()
    expect(note).to_have_value("")


def test_a_visitor_who_ends_is_told_of_and_keys_meant_for_the_answer_do_nothing_else(desk: Page, visit: Any) -> None:
    one = visit("Ik ga")
    visit("Ik wacht nog")
    take_first(desk)
    one.next("state", because="taken")
    field = desk.get_by_label("Je antwoord").filter(visible=True)
    field.focus()
    expect(desk.get_by_text("Bezoeker is verbonden")).to_be_visible()
    one.send("end")
    expect(desk.get_by_role("status").filter(has_text="is afgelopen.")).to_be_visible()
    expect(desk.get_by_text("Bezoeker is verbonden")).to_be_hidden()
    desk.keyboard.type("nu")
    desk.wait_for_timeout(300)
    expect(desk.locator("#mine li")).to_have_count(1)
    desk.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_who_ends_a_conversation_stays_in_it_with_the_keyboard(desk: Page, visit: Any) -> None:
    visit("Klaar")
    take_first(desk)
    desk.get_by_role("button", name="Sluit af").click()
    desk.get_by_role("button", name="Beëindig het gesprek").click()
    expect(desk.get_by_text("Dit gesprek is afgelopen.").filter(visible=True)).to_be_visible()
    expect(desk.locator(".talk h2").filter(visible=True)).to_be_focused()


def test_who_waits_keeps_the_focus_when_the_one_above_is_taken_and_gives_it_to_the_heading_when_taken(
    desk: Page, colleague: Page, visit: Any
) -> None:
    visit("de eerste")
    expect(desk.locator("#waiting li")).to_have_count(1)
    visit("de tweede")
    second = desk.get_by_role("button", name="Neem aan").nth(1)
    second.focus()
    take_first(colleague)
    expect(desk.locator("#waiting li")).to_have_count(1)
    expect(desk.get_by_role("button", name="Neem aan")).to_be_focused()
    take_first(colleague)
    expect(desk.locator("#waiting li")).to_have_count(0)
    expect(desk.get_by_role("heading", name="Wachtrij (0)")).to_be_focused()


def test_who_is_busy_or_away_is_shown_to_colleagues_and_kept_over_a_reload(desk: Page, colleague: Page) -> None:
    desk.get_by_label("Bezig").check()
    expect(colleague.locator("#colleagues")).to_contain_text("bezig, geen gesprekken")
    desk.get_by_label("Afwezig").check()
    expect(colleague.locator("#colleagues")).to_contain_text("afwezig")
    desk.reload()
    expect(desk.get_by_label("Afwezig")).to_be_checked()
    expect(colleague.locator("#colleagues")).to_contain_text("afwezig")
    another = desk.context.new_page()
    another.goto(desk.url)
    expect(another.get_by_label("Afwezig")).to_be_checked()
    expect(desk.get_by_label("Afwezig")).to_be_checked()
    another.close()
    desk.get_by_label("Beschikbaar").check()
    expect(colleague.locator("#colleagues")).to_contain_text("beschikbaar")


def test_several_conversations_at_once_with_what_is_unread(desk: Page, visit: Any) -> None:
    one, two = visit("van een"), visit("van twee")
    take_first(desk)
    one.next("state", because="taken")
    one.say("een lang verhaal " * 200)
    take_first(desk)
    two.next("state", because="taken")
    expect(desk.get_by_role("log").filter(visible=True)).to_contain_text("van twee")
    one.say("nog iets van een")
    expect(desk.locator("#mine")).to_contain_text("1 ongelezen")
    assert "(" in desk.title()
    shoot(desk, "desk-two-talks")
    desk.keyboard.press("Escape")
    desk.locator("body").click(position={"x": 5, "y": 5})
    desk.keyboard.press("o")
    expect(desk.get_by_role("log").filter(visible=True).get_by_text("nog iets van een")).to_be_in_viewport()
    expect(desk.locator("#mine")).not_to_contain_text("ongelezen")
    desk.reload()
    expect(desk.locator("#mine li")).to_have_count(2)
    expect(desk.get_by_role("log").filter(visible=True)).to_contain_text("van")
    expect(desk.locator("#mine")).not_to_contain_text("ongelezen")


def test_a_double_click_takes_one_conversation(desk: Page, visit: Any) -> None:
    one, two = visit("de eerste"), visit("de tweede")
    expect(desk.locator("#waiting-count")).to_have_text("2")
    for count in (1, 2):
        box = desk.get_by_role("button", name="Neem aan").first.bounding_box()
        assert box is not None
        desk.mouse.move(box["x"] + 10, box["y"] + 10)
        desk.mouse.down(click_count=count)
        desk.mouse.up(click_count=count)
        expect(desk.locator("#waiting-count")).to_have_text("1")
    one.next("state", because="taken")
    desk.wait_for_timeout(500)
    expect(desk.locator("#waiting-count")).to_have_text("1")
    take_first(desk)
    two.next("state", because="taken")


def test_a_ready_made_answer_is_put_in_the_field_and_not_sent(desk: Page, visit: Any) -> None:
    visitor = visit("Bonjour", "fr")
    take_first(desk)
    assert desk.locator(".talk optgroup").first.get_attribute("label") == "Frans"
    desk.get_by_label("Kant-en-klaar antwoord").filter(visible=True).select_option(label="Salutation")
    desk.get_by_role("button", name="Voeg in").filter(visible=True).click()
    field = desk.get_by_label("Je antwoord").filter(visible=True)
    expect(field).to_be_focused()
    expect(field).to_have_value(
        "Bonjour, je travaille au Meldpunt. Merci de nous contacter. Que souhaitez-vous raconter ou demander ?"
    )
    expect(desk.get_by_role("log").filter(visible=True)).not_to_contain_text("je travaille")
    desk.keyboard.type(" Anne")
    desk.keyboard.press("Enter")
    assert visitor.next("turn")["text"].endswith("demander ? Anne")


def test_a_conversation_is_closed_with_the_suggestion_in_sight(desk: Page, visit: Any, gateway: Gateway) -> None:
    visitor = visit("Mijn trainer raakt mij aan in de kleedkamer.")
    take_first(desk)
    desk.locator("body").click(position={"x": 5, "y": 5})
    desk.keyboard.press("s")
    dialog = desk.get_by_role("dialog")
    expect(dialog.get_by_text("voorstel van het systeem")).to_be_visible()
    dialog.get_by_label("Melding: over een concreet geval").check()
    dialog.get_by_label("Sector").select_option("Sport")
    dialog.get_by_label("Samenvatting voor collega’s").fill("Trainer, kleedkamer.")
    dialog.get_by_label("1712").check()
    dialog.get_by_label("Iemand anders").fill("de huisarts")
    shoot(desk, "desk-closing")
    dialog.get_by_role("button", name="Beëindig het gesprek").click()
    expect(desk.get_by_text("Dit gesprek is afgelopen.").filter(visible=True)).to_be_visible()
    conversation = visitor.next("state", status="ended")["conversation"]
    with gateway.client() as api:
        contact = api.get(f"/contacts/{conversation}").json()
        [note] = api.get(f"/contacts/{conversation}/messages").json()["items"]
    assert (contact["kind"], contact["sector"], contact["details"]["abandoned"]) == ("melding", "Sport", False)
    assert note["direction"] == "note"
    assert note["text"] == "Trainer, kleedkamer.\n\nDoorverwezen naar: 1712; de huisarts"


def test_a_note_is_for_colleagues_alone(desk: Page, visit: Any) -> None:
    visitor = visit("Dag")
    take_first(desk)
    desk.get_by_role("button", name="Schrijf een notitie").click()
    desk.get_by_label("Voor jou en je collega’s").fill("Klinkt jong.")
    desk.get_by_role("button", name="Bewaar de notitie").click()
    expect(desk.locator(".turn.note")).to_contain_text("Bewaard")
    desk.get_by_label("Je antwoord").filter(visible=True).fill("Dag!")
    desk.keyboard.press("Enter")
    assert visitor.next("turn")["text"] == "Dag!"


def test_keys_work_outside_fields_only_and_can_be_switched_off(desk: Page, visit: Any) -> None:
    visit("Met toetsen")
    expect(desk.locator("#waiting li")).to_have_count(1)
    desk.keyboard.press("n")
    expect(desk.get_by_role("log").filter(visible=True)).to_contain_text("Met toetsen")
    desk.keyboard.press("r")
    field = desk.get_by_label("Je antwoord").filter(visible=True)
    expect(field).to_be_focused()
    desk.keyboard.type("ns")
    expect(field).to_have_value("ns")
    expect(desk.get_by_role("dialog")).to_have_count(0)
    desk.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    desk.keyboard.press("h")
    expect(desk.get_by_role("heading", name="Sneltoetsen")).to_be_visible()
    shoot(desk, "desk-keys")
    desk.get_by_label("Sneltoetsen gebruiken").uncheck()
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("dialog")).to_have_count(0)
    desk.keyboard.press("s")
    expect(desk.get_by_role("dialog")).to_have_count(0)
    field.fill("")


def test_alerts_tell_that_something_came_and_never_what(
    browser: Browser, gateway: Gateway, session: StorageState, visit: Any
) -> None:
    context = opened(browser, DESKTOP, session)
    context.grant_permissions(["notifications"], origin=gateway.url)
    page = context.new_page()
    page.add_init_script(
        "window.told = []; window.Notification = class { static permission = 'granted';"
        " static async requestPermission() { return 'granted' } constructor(title, more) { told.push(title + more.body) } };"
        "Object.defineProperty(document, 'hidden', { get: () => window.looksAway ?? false });"
    )
    page.goto(f"{gateway.url}/desk/chat")
    expect(page.get_by_text("Je bent verbonden.")).to_be_visible()
    page.get_by_label("Meldingen").check()
    page.get_by_label("Geluid").check()
    page.evaluate("window.looksAway = true")
    page.wait_for_timeout(3100)
    visit("merkteken-merel")
    expect(page.locator("#waiting li")).to_have_count(1)  # drawn after it was told
    told = page.evaluate("told")
    page.reload()
    expect(page.get_by_label("Geluid")).to_be_checked()
    context.close()
    assert told == ["ChatEr wacht iemand in de chat."]


@pytest.mark.parametrize("size", [SMALL, PHONE, DESKTOP], ids=["320", "390", "1280"])
def test_the_desk_needs_no_sideways_scrolling(
    browser: Browser, gateway: Gateway, session: StorageState, visit: Any, size: tuple[int, int]
) -> None:
    visit("Een lang woord: " + "grensoverschrijdend" * 8)
    context = opened(browser, size, session)
    page = context.new_page()
    page.goto(f"{gateway.url}/desk/chat")
    take_first(page)
    shoot(page, f"desk-{size[0]}")
    wider = [page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")]
    for button in ("Sluit af", "Geef door", "Sneltoetsen"):
        page.get_by_role("button", name=button).filter(visible=True).first.click()
        dialog = page.get_by_role("dialog")
        wider.append(dialog.evaluate("dialog => dialog.scrollWidth - dialog.clientWidth"))
        shoot(page, f"desk-{size[0]}-{button.replace(' ', '-')}")
        page.keyboard.press("Escape")
    context.close()
    assert wider == [0] * 4


def test_axe_finds_nothing_at_the_desk_in_any_state(desk: Page, colleague: Page, visit: Any) -> None:
    found = {"empty": violations_of_every_rule(desk)}
    visit("Dag")
    expect(desk.locator("#waiting li")).to_have_count(1)
    found["waiting"] = violations_of_every_rule(desk)
    take_first(desk)
    expect(desk.get_by_role("log").filter(visible=True)).to_contain_text("Dag")
    found["talking"] = violations_of_every_rule(desk)
    for button in ("Sluit af", "Geef door", "Schrijf een notitie", "Sneltoetsen"):
        desk.get_by_role("button", name=button).filter(visible=True).first.click()
        expect(desk.get_by_role("dialog")).to_be_visible()
        found[button] = violations_of_every_rule(desk)
        desk.keyboard.press("Escape")
    found["colleague"] = violations_of_every_rule(colleague)
    assert {state: broken for state, broken in found.items() if broken} == {}
