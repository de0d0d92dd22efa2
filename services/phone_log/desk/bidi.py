"""Characters that turn the direction of writing around and are not seen: shown, so that nobody is misled by them.

A file may be called so that it looks like a pdf and is a program. The characters themselves are not sent to the browser.
"""

import re
from typing import Final

from markupsafe import Markup, escape

_NAMES: Final = {
    "\u202a": "van links naar rechts",
    "\u202b": "van rechts naar links",
    "\u202c": "einde van een andere schrijfrichting",
    "\u202d": "gedwongen van links naar rechts",
    "\u202e": "gedwongen van rechts naar links",
    "\u2066": "van links naar rechts",
    "\u2067": "van rechts naar links",
    "\u2068": "andere schrijfrichting",
    "\u2069": "einde van een andere schrijfrichting",
}
_CONTROLS: Final = re.compile(f"[{''.join(_NAMES)}]")


def visible(text: str) -> Markup:
    """Write a text for a page with each such character shown as a mark."""
    return Markup(_CONTROLS.sub(_mark, str(escape(text))))  # noqa: S704 - escaped just before


def plain(text: str) -> str:
    """Leave such characters out, for the name under which a file is saved."""
    return _CONTROLS.sub("", text)


def _mark(found: re.Match[str]) -> str:
    label = f"onzichtbaar teken: {_NAMES[found[0]]}"
    return f'<span class="bidi" role="img" aria-label="{label}" title="{label}">⇄</span>'
