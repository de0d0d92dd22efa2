"""What must hold of every mail that was read, whatever its bytes were."""

from datetime import UTC, datetime

from onthaal_schema.mail import IncomingMail
from onthaal_schema.wire import to_wire
from services.mail_ingest import ingest, threads
from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.threads import Ours

RECEIVED = datetime(2024, 1, 1, tzinfo=UTC)


def require_fit(raw: bytes, found: ParsedMail) -> None:
    """Require that what was read can be stored, shown and handed on.

    Raises:
        AssertionError: it cannot.

    """
    lines = _lines(found)
    for text in (*lines, found.text, found.display):
        assert "\0" not in text, "NUL"
        text.encode()  # no lone surrogate
    assert not any("\r" in line or "\n" in line for line in lines), "a line break in a line"
    assert "\r" not in found.text, "a bare carriage return"
    names = [file.name.casefold() for file in found.attachments]
    assert len(names) == len(set(names)), "two files of one name"
    assert all(name and "/" not in name and "\\" not in name and name not in {".", ".."} for name in names), "a path"
    assert found.status is not Reading.FAILED, "it could not be read"
    _require_contract(raw, found)


def _require_contract(raw: bytes, found: ParsedMail) -> None:
    """Require that the contract takes it, as it is handed in."""
    mail = ReceivedMail(raw, RECEIVED)
    clues = threads.read(found, mail, Ours())
    written = to_wire(ingest.incoming(mail, found, clues))
    assert to_wire(IncomingMail.model_validate_json(written)) == written, "the contract reads something else"
    assert ingest.files(mail, found)[0].content == raw, "the original was changed"


def _lines(found: ParsedMail) -> list[str]:
    named = [found.sender.name, found.sender.address, found.reply_to.name, found.reply_to.address, found.subject]
    known = [found.message_id, found.in_reply_to, found.media_type, *found.recipients, *found.references, *found.marks.values()]
    return [
        *named,
        *known,
        *found.doubts,
        *(file.name for file in found.attachments),
        *(file.media_type for file in found.attachments),
    ]
