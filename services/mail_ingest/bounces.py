"""What a delivery report says of a mail of ours: RFC 3464, and the forms that servers had before it or beside it.

Delayed is not failed. An out-of-office from postmaster is no report, nor is a receipt (RFC 8098) or a complaint (RFC 5965).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from onthaal_schema.mail import Bounce, BounceAction
from services.mail_ingest import headers
from services.mail_ingest.charsets import decode
from services.mail_ingest.machine_signs import ANSWERED_BY_ITSELF, MAILER, REPORTER
from services.mail_ingest.parsed_mail import Attachment, ParsedMail
from services.mail_ingest.received import NULL_SENDER

SCAN_LIMIT: Final = 64_000
"""How much of a text is looked at, in characters or bytes: what a report says stands at its beginning."""

STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
RETURNED_TYPES: Final = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
)
_WORST_FIRST: Final = (
    BounceAction.FAILED, BounceAction.DELAYED, BounceAction.RELAYED, BounceAction.EXPANDED, BounceAction.DELIVERED,
)  # fmt: skip
_OF_CLASS: Final = {"5": BounceAction.FAILED, "4": BounceAction.DELAYED, "2": BounceAction.DELIVERED}
_FIELD: Final = re.compile(r"^(action|status)\s*:\s*([^\n]*)", re.IGNORECASE | re.MULTILINE)
_CODE: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_RETURNED_ID: Final = re.compile(r"^[> \t]*message-id:\s{0,5}<([^<>\s]{1,398})>", re.IGNORECASE | re.MULTILINE)

SUBJECT: Final = re.compile(
    r"undeliver(?:ed|able)|returned mail|mail delivery (?:failed|failure|system|subsystem)|delivery status notification"
    r"|failure notice|delivery (?:has )?(?:fail(?:ed|ure)|delay(?:ed)?|notification)|delayed mail|mail system error"
    r"|(?:message|mail) (?:status|delayed|not delivered|undeliverable)|warning: (?:message|could not send)|non[- ]delivery"
    r"|onbestelbaar|niet (?:be|ge)(?:steld|stelbaar|zorgd|leverd)|(?:af|be)levering (?:is )?(?:mislukt|vertraagd)|bezorging (?:is )?(?:mislukt|vertraagd)"
    r"|non remis|non distribu|non d[ée]livr|[ée]chec (?:de (?:la )?)?(?:remise|distribution|livraison)|remise (?:diff[ée]r[ée]e|retard[ée]e)"
    r"|unzustellbar|nicht zugestellt|zustellung (?:fehlgeschlagen|verz[öo]gert)|zustellungs?fehler",
    re.IGNORECASE,
)
_FAILED: Final = re.compile(
    # qmail, Postfix, Exim, Gmail, Exchange, GroupWise, Lotus; then Dutch, French, German
    r"wasn't able to deliver your message|could(?:n't| not) be (?:delivered|found)|permanent(?: fatal)? errors?|delivery .{0,60}failed"
    r"|(?:was|were|has|have) not (?:been )?(?:delivered|reached?)|did not reach the following recipient|undeliverable"
    r"|recipient.{0,40}(?:unknown|rejected)|user unknown|unknown user|mailbox (?:is )?(?:full|unavailable)|address not found"
    r"|no such (?:user|mailbox|recipient)|unrouteable address|over ?quota|returned to sender|message (?:was )?(?:blocked|rejected)"
    r"|kon niet (?:worden )?(?:afgeleverd|bezorgd|besteld)|niet (?:worden )?(?:afgeleverd|bezorgd|besteld)|is onbestelbaar|adres niet gevonden"
    r"|n'a (?:pas )?(?:pu |été )*(?:être )?(?:remis|distribu|délivr)|n'a pas pu être|impossible de (?:remettre|distribuer)|adresse introuvable"
    r"|konnte nicht (?:zugestellt|gesendet)|nicht zugestellt|unzustellbar|adresse nicht gefunden",
    re.IGNORECASE,
)
_DELAYED: Final = re.compile(
    r"has not (?:yet )?been delivered (?:yet|after)|not yet been delivered|delivery .{0,40}(?:is|has been|was) (?:delayed|deferred)|still being retried"
    r"|(?:will|we'll) (?:keep trying|continue to (?:try|be)|retry|be retried)|delay(?:ed)?\b.{0,80}(?:delivery|mail|message)"
    r"|(?:message|mail|delivery)\b.{0,30}\bdelayed|warning message only|temporar(?:y|ily).{0,60}(?:retry|try again|delivery)"
    r"|nog niet (?:worden )?(?:afgeleverd|bezorgd|besteld)|is vertraagd|opnieuw (?:geprobeerd|proberen)"
    r"|n'a pas encore (?:pu |été )|est retardée?|remise .{0,20}(?:différée|retardée)|noch nicht zugestellt|verzögert",
    re.IGNORECASE,
)


def read(mail: ParsedMail, envelope_sender: str | None = None) -> Bounce | None:
    """Read what a mail says of the delivery of another; None when it is no delivery report."""
    if mail.report_type not in {"", "delivery-status"}:
        return None
    statuses = [file for file in mail.attachments if file.media_type in STATUS_TYPES]
    # somebody who sends on a report that they got is no mail server
    if not statuses or not (mail.media_type == "multipart/report" or _is_from_a_server(mail, envelope_sender)):
        return _in_words(mail, envelope_sender)
    action, status = _worst(list(_recipients(statuses)))
    return Bounce(action=action, status=status, message_id=_returned(mail))


def _recipients(statuses: Sequence[Attachment]) -> Iterator[tuple[BounceAction | None, str | None]]:
    """Give what is told of each recipient: fields of one group belong together (RFC 3464 §2.1)."""
    for file in statuses:
        text = decode(file.content[:SCAN_LIMIT])[0].replace("\r\n", "\n")
        for group in re.split(r"\n[ \t]*\n", text):
            fields = {name.lower(): value for name, value in reversed(_FIELD.findall(group))}
            action = fields.get("action", "").split("(")[0].strip().lower()
            code = _CODE.search(fields.get("status", ""))
            if action or code:
                yield BounceAction(action) if action in set(BounceAction) else None, code[1] if code else None


def _worst(told: Sequence[tuple[BounceAction | None, str | None]]) -> tuple[BounceAction, str | None]:
    known = [(action or _OF_CLASS[status[0] if status else "5"], status) for action, status in told]
    return min(known, key=lambda one: _WORST_FIRST.index(one[0]), default=(BounceAction.FAILED, None))


def _in_words(mail: ParsedMail, envelope_sender: str | None) -> Bounce | None:
    """Read a report that is written for people only."""
    said = f"{mail.subject}\n{mail.text[:SCAN_LIMIT]}"
    if not _is_from_a_server(mail, envelope_sender) or ANSWERED_BY_ITSELF.match(mail.subject):
        return None
    delayed, failed = _DELAYED.search(said), _FAILED.search(said)
    if not (delayed or failed or SUBJECT.search(mail.subject) or mail.marks.get("x-failed-recipients")):
        return None
    code = _CODE.search(said)
    status = code[1] if code else None
    late = bool(delayed) and (status is None or status.startswith("4"))
    return Bounce(action=BounceAction.DELAYED if late else BounceAction.FAILED, status=status, message_id=_returned(mail))


def _is_from_a_server(mail: ParsedMail, envelope_sender: str | None) -> bool:
    local = mail.sender.address.partition("@")[0]
    path = mail.route.return_path or envelope_sender
    by_name = bool(MAILER.fullmatch(local) or mail.marks.get("x-failed-recipients"))
    return by_name or ((path == NULL_SENDER or bool(REPORTER.fullmatch(local))) and bool(SUBJECT.search(mail.subject)))


def _returned(mail: ParsedMail) -> str | None:
    """Find the Message-ID of the mail that came back: in its headers, or where the text quotes them."""
    for file in mail.attachments:
        if file.media_type in RETURNED_TYPES:
            found, _ = headers.split_message(file.content[:SCAN_LIMIT])
            if known := headers.message_ids(found.raw("message-id"), 1):
                return known[0]
    quoted = _RETURNED_ID.search(mail.text[:SCAN_LIMIT])
    return f"<{quoted[1]}>" if quoted else None
