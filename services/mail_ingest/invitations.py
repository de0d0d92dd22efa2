"""What an invitation says in words (RFC 5545), for mails that hold nothing else."""

import re
from typing import Final

from services.mail_ingest.charsets import clean_text

SHOWN: Final = ("SUMMARY", "DTSTART", "DTEND", "LOCATION", "DESCRIPTION")
LINE_LIMIT: Final = 2_000

_FOLD: Final = re.compile(r"\r?\n[ \t]")
_LINE: Final = re.compile(r"([A-Za-z-]{1,30})(?:;[^:\r\n]{0,300})?:(.*)")
_ESCAPED: Final = re.compile(r"\\([nN,;\\])")


def text_of(calendar: str) -> str:
    """Give title, times, place and description of the first event."""
    _, begins, event = _FOLD.sub("", calendar).partition("BEGIN:VEVENT")
    if not begins:
        return ""
    found: dict[str, str] = {}
    for line in event.splitlines()[:LINE_LIMIT]:
        if line.startswith("END:VEVENT"):
            break
        if (said := _LINE.match(line)) and said[1].upper() in SHOWN:
            found.setdefault(said[1].upper(), _ESCAPED.sub(lambda escaped: "\n" if escaped[1] in "nN" else escaped[1], said[2]))
    return clean_text("\n".join(found[name].strip() for name in SHOWN if found.get(name, "").strip()))
