"""HTML that is safe to show."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mail_ingest.parser import parse
from services.mail_ingest.safe_html import DEPTH_LIMIT, remote_content, safe
from tests.unit.mail_ingest.awkward import HEAD, PLAIN, mail, parts

ALLOWED_ATTRIBUTES = {"href", "title", "rel", "colspan", "rowspan", "start", "dir", "lang"}
REFUSED_TAGS = {
    "img",
    "script",
    "style",
    "svg",
    "math",
    "form",
    "input",
    "iframe",
    "object",
    "embed",
    "link",
    "meta",
    "base",
    "video",
    "audio",
}
PIECES = ["<a href='", "javascript:x", "https://x", "<img src=", "<svg>", "<math>", "<style>", "</style>", "<p ", "onclick=x ", ">", "<!--", "-->", "<table>", "<td>", "</p>", '"', "x", "<noscript>", "<title>", "</title>", "<select>", "<template>", "data:text/html,x"]  # fmt: skip


class Seen(HTMLParser):
    """Collects what a browser would find."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")


def seen(html: str) -> Seen:
    """Look at HTML as a browser does."""
    found = Seen()
    found.feed(html)
    return found


def page(html: str) -> str:
    """What is shown of a mail in HTML."""
    return parse(mail(f"{HEAD}Content-Type: text/html; charset=utf-8\n\n{html}")).display


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>Dag <b>Noor</b>", "<p>Dag <b>Noor</b></p>"),
        ("<script>x()</script>Dag<style>p{}</style>", "Dag"),
        (
            "<a href='https://example.be/' onclick=x target=_blank>hier</a>",
            '<a href="https://example.be/" rel="noopener noreferrer nofollow">hier</a>',
        ),
        ("<a href='javascript:x'>hier</a>", '<a rel="noopener noreferrer nofollow">hier</a>'),
        ("<a href='/weg'>hier</a>", '<a rel="noopener noreferrer nofollow">hier</a>'),
        ("<form action=https://x><input name=a>Dag</form>", "Dag"),
        ("<img src=x onerror=y>Dag<svg><script>x</script></svg>", "Dag"),
        ("<p style='position:fixed' class=x id=y>Dag</p>", "<p>Dag</p>"),
        ("<blockquote>oud</blockquote>", "<blockquote>oud</blockquote>"),
        ("<base href=https://x><meta http-equiv=refresh content=0>Dag", "Dag"),
    ],
)
def test_only_what_does_no_harm_is_left(html: str, shown: str) -> None:
    assert safe(html) == shown


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<img src='http://x/a.png'>", 1),
        ("<img src=//x>", 1),
        ("<IMG SRC=https://x>", 1),
        ("<img src='&#104;ttps://x'>", 1),
        ("<img srcset='https://a 1x, https://b 2x'>", 2),
        ("<table background='https://x'>", 1),
        ("<p style='background:url(https://x)'>", 1),
        ("<style>@import 'https://x'; p{background:url(\"https://y\")}</style>", 2),
        ("<link rel=stylesheet href=https://x>", 1),
        ("<video poster=https://x><source src=https://y></video><audio src=https://z></audio>", 3),
        ("<iframe src=https://x></iframe><object data=https://y></object>", 2),
        ("<svg><image xlink:href=https://x /></svg>", 1),
        ("<a href=https://x>https://x</a> https://y", 0),
        ("<img src=cid:1><img src='data:image/png;base64,AA=='>", 0),
    ],
)
def test_what_would_be_loaded_from_elsewhere_is_counted(html: str, count: int) -> None:
    assert remote_content(html) == count


def test_a_mail_in_html_has_a_page_of_its_own_and_says_what_was_blocked() -> None:
    found = parse(parts(PLAIN, "Content-Type: text/html\n\n<p>Daag<img src=https://x/t.gif>", kind="alternative"))
    assert (found.text, found.remote_content) == ("Dag", 1)
    assert found.display == '<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Mail</title>\n<p>Daag</p>\n'


def test_text_beside_html_is_on_the_page_too() -> None:
    found = parse(parts("Content-Type: text/html\n\n<p>Een", "\n1 < 2"))
    assert found.display.endswith("<p>Een</p>\n<hr>\n<pre>1 &lt; 2</pre>\n")


def test_a_mail_in_text_has_no_page() -> None:
    assert (parse(parts(PLAIN)).display, parse(parts(PLAIN)).remote_content) == ("", 0)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 30_000,
        "<p>x" * 600_000,
        "<b><i>" * 3_000,
        "<font size=1>" * 9_000 + "<p>x" * 900,
        "<a href=https://x>x</a>" * 3_000,
        "<q>" * 2_100,
        "\xa0" * 990_000,
        "&" * 990_000,
    ],
    ids=["deep", "long", "formatting", "fonts", "links", "quotes", "blanks", "signs"],
)
def test_html_beyond_the_limits_has_no_page_but_its_text(html: str) -> None:
    began = time.process_time()
    found = parse(mail(f"{HEAD}Content-Type: text/html\n\n{html}Dag"))
    assert time.process_time() - began < 3
    assert (found.display, "Dag" in found.text or "length" in found.doubts) == ("", True)
    assert "display" in found.doubts


@pytest.mark.parametrize(
    "html",
    [
        "<b><object></b></object>" * 4_999,
        "<i><table></i></table>" * 4_000,
        "<p>x" * 1_900,
        "<table><tr><td>" * 60 + "x" * 900_000,
        "\xa0x" * 50_000,
    ],
)
def test_html_within_the_limits_takes_no_time(html: str) -> None:
    began = time.process_time()
    safe(html)
    assert time.process_time() - began < 1


def test_a_newsletter_with_many_rows_has_a_page() -> None:
    assert "rij 2999" in page("<table>" + "".join(f"<tr><td>rij {i}<td>x" for i in range(3_000)) + "</table>")
    assert DEPTH_LIMIT < 3_000


@settings(max_examples=400, deadline=None, database=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40).map("".join))
def test_nothing_that_runs_or_loads_is_ever_left(html: str) -> None:
    found = seen(page(html))
    assert not found.tags & REFUSED_TAGS - {"meta"}
    assert set(found.attributes) <= ALLOWED_ATTRIBUTES | {"charset"}
    assert all(re.match(r"(?i)\s*(https?:|mailto:|tel:)", target) for target in found.attributes.get("href", ()))
