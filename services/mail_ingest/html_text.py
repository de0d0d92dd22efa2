"""HTML to text: what a reader would see, line by line. Nothing is loaded and nothing is run.

The tags are found here and not by `html.parser`, which takes minutes on half a megabyte of unfinished tags.
"""

import re
from html import unescape
from typing import Final

from services.mail_ingest.charsets import clean_text

HTML_LIMIT: Final = 2_000_000
LINK_LIMIT: Final = 200
LINK_LENGTH: Final = 500
DEPTH_LIMIT: Final = 200
QUOTE_LIMIT: Final = 10
TAG_LIMIT: Final = 20_000

_BLOCKS: Final = frozenset(["address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"])  # fmt: skip
_SPACED: Final = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_TARGETS: Final = ("http://", "https://", "mailto:")

_TAG: Final = re.compile(r"""<(/?)([A-Za-z][^\s/>"'=<]{0,40})((?>[^>"'=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|["'=])*+)>""", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"""\b(href|alt)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)
_END_OF_UNSEEN: Final = {name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("script", "style", "title", "template")}
_SPACE: Final = re.compile(r"[ \t\n\r\f\xa0]+")
_FILLER: Final = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]")
_META: Final = re.compile(
    rb"<(?:meta[^>]{0,200}charset|\?xml[^>]{0,200}encoding)\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)


def text_of(html: str) -> str:
    """Give the text of an HTML document; of the first two million characters when it is longer."""
    html = html[:HTML_LIMIT]
    page = _Page()
    _Reader(html, page).read()
    return page.text()


def declared_charset(html: bytes) -> str | None:
    """Give the charset that the document's own meta element names."""
    found = _META.search(html[:5_000])
    return found[1].decode("ascii") if found else None


class _Reader:
    """Walks over a document once. What is opened and never closed hides nothing: its content is shown."""

    def __init__(self, html: str, page: "_Page") -> None:
        self._html = html
        self._page = page
        self._endless: set[str] = set()

    def read(self) -> None:
        position = 0
        while (start := self._html.find("<", position)) >= 0:
            self._page.write(unescape(self._html[position:start]))
            position = self._after(start)
        self._page.write(unescape(self._html[position:]))

    def _after(self, start: int) -> int:
        """Handle what stands at a `<` and give the place behind it."""
        if self._html.startswith("<!--", start):
            return self._end("-->", start + 4) or start + 4
        if self._html.startswith(("<!", "<?"), start):
            return self._end(">", start) or start + 2
        found = None if ">" in self._endless else _TAG.match(self._html, start, start + TAG_LIMIT)
        if found:
            return self._tag(found)
        if self._html[start + 1 : start + 2].isalpha() or self._html.startswith("</", start):
            return self._end(">", start) or self._literally(start)
        return self._literally(start)

    def _tag(self, found: re.Match[str]) -> int:
        name = found[2].lower()
        if found[1]:
            self._page.close(name)
            return found.end()
        self._page.open(name, found[3])
        return self._behind_unseen(name, found.end()) if name in _END_OF_UNSEEN else found.end()

    def _behind_unseen(self, name: str, start: int) -> int:
        end = None if name in self._endless else _END_OF_UNSEEN[name].search(self._html, start)
        if end is None:
            self._endless.add(name)
            return start
        return end.start()

    def _end(self, mark: str, start: int) -> int | None:
        place = -1 if mark in self._endless else self._html.find(mark, start)
        if place < 0:
            self._endless.add(mark)  # there is none further on either
            return None
        return place + len(mark)

    def _literally(self, start: int) -> int:
        self._page.write("<")
        return start + 1


class _Page:
    """The lines as they are written. Keeps counters and no tree, so that depth costs nothing."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._bullet = ""
        self._blank_wanted = False
        self._preformatted = 0
        self._quotes = 0
        self._links: list[tuple[str, int]] = []
        self._links_shown = 0

    def write(self, data: str) -> None:
        if not data:
            return
        if not self._preformatted:
            self._line.append(_SPACE.sub(" ", data))
            return
        first, *rest = data.split("\n")
        self._line.append(first)
        for line in rest:
            self._break()
            self._line.append(line)

    def open(self, name: str, attributes: str) -> None:
        match name:
            case "br":
                self._break()
            case "td" | "th":
                self._line.append(" ")
            case "img":
                self.write(_attribute("alt", attributes))
            case "a" if len(self._links) < DEPTH_LIMIT:
                self._links.append((_attribute("href", attributes), len(self._line)))
            case _ if name in _BLOCKS:
                self._open_block(name)

    def close(self, name: str) -> None:
        if name == "a" and self._links:
            self._line.append(self._target(*self._links.pop()))
        elif name in _BLOCKS:
            self._block(name)
            self._preformatted -= name == "pre" and self._preformatted > 0
            self._quotes -= name == "blockquote" and self._quotes > 0

    def text(self) -> str:
        self._break()
        return clean_text("\n".join(self._lines)).strip("\n")

    def _open_block(self, name: str) -> None:
        self._block(name)
        self._preformatted += name == "pre"
        self._quotes += name == "blockquote"
        if name == "li":
            self._bullet = "- "
        elif name == "hr":
            self._line.append("---")
            self._break()

    def _block(self, name: str) -> None:
        self._break(only_if_written=True)
        self._blank_wanted = self._blank_wanted or name in _SPACED

    def _break(self, *, only_if_written: bool = False) -> None:
        if only_if_written and not self._line:
            return
        line = _FILLER.sub("", "".join(self._line))
        line = line.rstrip() if self._preformatted else _SPACE.sub(" ", line).strip()
        self._line.clear()
        if only_if_written and not line:
            return
        if self._blank_wanted and self._lines and self._lines[-1]:
            self._lines.append("")
        self._blank_wanted = False
        self._lines.append(f"{'> ' * min(self._quotes, QUOTE_LIMIT)}{self._bullet}{line}" if line else "")
        self._bullet = "" if line else self._bullet

    def _target(self, href: str, start: int) -> str:
        target = "".join(character for character in href if character > " ")
        shown = "".join(self._line[start:]).strip()
        if not target.startswith(_TARGETS) or self._links_shown >= LINK_LIMIT or not shown:
            return ""
        if target.partition(":")[2].strip("/") in shown:
            return ""
        self._links_shown += 1
        return f" <{target[:LINK_LENGTH]}>"


def _attribute(name: str, attributes: str) -> str:
    values = (value for found, value in _ATTRIBUTE.findall(attributes[:TAG_LIMIT]) if found.lower() == name)
    return unescape(next(values, "").strip("\"'"))
