"""HTML that is safe to show: an allow-list without pictures, styles, forms or anything that is loaded from elsewhere.

The sanitizer (nh3) is quadratic in how deep tags are nested, and in how many characters of a text it escapes or looks at whether it must,
so both are bounded before it is called.
"""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from html import escape, unescape
from typing import Final

import nh3

SIZE_LIMIT: Final = 1_000_000
TAG_LIMIT: Final = 20_000
DEPTH_LIMIT: Final = 200
FEW_TAGS: Final = 2_000
"""So many tags take no time, however they are nested."""
LINK_LIMIT: Final = 2_000
ESCAPED_LIMIT: Final = 50_000
EMBEDDED_LIMIT: Final = 50
EMBEDDED_BYTES: Final = 20_000_000
COUNT_LIMIT: Final = 10_000

_TAGS: Final = frozenset(["a", "abbr", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var"])  # fmt: skip
_UNSEEN: Final = frozenset(["applet", "embed", "head", "iframe", "frameset", "math", "noframes", "noscript", "object", "script", "style", "svg", "template", "textarea", "title"])  # fmt: skip
_CLEANER: Final = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_UNSEEN),
    attributes={
        "a": {"href", "title"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan"},
        "ol": {"start"},
        "*": {"dir", "lang"},
    },
    url_schemes={"http", "https", "mailto", "tel"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
)
_HEAD: Final = '<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Mail</title>\n'

_ESCAPED: Final = re.compile("[&\x80-\xbf]")
"""After each of them the sanitizer looks through the rest of the text: `&`, and what begins in UTF-8 as a no-break space does."""
_OPENED: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})")
_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_ENDS: Final = {
    "p": {"p"},
    "li": {"li"},
    "option": {"option"},
    "dd": {"dd", "dt"},
    "dt": {"dd", "dt"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
}
"""Tags that end, when nothing else was opened in them, where the key begins."""
_LOADING: Final = re.compile(
    r"(?:[\s\"'/](?:src|srcset|background|poster|data|lowsrc|dynsrc|classid|codebase|(?:xlink:)?href)\s*=\s*[\"']?\s*(?:[^\"'<>]*,\s*)?"
    r"|url\(\s*[\"']?\s*|@import\s+[\"']\s*)(?:https?:|ftp:)?$",
    re.IGNORECASE,
)
_HREF: Final = re.compile(r"href\s*=\s*[\"']?\s*(?:https?:|ftp:)?$", re.IGNORECASE)
_LOADING_HREF: Final = re.compile(r"<(?:link|image|use|feimage)\b", re.IGNORECASE)
_LOOK_BACK: Final = 120
_EMBEDDED: Final = re.compile(
    r"data:(image/[a-z0-9.+-]{1,40})((?:;[a-z0-9=_.-]{1,60})*);base64,([A-Za-z0-9+/=\s%]+)", re.IGNORECASE
)


def page(pieces: list[str]) -> str:
    """Put sanitized pieces together as a document of its own; empty when there are none."""
    return _HEAD + "\n<hr>\n".join(pieces) + "\n" if pieces else ""


def safe(html: str) -> str | None:
    """Give what may be shown of an HTML document; None when it is too large or too deeply nested to be sanitized."""
    return _CLEANER.clean(html) if _is_within_limits(html) else None


def plain(text: str) -> str:
    """Give text that stands beside HTML in a mail as HTML."""
    return f"<pre>{escape(text, quote=False)}</pre>"


def remote_content(html: str) -> int:
    """Count what the document would load from elsewhere: pictures, styles, frames, sound, film."""
    if "&#" in html:
        html = unescape(html)
    count, looked, place = 0, 0, html.find("//")
    while place >= 0 and looked < COUNT_LIMIT:
        count += _loads(html, place)
        looked += 1
        place = html.find("//", place + 2)
    return count


def embedded_images(html: str) -> Iterator[tuple[str, bytes]]:
    """Give the pictures that are written in the document itself (RFC 2397): media type and bytes."""
    left = EMBEDDED_BYTES
    for found, _ in zip(_EMBEDDED.finditer(html), range(EMBEDDED_LIMIT), strict=False):
        try:
            content = b64decode(found[3].replace("%", ""))
        except (Error, ValueError):
            continue
        left -= len(content)
        if left < 0:
            return
        if content:
            yield found[1].lower(), content


def _is_within_limits(html: str) -> bool:
    tags = html.count("<")
    if len(html) > SIZE_LIMIT or tags > TAG_LIMIT or html.count("<a ") + html.count("<A ") > LINK_LIMIT:
        return False
    if len(_ESCAPED.findall(html)) > ESCAPED_LIMIT:
        return False
    return tags <= FEW_TAGS or _depth(html) <= DEPTH_LIMIT


def _depth(html: str) -> int:
    """Give how deep tags are nested, or more: an end tag only counts when it closes what was opened last, or something just before."""
    open_tags: list[str] = []
    deepest = 0
    for found in _OPENED.finditer(html):
        name = found[2].lower()
        if not found[1]:
            if name not in _VOID:
                while open_tags and open_tags[-1] in _ENDS.get(name, ()):
                    open_tags.pop()
                open_tags.append(name)
                deepest = max(deepest, len(open_tags))
        elif name in open_tags[-8:]:
            while open_tags.pop() != name:
                pass
    return deepest


def _loads(html: str, place: int) -> bool:
    tag = html.rfind("<", max(place - _LOOK_BACK, 0), place)
    if html.startswith(("<a ", "<A "), tag) and "(" not in html[tag:place]:
        return False  # a link, as most addresses in a mail are
    before = html[max(place - _LOOK_BACK, 0) : place]
    if not _LOADING.search(before):
        return False
    if not _HREF.search(before):
        return True
    return bool(_LOADING_HREF.match(html, html.rfind("<", max(place - 1_000, 0), place)))
