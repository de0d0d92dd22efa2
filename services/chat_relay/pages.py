"""The pages of the chat: the loader a site embeds, the widget in its frame, and the operators' page."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.responses import Response

from onthaal_schema.contact import Sector
from onthaal_schema.opening_hours import OpeningHours
from services.chat_relay.answers import ANSWERS, read_answers
from services.chat_relay.catalogue import FIRST, LANGUAGES, read_words
from services.chat_relay.frames import MAX_TEXT
from services.chat_relay.settings import ChatSettings
from services.kit.auth import Operator
from services.kit.pages import CONTENT_POLICY, Pages
from services.kit.pages import STATIC as KIT_STATIC
from services.kit.short_help import URGENT, read_help

HERE: Final = Path(__file__).parent
STATIC: Final[Mapping[str, Path]] = {
    "/static/chat": HERE / "widget" / "static",
    "/static/chat-desk": HERE / "desk" / "static",
}

SHIFT: Final = KIT_STATIC / "shift.js"
IMPORT: Final = 'import { countShifts } from "/static/kit/shift.js";'
COMMENT: Final = re.compile(r"^ *(?://[^\n]*|/\*\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
"""What stands on lines of its own."""


class ChatPages:
    """Renders the pages."""

    def __init__(self, settings: ChatSettings) -> None:
        """Read words and lists once; what is wrong with them stops the start."""
        self._settings = settings
        self._words = read_words()
        self._help = read_help(settings.chat_help)
        self._answers = ANSWERS.dump_json(read_answers(settings.chat_answers))
        self._loader = in_one_piece((HERE / "widget" / "loader.js").read_text(), SHIFT.read_text())
        self._widget = Pages(HERE / "widget")
        self._desk = Pages(HERE / "desk")
        embedders = " ".join(["'self'", *settings.chat_embedders.split()])
        self._framed = {
            "Content-Security-Policy": CONTENT_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {embedders}"),
            "Cross-Origin-Resource-Policy": "cross-origin",
        }

    def loader(self) -> Response:
        """Give the script that a site embeds; any site may read it, only listed ones can show the widget."""
        headers = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "public, max-age=300"}
        return Response(self._loader, media_type="text/javascript", headers=headers)

    def widget(self, language: str, hours: OpeningHours) -> Response:
        """Give the page inside the frame."""
        language = language if language in LANGUAGES else FIRST
        page = self._widget.render(
            "widget.html",
            language=language,
            languages={code: words["language"] for code, words in self._words.items()},
            words=self._words[language],
            hours=hours,
            urgent=self._help[:URGENT],
            help=self._help,
            exit_url=self._settings.exit_url,
            longest=MAX_TEXT,
        )
        page.headers.update(self._framed)
        return page

    def desk(self, operator: Operator) -> Response:
        """Give the operators' page."""
        return self._desk.render("chat.html", operator=operator, longest=MAX_TEXT, sectors=list(Sector), help=self._help)

    def answers(self) -> Response:
        """Give the ready-made answers of the operators."""
        return Response(self._answers, media_type="application/json")


def in_one_piece(script: str, imported: str) -> str:
    """Write out what a script imports, so that a site loads it in one request; keep its names from that site, and no comments."""
    whole = script.replace(IMPORT, imported.replace("export ", ""))
    return f'(() => {{\n"use strict";\n{COMMENT.sub("", whole)}}})();\n'
