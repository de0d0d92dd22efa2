"""What a mail tells of where it belongs: clues only."""

from dataclasses import dataclass, field

from onthaal_schema.mail import Bounce
from services.mail_ingest import machine_mail
from services.mail_ingest.machine_mail import Judgement
from services.mail_ingest.parsed_mail import ParsedMail
from services.mail_ingest.received import ReceivedMail


@dataclass(frozen=True)
class Ours:
    """Which addresses are ours, and whom we believe. All in lower case."""

    addresses: frozenset[str] = frozenset()
    bounce_address: str = ""
    staff_address: str = ""
    staff_domains: frozenset[str] = frozenset()
    authserv_id: str = ""
    answers: bool = False


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


def read(mail: ParsedMail, received: ReceivedMail, ours: Ours) -> Clues:
    """Read the clues of a mail."""
    del ours
    return Clues(judgement=machine_mail.judge(mail, received.envelope_sender, received.envelope_recipients))
