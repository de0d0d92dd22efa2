"""What a mail tells of where it belongs: clues only. The intake service decides, for only it knows what was sent to whom.

Nothing here is read from From or Subject: whoever can write those could put words into another person's case.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from itertools import chain, islice
from typing import Final

from onthaal_schema.contact import Nature
from onthaal_schema.mail import Bounce
from services.mail_ingest import answerable, authentication, bounces, machine_mail, own_addresses
from services.mail_ingest.authentication import Authentication
from services.mail_ingest.machine_mail import Judgement, MachineReason
from services.mail_ingest.own_addresses import without_tag
from services.mail_ingest.parsed_mail import ParsedMail
from services.mail_ingest.received import ReceivedMail

TOKEN_LIMIT: Final = 10
REFERENCE_LIMIT: Final = 50


@dataclass(frozen=True)
class Ours:
    """Which addresses are ours, and whom we believe. All in lower case."""

    addresses: frozenset[str] = frozenset()
    """Where people write to."""
    bounce_address: str = ""
    """The envelope sender of our mails, before a token is put in."""
    staff_address: str = ""
    """Where staff send a copy of what they wrote to somebody."""
    staff_domains: frozenset[str] = frozenset()
    staff_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks from which nobody but our own staff's mail server hands us mail by SMTP."""
    authserv_id: str = ""
    """The name under which our own mail server writes what it found of SPF, DKIM and DMARC; empty believes nobody."""
    answers: bool = False
    trusts_spam_verdict: bool = True

    @property
    def all(self) -> frozenset[str]:
        """Every address of ours."""
        return self.addresses | {address for address in (self.bounce_address, self.staff_address) if address}


@dataclass(frozen=True)
class Clues:
    """What a mail tells of where it belongs, of who wrote it, and of whom may be answered."""

    tokens: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    bounce: Bounce | None = None
    by_staff: bool = False
    answer_to: str | None = None
    judgement: Judgement = field(default_factory=Judgement)
    authentication: str = ""
    """What our own mail server found, in words; empty when it is not known."""


def read(mail: ParsedMail, received: ReceivedMail, ours: Ours) -> Clues:
    """Read the clues of a mail."""
    found = authentication.read(mail.route, ours.authserv_id)
    by_staff = _is_by_staff(mail, received, ours, found)
    judgement = machine_mail.judge(
        mail,
        received.envelope_sender,
        received.envelope_recipients,
        own=ours.all,
        trusts_spam_verdict=ours.trusts_spam_verdict,
    )
    bounce = None if by_staff else bounces.read(mail, received.envelope_sender)
    if by_staff and judgement.reason is MachineReason.OWN_MAIL:
        judgement = Judgement()
    if bounce and judgement.nature is None:
        judgement = Judgement(Nature.MACHINE, MachineReason.REPORT)
    silent = by_staff or bounce or judgement.nature or not ours.answers
    return Clues(
        tokens=tuple(dict.fromkeys(islice(own_addresses.tokens(_sent_to(mail, received), ours.all), TOKEN_LIMIT))),
        references=_references(mail),
        bounce=bounce,
        by_staff=by_staff,
        answer_to=None if silent else answerable.answer_to(mail, received, ours.all, found),
        judgement=judgement,
        authentication=found.in_words,
    )


def _sent_to(mail: ParsedMail, received: ReceivedMail) -> tuple[str, ...]:
    return (*received.envelope_recipients, *mail.route.delivered_to, *mail.route.envelope_to, *mail.recipients)


def _references(mail: ParsedMail) -> tuple[str, ...]:
    named = chain((mail.in_reply_to,), reversed(mail.references))
    return tuple(islice(dict.fromkeys(one for one in named if one.strip("<> ") and one != mail.message_id), REFERENCE_LIMIT))


def _is_by_staff(mail: ParsedMail, received: ReceivedMail, ours: Ours, found: Authentication) -> bool:
    """Tell whether staff sent us a copy. A copy that is not proved is a contact like any other, for a person to look at."""
    domain = mail.sender.address.rpartition("@")[2].lower()
    if not ours.staff_address or domain not in ours.staff_domains or mail.route.authors != 1:
        return False
    if ours.staff_address not in map(without_tag, _sent_to(mail, received)):
        return False
    inside = received.peer is not None and any(received.peer in network for network in ours.staff_networks)
    return inside or found.proves(domain)
