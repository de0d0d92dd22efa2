"""Signs of a machine: what programs write in subjects, addresses and the names of headers. What follows is decided by who asks.

`machine_mail` calls nobody a machine for one of these, since people's words look like them; `answerable` keeps an answer back for any.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

_BY_ITSELF: Final = (
    r"automatisch(?:e)? (?:antwoord|reactie|beantwoording)|afwezigheidsbericht|auto(?:matic)?[- ]?(?:reply|response)|auto:"
    r"|out of (?:the )?office|r[ée]ponse automatique|message d'absence|automatische antwort|abwesenheits(?:notiz|nachricht|meldung)"
)
ANSWERED_BY_ITSELF: Final = re.compile(rf"\s*(?:{_BY_ITSELF})", re.IGNORECASE)
"""Subjects that no person thinks of, other than `Afwezig op het werk na wat er gebeurde`."""
ABSENT: Final = re.compile(rf"\s*(?:{_BY_ITSELF}|afwezig(?:heid)?\b|buiten kantoor|absence du bureau|abwesend\b)", re.IGNORECASE)
_ABSENT_ABOUT: Final = re.compile(
    r"\s*(?:afwezig(?:heid)?|buiten kantoor|niet aanwezig|absente?|absence(?: du bureau)?|abwesend|abwesenheit|away|ooo)\s*:",
    re.IGNORECASE,
)
"""`Afwezig: Re: uw vraag`: a word before the subject that is answered."""
_ANSWERED: Final = re.compile(r"\s*(?:re|fwd?|antw|doorst|aw|wg|tr|r[ée]f|rv|sv|vs)\s*(?:\[\d{1,3}\])?\s*:", re.IGNORECASE)
_MOST_PREFIXES: Final = 10

AWAY: Final = re.compile(
    r"\b(?:ik ben (?:momenteel |tijdelijk )?(?:afwezig|met verlof|niet (?:aanwezig|op kantoor)|buiten kantoor)|(?:ik ben )?terug op kantoor"
    r"|i am (?:currently )?(?:out of (?:the )?office|away|on (?:annual )?leave)|je suis (?:actuellement )?(?:absente?|en congé)"
    r"|ich bin (?:derzeit |zurzeit )?(?:nicht im (?:büro|hause)|abwesend|im urlaub))\b",
    re.IGNORECASE,
)
"""What people let their mail program say while they are away."""

MAILER: Final = re.compile(r"mailer[-_.]?daemon|mail[-_.]?delivery[-_.]?(?:system|subsystem)", re.IGNORECASE)
REPORTER: Final = re.compile(r"postmaster|system[-_.]?administrator|microsoftexchange[0-9a-f]{6,}|mailadmin", re.IGNORECASE)
"""Local parts that report on mail, and behind which a person may be."""
UNREAD: Final = re.compile(
    r"postmaster|(?:no|not|do[-_.]?not|ne[-_.]?pas|niet|nicht)[-_.]?(?:reply|respond|repondre|antwoorden|beantwoorden|antworten)(?:[-+_.\d].*)?"
    r"|noreply.*|(?:geen[-_.]?antwoord|keine[-_.]?antwort)(?:[-+_.\d].*)?",
    re.IGNORECASE,
)
"""Local parts that say themselves that nobody reads what is sent there."""
NOBODY: Final = re.compile(
    rf"(?:{UNREAD.pattern})|mailer[-_.]?daemon|owner-.*|.*-(?:owner|request|relay|bounces?|return|errors?)|bounces?(?:[-+=_.\d].*)?"
    r"|(?:notifications?|notify|alerts?|newsletters?|nieuwsbrief|auto[-_.]?(?:mailer|reply|responder))(?:[-+_.\d].*)?"
    r"|listserv|majordomo|nobody|abuse|root|daemon|mailer|devnull|null",
    re.IGNORECASE,
)
"""Local parts behind which nobody reads (RFC 3834 §2, RFC 2142), and their kin."""

_TICKETS: Final = (
    "x-otrs-",
    "x-znuny-",
    "rt-ticket",
    "rt-originator",
    "x-rt-",
    "x-zammad-",
    "x-jira-",
    "x-zendesk-",
    "x-freshdesk-",
)


def is_written_by_itself(subject: str, text: str) -> bool:
    """Tell whether a mail may be an automatic answer, or an answer to one, by the words that programs put before a subject."""
    if ABSENT.match(subject) and AWAY.search(text):
        return True
    for _ in range(_MOST_PREFIXES):
        if ANSWERED_BY_ITSELF.match(subject) or _ABSENT_ABOUT.match(subject):
            return True
        if not (before := _ANSWERED.match(subject)):
            return False
        subject = subject[before.end() :]
    return False


def of_tickets(names: Iterable[str]) -> Iterator[str]:
    """Give the headers by which OTRS, RT, Zammad, Jira, Zendesk and Freshdesk know their own mail: people's, and their answers to any mail."""
    return (name for name in names if name.startswith(_TICKETS))
