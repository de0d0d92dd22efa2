"""The desk on a running gateway: what an operator sends is registered once, and what is wrong is told."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.engines import eventually
from tests.receiving import Answer, receiving
from tests.running import Gateway, running

CALL = {
    "nature": "person",
    "day": "2025-11-17",
    "started": "18:00",
    "ended": "18:25",
    "text": "Vraagt hoe een melding verloopt.",
    "kind": "vraag",
}
SCAN = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}

NOBODY = "00000000-0000-4000-8000-000000000000"
"""An id that no contact has; the same in every process that collects these tests."""


def browser(gateway: Gateway) -> httpx.Client:
    """A browser that shows pages of the desk, without a session."""
    return httpx.Client(base_url=gateway.url, headers={**BROWSER, "Origin": gateway.url}, timeout=30)


@contextmanager
def signed_in(gateway: Gateway, link: str) -> Iterator[httpx.Client]:
    """A browser that has signed in with a link."""
    with browser(gateway) as client:
        answer = client.post("/desk/sign-in", data={"code": link, "next": "/desk"})
        assert answer.status_code == 303, answer.text
        yield client


@pytest.fixture(scope="module")
def operator(gateway: Gateway) -> Iterator[httpx.Client]:
    """An operator's browser."""
    with signed_in(gateway, gateway.sign_in_link("Noor")) as client:
        yield client


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    """The API, with a token that may read and write."""
    with gateway.client() as client:
        yield client


def registered(api: httpx.Client, contact: str) -> dict[str, Any]:
    """What the API knows of a contact."""
    answer = api.get(f"/contacts/{contact}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def register_call(operator: httpx.Client, **fields: str) -> str:
    """Register a call and give its id."""
    contact = str(uuid4())
    answer = operator.post("/desk/telefoon/new", data={**CALL, "contact": contact, **fields})
    assert answer.status_code == 303, answer.text
    return contact


def wait_for_work(operator: httpx.Client, reference: str) -> str:
    """Give the work list once a contact is on it: the model looks at tagged contacts after they were registered."""
    deadline = time.monotonic() + 20
    while reference not in (work := operator.get("/desk").text.partition("Laatste contacten")[0]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return work


def register_letter(operator: httpx.Client, **fields: str) -> str:
    """Register a letter with a scan and give its id."""
    contact = str(uuid4())
    data = {"contact": contact, "received_on": "2025-11-14", "kind": "melding", **fields}
    files = {"scans": ("brief van An.pdf", SCAN, "application/octet-stream")}
    answer = operator.post("/desk/brief/new", data=data, files=files)
    assert answer.status_code == 303, answer.text
    return contact


def hidden(page: str, name: str) -> str:
    """Give the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, f"no field {name}"
    return found[1]


def test_a_link_signs_in_once_and_leads_to_the_page_that_was_asked_for(gateway: Gateway) -> None:
    code = gateway.sign_in_link("An").rpartition("#")[2]
    with browser(gateway) as client:
        answer = client.post("/desk/sign-in", data={"code": code, "next": "/desk/brief/new"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/brief/new")
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        assert "Brief registreren" in client.get("/desk/brief/new").text
    with browser(gateway) as other:
        again = other.post("/desk/sign-in", data={"code": code, "next": "/desk"})
        assert again.status_code == 400
        assert "Deze code werkt niet" in again.text
        assert code not in again.text
        assert not other.cookies


def test_signing_in_never_leads_to_another_site(gateway: Gateway) -> None:
    link = gateway.sign_in_link("An")
    with browser(gateway) as client:
        answer = client.post("/desk/sign-in", data={"code": link, "next": "//elders.example/desk"})
        assert answer.headers["location"] == "/desk"


@pytest.mark.parametrize(
    "path", ["/desk", "/desk/doorsturen", "/desk/telefoon/new", "/desk/brief/new", f"/desk/contacten/{NOBODY}"]
)
def test_without_a_session_every_page_asks_to_sign_in(gateway: Gateway, path: str) -> None:
    with browser(gateway) as client:
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/desk/sign-in?next=/desk")


def test_a_call_sent_after_the_session_ended_is_not_stored_and_not_lost(gateway: Gateway, api: httpx.Client) -> None:
    contact = str(uuid4())
    with browser(gateway) as client:
        answer = client.post("/desk/telefoon/new", data={**CALL, "contact": contact})
    assert answer.status_code == 401
    assert "niet meer aangemeld" in answer.text
    assert CALL["text"] in answer.text
    assert hidden(answer.text, "contact") == contact
    assert api.get(f"/contacts/{contact}").status_code == 404


@pytest.mark.parametrize("origin", ["https://elders.example", "null", None])
def test_a_post_from_another_site_is_refused(operator: httpx.Client, api: httpx.Client, origin: str | None) -> None:
    contact = str(uuid4())
    request = operator.build_request("POST", "/desk/telefoon/new", data={**CALL, "contact": contact})
    del request.headers["origin"]
    if origin:
        request.headers["origin"] = origin
    assert operator.send(request).status_code == 401
    assert api.get(f"/contacts/{contact}").status_code == 404


def test_a_call_on_monday_evening_is_registered_as_open(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator, name="Els Janssens", phone="0470/12.34.56", language="fr", sector="Sport")
    found = registered(api, contact)
    assert (found["channel"], found["receivedAt"], found["nature"]) == (
        "telefoon",
        "2025-11-17T17:00:00Z",
        "person",
    )
    assert found["openingHours"]["open"] is True
    assert (found["kind"], found["kindSource"]) == ("vraag", "operator")
    assert found["details"] == {"startedAt": "2025-11-17T17:00:00Z", "endedAt": "2025-11-17T17:25:00Z"}
    assert (found["person"]["name"], found["language"], found["sector"]) == ("Els Janssens", "fr", "Sport")


def test_after_saving_the_reference_is_there_to_read_aloud(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator, phone="0470/12.34.56")
    page = operator.get(f"/desk/contacten/{contact}?bewaard=1").text
    reference = registered(api, contact)["reference"]
    assert f'<p class="spoken">{reference}</p>' in page
    assert "0470 12 34 56" in page
    assert "maandag 17/11/2025, 18:00" in page


@pytest.mark.parametrize(
    ("day", "started", "words"),
    [
        ("2025-11-22", "10:00", "Gesloten: weekend"),
        ("2025-12-25", "10:00", "Gesloten: feestdag (Kerstmis)"),
        ("2025-07-11", "10:00", "Gesloten: feestdag ("),
        ("2025-11-18", "18:00", "Gesloten: buiten de openingsuren"),
    ],
)
def test_a_call_when_closed_says_why(operator: httpx.Client, day: str, started: str, words: str) -> None:
    contact = register_call(operator, day=day, started=started, ended="")
    assert words in operator.get(f"/desk/contacten/{contact}").text


def test_without_a_choice_the_system_tags_the_call(operator: httpx.Client, api: httpx.Client) -> None:
    found = registered(api, register_call(operator, kind=""))
    assert found["kindSource"] == "model"
    assert found["kindConfidence"] > 0


def test_a_silent_call_is_kept_and_is_no_contact(operator: httpx.Client, api: httpx.Client) -> None:
    found = registered(api, register_call(operator, nature="silent", text="", kind=""))
    assert (found["nature"], found["subject"]) == ("nonContact", "Stille oproep")


def test_a_letter_with_a_scan_and_only_a_date_is_registered(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_letter(operator, dated_on="2025-11-12", text="Over een leraar.", address="Kerkstraat 1, Gent")
    found = registered(api, contact)
    assert (found["channel"], found["kind"], found["kindSource"]) == ("brief", "melding", "operator")
    assert found["details"] == {"datedOn": "2025-11-12", "receivedOn": "2025-11-14"}
    assert found["receivedAt"].startswith("2025-11-14")
    assert found["openingHours"]["open"] is True
    assert found["text"] == "Adres van de afzender: Kerkstraat 1, Gent\n\nOver een leraar."
    (scan,) = found["files"]
    assert (scan["role"], scan["name"], scan["mediaType"]) == ("scan", "brief van An.pdf", "application/pdf")
    assert api.get(f"/contacts/{contact}/files/{scan['id']}").content == SCAN


def test_a_letter_that_came_on_a_sunday_came_when_closed(operator: httpx.Client, api: httpx.Client) -> None:
    hours = registered(api, register_letter(operator, received_on="2025-11-16"))["openingHours"]
    assert (hours["open"], hours["reason"]) == (False, "weekend")


def test_a_scan_is_downloaded_and_never_opened_in_the_page(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_letter(operator)
    file = registered(api, contact)["files"][0]["id"]
    path = f"/desk/contacten/{contact}/bestanden/{file}"
    assert path in operator.get(f"/desk/contacten/{contact}").text
    answer = operator.get(path)
    assert answer.content == SCAN
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''brief%20van%20An.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_sending_a_call_twice_makes_one_contact(operator: httpx.Client, api: httpx.Client) -> None:
    contact = hidden(operator.get("/desk/telefoon/new").text, "contact")
    fields = {**CALL, "contact": contact}
    first = operator.post("/desk/telefoon/new", data=fields)
    second = operator.post("/desk/telefoon/new", data=fields)
    assert first.headers["location"] == second.headers["location"] == f"/desk/contacten/{contact}?bewaard=1"
    assert registered(api, contact)["version"] == 1


def test_a_call_that_was_already_saved_with_other_words_leads_to_what_was_saved(
    operator: httpx.Client,
) -> None:
    contact = register_call(operator)
    answer = operator.post("/desk/telefoon/new", data={**CALL, "contact": contact, "text": "Iets anders."})
    assert answer.status_code == 409
    assert f'href="/desk/contacten/{contact}"' in answer.text


def test_what_is_wrong_is_told_beside_its_field_and_nothing_typed_is_lost(operator: httpx.Client, api: httpx.Client) -> None:
    contact = str(uuid4())
    fields = {
        **CALL,
        "contact": contact,
        "phone": "geen",
        "ended": "17:00",
        "sector": "Sport",
        "name": 'An "de" <b>',
    }
    answer = operator.post("/desk/telefoon/new", data=fields)
    assert answer.status_code == 400
    assert "<title>Fout: " in answer.text
    assert '<a href="#phone">Telefoonnummer:' in answer.text
    assert '<a href="#ended">Einde:' in answer.text
    assert 'value="An &#34;de&#34; &lt;b&gt;"' in answer.text
    assert '<option value="Sport" selected>' in answer.text
    assert CALL["text"] in answer.text
    assert hidden(answer.text, "contact") == contact
    assert api.get(f"/contacts/{contact}").status_code == 404


def test_a_scan_of_another_kind_is_refused_by_name(operator: httpx.Client) -> None:
    data = {"contact": str(uuid4()), "received_on": "2025-11-14", "text": "De brief."}
    answer = operator.post("/desk/brief/new", data=data, files={"scans": ("brief.docx", b"PK\x03\x04", "image/png")})
    assert answer.status_code == 400
    assert "‘brief.docx’ is geen pdf, jpeg, png of tiff." in answer.text
    assert "De brief." in answer.text


def test_scans_that_are_too_large_are_refused_and_the_text_stays(operator: httpx.Client, api: httpx.Client) -> None:
    data = {"contact": str(uuid4()), "received_on": "2025-11-14", "text": "De brief die zo groot is."}
    files = [("scans", (f"{page}.pdf", b"%PDF-" + bytes(16_000_000), "application/pdf")) for page in range(2)]
    answer = operator.post("/desk/brief/new", data=data, files=files)
    assert answer.status_code == 413
    assert "groter dan 30 MB" in answer.text
    assert "De brief die zo groot is." in answer.text
    assert api.get(f"/contacts/{data['contact']}").status_code == 404


def test_a_form_that_is_no_form_is_refused(operator: httpx.Client) -> None:
    headers = {"content-type": "multipart/form-data"}
    assert operator.post("/desk/telefoon/new", content=b"\x00\xff", headers=headers).status_code == 400


def test_a_new_tag_follows_the_earlier_one(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator)
    answer = operator.post(f"/desk/contacten/{contact}/soort", data={"kind": "melding", "nature": "person"})
    assert answer.status_code == 303
    found = registered(api, contact)
    assert [record["kind"] for record in found["kindHistory"]] == ["vraag", "melding"]
    page = operator.get(f"/desk/contacten/{contact}").text
    assert page.index("<strong>Vraag</strong>: medewerker") < page.index("<strong>Melding</strong>: medewerker")


def test_the_models_suggestion_stands_beside_the_operators_word(operator: httpx.Client) -> None:
    contact = register_call(operator, kind="", text="De trainer heeft mijn dochter betast na de training.")
    page = operator.get(f"/desk/contacten/{contact}").text
    assert "Voorstel van het systeem" in page
    assert "Woorden die meetelden:" in page
    assert "Of misschien" not in page
    assert "lijkt: <strong>verwant (ouder, partner, vriend)</strong>. Te zien aan: <mark>mijn dochter</mark>" in page


def test_where_the_model_hesitates_between_sectors_it_names_the_others(operator: httpx.Client) -> None:
    contact = register_call(operator, kind="", text="Een begeleider heeft mijn dochter betast op het internaat.")
    page = operator.get(f"/desk/contacten/{contact}").text
    assert re.search(r"Sector: \w+, \d+ % zeker\.", page)
    assert re.search(r"Of misschien: \w+ \(\d+ %\)", page)


def test_a_correction_changes_what_is_known_and_an_old_page_does_not_undo_it(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator, name="Els Jansens")
    version = hidden(operator.get(f"/desk/contacten/{contact}").text, "version")
    correct = {"version": version, "name": "Els Janssens", "role": "getuige", "sector": "Zorg"}
    assert operator.post(f"/desk/contacten/{contact}/gegevens", data=correct).status_code == 303
    stale = operator.post(f"/desk/contacten/{contact}/gegevens", data={**correct, "name": "Iemand anders"})
    assert stale.status_code == 409
    assert "Een collega wijzigde dit contact" in stale.text
    found = registered(api, contact)
    assert (found["person"]["name"], found["person"]["role"], found["sector"]) == (
        "Els Janssens",
        "getuige",
        "Zorg",
    )


def test_a_correction_leaves_the_models_guess_of_the_sector_a_guess(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator, kind="", text="De trainer van de voetbalclub heeft een speler betast na de training.")
    assert registered(api, contact)["sectorSource"] == "model"
    page = operator.get(f"/desk/contacten/{contact}").text
    assert '<option value="Sport" selected>' not in page
    fields = {"version": hidden(page, "version"), "name": "An"}
    assert operator.post(f"/desk/contacten/{contact}/gegevens", data=fields).status_code == 303
    assert registered(api, contact)["sectorSource"] == "model"


def test_a_wrong_correction_is_told_and_kept(operator: httpx.Client) -> None:
    contact = register_call(operator)
    fields = {"version": "1", "email": "geen adres", "name": "An"}
    answer = operator.post(f"/desk/contacten/{contact}/gegevens", data=fields)
    assert answer.status_code == 400
    assert "Mailadres: schrijf het zoals" in answer.text
    assert 'value="geen adres"' in answer.text


def test_a_registration_is_confirmed(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator)
    assert operator.post(f"/desk/contacten/{contact}/bevestigen").status_code == 303
    assert registered(api, contact)["status"] == "completed"
    page = operator.get(f"/desk/contacten/{contact}").text
    assert "Bevestigd" in page
    assert "Registratie bevestigen" not in page


def test_a_note_with_a_file_is_added_once(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator)
    message = hidden(operator.get(f"/desk/contacten/{contact}").text, "message")
    for _ in range(2):
        answer = operator.post(
            f"/desk/contacten/{contact}/notities",
            data={"message": message, "note": "Teruggebeld.\r\nNiet bereikt."},
            files={"note_files": ("bijlage.png", b"\x89PNG\r\n\x1a\n", "image/png")},
        )
        assert answer.status_code == 303
    (note,) = api.get(f"/contacts/{contact}/messages").json()["items"]
    assert (note["direction"], note["text"]) == ("note", "Teruggebeld.\nNiet bereikt.")
    page = operator.get(f"/desk/contacten/{contact}").text
    assert "Teruggebeld.\nNiet bereikt." in page
    assert "bijlage.png" in page


def test_an_empty_note_is_refused(operator: httpx.Client) -> None:
    contact = register_call(operator)
    answer = operator.post(f"/desk/contacten/{contact}/notities", data={"message": str(uuid4()), "note": " "})
    assert answer.status_code == 400
    assert "Notitie: schrijf iets op" in answer.text


def test_a_contact_is_found_by_reference_mail_and_phone_and_never_in_the_address(
    operator: httpx.Client, api: httpx.Client
) -> None:
    contact = register_call(operator, email="els.zoek@voorbeeld.be", phone="0471/98.76.54")
    reference = registered(api, contact)["reference"]
    for sought in (
        reference,
        reference.lower().replace("-", " "),
        "Els.Zoek@voorbeeld.be",
        "+32 471 98 76 54",
    ):
        answer = operator.post("/desk/zoeken", data={"zoek": sought})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/contacten/{contact}")


@pytest.mark.parametrize(("sought", "status"), [("niemand@voorbeeld.be", 200), ("ZZZ-ZZZ-ZZZ", 200), ("", 400), ("a\0b", 400)])
def test_what_is_not_found_is_said(operator: httpx.Client, sought: str, status: int) -> None:
    answer = operator.post("/desk/zoeken", data={"zoek": sought})
    assert answer.status_code == status
    assert ("Niets gevonden" if status == 200 else "Vul een referentie") in answer.text


def test_danger_comes_first_on_the_work_list_and_goes_when_it_was_looked_at(operator: httpx.Client, api: httpx.Client) -> None:
    text = "Hij staat nu voor de deur met een mes, ik ben bang dat hij me vermoordt. Help, hij slaat me nu."
    contact = register_call(operator, text=text, kind="melding")
    reference = registered(api, contact)["reference"]
    work = wait_for_work(operator, reference)
    assert "Mogelijk gevaar" in work
    assert reference in work
    item = re.search(rf'/desk/werk/([0-9a-f-]+)/bekeken">\s*<button[^>]*>Bekeken<span[^>]*>: {reference}', work)
    assert item
    assert operator.post(f"/desk/werk/{item[1]}/bekeken").status_code == 303
    assert reference not in operator.get("/desk").text.partition("Laatste contacten")[0]


def test_the_list_shows_no_name_no_subject_and_no_words(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_call(operator, name="Zichtbare Naam", text="Zichtbare woorden.", day="2025-11-24", ended="")
    page = operator.get("/desk?kanaal=telefoon&soort=vraag").text
    assert registered(api, contact)["reference"] in page
    assert "Zichtbare" not in page


def test_the_list_is_filtered_and_paged(operator: httpx.Client, api: httpx.Client) -> None:
    letters = {registered(api, register_letter(operator, received_on="2020-03-02"))["reference"] for _ in range(26)}
    found: set[str] = set()
    path: str | None = "/desk?kanaal=brief&soort=melding&aard=person"
    while path:
        page = operator.get(path).text
        assert "Telefoon</td>" not in page
        found |= set(re.findall(r'class="number reference" href="/desk/contacten/[^"]+">([^<]+)</a></th>', page))
        older = re.search(r'href="([^"]+)">Oudere contacten', page)
        path = older[1].replace("&amp;", "&").partition("#")[0] if older else None
    assert letters <= found


@pytest.mark.parametrize("path", [f"/desk/contacten/{NOBODY}", f"/desk/contacten/{NOBODY}/bestanden/{NOBODY}"])
def test_what_does_not_exist_is_said_in_words(operator: httpx.Client, path: str) -> None:
    answer = operator.get(path)
    assert answer.status_code == 404
    assert "Dit bestaat niet" in answer.text


def test_pages_are_kept_by_nobody_and_show_no_address_elsewhere(operator: httpx.Client) -> None:
    headers = operator.get("/desk").headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert "script-src 'self'" in headers["content-security-policy"]


def test_signing_out_ends_the_session_everywhere(gateway: Gateway) -> None:
    with signed_in(gateway, gateway.sign_in_link("An")) as client:
        secret = dict(client.cookies)
        answer = client.post("/desk/sign-out")
        assert "Je bent afgemeld." in answer.text
        assert '"cookies"' in answer.headers["clear-site-data"]
        assert not client.cookies
        assert client.get("/desk").status_code == 303
        only_secret = {name: value for name, value in secret.items() if name.endswith("session")}
        stolen = httpx.get(f"{gateway.url}/desk", cookies=only_secret, headers=BROWSER)
        assert stolen.headers["location"].startswith("/desk/sign-in")


def test_when_the_register_is_down_nothing_typed_is_lost_and_trying_again_works(tmp_path: Path) -> None:
    contact = str(uuid4())
    with running(tmp_path / "intake", "intake_api") as intake:
        with (
            running(tmp_path / "desk", "phone_log", ONTHAAL_INTAKE_URL=intake.url) as desk,
            signed_in(desk, intake.sign_in_link("Noor")) as client,
        ):
            assert client.get("/desk").status_code == 200
            intake.kill()
            down = client.post("/desk/telefoon/new", data={**CALL, "contact": contact})
            assert down.status_code == 503
            assert "Niet bewaard" in down.text
            assert CALL["text"] in down.text
            assert hidden(down.text, "contact") == contact
            assert "Het register antwoordt nu niet" in client.get("/desk").text
            intake.start()
            assert client.post("/desk/telefoon/new", data={**CALL, "contact": contact}).status_code == 303
            with intake.client() as api:
                assert registered(api, contact)["text"] == CALL["text"]
        assert CALL["text"] not in desk.log.read_text() + intake.log.read_text()


def test_dead_letters_are_shown_with_their_reason_and_sent_again(operator: httpx.Client, api: httpx.Client) -> None:
    with receiving() as receiver:
        receiver.always = Answer(400)
        made = api.post("/subscriptions", json={"url": receiver.url, "name": "Dossierbeheer <b>"}).json()
        try:
            contacts = [register_call(operator) for _ in range(2)]
            eventually(lambda: api.get("/deadLetters", params={"subscriptionId": made["id"]}).json()["total"] == 2)
            shown = operator.get("/desk/doorsturen").text
            assert "de ontvanger begrijpt het bericht niet (400)" in shown
            assert "Dossierbeheer &lt;b&gt;" in shown
            assert all(registered(api, contact)["reference"] in shown for contact in contacts)
            assert (
                "niet doorgestuurd: de ontvanger begrijpt het bericht niet (400)"
                in operator.get(f"/desk/contacten/{contacts[0]}").text
            )

            receiver.always = Answer()
            assert operator.post("/desk/doorsturen", data={"gekozen": "1"}).status_code == 400
            first, second = re.findall(r'name="event" value="([^"]+)"', shown)[:2]
            sent = operator.post("/desk/doorsturen", data={"een": first, "event": second})
            assert sent.headers["location"] == "/desk/doorsturen?opnieuw=1", "a letter's own button sends that one alone"
            assert operator.post("/desk/doorsturen", data={"event": first}).status_code == 409
            assert operator.post("/desk/doorsturen", data={"event": [second, "x"], "gekozen": "1"}).status_code == 303
            receiver.wait(lambda: all(receiver.taken(contact) for contact in contacts))
        finally:
            assert api.delete(f"/subscriptions/{made['id']}").status_code == 204
