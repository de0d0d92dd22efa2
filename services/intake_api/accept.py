"""The one way in: tag, check the hours, seal, and write contact and event in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import orjson

from onthaal_schema.channel import Channel
from onthaal_schema.contact import (
    BriefDetails,
    ContactSubmission,
    KindSource,
    MailDetails,
    Nature,
    Suggestion,
)
from onthaal_schema.events import EventType
from onthaal_schema.intake import FileUpload
from onthaal_schema.problems import Conflict, Erased, InvalidInput
from onthaal_schema.wire import to_wire
from onthaal_schema.worklist import WorkReason
from services.intake_api import measures, reference
from services.intake_api.caller import Caller
from services.intake_api.hours import Hours
from services.intake_api.store.contacts import model_tag, work_reasons
from services.intake_api.store.files import Blobs, KeptFile, forget, keep
from services.intake_api.store.new_contact import NewContact, Row
from services.intake_api.store.opened import SUBMISSION, SUGGESTION, Wire, open_file, with_content
from services.intake_api.store.outbox import EventFrame, state
from services.intake_api.store.vault import DataKey, Vault
from services.intake_api.store.work import infected, work_row
from services.intake_api.store.writer import Overtaken, Writer, Written
from services.intake_api.suggester import Suggester
from services.kit.clock import Clock

BRUSSELS = ZoneInfo("Europe/Brussels")
CLOCK_SKEW = timedelta(minutes=5)
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
AT_ONCE = 200_000
"""Characters in which danger is looked for before the commit, while others wait; the model, which looks later, reads all."""


@dataclass(frozen=True)
class Accepted:
    """A contact that is stored. `contact` is the resource as JSON will show it."""

    contact: Wire
    created: bool


@dataclass(frozen=True)
class Prepared:
    """A contact that is ready to be written, with what its answer is made of."""

    new: NewContact
    key: DataKey
    kept: Sequence[KeptFile]
    known: Wire
    suggestion: Suggestion | None


@dataclass(frozen=True)
class Accept:
    """Registers contacts."""

    writer: Writer
    vault: Vault
    blobs: Blobs
    hours: Hours
    suggester: Suggester
    frame: EventFrame
    clock: Clock

    async def __call__(
        self,
        caller: Caller,
        contact_id: UUID,
        submission: ContactSubmission,
        submitted: Wire,
        files: Sequence[FileUpload] = (),
    ) -> Accepted:
        """Register a contact: on return it is stored and will be handed on. `submitted` is the same as JSON, as it was sent.

        Raises:
            MissingScope: the caller may not write to this channel, or not claim this source.
            InvalidInput: `receivedAt` lies in the future.
            Conflict: the id is taken by other content.
            ServiceUnavailable: it is not known whether it was stored; the same again will tell.

        """
        prepared = await self.prepare(caller, contact_id, submission, submitted, files)
        written = await self.write(prepared)
        if written.created:
            suggestion = prepared.suggestion
            shown = orjson.loads(to_wire(suggestion)) if suggestion else None
            opened = [open_file(file.row, prepared.key) for file in prepared.kept]
            contact = with_content(prepared.new.row, submitted, shown, known=prepared.known, files=opened)
            return Accepted(contact, created=True)
        return Accepted(self._held(written, submitted), created=False)

    async def prepare(
        self,
        caller: Caller,
        contact_id: UUID,
        submission: ContactSubmission,
        submitted: Wire,
        files: Sequence[FileUpload] = (),
    ) -> "Prepared":
        """Make everything of a contact but its rows: its files are kept, and must be written or forgotten."""
        caller.require_channel(submission.channel)
        now = self.clock.now()
        received_at, hours = self._received(submission, now)
        canonical = orjson.dumps(submitted, option=orjson.OPT_SORT_KEYS)
        key, data_key = self.vault.new_key(contact_id)
        kept = await keep(self.blobs, contact_id, key, files)
        suggestion = None if submission.kind else await self._suggest(submission)
        row = {
            **_constant(now),
            **_clear(submission),
            **_tag(submission, suggestion, caller),
            "id": contact_id,
            "reference": reference.make(),
            "received_at": received_at,
            "opening": hours,
            "digest": self.vault.digest(_content(submission, canonical, kept), b"submission"),
            "data_key": data_key,
            "sealed": key.seal(canonical, SUBMISSION),
            "sealed_suggestion": key.seal(to_wire(suggestion).encode(), SUGGESTION) if suggestion else None,
            "suggest_since": None if suggestion else now,
        }
        if suggestion:
            _adopt(row, submission, suggestion)
        known = state(row)
        new = self._new(row, known, submission, suggestion, kept)
        if caller.serves_live_chat:
            new.conversation = _conversation(row)
        return Prepared(new, key, kept, known, suggestion)

    async def _suggest(self, submission: ContactSubmission) -> Suggestion:
        with self.writer.expecting():
            return await self.suggester.suggest(submission)

    def _received(self, submission: ContactSubmission, now: datetime) -> tuple[datetime, str]:
        """Settle when it came in, and whether that was within the hours: once, never again."""
        received_at = submission.received_at
        if received_at is not None:
            if received_at > now + CLOCK_SKEW:
                raise InvalidInput.at("receivedAt", "Must not lie in the future.")
            if received_at < EARLIEST:
                raise InvalidInput.at("receivedAt", "Must lie after 1 January 1970.")
        details = submission.details
        if isinstance(details, BriefDetails) and details.received_on and received_at is None:
            day = details.received_on
            noon = datetime.combine(day, time(12), BRUSSELS).astimezone(UTC)
            if not EARLIEST < noon < now + timedelta(days=1):
                raise InvalidInput.at("details.receivedOn", "Must be a day since 1970, and not in the future.")
            return min(noon, now), self.hours.on_day(submission.channel, day).wire
        moment = received_at.astimezone(UTC) if received_at else now
        return moment, self.hours.at(submission.channel, moment).wire

    def _new(
        self, row: Row, known: Wire, submission: ContactSubmission, suggestion: Suggestion | None, kept: Sequence[KeptFile]
    ) -> NewContact:
        event_id, now = uuid4(), row["registered_at"]
        event = {
            "id": event_id,
            "contact_id": row["id"],
            "version": 1,
            "type": "registered",
            "natures": row["nature"],
            "channel": row["channel"],
            "kinds": row["kind"],
            "occurred_at": now,
            "payload": self.frame.payload(EventType.REGISTERED, str(row["id"]), known, event_id, now),
        }
        person = submission.person
        reasons = [*self._reasons(row, submission, suggestion), *(infected(kept) if row["nature"] == Nature.PERSON else ())]
        return NewContact(
            row=row,
            event=event,
            index=self.vault.indexed(person.email, person.phone) if person else (),
            files=[file.row for file in kept],
            work=[work_row(row["id"], reason, now) for reason in reasons],
        )

    async def write(self, prepared: "Prepared") -> Written:
        """Write a contact: on return it is durable. Its files are forgotten when it is known that it was not stored.

        Raises:
            Overtaken: it is a mail that was taken in meanwhile.

        """
        row = prepared.new.row
        try:
            written = await self.writer.write(prepared.new)
        except (Conflict, Erased, Overtaken):
            await self._forget(row["id"], prepared.kept)
            raise
        if written.created:
            measures.contacts(row["channel"], is_open(row["opening"]), row["kind_source"], row["nature"]).inc()
        else:
            await self._forget(row["id"], prepared.kept)
        return written

    def _reasons(self, row: Row, submission: ContactSubmission, suggestion: Suggestion | None) -> list[WorkReason]:
        """Say why a person must look.

        Danger at once, also where the model looks at the rest after the commit; when many come in at a time then too.
        """
        reasons = work_reasons(row, suggestion)
        looks_later = suggestion is None and row["nature"] == Nature.PERSON and not self.writer.busy
        if looks_later and self.suggester.sees_danger(submission.channel, submission.subject, (submission.text or "")[:AT_ONCE]):
            reasons.append(WorkReason.DANGER)
        return reasons

    async def _forget(self, contact_id: UUID, kept: Sequence[KeptFile]) -> None:
        # only when it is known that nothing was stored: after a lost answer the contact may be there, and needs its files
        await forget(self.blobs, contact_id, kept)

    def _held(self, written: Written, submitted: Wire) -> Wire:
        """Show a contact that was there already, which has the same content."""
        row = written.row
        key = self.vault.key(row["id"], row["data_key"])
        sealed = row["sealed_suggestion"]
        suggestion = orjson.loads(key.open(sealed, SUGGESTION)) if sealed else None
        files = [open_file(file, key) for file in written.files]
        return with_content(row, submitted, suggestion, earlier=written.earlier_kinds, files=files)


@lru_cache(1000)
@lru_cache(1000)
def is_open(opening: str) -> str:
    """Say whether hours as they are kept are open, as a label."""
    return "true" if orjson.loads(opening)["open"] else "false"


def _constant(now: datetime) -> Row:
    return {
        "version": 1,
        "status": "open",
        "last_sequence": 0,
        "registered_at": now,
        "kind_at": now,
        "extended_at": None,
        "extended_due": None,
        "erased_at": None,
        "signals": "[]",
        "possible_link": None,
    }


def _clear(submission: ContactSubmission) -> Row:
    person, details = submission.person, submission.details
    return {
        "channel": submission.channel.value,
        "anonymous": submission.anonymous,
        "language": submission.language,
        "sector": submission.sector.value if submission.sector else None,
        "role": person.role.value if person and person.role else None,
        "minor": person.minor if person else None,
        "parse_status": details.parse_status.value if isinstance(details, MailDetails) else None,
        "related_to": submission.related_to,
    }


def _tag(submission: ContactSubmission, suggestion: Suggestion | None, caller: Caller) -> Row:
    source = caller.kind_source(submission.channel, submission.kind_source)
    said = {"sector_source": source.value if submission.sector else None}
    if suggestion is not None:
        return said | {name: getattr(value, "value", value) for name, value in model_tag(suggestion, _nature(submission)).items()}
    return said | {
        "kind": submission.kind.value if submission.kind else None,
        "kind_source": source.value,
        "kind_confidence": None,
        "unsure": False,
        "model_version": None,
        "nature": _nature(submission),
        "kind_by": caller.name if source is KindSource.OPERATOR else None,
    }


def _nature(submission: ContactSubmission) -> str:
    return (submission.nature or Nature.PERSON).value


def _adopt(row: Row, submission: ContactSubmission, suggestion: Suggestion) -> None:
    """Take from the model what nobody said. A nature other than person only ever comes from a channel or a person."""
    row["signals"] = orjson.dumps(suggestion.signals).decode()
    row["language"] = row["language"] or suggestion.language
    if submission.sector is None and suggestion.sector is not None:
        row["sector"], row["sector_source"] = suggestion.sector.value, KindSource.MODEL.value


def _content(submission: ContactSubmission, canonical: bytes, kept: Sequence[KeptFile]) -> bytes:
    """Give what "the same content" is: a mail's original bytes, else the canonical submission and its files."""
    originals = [file.sha256 for file in kept if submission.channel == Channel.MAIL and file.label["role"] == "original"]
    if originals:
        return originals[0].encode()
    return b"\n".join([canonical, *(orjson.dumps(file.label, option=orjson.OPT_SORT_KEYS) for file in kept)])


def _conversation(row: Row) -> dict[str, Any]:
    return {
        "contact_id": row["id"],
        "status": "waiting",
        "operator_id": None,
        "operator_name": None,
        "started_at": row["registered_at"],
        "assigned_at": None,
        "ended_at": None,
        "because": "started",
        "waiting_since": row["registered_at"],
        "waited_seconds": None,
        "abandoned": False,
        "operator_seen_at": None,
        "visitor_seen_at": row["registered_at"],
    }
