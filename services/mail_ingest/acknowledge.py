"""The automatic answer: that a mail arrived, when it is read, and who helps now. Never a word of what was written to us.

Whoever looks over a shoulder sees a subject and a name that tell nothing. Sources: RFC 3834 §3 (form of the answer),
RFC 5322 §3.6.4 (threads), RFC 5233 (addresses with a tag); standards of automatic answers in docs/adr/0027.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Final

from onthaal_schema.channel import Channel
from onthaal_schema.mail import OutgoingMail
from onthaal_schema.opening_hours import DayOfWeek, OpeningHours, OpeningHoursSpecification, PublishedOpeningHours
from services.kit.short_help import URGENT, Help
from services.kit.words import PageLanguage, Words, read_words
from services.kit.words.hours import Week, moment, week
from services.mail_ingest.addresses import plausible
from services.mail_ingest.own_addresses import with_tag

WORDS: Final = Path(__file__).parent / "answer_words"
REFERENCES_LIMIT: Final = 900
"""Characters of References: one line of at most 998, which no server folds (RFC 5322 §2.1.1)."""

MARK: Final = "X-Onthaal"
"""By this our own answer is known when it comes round."""

_DAYS: Final = {day: number for number, day in enumerate(DayOfWeek)}


class NotWritable(Exception):
    """The address cannot stand in a header, so nothing can be sent there."""


@dataclass(frozen=True)
class Letterhead:
    """What every answer has: whose it is, and what it is called."""

    address: str
    """Where people write to. Its answers come back with a token: `meldpunt+TOKEN@example.be`."""
    bounces: str
    """Where reports of failure come back, with a token (VERP)."""
    name: str = ""
    subject: str = ""
    """The same in every language; without one each language has its own."""
    helpers: tuple[Help, ...] = ()


@dataclass(frozen=True)
class Letter:
    """A mail as it is sent: its envelope and its bytes."""

    sender: str
    recipient: str
    content: bytes = field(repr=False)
    international: bool = False
    """Whether an address needs a server that knows SMTPUTF8 (RFC 6531)."""


def acknowledgement(mail: OutgoingMail, head: Letterhead, hours: PublishedOpeningHours | None, now: datetime) -> Letter:
    """Write the answer to a mail. Without published hours it says no more than when we open.

    Raises:
        NotWritable: nothing can be sent to this address.

    """
    words = words_of(PageLanguage.chosen(mail.language))
    recipient = _wire_address(mail.to)
    policy = SMTP if recipient.isascii() else SMTPUTF8
    message = EmailMessage(policy)
    message["From"] = _mailbox(head.address, head.name)
    message["To"] = _mailbox(recipient)
    message["Reply-To"] = _mailbox(with_tag(head.address, mail.token))
    message["Subject"] = head.subject or words("answer.subject")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = mail.message_id
    for name, value in _thread(mail):
        message[name] = value
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    message[MARK] = mail.kind.value
    message.set_content("\n\n".join(_paragraphs(mail, words, head.helpers, hours, now)), cte="quoted-printable")
    message["Content-Language"] = words.language.value
    # the standard library writes an identifier that is longer than a line as an encoded word, so it is told not to fold
    content = message.as_bytes(policy=policy.clone(max_line_length=0))
    return Letter(with_tag(head.bounces, mail.token), recipient, content, international=not recipient.isascii())


@cache
def words_of(language: PageLanguage) -> Words:
    """Read the words of answers in a language."""
    return read_words(WORDS, language)


def _thread(mail: OutgoingMail) -> Iterator[tuple[str, str]]:
    answered = mail.in_reply_to if mail.in_reply_to and _is_identifier(mail.in_reply_to) else None
    if answered:
        yield "In-Reply-To", answered
    named = [one for one in dict.fromkeys((*mail.references, *filter(None, [answered]))) if _is_identifier(one)]
    while len(" ".join(named)) > REFERENCES_LIMIT:
        del named[1 if len(named) > 1 else 0]  # the first names the thread, the last ones whom it answers
    if named:
        yield "References", " ".join(named)


def _is_identifier(text: str) -> bool:
    """Tell whether it can stand in a header as it is; what was made up by others is not repaired."""
    return text.isascii() and text.isprintable() and " " not in text and text[:1] == "<" and text[-1:] == ">"


def _wire_address(address: str) -> str:
    """Write the domain as DNS has it, so that most servers can take it; only the part before @ may need more."""
    local, _, domain = address.rpartition("@")
    try:
        written = f"{local}@{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise NotWritable("domain") from error
    if plausible(written) != written:
        raise NotWritable("address")
    return written


def _mailbox(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


def _paragraphs(
    mail: OutgoingMail, words: Words, helpers: Sequence[Help], hours: PublishedOpeningHours | None, now: datetime
) -> Iterator[str]:
    yield words("answer.hello")
    yield words("answer.received")
    yield _when(mail.opening_hours, words)
    lines = tuple(week(_regular_week(hours, now.date()), words)) if hours else ()
    if lines:
        yield "\n".join((words("answer.hours"), *(f"- {line}" for line in lines), words("answer.holidays")))
    yield words("answer.more")
    for title, entries in (("answer.danger", helpers[:URGENT]), ("answer.others", helpers[URGENT:])):
        if entries:
            yield "\n".join((words(title), *(_entry(entry, words) for entry in entries)))


def _when(hours: OpeningHours, words: Words) -> str:
    if hours.open:
        return words("answer.open")
    if hours.next_opening is None:
        return words("answer.closed_unknown")
    return words("answer.closed", moment=moment(hours.next_opening, words))


def _entry(entry: Help, words: Words) -> str:
    reach = (entry.phone or entry.site or "").removeprefix("https://")
    what = entry.what.get(words.language.value) or entry.what[PageLanguage.NL.value]
    what = what[:1].lower() + what[1:] if words.language is not PageLanguage.DE else what
    return words("answer.entry_alone" if reach == entry.name else "answer.entry", name=entry.name, reach=reach, what=what)


def _regular_week(hours: PublishedOpeningHours, today: date) -> Week:
    """Give the hours in which mail is read, as they are in this part of the year."""
    days: list[list[tuple[int, int]]] = [[] for _ in DayOfWeek]
    for line in _lines(hours):
        if line.day_of_week and line.opens and line.closes and _holds(line, today):
            span = (line.opens.hour * 60 + line.opens.minute, line.closes.hour * 60 + line.closes.minute)
            for day in line.day_of_week:
                days[_DAYS[day]].append(span)
    return [sorted(spans) for spans in days]


def _lines(hours: PublishedOpeningHours) -> Iterable[OpeningHoursSpecification]:
    return next((one.hours_available for one in hours.contact_point if one.contact_type is Channel.MAIL), ())


def _holds(line: OpeningHoursSpecification, today: date) -> bool:
    return (line.valid_from or today) <= today <= (line.valid_through or today)
