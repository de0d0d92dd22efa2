"""Mail at the desk in a real browser: quotes by keyboard, layout that can do no harm, warnings, and two contacts beside each other."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import small_targets, violations
from tests.e2e.elsewhere import Elsewhere, elsewhere
from tests.mail_contacts import QUOTED, File, file_id, possibly_linked, register_mail
from tests.running import Gateway

LAYOUT = b'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Mail</title>\n<p>Hallo, dit is <b>vet</b>. <a href="https://voorbeeld.example/">Klik</a></p>\n'


@pytest.fixture(autouse=True)
def no_tab_is_left(browser: Browser) -> Iterator[None]:
    """Close at the end of a test what it opened."""
    yield
    for context in browser.contexts:
        context.close()


@pytest.fixture
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    """The API, with a token that may do everything."""
    with gateway.client() as client:
        yield client


def at_desk(browser: Browser, gateway: Gateway, width: int = 1280, *, bypass_csp: bool = False) -> Page:
    """Sign in and give the tab."""
    tab = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=bypass_csp).new_page()
    tab.goto(gateway.sign_in_link("Noor"))
    expect(tab.get_by_role("heading", name="Overzicht")).to_be_visible()
    return tab


def full_mail(api: httpx.Client) -> str:
    """Register a mail that has everything an operator can be shown."""
    return register_mail(
        api,
        File("weergave.html", LAYOUT * 40, "text/html", "display"),
        File("original.eml", b"From: noor@example.be\r\n\r\n" + QUOTED.encode(), "message/rfc822", "original"),
        File(
            "factuur met een heel lange naam die niet op de regel past.pdf",
            b"MZ",
            "application/pdf",
            says={"Onthaal-Sniffed": "text/html", "Onthaal-Virus": "notScanned"},
        ),
        File("brief.doc", b"words", "application/msword", says={"Onthaal-Virus": "found"}),
        File("foto.jpg", b"\xff\xd8\xff", "image/jpeg", says={"Onthaal-Virus": "clean"}),
        File("foto.heic", b"\0\0\0\x18ftypheic", "image/heic"),
        text=QUOTED + "\u202eomgekeerd\u202c",
        recipients=[f"collega{number}@voorbeeld-met-een-lange-naam.example.be" for number in range(8)],
        parseStatus="partial",
        doubts=["encoding", "bidi"],
        sealedBy="smime",
        remoteContent=3,
        authentication="spf=pass dmarc=fail",
        machineReason="autoReply",
        report="failed 5.1.1",
    )


def test_quotes_and_layout_open_by_keyboard_and_nothing_is_loaded_before(
    browser: Browser, gateway: Gateway, api: httpx.Client
) -> None:
    contact = register_mail(api, File("weergave.html", LAYOUT * 40, "text/html", "display"), text=QUOTED)
    desk = at_desk(browser, gateway)
    asked: list[str] = []
    desk.on("request", lambda request: asked.append(request.url))
    desk.goto(f"{gateway.url}/desk/contacten/{contact}")
    quote = desk.locator("details.quote").first
    expect(quote.locator(".kept")).to_be_hidden()
    expect(desk.get_by_text("Vorige maandag, na de training.")).to_be_visible()
    quote.locator("summary").focus()
    desk.keyboard.press("Enter")
    expect(quote.locator(".kept")).to_contain_text("> Is het vorige week gebeurd?")
    desk.wait_for_load_state("networkidle")
    assert not [url for url in asked if url.endswith("/opmaak")], "a layout that nobody opened was loaded"
    layout = desk.locator("details.layout")
    layout.locator("summary").focus()
    desk.keyboard.press("Space")
    expect(layout.frame_locator("iframe").get_by_text("Hallo, dit is vet.").first).to_be_visible()
    expect(layout.frame_locator("iframe").get_by_role("link")).to_have_count(0)
    assert len([url for url in asked if url.endswith("/opmaak")]) == 1
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.tagName") == "IFRAME"
    desk.keyboard.press("End")
    frame = desk.frames[1]
    frame.wait_for_function("() => scrollY > 0")
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.tagName") != "IFRAME", "the focus is not caught in the frame"


HOSTILE = """<!DOCTYPE html>
<base href="{there}/base/">
<meta http-equiv="refresh" content="0;url={there}/refresh">
<link rel="stylesheet" href="{there}/style.css"><link rel="prefetch" href="{there}/prefetch">
<style>@import "{there}/import.css"; body {{ background: url({there}/background) }}</style>
<script>document.title = "ran"; top.location = "{there}/script"; alert(1)</script>
<script src="{there}/script.js"></script>
<h1>Een mail</h1>
<img src="{there}/picture" onerror="alert(2)"><img src="relative"><img srcset="{there}/set 2x">
<svg onload="alert(3)"><image href="{there}/image"/><script>alert(4)</script></svg>
<iframe src="{there}/frame"></iframe><iframe srcdoc="<script>alert(5)</script>"></iframe>
<object data="{there}/object"></object><embed src="{there}/embed"><video src="{there}/video" poster="{there}/poster"></video>
<div style="background-image: url({there}/inline)">tekst</div>
<form action="{there}/form" method="post" target="_top"><input name="a" value="b" autofocus onfocus="alert(6)"><button>Verstuur</button></form>
<a target="_top"	HREF="{there}/link">Omhoog</a> <a target="_blank"	href="{there}/blank">Nieuw</a>
<a	href="{there}/link" ping="{there}/ping">Hier</a> <a	href="javascript:alert(7)">Script</a>
"""


@pytest.fixture
def visited() -> Iterator[Elsewhere]:
    """A server that is not ours."""
    with elsewhere() as server:
        yield server


@pytest.mark.parametrize("by_itself", [False, True], ids=["in its frame", "by itself"])
def test_a_hostile_document_loads_nothing_and_runs_nothing(
    browser: Browser, gateway: Gateway, api: httpx.Client, visited: Elsewhere, by_itself: bool
) -> None:
    document = HOSTILE.format(there=visited.url).encode()
    contact = register_mail(api, File("weergave.html", document, "text/html", "display"))
    path = f"/desk/contacten/{contact}/bestanden/{file_id(api, contact, 'weergave.html')}/opmaak"
    desk = at_desk(browser, gateway)
    dialogs: list[str] = []
    desk.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    start = f"{gateway.url}{path}" if by_itself else f"{gateway.url}/desk/contacten/{contact}"
    desk.goto(start)
    if not by_itself:
        desk.locator("details.layout summary").click()
    shown = desk if by_itself else desk.frame_locator("details.layout iframe")
    expect(shown.get_by_role("heading", name="Een mail")).to_be_visible()
    shown.get_by_role("button", name="Verstuur").click()
    if not by_itself:  # a page by itself may be left by a link, as any page
        for link in ("Omhoog", "Nieuw", "Script"):
            shown.get_by_role("link", name=link).focus()
            desk.keyboard.press("Enter")
    desk.wait_for_timeout(1_500)
    assert visited.asked == []
    assert dialogs == []
    assert desk.url == start
    assert desk.title() != "ran"
    assert len(desk.context.pages) == 1


def test_a_link_that_is_still_one_does_not_lead_the_frame_elsewhere(
    browser: Browser, gateway: Gateway, api: httpx.Client, visited: Elsewhere
) -> None:
    document = f'<p>Tekst <a\nhref="{visited.url}/link">Hier</a></p>'.encode()
    contact = register_mail(api, File("weergave.html", document, "text/html", "display"))
    desk = at_desk(browser, gateway)
    desk.goto(f"{gateway.url}/desk/contacten/{contact}")
    desk.locator("details.layout summary").click()
    desk.frame_locator("details.layout iframe").get_by_role("link", name="Hier").dispatch_event("click")
    desk.wait_for_timeout(1_000)
    assert visited.asked == []


def test_a_virus_is_downloaded_by_a_second_click_only(browser: Browser, gateway: Gateway, api: httpx.Client) -> None:
    contact = register_mail(api, File("brief.doc", b"words", "application/msword", says={"Onthaal-Virus": "found"}))
    desk = at_desk(browser, gateway)
    desk.goto(f"{gateway.url}/desk/contacten/{contact}")
    desk.get_by_role("link", name="brief.doc").click()
    expect(desk.get_by_role("heading", name="In dit bestand zit een virus")).to_be_visible()
    with desk.expect_download() as download:
        desk.get_by_role("button", name="Toch downloaden, met het virus").click()
    assert download.value.suggested_filename == "brief.doc.virus"
    assert download.value.path().read_bytes() == b"words"


def test_two_contacts_are_joined_by_keyboard_and_not_by_the_chord(browser: Browser, gateway: Gateway, api: httpx.Client) -> None:
    contact, other = possibly_linked(api)
    desk = at_desk(browser, gateway)
    reference = api.get(f"/contacts/{contact}").json()["reference"]
    desk.get_by_role("link", name=re.compile(rf"Vergelijken ?: {reference}")).focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name=f"Deze mail {reference}")).to_be_visible()
    button = desk.get_by_role("button", name="Hoort bij dit contact")
    button.focus()
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("alert")).to_contain_text("Kies een van de twee knoppen.")
    button.focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("status")).to_contain_text("Dit contact hoort nu bij het andere.")
    assert api.get(f"/contacts/{contact}").json()["relatedTo"] == other
    desk.get_by_role("button", name="Hoort niet samen").focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("status")).to_contain_text("Dit is een contact apart.")
    assert "relatedTo" not in api.get(f"/contacts/{contact}").json()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_every_state_of_a_mail_fits_its_screen_and_axe_finds_nothing(
    browser: Browser, gateway: Gateway, api: httpx.Client, width: int, tmp_path: Path
) -> None:
    mail, (linked, _), (joined, other) = full_mail(api), possibly_linked(api), possibly_linked(api)
    api.put(f"/contacts/{joined}/details", json={"relatedTo": other}).raise_for_status()
    details = {"parseStatus": "partial", "doubts": ["cut", "name"], "sealedBy": "pgp", "authentication": "dmarc=fail"}
    message = {"direction": "inbound", "text": QUOTED, "subject": "Antw: uw vraag", "details": details}
    api.put(f"/contacts/{joined}/messages/{uuid4()}", json=message).raise_for_status()
    infected = f"{mail}/bestanden/{file_id(api, mail, 'brief.doc')}"
    desk = at_desk(browser, gateway, width, bypass_csp=True)
    for name, path in (
        ("mail", f"contacten/{mail}"),
        ("virus", f"contacten/{infected}"),
        ("link", f"contacten/{linked}/verband"),
        ("joined", f"contacten/{joined}"),
        ("work", ""),
    ):
        desk.goto(f"{gateway.url}/desk/{path}")
        desk.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        for frame in desk.locator("details.layout iframe").all():
            frame.scroll_into_view_if_needed()
            expect(frame.content_frame.get_by_text("Hallo").first).to_be_visible()
        desk.wait_for_load_state("networkidle")
        desk.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
        assert desk.evaluate("document.documentElement.scrollWidth") <= width, name
        assert small_targets(desk) == [], name
        assert violations(desk) == [], name
