"""The desk in a real browser: signing in by the link, a call by keyboard alone, a letter with a scan."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import small_targets, violations
from tests.engines import eventually
from tests.receiving import Answer, Receiver, receiving
from tests.running import Gateway

SCAN = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of an operator's browser; whatever its console complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="America/New_York")
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    yield tab
    context.close()
    assert complaints == []


@pytest.fixture
def desk(page: Page, gateway: Gateway) -> Page:
    """A tab in which an operator has signed in through the link."""
    link = gateway.sign_in_link("Noor")
    page.goto(link)
    expect(page.get_by_role("heading", name="Overzicht")).to_be_visible()
    assert link.rpartition("#")[2] not in page.url
    return page


def test_the_code_of_the_link_never_reaches_the_server_in_an_address(page: Page, gateway: Gateway) -> None:
    link = gateway.sign_in_link("Noor")
    code = link.rpartition("#")[2]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("#")[0]))
    page.goto(link)
    expect(page.get_by_role("heading", name="Overzicht")).to_be_visible()
    assert not any(code in url for url in asked)
    page.go_back()
    assert code not in page.url
    assert code not in gateway.logged()


def test_a_call_is_registered_by_keyboard_alone(desk: Page, gateway: Gateway) -> None:
    desk.goto(f"{gateway.url}/desk/telefoon/new")
    desk.keyboard.press("Tab")
    expect(desk.get_by_role("link", name="Ga naar de inhoud")).to_be_focused()
    desk.keyboard.press("Enter")
    desk.keyboard.press("Tab")
    expect(desk.get_by_role("radio", name="Persoon")).to_be_focused()
    tab_to(desk, "text")
    desk.keyboard.type("De trainer van haar dochter stuurt 's nachts berichten.")
    tab_to(desk, "kind")
    desk.keyboard.press("ArrowDown")
    tab_to(desk, "sector")
    desk.keyboard.type("Sport")
    tab_to(desk, "anonymous")
    desk.keyboard.press("Space")
    tab_to(desk, "role")
    desk.keyboard.type("Verwant")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_text("Bewaard. Lees de referentie voor:")).to_be_visible()
    for words in ("stuurt 's nachts berichten", "Verwant (ouder", "Sport (medewerker)", "Anoniem"):
        expect(desk.get_by_role("main")).to_contain_text(words)
    reference = desk.locator(".spoken").inner_text()
    desk.get_by_role("link", name="Overzicht").click()
    expect(desk.get_by_role("link", name=reference).first).to_be_visible()


def test_an_empty_end_is_now_in_brussels_whatever_the_clock_of_the_computer(desk: Page, gateway: Gateway) -> None:
    desk.goto(f"{gateway.url}/desk/telefoon/new")
    started = desk.get_by_label("Begin").input_value()
    desk.get_by_role("button", name="Einde: nu").click()
    ended = desk.get_by_label("Einde", exact=True).input_value()
    assert 0 <= (minutes(ended) - minutes(started)) % (24 * 60) <= 2


def test_a_letter_is_registered_with_its_scan(desk: Page, gateway: Gateway) -> None:
    desk.goto(f"{gateway.url}/desk")
    desk.get_by_role("main").get_by_role("link", name="Brief registreren").click()
    scan = {"name": "brief.pdf", "mimeType": "application/pdf", "buffer": SCAN}
    desk.get_by_label("Scan van de brief").set_input_files([scan])
    desk.get_by_role("radio", name="Melding: over een concrete situatie").check()
    desk.get_by_label("Naam", exact=True).fill("Jan Claes")
    desk.get_by_role("button", name="Bewaren").click()
    expect(desk.get_by_text("Bewaard. Lees de referentie voor:")).to_be_visible()
    with desk.expect_download() as download:
        desk.get_by_role("link", name="brief.pdf").click()
    assert download.value.path().read_bytes() == SCAN


def test_a_scan_of_another_kind_is_told_and_the_rest_stays(desk: Page, gateway: Gateway) -> None:
    desk.goto(f"{gateway.url}/desk/brief/new")
    scan = {"name": "brief.docx", "mimeType": "application/pdf", "buffer": b"PK"}
    desk.get_by_label("Scan van de brief").set_input_files([scan])
    desk.get_by_label("Naam", exact=True).fill("Jan Claes")
    desk.get_by_role("button", name="Bewaren").click()
    expect(desk.locator("#error-summary")).to_be_focused()
    expect(desk.locator("#error-summary")).to_contain_text("‘brief.docx’ is geen pdf")
    expect(desk.get_by_label("Naam", exact=True)).to_have_value("Jan Claes")


def test_when_the_connection_drops_nothing_typed_is_lost_and_trying_again_makes_one_contact(desk: Page, gateway: Gateway) -> None:
    desk.goto(f"{gateway.url}/desk/telefoon/new")
    desk.get_by_label("Samenvatting").fill("Een gesprek terwijl het netwerk wegviel.")
    desk.context.set_offline(True)
    desk.get_by_role("button", name="Bewaren").click()
    expect(desk.get_by_role("alert")).to_contain_text("Niet bewaard: er is geen verbinding.")
    expect(desk.get_by_label("Samenvatting")).to_have_value("Een gesprek terwijl het netwerk wegviel.")
    desk.context.set_offline(False)
    desk.get_by_role("button", name="Bewaren").click()
    expect(desk.get_by_text("Bewaard. Lees de referentie voor:")).to_be_visible()


def test_after_the_session_ended_the_form_waits_until_the_operator_is_back(desk: Page, gateway: Gateway) -> None:
    desk.goto(f"{gateway.url}/desk/telefoon/new")
    desk.get_by_label("Samenvatting").fill("Een lang gesprek.")
    desk.context.clear_cookies()
    desk.get_by_role("button", name="Bewaren").click()
    expect(desk.get_by_role("alert")).to_contain_text("je bent niet meer aangemeld")
    other = desk.context.new_page()
    other.goto(gateway.sign_in_link("Noor"))
    expect(other.get_by_role("heading", name="Overzicht")).to_be_visible()
    desk.get_by_role("button", name="Bewaren").click()
    expect(desk.get_by_role("main")).to_contain_text("Een lang gesprek.")


def test_a_contact_is_tagged_noted_and_confirmed(desk: Page, gateway: Gateway) -> None:
    desk.goto(f"{gateway.url}/desk/telefoon/new")
    desk.get_by_label("Samenvatting").fill("Vraagt cijfers voor een artikel.")
    desk.get_by_role("button", name="Bewaren").click()
    desk.get_by_role("radio", name="Vraag", exact=True).check()
    desk.get_by_role("button", name="Soort bewaren").click()
    expect(desk.get_by_role("status")).to_contain_text("De wijziging is bewaard.")
    expect(desk.locator(".history li").last).to_contain_text("Vraag: medewerker")
    desk.get_by_label("Notitie toevoegen").fill("Doorverwezen naar de persdienst.")
    desk.get_by_role("button", name="Toevoegen").click()
    expect(desk.locator(".messages")).to_contain_text("Doorverwezen naar de persdienst.")
    desk.get_by_role("button", name="Registratie bevestigen").click()
    expect(desk.get_by_role("button", name="Registratie bevestigen")).to_have_count(0)
    desk.get_by_role("button", name="Afmelden").click()
    expect(desk.get_by_text("Je bent afgemeld.")).to_be_visible()
    desk.goto(f"{gateway.url}/desk")
    expect(desk.get_by_role("heading", name="Aanmelden")).to_be_visible()


def test_without_script_an_operator_signs_in_and_registers(browser: Browser, gateway: Gateway) -> None:
    link = gateway.sign_in_link("Noor")
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{gateway.url}/desk/telefoon/new")
        tab.get_by_label("Eenmalige code").fill(link)
        tab.get_by_role("button", name="Aanmelden").click()
        expect(tab.get_by_role("heading", name="Telefoon registreren")).to_be_visible()
        tab.get_by_role("radio", name="Stille oproep").check()
        expect(tab.get_by_label("Naam", exact=True)).to_be_hidden()
        tab.get_by_role("button", name="Bewaren").click()
        expect(tab.get_by_role("main")).to_contain_text("Stille oproep")


@pytest.fixture
def refused(gateway: Gateway) -> Iterator[Receiver]:
    """A receiver that takes nothing of three contacts, until it is told otherwise."""
    with receiving() as receiver, gateway.client() as api:
        receiver.always = Answer(422)
        made = api.post("/subscriptions", json={"url": receiver.url, "name": "Dossierbeheer"}).json()
        for _ in range(3):
            contact = {"channel": "telefoon", "kind": "melding", "text": "Een gesprek"}
            assert api.put(f"/contacts/{uuid4()}", json=contact).status_code == 201
        eventually(lambda: api.get("/deadLetters", params={"subscriptionId": made["id"]}).json()["total"] == 3)
        yield receiver
        assert api.delete(f"/subscriptions/{made['id']}").status_code == 204


def test_what_was_not_taken_is_seen_with_its_reason_and_sent_again(desk: Page, gateway: Gateway, refused: Receiver) -> None:
    desk.goto(f"{gateway.url}/desk")
    desk.get_by_role("link", name="Doorsturen").click()
    rows = desk.get_by_role("row").filter(has_text="Geregistreerd").filter(has_text="Dossierbeheer")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("de ontvanger aanvaardt de inhoud niet (422)")
    desk.get_by_role("button", name="Gekozen opnieuw versturen").click()
    expect(desk.get_by_role("alert")).to_contain_text("Niets gekozen")
    refused.always = Answer()
    rows.first.get_by_role("button", name="Opnieuw versturen").click()
    expect(desk.get_by_role("status")).to_contain_text("1 bericht wordt opnieuw verstuurd.")
    expect(rows).to_have_count(2)
    rows.first.get_by_role("checkbox").check()
    desk.get_by_role("button", name="Gekozen opnieuw versturen").click()
    expect(rows).to_have_count(1)
    rows.first.get_by_role("link").click()
    expect(desk.get_by_role("region", name="Doorgestuurd")).to_contain_text(
        "Dossierbeheer: geregistreerd (versie 1), niet doorgestuurd"
    )
    desk.go_back()
    desk.get_by_role("button", name="Alles opnieuw versturen").click()
    expect(rows).to_have_count(0)
    refused.wait(lambda: sum(attempt.was_taken for attempt in refused.attempts) == 3)


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_where_dead_letters_are_shown(
    browser: Browser, gateway: Gateway, refused: Receiver, width: int
) -> None:
    assert refused.attempts
    with browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True) as context:
        tab = context.new_page()
        tab.goto(gateway.sign_in_link("Noor"))
        expect(tab.get_by_role("heading", name="Overzicht")).to_be_visible()
        tab.goto(f"{gateway.url}/desk/doorsturen")
        expect(tab.get_by_role("button", name="Alles opnieuw versturen")).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert small_targets(tab) == []
        assert violations(tab) == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_every_page_fits_its_screen_and_every_target_a_finger(desk: Page, gateway: Gateway, width: int, tmp_path: Path) -> None:
    desk.set_viewport_size({"width": width, "height": 800})
    desk.goto(f"{gateway.url}/desk/telefoon/new")
    desk.get_by_label("Samenvatting").fill("Een gesprek over veel.")
    desk.get_by_role("button", name="Bewaren").click()
    expect(desk.get_by_text("Bewaard.")).to_be_visible()
    for path in (
        desk.url.removeprefix(gateway.url),
        "/desk",
        "/desk/telefoon/new",
        "/desk/brief/new",
        "/desk/sign-in",
    ):
        desk.goto(gateway.url + path)
        desk.screenshot(path=tmp_path / f"{path.rpartition('/')[2][:8]}.png", full_page=True)
        assert desk.evaluate("document.documentElement.scrollWidth") <= width, path
        assert small_targets(desk) == [], path


def tab_to(page: Page, field: str) -> None:
    """Press Tab until a field of that name has the focus, as somebody without a mouse does."""
    for _ in range(30):
        if page.evaluate("document.activeElement?.getAttribute('name')") == field:
            return
        page.keyboard.press("Tab")
    message = f"{field} cannot be reached with Tab"
    raise AssertionError(message)


def minutes(clock: str) -> int:
    """Read an hour as minutes."""
    hours, _, past = clock.partition(":")
    return int(hours) * 60 + int(past)
