"""Whom an automatic answer may go to. One wrong answer can start a loop, or tell others in a house that somebody wrote to us.

Sources: RFC 3834 §2 and §4, RFC 5230 §4.5 and §4.6 (vacation), [MS-OXCMAIL] §2.1.3.2.20. Every rule forbids; nothing allows.
"""

from typing import Final

from services.mail_ingest import machine_mail
from services.mail_ingest.authentication import Authentication
from services.mail_ingest.machine_signs import NOBODY, is_written_by_itself, of_tickets
from services.mail_ingest.own_addresses import without_tag
from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.received import NULL_SENDER, ReceivedMail

HOP_LIMIT: Final = 30
"""Servers that no mail passes unless it goes round."""

SCAN_LIMIT: Final = 2_000
"""Characters of a text within which somebody says that they are away."""
_SUPPRESSED: Final = frozenset({"all", "autoreply", "dr", "oof"})


def answer_to(mail: ParsedMail, received: ReceivedMail, own: frozenset[str], authentication: Authentication) -> str | None:
    """Give the return path, when no rule forbids to answer; never another address, whatever Reply-To says."""
    path = return_path(mail, received)
    if path is None or _is_nobody(path, own) or _is_made_for_us(path, own) or _is_nobody(mail.sender.address, own):
        return None
    if mail.status is Reading.FAILED or _asks_for_none(mail) or _goes_round(mail, own):
        return None
    if authentication.is_refuted or not any(without_tag(address) in own for address in mail.recipients):
        return None
    return path


def return_path(mail: ParsedMail, received: ReceivedMail) -> str | None:
    """Give where reports of failure go to: what the envelope says, or else the server that delivered it to the mailbox."""
    path = received.envelope_sender or mail.route.return_path
    return None if path in {None, "", NULL_SENDER} else path


def _is_nobody(address: str, own: frozenset[str]) -> bool:
    return bool(NOBODY.fullmatch(address.partition("@")[0])) or without_tag(address) in own


def _is_made_for_us(path: str, own: frozenset[str]) -> bool:
    """Tell whether a list or another machine made the return path for its mail to us alone (VERP): `b-1-meldpunt=example.be@…`."""
    return any(address.replace("@", "=") in path.lower() for address in own if address)


def _asks_for_none(mail: ParsedMail) -> bool:
    marks = mail.marks
    return (
        machine_mail.is_called_spam(marks)
        or machine_mail.is_of_a_list(marks)
        or machine_mail.is_bulk(marks)
        or bool(machine_mail.words(marks.get("x-auto-response-suppress", "")) & _SUPPRESSED)
        or "feedback-id" in marks
        or marks.get("auto-submitted", "no").partition(";")[0].strip().lower() not in {"", "no"}
        or mail.media_type == "multipart/report"
        or "x-loop" in marks
        or any(of_tickets(marks))
        or is_written_by_itself(mail.subject, mail.text[:SCAN_LIMIT])
    )


def _goes_round(mail: ParsedMail, own: frozenset[str]) -> bool:
    """Tell whether it was here before: a forwarder that sends back to us, or to itself."""
    ours = [without_tag(address) for address in mail.route.delivered_to if without_tag(address) in own]
    return len(ours) > len(set(ours)) or mail.route.hops > HOP_LIMIT
