"""The contact form as a browser without JavaScript uses it, on a running gateway."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tests.running import Gateway, running

LONG_AGO = "1700000000"
STORY = 'Mijn trainer zegt "<b>dingen</b>".\n\nIk weet niet & durf niet. 🙁'


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, split: bool) -> Iterator[Gateway]:
    """A gateway that does not mind a hundred forms."""
    if split:
        yield request.getfixturevalue("gateway")
        return
    with running(tmp_path_factory.mktemp("form"), ONTHAAL_FORM_RATE="1000/minute", ONTHAAL_DEMO="true") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway without a demo, that takes one form an hour."""
    with running(tmp_path_factory.mktemp("plain"), ONTHAAL_FORM_RATE="1/hour") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def api(site: Gateway) -> Iterator[httpx.Client]:
    """The API, with a token that may read."""
    with site.client() as client:
        yield client


@pytest.fixture
def browser(site: Gateway) -> Iterator[httpx.Client]:
    """A browser that follows nothing and runs no script."""
    with httpx.Client(base_url=site.url, timeout=30) as client:
        yield client


class Page(HTMLParser):
    """What a page holds: its title, the fields of its first form, and what belongs to what."""

    def __init__(self, answer: httpx.Response) -> None:
        """Read an answer."""
        super().__init__()
        self.status = answer.status_code
        self.html = answer.text
        self.title = ""
        self.fields: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._inside = ""
        self._forms = 0
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a field."""
        held = {name: value or "" for name, value in attrs}
        self.tags.append((tag, held))
        self._inside = tag
        self._forms += tag == "form"
        unchecked = held.get("type") in {"radio", "checkbox"} and "checked" not in held
        if tag in {"input", "textarea"} and self._forms == 1 and held.get("type") != "file" and not unchecked:
            self.fields[held["name"]] = held.get("value", "")
            self._name = held["name"]

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Collect the title and what stands in a text area."""
        if self._inside == "title":
            self.title += data
        if self._inside == "textarea":
            self.fields[self._name] += data.removeprefix("\n")

    def with_id(self, name: str) -> dict[str, str]:
        """Give the attributes of the element with an id."""
        return next(held for _, held in self.tags if held.get("id") == name)


def opened(browser: httpx.Client, language: str = "nl", **typed: str) -> dict[str, str]:
    """Open the form and fill it in, in the time that a person needs."""
    return Page(browser.get("/contact", params={"lang": language})).fields | {"opened": LONG_AGO} | typed


def post(
    browser: httpx.Client, step: str, fields: dict[str, str], *files: tuple[str, bytes, str], kind: str = "files"
) -> httpx.Response:
    """Press a button."""
    parts: list[tuple[str, tuple[str | None, bytes, str] | tuple[None, bytes]]] = [
        (name, (None, value.replace("\n", "\r\n").encode())) for name, value in {**fields, "step": step}.items()
    ]
    parts += [(kind, file) for file in files or [("", b"", "application/octet-stream")]]
    return browser.post("/contact", files=parts)


def reviewed(browser: httpx.Client, language: str = "nl", **typed: str) -> dict[str, str]:
    """Fill the form in and go to the page where it is read again."""
    answer = post(browser, "review", opened(browser, language, **typed))
    assert answer.status_code == 200, answer.text
    return Page(answer).fields


def stored(api: httpx.Client, fields: dict[str, str]) -> dict[str, object]:
    """What the API holds of the contact that a form made."""
    answer = api.get(f"/contacts/{fields['contact_id']}")
    assert answer.status_code == 200, answer.text
    contact: dict[str, object] = answer.json()
    return contact


def test_what_was_typed_is_what_is_registered(api: httpx.Client, browser: httpx.Client) -> None:
    typed = {
        "kind": "melding",
        "text": STORY,
        "role": "slachtoffer",
        "sector": "Sport",
        "minor": "ja",
        "identity": "bekend",
        "name": "Noa",
        "email": "noa@voorbeeld.be",
        "safe_channel": "mail",
        "safe_times": "na 18 uur",
        "voicemail": "nee",
        "neutral_sender": "1",
    }
    fields = reviewed(browser, **typed)
    answer = post(browser, "send", fields, ("foto.png", b"\x89PNG\r\n", "image/png"), ("brief.txt", b"tekst", "text/plain"))
    contact = stored(api, fields)
    assert answer.status_code == 200
    assert str(contact["reference"]) in answer.text
    assert contact["channel"] == "contactformulier"
    assert contact["text"] == STORY
    assert (contact["kind"], contact["kindSource"], contact["nature"]) == ("melding", "melder", "person")
    assert (contact["sector"], contact["language"], contact["anonymous"]) == ("Sport", "nl", False)
    assert contact["person"] == {"name": "Noa", "email": "noa@voorbeeld.be", "role": "slachtoffer", "minor": True}
    assert contact["safeContact"] == {"channel": "mail", "times": "na 18 uur", "voicemail": False, "neutralSender": True}
    assert [(file["name"], file["size"]) for file in contact["files"]] == [("foto.png", 6), ("brief.txt", 5)]  # type: ignore[attr-defined]


def test_the_confirmation_does_not_repeat_the_story(browser: httpx.Client) -> None:
    answer = post(browser, "send", reviewed(browser, text="olifantenpaadje", name="Xanthippe"))
    assert answer.status_code == 200
    assert "olifantenpaadje" not in answer.text
    assert "Xanthippe" not in answer.text


def test_an_unsure_person_is_tagged_by_the_gateway(api: httpx.Client, browser: httpx.Client) -> None:
    fields = reviewed(browser, "fr", text="Mon entraîneur me touche pendant l'entraînement", kind="weet_niet")
    assert "bien reçu" in post(browser, "send", fields).text
    contact = stored(api, fields)
    assert contact["kindSource"] == "model"
    assert contact["language"] == "fr"
    assert contact["anonymous"] is True


def test_the_review_shows_everything_and_stores_nothing(api: httpx.Client, browser: httpx.Client) -> None:
    fields = opened(browser, text="regel een\nregel twee", sector="Zorg", name="Jo")
    answer = post(browser, "review", fields)
    assert "regel een\nregel twee" in answer.text
    assert "Zorg en gezondheid" in answer.text
    assert api.get(f"/contacts/{fields['contact_id']}").status_code == 404


def test_going_back_to_change_keeps_everything(browser: httpx.Client) -> None:
    typed = {"text": "\n  eerste\ntweede", "kind": "vraag", "role": "derde", "phone": "0470 12 34 56", "safe_channel": "telefoon"}
    page = Page(post(browser, "edit", reviewed(browser, **typed)))
    assert {name: page.fields[name] for name in typed} == typed


def test_a_double_click_makes_one_contact_and_one_confirmation(api: httpx.Client, browser: httpx.Client) -> None:
    fields = reviewed(browser, text="twee keer geklikt")
    first, second = (post(browser, "send", fields, ("a.txt", b"a", "text/plain")) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    reference = str(stored(api, fields)["reference"])
    assert reference in first.text
    assert reference in second.text


def test_a_form_changed_after_it_was_sent_is_explained_and_can_be_sent_apart(api: httpx.Client, browser: httpx.Client) -> None:
    fields = reviewed(browser, text="eerste versie")
    post(browser, "send", fields)
    answer = post(browser, "send", fields | {"text": "tweede versie"})
    assert answer.status_code == 409
    assert "al verstuurd" in answer.text
    assert stored(api, fields)["text"] == "eerste versie"
    apart = Page(post(browser, "review", Page(answer).fields)).fields
    assert post(browser, "send", apart).status_code == 200
    assert stored(api, apart)["text"] == "tweede versie"


def test_an_error_is_told_in_the_title_the_summary_and_at_the_field(browser: httpx.Client) -> None:
    page = Page(post(browser, "review", opened(browser, text="", phone="na 18 uur", sector="Sport")))
    assert page.status == 400
    assert page.title.startswith("Fout: ")
    links = [held["href"] for tag, held in page.tags if tag == "a" and held.get("href", "").startswith("#")]
    assert links == ["#main", "#text", "#phone"]
    for name in ("text", "phone"):
        assert page.with_id(name)["aria-invalid"] == "true"
        assert f"{name}-error" in page.with_id(name)["aria-describedby"].split()
        assert page.with_id(f"{name}-error")
    assert "autofocus" in page.with_id("error-summary")


def test_a_refused_form_repeats_each_answer_in_its_own_field_only(browser: httpx.Client) -> None:
    marker = "kameleonkleur"
    page = Page(post(browser, "review", opened(browser, text=marker, email="geen-adres-zonder-apenstaart")))
    assert page.status == 400
    assert page.html.count(marker) == 1
    assert page.html.count("geen-adres-zonder-apenstaart") == 1


def test_markup_in_an_answer_stays_text(browser: httpx.Client) -> None:
    attack = '"><script>alert(1)</script>'
    for answer in (
        post(browser, "review", opened(browser, text=attack, name=attack)),
        post(browser, "edit", opened(browser, text=attack, name=attack)),
        post(browser, "review", opened(browser, text=attack, email=attack, lang=attack)),
    ):
        assert "<script>" not in answer.text


def test_nul_and_other_unprintable_characters_do_no_harm(api: httpx.Client, browser: httpx.Client) -> None:
    fields = reviewed(browser, text="voor\0na\x01", name="J\0o")
    assert post(browser, "send", fields | {"text": "voor\0na\x01"}).status_code == 200
    assert stored(api, fields)["text"] == "voorna"


def test_a_robot_hears_the_same_and_is_kept_as_spam(api: httpx.Client, browser: httpx.Client) -> None:
    trapped = reviewed(browser, text="Goedkope horloges", website="https://spam.example")
    quick = Page(post(browser, "review", Page(browser.get("/contact")).fields | {"text": "Goedkope horloges"})).fields
    for fields in (trapped, quick):
        answer = post(browser, "send", fields)
        contact = stored(api, fields)
        assert answer.status_code == 200
        assert str(contact["reference"]) in answer.text
        assert contact["nature"] == "spam"


def test_files_that_are_too_large_are_refused_and_the_words_stay(api: httpx.Client, browser: httpx.Client) -> None:
    fields = reviewed(browser, text="een lang verhaal")
    answer = post(browser, "send", fields, ("film.mp4", b"x" * 21 * 1024 * 1024, "video/mp4"))
    page = Page(answer)
    assert page.status == 413
    assert page.title.startswith("Fout: ")
    assert page.fields["text"] == "een lang verhaal"
    assert page.with_id("files")["aria-invalid"] == "true"
    assert post(browser, "send", page.fields).status_code == 200
    assert stored(api, page.fields)["text"] == "een lang verhaal"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=x", b"onzin", 400),
        ("application/x-www-form-urlencoded", b"text=" + b"x" * 5_000_000, 413),
        ("", b"", 415),
    ],
)
def test_what_is_no_form_gets_a_page_that_says_so(browser: httpx.Client, kind: str, body: bytes, status: int) -> None:
    answer = browser.post("/contact", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "niets verstuurd" in answer.text


def test_a_form_without_files_may_be_sent_urlencoded(api: httpx.Client, browser: httpx.Client) -> None:
    fields = opened(browser, text="zonder multipart")
    assert browser.post("/contact", data=fields | {"step": "send"}).status_code == 200
    assert stored(api, fields)["text"] == "zonder multipart"


def test_too_many_forms_are_asked_to_wait_with_everything_kept(plain: Gateway) -> None:
    with httpx.Client(base_url=plain.url, timeout=30) as browser:
        first, second = reviewed(browser, text="de eerste"), reviewed(browser, text="de tweede")
        assert post(browser, "send", first).status_code == 200
        answer = post(browser, "send", second)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 3600
        assert "Er is nog niets verstuurd" in answer.text
        assert "goed ontvangen" not in answer.text
        assert Page(answer).fields["text"] == "de tweede"


@pytest.mark.timeout(300)  # starts three processes
def test_when_the_intake_service_is_lost_nothing_typed_is_lost(tmp_path: Path) -> None:
    intake = Gateway(tmp_path / "intake", ("intake_api",)).start()
    token = intake.token("contacts:write:contactformulier", "contacts:read")
    apart = {
        "ONTHAAL_INTAKE_URL": intake.url,
        "ONTHAAL_PUBLIC_SITE_TOKEN": token,
        "ONTHAAL_PUBLIC_TELEPHONE": "02 000 00 00",
    }
    with running(tmp_path / "site", "public_site", **apart) as gateway, httpx.Client(base_url=gateway.url) as browser:
        fields = reviewed(browser, text=STORY, name="Noa")
        intake.kill()
        assert browser.get("/").status_code == 200
        answer = post(browser, "send", fields)
        kept = Page(answer)
        assert answer.status_code == 503
        assert kept.fields == fields
        assert "niet gelukt" in answer.text
        assert "goed ontvangen" not in answer.text
        assert "nog niets verstuurd" not in answer.text
        assert "02\u00a0000\u00a000\u00a000" in answer.text
        assert 'href="tel:112"' in answer.text
        intake.start()
        assert post(browser, "send", kept.fields).status_code == 200
        with intake.client(token) as api:
            assert stored(api, fields)["text"] == STORY
        assert "trainer" not in gateway.log.read_text() + intake.log.read_text()
    intake.stop()


@pytest.mark.parametrize("language", ["nl", "fr", "en", "de"])
@pytest.mark.parametrize("path", ["/", "/contact", "/hulp", "/veilig", "/demo"])
def test_every_page_stands_in_every_language(browser: httpx.Client, path: str, language: str) -> None:
    answer = browser.get(path, params={"lang": language})
    page = Page(answer)
    assert page.status == 200
    assert next(held["lang"] for tag, held in page.tags if tag == "html").startswith(language)
    ids = [held["id"] for _, held in page.tags if "id" in held]
    assert len(ids) == len(set(ids))
    assert next(held["href"] for tag, held in page.tags if tag == "a") == "/exit"


def test_nothing_is_left_in_the_browser_and_nobody_else_is_asked(browser: httpx.Client) -> None:
    fields = reviewed(browser, text="geen spoor")
    answers = [
        *(browser.get(path) for path in ("/", "/contact", "/hulp", "/veilig", "/demo", "/exit")),
        post(browser, "review", fields),
        post(browser, "send", fields),
        post(browser, "review", fields | {"text": ""}),
    ]
    for answer in answers:
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        used = [
            held.get("src") or (held["href"] if tag == "link" else "")
            for tag, held in Page(answer).tags
            if tag in {"script", "link", "img"}
        ]
        assert all(source.startswith(("/", "data:,")) and not source.startswith("//") for source in used)
        assert "geen spoor" not in str(answer.url)


def test_the_way_out_wipes_and_leads_to_a_neutral_site(browser: httpx.Client) -> None:
    answer = browser.get("/exit")
    assert answer.status_code == 303
    assert answer.headers["location"] == "https://www.vlaanderen.be"
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


def test_the_demo_page_is_there_only_when_asked_for(plain: Gateway) -> None:
    assert httpx.get(f"{plain.url}/demo").status_code == 404
    assert httpx.get(f"{plain.url}/contact").status_code == 200


def test_the_form_says_first_what_somebody_must_know(browser: httpx.Client) -> None:
    html = browser.get("/contact").text
    places = [html.index(words) for words in ("112", "Wie leest het?", "Hoe lang duurt het?", "vertrouwelijk", "<form")]
    assert places == sorted(places)
