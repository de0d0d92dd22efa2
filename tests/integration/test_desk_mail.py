"""Mail at the desk of a running gateway: what is said of it, its quotes, its layout, and its files."""

import re

import httpx
import pytest

from tests.integration.test_desk import hidden, operator
from tests.mail_contacts import QUOTED, File, file_id, possibly_linked, register_mail
from tests.unit.kit.pictures import SECRET, exif, jpeg, segment

__all__ = ["operator"]

LAYOUT = b'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Mail</title>\n<p>Hallo, dit is <b>vet</b>.</p>\n'


def page_of(operator: httpx.Client, contact: str) -> str:
    """Open a contact."""
    answer = operator.get(f"/desk/contacten/{contact}")
    assert answer.status_code == 200
    return answer.text


def path_of(api: httpx.Client, contact: str, name: str) -> str:
    """Give the path of a file at the desk."""
    return f"/desk/contacten/{contact}/bestanden/{file_id(api, contact, name)}"


def test_quotes_are_folded_and_answers_between_them_are_not(operator: httpx.Client, api: httpx.Client) -> None:
    page = page_of(operator, register_mail(api, text=QUOTED))
    folded = re.findall(r'<details class="quote">(.*?)</details>', page, re.DOTALL)
    assert len(folded) == 2
    assert "&gt; Is het vorige week gebeurd?" in folded[0]
    assert "Waar was het?" in folded[1]
    shown = re.sub(r'<details class="quote">.*?</details>', "", page, flags=re.DOTALL)
    assert "Vorige maandag, na de training." in shown
    assert "Waar was het?" not in shown


def test_an_answer_in_a_thread_is_folded_and_a_note_of_a_colleague_is_not(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_mail(api)
    for number, direction in enumerate(("inbound", "note")):
        message = {"direction": direction, "text": QUOTED.replace("Ja", direction)}
        assert api.put(f"/contacts/{contact}/messages/{contact[:-1]}{number}", json=message).status_code == 201
    inbound, note = re.findall(r'<li class="(?:inbound|note)">(.*?)</li>', page_of(operator, contact), re.DOTALL)
    assert inbound.count("<details") == 2
    assert "<details" not in note


def test_what_is_known_of_a_mail_is_said_in_words(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_mail(
        api,
        recipients=[f"collega{number}@example.be" for number in range(5)],
        parseStatus="partial",
        doubts=["cut", "bidi"],
        sealedBy="smime",
        remoteContent=2,
        authentication="spf=fail dkim=none",
        machineReason="autoReply",
        report="delayed 4.4.1",
    )
    page = page_of(operator, contact)
    for said in (
        "dinsdag 24/11/2026, 10:58",
        "collega0@example.be, collega1@example.be, collega2@example.be",
        "en 2 andere",
        "Niet alles kon gelezen worden: de mail is onderweg afgebroken.",
        "draaien in deze mail de schrijfrichting om",
        "versleuteld of ondertekend met S/MIME",
        "2 afbeeldingen van elders zijn niet geladen",
        "Niet bevestigd door zijn mailserver",
        "het is een automatisch antwoord",
        "nog niet aangekomen, de mailserver blijft proberen",
    ):
        assert said in page, said


def test_what_is_known_of_a_mail_that_is_a_message_is_said_where_it_stands(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_mail(api)
    details = {"parseStatus": "partial", "doubts": ["cut"], "sealedBy": "pgp", "remoteContent": 1, "authentication": "dmarc=fail"}
    message = {"direction": "inbound", "text": "Nog iets.", "subject": "Antw: \u202evraag", "details": details}
    assert api.put(f"/contacts/{contact}/messages/{contact[:-1]}0", json=message).status_code == 201
    [shown] = re.findall(r'<li class="inbound">(.*?)</li>', page_of(operator, contact), re.DOTALL)
    for said in (
        "de mail is onderweg afgebroken",
        "versleuteld of ondertekend met PGP",
        "1 afbeelding van elders is niet geladen",
        "dit adres kan vervalst zijn",
        '<strong>Antw: <span class="bidi"',
    ):
        assert said in shown, said


def test_a_character_that_turns_the_writing_around_never_reaches_the_browser(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_mail(api, text="Dit is \u202eomgekeerd", subject="Vraag \u2067x", recipients=["\u202ex@example.be"])
    page = page_of(operator, contact)
    assert not set(page) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert page.count('class="bidi"') == 3


def test_the_layout_of_a_mail_is_a_page_that_may_do_nothing(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_mail(
        api, File("weergave.html", LAYOUT, "text/html", "display"), File("o.eml", b"From: x", "message/rfc822", "original")
    )
    page = page_of(operator, contact)
    path = f"{path_of(api, contact, 'weergave.html')}/opmaak"
    assert f'<iframe src="{path}" title="Opmaak van de mail" sandbox referrerpolicy="no-referrer" loading="lazy">' in page
    assert "weergave.html" not in page
    answer = operator.get(path)
    assert answer.content.endswith(LAYOUT)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_nothing_but_a_layout_is_ever_shown(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_mail(api, File("pagina.html", b"<script>alert(1)</script>", "text/html"))
    path = path_of(api, contact, "pagina.html")
    assert operator.get(f"{path}/opmaak").status_code == 404
    answer = operator.get(path)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_the_original_is_a_download_byte_for_byte(operator: httpx.Client, api: httpx.Client) -> None:
    original = b"From: a@example.be\r\n\r\nHallo\x00\xff"
    contact = register_mail(api, File("original.eml", original, "message/rfc822", "original"))
    assert "Originele mail</a>" in page_of(operator, contact)
    answer = operator.get(path_of(api, contact, "original.eml"))
    assert answer.content == original
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''original.eml"


def test_a_file_that_pretends_is_shown_with_a_warning(operator: httpx.Client, api: httpx.Client) -> None:
    says = {"Onthaal-Sniffed": "application/vnd.microsoft.portable-executable", "Onthaal-Virus": "notScanned"}
    page = page_of(operator, register_mail(api, File("factuur.pdf", b"MZ", "application/pdf", says=says)))
    assert "Doet zich voor als een pdf, maar is een programma." in page
    assert "Niet nagekeken op virussen." in page


def test_a_virus_takes_a_second_and_deliberate_click_and_is_marked(operator: httpx.Client, api: httpx.Client) -> None:
    contact = register_mail(api, File("brief.doc", b"words", "application/msword", says={"Onthaal-Virus": "found"}))
    assert "Virus gevonden. Open dit bestand niet." in page_of(operator, contact)
    path = path_of(api, contact, "brief.doc")
    for asked in (path, f"{path}?origineel=1"):
        answer = operator.get(asked)
        assert answer.content != b"words"
        assert "In dit bestand zit een virus" in answer.text
    assert operator.post(path, headers={"Origin": "https://elsewhere.example"}).status_code == 401
    answer = operator.post(path)
    assert answer.content == b"words"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''brief.doc.virus"


def test_a_picture_is_given_out_without_place_and_time_and_is_kept_with_them(operator: httpx.Client, api: httpx.Client) -> None:
    photo = jpeg(segment(0xE1, b"Exif\0\0" + exif()))
    contact = register_mail(api, File("foto.jpg", photo, "image/jpeg"))
    path = path_of(api, contact, "foto.jpg")
    assert "Plaats en tijd worden weggehaald." in page_of(operator, contact)
    assert SECRET not in operator.get(path).content
    assert operator.get(f"{path}?origineel=1").content == photo
    assert api.get(f"/contacts/{contact}/files/{file_id(api, contact, 'foto.jpg')}").content == photo


def test_a_picture_that_cannot_be_taken_apart_is_not_given_out_as_if_it_were(operator: httpx.Client, api: httpx.Client) -> None:
    torn = jpeg(segment(0xE1, b"Exif\0\0" + exif()))[:60]
    contact = register_mail(api, File("foto.jpg", torn, "image/jpeg"), File("foto.heic", b"\0\0\0\x18ftypheic", "image/heic"))
    path = path_of(api, contact, "foto.jpg")
    assert "Plaats en tijd kunnen in deze foto staan" in operator.get(path).text
    assert operator.post(path).content == torn
    assert "Plaats en tijd van de opname kunnen erin staan." in page_of(operator, contact)
    assert operator.get(path_of(api, contact, "foto.heic")).content.endswith(b"ftypheic")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a|b.pdf", "a_b.pdf"),
        ("../a.pdf", "_a.pdf"),
        ("é 日本.pdf", "%C3%A9%20%E6%97%A5%E6%9C%AC.pdf"),
        ("a%0d%0ab.pdf", "a%250d%250ab.pdf"),
        ("a\u202efdp.exe", "afdp.exe"),
    ],
)
def test_an_odd_name_of_a_file_stays_a_name(operator: httpx.Client, api: httpx.Client, name: str, saved: str) -> None:
    contact = register_mail(api, File(name, b"words"))
    kept = api.get(f"/contacts/{contact}").json()["files"][0]
    answer = operator.get(f"/desk/contacten/{contact}/bestanden/{kept['id']}")
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{saved}"


def test_a_file_of_another_contact_is_not_given(operator: httpx.Client, api: httpx.Client) -> None:
    mine, other = register_mail(api, File("a.txt", b"words")), register_mail(api)
    assert operator.get(path_of(api, mine, "a.txt").replace(mine, other)).status_code == 404


def work_of(operator: httpx.Client, contact: str) -> str:
    """Give what the work list says of a contact."""
    work = operator.get("/desk").text.partition("Laatste contacten")[0]
    return "".join(item for item in re.findall(r"<li class=\"card.*?</li>", work, re.DOTALL) if contact in item)


def test_two_contacts_are_compared_and_joined_by_a_person(operator: httpx.Client, api: httpx.Client) -> None:
    contact, other = possibly_linked(api)
    assert "Mail die misschien bij een ander contact hoort" in work_of(operator, contact)
    page = operator.get(f"/desk/contacten/{contact}/verband").text
    for shown in (
        "N. Peeters",
        "Noor Peeters",
        "Vorige maandag, na de training.",
        "alleen met mij in de zaal",
        "Bevestigd door zijn",
    ):
        assert shown in page, shown
    fields = {"version": hidden(page, "version"), "bij": hidden(page, "bij")}
    assert fields["bij"] == other
    assert operator.post(f"/desk/contacten/{contact}/verband", data=fields).status_code == 400
    assert operator.post(f"/desk/contacten/{contact}/verband", data={**fields, "hoort": "ja", "bij": contact}).status_code == 409
    done = operator.post(f"/desk/contacten/{contact}/verband", data={**fields, "hoort": "ja"})
    assert done.headers["location"] == f"/desk/contacten/{contact}?verbonden=1"
    assert api.get(f"/contacts/{contact}").json()["relatedTo"] == other
    assert work_of(operator, contact) == ""
    assert f'Hoort bij</dt><dd><a href="/desk/contacten/{other}">' in operator.get(done.headers["location"]).text


def test_a_contact_that_does_not_belong_to_another_stays_apart(operator: httpx.Client, api: httpx.Client) -> None:
    contact, other = possibly_linked(api)
    done = operator.post(f"/desk/contacten/{contact}/verband", data={"hoort": "nee", "bij": other})
    assert done.headers["location"] == f"/desk/contacten/{contact}?apart=1"
    read = api.get(f"/contacts/{contact}").json()
    assert ("relatedTo" in read, "possibleLink" in read) == (False, False)
    assert work_of(operator, contact) == ""


def test_what_was_joined_can_be_parted_again(operator: httpx.Client, api: httpx.Client) -> None:
    contact, other = possibly_linked(api)
    api.put(f"/contacts/{contact}/details", json={"relatedTo": other}).raise_for_status()
    page = page_of(operator, contact)
    assert "Hoort niet samen</button>" in page
    done = operator.post(f"/desk/contacten/{contact}/verband", data={"hoort": "nee", "bij": hidden(page, "bij")})
    assert "Dit is een contact apart." in operator.get(done.headers["location"]).text
    read = api.get(f"/contacts/{contact}").json()
    assert ("relatedTo" in read, "possibleLink" in read) == (False, False)
    assert "Hoort" not in page_of(operator, contact)


def test_an_old_page_does_not_join_what_a_colleague_changed(operator: httpx.Client, api: httpx.Client) -> None:
    contact, other = possibly_linked(api)
    assert api.put(f"/contacts/{contact}/details", json={"sector": "Sport"}).status_code == 200
    answer = operator.post(f"/desk/contacten/{contact}/verband", data={"hoort": "ja", "bij": other, "version": "1"})
    assert answer.status_code == 409
    assert "Een collega wijzigde dit contact" in answer.text
    assert "Mail die misschien" in work_of(operator, contact)


def test_mails_of_ours_are_shown_with_what_became_of_them(operator: httpx.Client, api: httpx.Client) -> None:
    _, other = possibly_linked(api)
    assert "<strong>Mail van een medewerker</strong>: verstuurd" in page_of(operator, other)
