"""Text in lines that a mail program broke and another joins again (RFC 3676 `format=flowed`)."""

import re
from typing import Final

_SIGNATURE: Final = "-- "
_LINE: Final = re.compile(r"(>*)( ?)(.*)")


def joined(text: str, *, without_spaces: bool = False) -> str:
    """Join the lines that belong together; `without_spaces` when the space at their end is not part of the text (DelSp)."""
    lines: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        quotes, content = _read(line)
        is_signature = content == _SIGNATURE
        if paragraph and (len(quotes) != depth or is_signature):
            lines.append(_written(paragraph, depth))
            paragraph = []
        depth = len(quotes)
        flows = content.endswith(" ") and not is_signature
        paragraph.append(content[:-1] if flows and without_spaces else content)
        if not flows:
            lines.append(_written(paragraph, depth))
            paragraph = []
    return "\n".join((*lines, _written(paragraph, depth)) if paragraph else lines)


def _read(line: str) -> tuple[str, str]:
    """Give the quote marks of a line and its content, without the space that keeps the two apart."""
    found = _LINE.fullmatch(line)
    return (found[1], found[3]) if found else ("", line)


def _written(paragraph: list[str], depth: int) -> str:
    content = "".join(paragraph)
    return f"{'>' * depth} {content}" if depth else content
