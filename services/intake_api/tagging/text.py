"""What a person wrote, without what a mail program added.

Everything here is linear in the length of the text and accepts any ``str``: NUL, lone surrogates, a megabyte.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile
from operator import itemgetter

from services.intake_api.tagging.said import Said

HEAD, TAIL = 1300, 600
"""Characters read of a long text: how it begins and how it ends say what it is for."""

READ_HEAD, READ_TAIL = 6_000, 2_000
"""Characters of a long text that are looked at for its head and tail; what stands between them is looked at for danger alone."""

_AT_A_TIME = 50_000
"""Characters that are made plain at a time: others get their turn in between."""

_FEWEST_OWN_WORDS = 3
_APOSTROPHES = {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "“": '"', "”": '"', "«": '"', "»": '"'}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u200b-\u200f\ufeff]")
_WORD = re.compile(r"[^\W_]+(?:['.\-][^\W_]+)*")
_ADDRESS = re.compile(r"https?://\S{1,200}|www\.\S{1,200}|[\w.+-]{1,64}@[\w.-]{1,200}")
_QUOTE_HEADER = re.compile(
    r"^(?:-{2,}\s*(?:oorspronkelijk bericht|original message|message d'origine|ursprüngliche nachricht)"
    r"|(?:op|on|le|am)\s.{4,120}(?:schreef|wrote|a écrit|schrieb)\b.{0,120}:$"
    r"|(?:van|from|de|von):\s.{1,120}@)",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"(?:^|\n)[^\S\n]*(?:-+\s*)?(?:doorgestuurd bericht|forwarded message|begin doorgestuurd|message transféré|"
    r"weitergeleitete nachricht)",
    re.IGNORECASE,
)
_FORWARD_SUBJECT = re.compile(r"\s*(?:fwd?|fw|tr|wg|doorst|doorgestuurd)\s*:")
_REPLY_SUBJECT = re.compile(r"\s*(?:re|aw|antw|betr|sv|ref)\s*:")


@dataclass(frozen=True)
class Reading:
    """One message as the tagger reads it: lower case, own words first, quotes and signature set apart."""

    channel: str
    subject: str
    body: str
    whole: str
    """The body with what stands between its head and its tail, however long: one sentence there is enough to be in danger."""
    words: tuple[str, ...]
    """Words of subject and body, in order."""
    quoted: bool
    """The message carries a piece of an earlier one: it answers something."""
    reply: bool

    @cached_property
    def said(self) -> Said:
        """Subject and body."""
        return Said(f"{self.subject}\n{self.body}")


def read(channel: str, subject: str | None, text: str, *, joined: bool = False) -> Reading:
    """Read any message; a text that is nothing but quotes or signature is read whole, and so is a chat, which has none.

    What each of several messages adds is `joined`: a mark that is left in one, forwarded, does not hide danger in the next.
    """
    title = plain(subject or "")[:300]
    whole = plain(_ends(text, READ_HEAD, READ_TAIL))
    entire = channel == "chat" or bool(_FORWARD_SUBJECT.match(title) or _FORWARD.search(whole))
    own = whole if entire else own_words(whole)
    quoted = own != whole
    body = _ends(own, HEAD, TAIL)
    if joined or len(text) > READ_HEAD + READ_TAIL:
        uncut = "".join(map(_cleaned, windows(text, _AT_A_TIME, 0))).strip()
        own = uncut if joined or entire else own_words(uncut)
    return Reading(
        channel=channel,
        subject=title,
        body=body,
        whole=own,
        words=tuple(words(f"{title}\n{body}")),
        quoted=quoted,
        reply=bool(_REPLY_SUBJECT.match(title)),
    )


def plain(text: str) -> str:
    """Lower case, straight quotes, no control characters, no addresses of pages or people."""
    return _cleaned(text).strip()


def _cleaned(text: str) -> str:
    cleaned = _UNPRINTABLE.sub(" ", text)
    for found, straight in _APOSTROPHES.items():
        cleaned = cleaned.replace(found, straight)
    cleaned = cleaned.lower()
    if "@" in cleaned or "://" in cleaned or "www." in cleaned:
        cleaned = _ADDRESS.sub(" ", cleaned)
    return cleaned


def windows(text: str, length: int, overlap: int) -> Iterator[str]:
    """Give pieces of a text one after another, each of which holds the end of the last."""
    return (text[at : at + length] for at in range(0, max(1, len(text) - overlap), length - overlap))


def words(text: str) -> list[str]:
    """Words in order; a word keeps its inner apostrophe, hyphen or full stop (``m'n``, ``lo-leerkracht``)."""
    return _WORD.findall(text)


def own_words(text: str) -> str:
    """Leave out quoted lines and all that follows a quote header or a signature mark."""
    own = "\n".join(line for line in takewhile(_goes_on, text.split("\n")) if not _is_quoted(line)).strip()
    return own if _says_enough(own) else text


def added(message: str) -> str:
    """Give what one of several messages adds: put behind one another, what one quotes or signs with does not hide the next."""
    if _FORWARD.search(message):
        return message
    # judged as it will be read too: without what is invisible behind it, a signature mark is one
    lines = zip(message.split("\n"), _cleaned(message).split("\n"), strict=True)
    kept = [(line, _goes_on(line) and _goes_on(seen)) for line, seen in lines if not (_is_quoted(line) or _is_quoted(seen))]
    own = "\n".join(line for line, _ in takewhile(itemgetter(1), kept)).strip()
    return own if _says_enough(own) else "\n".join(line for line, goes_on in kept if goes_on).strip()


def _goes_on(line: str) -> bool:
    said = line.strip()
    return not said or (line.rstrip() != "--" and not _QUOTE_HEADER.match(said))


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _says_enough(own: str) -> bool:
    return len(list(islice(_WORD.finditer(own), _FEWEST_OWN_WORDS))) == _FEWEST_OWN_WORDS


def _ends(text: str, head: int, tail: int) -> str:
    return text if len(text) <= head + tail else f"{text[:head]}\n{text[-tail:]}"
