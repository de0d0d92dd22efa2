"""The `Intake` port: everything a channel, the desk or a case service asks of the gateway, and its HTTP adapter.

Two adapters keep one promise: `IntakeClient` here speaks HTTP, the gateway has one that calls in process.
Every method raises a `ProblemError` for an expected failure. After `ServiceUnavailable` it is not known whether
the change was stored: repeat the same call with the same identifiers.
"""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, ValidationError

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Contact, ContactPage, ContactSubmission
from onthaal_schema.conversation import Attendance, Colleague, ColleagueList, Conversation, ConversationList, HandOver, Transcript
from onthaal_schema.handover import DeadLetterFilter, DeadLetterPage, Redriven, SubscriptionList, SubscriptionState
from onthaal_schema.mail import (
    IncomingMail,
    MailboxReport,
    MailboxState,
    MailReading,
    MailReceipt,
    OutgoingList,
    OutgoingMail,
    OutgoingResult,
    Place,
    SentMail,
)
from onthaal_schema.message import Message, MessagePage, MessageSubmission
from onthaal_schema.nodes import Nodes
from onthaal_schema.opening_hours import OpeningHours, PublishedOpeningHours
from onthaal_schema.operator import Session, SessionSecret, SignIn
from onthaal_schema.problems import Problem, ProblemError, ServiceUnavailable
from onthaal_schema.requests import ContactQuery, Correction, Outcome, Retag
from onthaal_schema.wire import to_wire
from onthaal_schema.worklist import WorkList

Found = TypeVar("Found", bound=BaseModel)

REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
"""Methods that may be sent again when it is not known what became of them (RFC 9110 §9.2.2)."""

PAUSES = (0.05, 0.25, 0.6)
"""Seconds, give or take a half, before a call is sent again, to the next node: a restart is not noticed."""

PATIENCE = 20.0
"""Seconds after which a call is not sent again."""


@dataclass(frozen=True)
class FileUpload:
    """A file that travels with a contact or a message. The name is a label, never a path."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    role: Literal["attachment", "scan", "original", "display"] = "attachment"
    sniffed: str | None = None
    virus: Literal["clean", "found", "notScanned"] | None = None


@dataclass(frozen=True)
class FileContent:
    """The bytes of a stored file."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


class Intake(Protocol):
    """What the gateway does for whoever holds a token; the token decides how far each call reaches."""

    async def register(self, contact_id: UUID, submission: ContactSubmission, files: Sequence[FileUpload] = ()) -> Contact:
        """Register a contact: on return it is stored and will be handed on. The same again answers the same."""
        ...

    async def append(
        self, contact_id: UUID, message_id: UUID, message: MessageSubmission, files: Sequence[FileUpload] = ()
    ) -> Message:
        """Add a message to a contact: on return it is stored and has its sequence number. Idempotent."""
        ...

    async def contact(self, contact_id: UUID) -> Contact:
        """Read a contact with its content. The read is audited."""
        ...

    async def messages(self, contact_id: UUID, after: int = 0) -> Sequence[Message]:
        """Read the messages of a contact after a sequence number, oldest first."""
        ...

    async def file(self, contact_id: UUID, file_id: UUID) -> FileContent:
        """Read the bytes of a file. The read is audited."""
        ...

    async def find(self, query: ContactQuery) -> ContactPage:
        """List contacts without their content, newest first."""
        ...

    async def retag(self, contact_id: UUID, retag: Retag) -> Contact:
        """Say what a contact is; the history keeps what was said before."""
        ...

    async def correct(self, contact_id: UUID, correction: Correction) -> Contact:
        """Correct what is known of a contact; earlier versions are kept."""
        ...

    async def complete(self, contact_id: UUID) -> Contact:
        """Confirm that no more is expected now."""
        ...

    async def record_outcome(self, contact_id: UUID, outcome: Outcome) -> None:
        """Keep what the case service decided."""
        ...

    async def opening_hours(self, channel: Channel, at: AwareDatetime | None = None) -> OpeningHours:
        """Say whether a channel is open, why not, and when it opens next."""
        ...

    async def published_hours(self) -> PublishedOpeningHours:
        """Give the hours of every channel for the coming year, as they are published."""
        ...

    async def open_conversations(self) -> Sequence[Conversation]:
        """List the conversations that have not ended, longest waiting first."""
        ...

    async def transcript(self, contact_id: UUID, after: int = -1) -> Transcript:
        """Read a conversation and its turns after a sequence number; turn 0 is the contact's own text."""
        ...

    async def take(self, contact_id: UUID) -> Conversation:
        """Take a waiting conversation. Of two operators who try, one gets a `StateConflict`."""
        ...

    async def release(self, contact_id: UUID) -> Conversation:
        """Give a conversation back to the queue."""
        ...

    async def end(self, contact_id: UUID) -> Conversation:
        """End a conversation; its contact is completed. Ending it again changes nothing."""
        ...

    async def hand_over(self, contact_id: UUID, to: HandOver) -> Conversation:
        """Give an own conversation to a colleague. `StateConflict` when it is not one's own any more."""
        ...

    async def turn_away(self, contact_id: UUID) -> Conversation:
        """End a conversation that nobody ever took, because the hours are over. One that was taken goes on."""
        ...

    async def attend(self, attendance: Attendance) -> Sequence[Conversation]:
        """Say who is connected to a relay. Gives the conversations that changed because somebody is gone for too long."""
        ...

    async def colleagues(self) -> Sequence[Colleague]:
        """List the operators who may serve conversations."""
        ...

    async def work_list(self) -> WorkList:
        """List what a person must look at, most urgent first."""
        ...

    async def finish_work(self, item_id: UUID) -> None:
        """Say that a person looked at it."""
        ...

    async def subscriptions(self) -> Sequence[SubscriptionState]:
        """List who gets events, and what they are owed."""
        ...

    async def dead_letters(self, which: DeadLetterFilter, page_size: int = 50, before: str | None = None) -> DeadLetterPage:
        """List dead letters, newest event first; `before` is the `next` of the page before."""
        ...

    async def redrive(self, which: DeadLetterFilter) -> Redriven:
        """Deliver dead letters again: all, or those that fit everything that is given. Receivers order by version."""
        ...

    async def take_mail(self, mail_id: UUID, mail: IncomingMail, files: Sequence[FileUpload] = ()) -> MailReceipt:
        """Take a mail in: on return it is stored, as what the receipt says. The same id again answers the same."""
        ...

    async def place_mail(self, mail_id: UUID, mailbox: str, place: Place) -> MailReceipt:
        """Note that a mail that is held lies at a place too, or raise `NotFound` when it is not held."""
        ...

    async def mailbox(self, name: str, uid_validity: int) -> MailboxState:
        """Say what is held of a mailbox under a numbering."""
        ...

    async def report_mailbox(self, name: str, report: MailboxReport) -> MailboxState:
        """Keep what was seen in a mailbox, and say whether the reader may go on reading. Holds nothing (`held` is empty)."""
        ...

    async def claim_outgoing(self) -> Sequence[OutgoingMail]:
        """Claim mails that are to be sent now; whoever claims one has some minutes for it."""
        ...

    async def settle_outgoing(self, outgoing_id: UUID, result: OutgoingResult) -> None:
        """Say what became of an attempt."""
        ...

    async def register_sent(self, contact_id: UUID, outgoing_id: UUID, sent: SentMail) -> None:
        """Keep that staff mailed somebody, so that an answer finds its contact. Idempotent."""
        ...

    async def reread(self, contact_id: UUID, reading: MailReading, files: Sequence[FileUpload] = ()) -> Contact:
        """Replace what was read of a mail by what a later parser reads; the original stays."""
        ...

    async def sign_in(self, sign_in: SignIn) -> Session:
        """Turn a one-time code into a session; a code works once."""
        ...

    async def renew(self, secret: SessionSecret) -> Session:
        """Give a new short-lived token for a session that has not ended."""
        ...

    async def sign_out(self, secret: SessionSecret) -> None:
        """End a session."""
        ...

    async def keys(self) -> dict[str, object]:
        """Give the public keys (JWKS, RFC 7517) that operator tokens are verified with."""
        ...


class IntakeClient:
    """`Intake` over HTTP. Give it the gateway's address and a token; close it, or use it as a context manager.

    A call that can do no harm twice is sent again, to the next node if there are more, when no answer came or the answer
    was that the service is not available; `ServiceUnavailable` is raised after about a second of that.
    """

    def __init__(self, base_url: str | Nodes, token: str | None = None, *, http: httpx.AsyncClient | None = None) -> None:
        """Speak to the gateway at `base_url` (`https://host`, or its nodes); `http` and nodes may be shared between clients."""
        self._nodes = Nodes(base_url) if isinstance(base_url, str) else base_url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = http or httpx.AsyncClient(timeout=httpx.Timeout(30, connect=5))
        self._owns_http = http is None

    async def __aenter__(self) -> Self:
        """Use the client for the length of a block."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless they are shared."""
        if self._owns_http:
            await self._http.aclose()

    async def register(self, contact_id: UUID, submission: ContactSubmission, files: Sequence[FileUpload] = ()) -> Contact:
        """Register a contact; see `Intake.register`."""
        return await self._put(f"/contacts/{contact_id}", Contact, submission, part="contact", files=files)

    async def append(
        self, contact_id: UUID, message_id: UUID, message: MessageSubmission, files: Sequence[FileUpload] = ()
    ) -> Message:
        """Add a message; see `Intake.append`."""
        return await self._put(f"/contacts/{contact_id}/messages/{message_id}", Message, message, part="message", files=files)

    async def contact(self, contact_id: UUID) -> Contact:
        """Read a contact; see `Intake.contact`."""
        return await self._get(f"/contacts/{contact_id}", Contact)

    async def messages(self, contact_id: UUID, after: int = 0) -> Sequence[Message]:
        """Read messages; see `Intake.messages`."""
        return (await self._get(f"/contacts/{contact_id}/messages", MessagePage, after=str(after))).items

    async def file(self, contact_id: UUID, file_id: UUID) -> FileContent:
        """Read a file; see `Intake.file`."""
        answer = await self._send("GET", f"/contacts/{contact_id}/files/{file_id}")
        name = json.loads(answer.headers["Onthaal-File-Name"])
        return FileContent(name=name, media_type=answer.headers["Onthaal-File-Type"], content=answer.content)

    async def find(self, query: ContactQuery) -> ContactPage:
        """List contacts; see `Intake.find`."""
        return await self._post("/contacts/query", ContactPage, query, repeatable=True)

    async def retag(self, contact_id: UUID, retag: Retag) -> Contact:
        """Tag a contact; see `Intake.retag`."""
        return await self._put(f"/contacts/{contact_id}/kind", Contact, retag)

    async def correct(self, contact_id: UUID, correction: Correction) -> Contact:
        """Correct a contact; see `Intake.correct`."""
        return await self._put(f"/contacts/{contact_id}/details", Contact, correction)

    async def complete(self, contact_id: UUID) -> Contact:
        """Complete a contact; see `Intake.complete`."""
        return await self._put(f"/contacts/{contact_id}/completion", Contact)

    async def record_outcome(self, contact_id: UUID, outcome: Outcome) -> None:
        """Keep an outcome; see `Intake.record_outcome`."""
        await self._send("PUT", f"/contacts/{contact_id}/outcome", json_body=to_wire(outcome))

    async def opening_hours(self, channel: Channel, at: AwareDatetime | None = None) -> OpeningHours:
        """Ask for the hours; see `Intake.opening_hours`."""
        moment = {"at": at.isoformat()} if at else {}
        return await self._get(f"/openingHours/{channel}", OpeningHours, **moment)

    async def published_hours(self) -> PublishedOpeningHours:
        """Ask for the published hours; see `Intake.published_hours`."""
        return await self._get("/openingHours", PublishedOpeningHours)

    async def open_conversations(self) -> Sequence[Conversation]:
        """List conversations; see `Intake.open_conversations`."""
        return (await self._get("/conversations", ConversationList)).items

    async def transcript(self, contact_id: UUID, after: int = -1) -> Transcript:
        """Read a conversation; see `Intake.transcript`."""
        return await self._get(f"/conversations/{contact_id}", Transcript, after=str(after))

    async def take(self, contact_id: UUID) -> Conversation:
        """Take a conversation; see `Intake.take`."""
        return await self._post(f"/conversations/{contact_id}/take", Conversation, repeatable=True)

    async def release(self, contact_id: UUID) -> Conversation:
        """Give a conversation back; see `Intake.release`."""
        return await self._post(f"/conversations/{contact_id}/release", Conversation)

    async def end(self, contact_id: UUID) -> Conversation:
        """End a conversation; see `Intake.end`."""
        return await self._post(f"/conversations/{contact_id}/end", Conversation, repeatable=True)

    async def hand_over(self, contact_id: UUID, to: HandOver) -> Conversation:
        """Hand a conversation over; see `Intake.hand_over`."""
        return await self._post(f"/conversations/{contact_id}/handOver", Conversation, to, repeatable=True)

    async def turn_away(self, contact_id: UUID) -> Conversation:
        """Turn a visitor away; see `Intake.turn_away`."""
        return await self._post(f"/conversations/{contact_id}/turnAway", Conversation, repeatable=True)

    async def attend(self, attendance: Attendance) -> Sequence[Conversation]:
        """Say who is connected; see `Intake.attend`."""
        return (await self._post("/conversations/attend", ConversationList, attendance, repeatable=True)).items

    async def colleagues(self) -> Sequence[Colleague]:
        """List the operators; see `Intake.colleagues`."""
        return (await self._get("/operators", ColleagueList)).items

    async def work_list(self) -> WorkList:
        """List the work; see `Intake.work_list`."""
        return await self._get("/workItems", WorkList)

    async def finish_work(self, item_id: UUID) -> None:
        """Finish an item; see `Intake.finish_work`."""
        await self._send("POST", f"/workItems/{item_id}/finish")

    async def subscriptions(self) -> Sequence[SubscriptionState]:
        """List who gets events; see `Intake.subscriptions`."""
        return (await self._get("/subscriptions", SubscriptionList)).items

    async def dead_letters(self, which: DeadLetterFilter, page_size: int = 50, before: str | None = None) -> DeadLetterPage:
        """List dead letters; see `Intake.dead_letters`."""
        chosen = {**json.loads(to_wire(which)), "pageSize": page_size, **({"before": before} if before else {})}
        return await self._get("/deadLetters", DeadLetterPage, **chosen)

    async def redrive(self, which: DeadLetterFilter) -> Redriven:
        """Deliver dead letters again; see `Intake.redrive`."""
        return await self._post("/deadLetters/redrive", Redriven, which)

    async def take_mail(self, mail_id: UUID, mail: IncomingMail, files: Sequence[FileUpload] = ()) -> MailReceipt:
        """Take a mail in; see `Intake.take_mail`."""
        return await self._put(f"/mails/{mail_id}", MailReceipt, mail, part="mail", files=files)

    async def place_mail(self, mail_id: UUID, mailbox: str, place: Place) -> MailReceipt:
        """Note a place; see `Intake.place_mail`."""
        return await self._put(f"/mailboxes/{mailbox}/mails/{mail_id}", MailReceipt, place)

    async def mailbox(self, name: str, uid_validity: int) -> MailboxState:
        """Read a mailbox; see `Intake.mailbox`."""
        return await self._get(f"/mailboxes/{name}", MailboxState, uidValidity=str(uid_validity))

    async def report_mailbox(self, name: str, report: MailboxReport) -> MailboxState:
        """Report on a mailbox; see `Intake.report_mailbox`."""
        return await self._put(f"/mailboxes/{name}/report", MailboxState, report)

    async def claim_outgoing(self) -> Sequence[OutgoingMail]:
        """Claim mails; see `Intake.claim_outgoing`."""
        return (await self._post("/outgoing/claims", OutgoingList)).items

    async def settle_outgoing(self, outgoing_id: UUID, result: OutgoingResult) -> None:
        """Settle an attempt; see `Intake.settle_outgoing`."""
        await self._send("PUT", f"/outgoing/{outgoing_id}/result", json_body=to_wire(result))

    async def register_sent(self, contact_id: UUID, outgoing_id: UUID, sent: SentMail) -> None:
        """Keep a mail of staff; see `Intake.register_sent`."""
        await self._send("PUT", f"/contacts/{contact_id}/outgoing/{outgoing_id}", json_body=to_wire(sent))

    async def reread(self, contact_id: UUID, reading: MailReading, files: Sequence[FileUpload] = ()) -> Contact:
        """Replace a reading; see `Intake.reread`."""
        return await self._put(f"/contacts/{contact_id}/reading", Contact, reading, part="reading", files=files)

    async def sign_in(self, sign_in: SignIn) -> Session:
        """Sign an operator in; see `Intake.sign_in`."""
        return await self._post("/sessions", Session, sign_in)

    async def renew(self, secret: SessionSecret) -> Session:
        """Renew a token; see `Intake.renew`."""
        return await self._post("/sessions/renew", Session, secret, repeatable=True)

    async def sign_out(self, secret: SessionSecret) -> None:
        """End a session; see `Intake.sign_out`."""
        await self._send("POST", "/sessions/end", json_body=to_wire(secret), repeatable=True)

    async def keys(self) -> dict[str, object]:
        """Give the public keys; see `Intake.keys`."""
        keys: dict[str, object] = (await self._send("GET", "/keys")).json()
        return keys

    async def _get(self, path: str, model: type[Found], **params: Any) -> Found:
        return _read(model, await self._send("GET", path, params=params))

    async def _post(self, path: str, model: type[Found], body: BaseModel | None = None, *, repeatable: bool = False) -> Found:
        content = to_wire(body) if body else None
        return _read(model, await self._send("POST", path, json_body=content, repeatable=repeatable))

    async def _put(
        self, path: str, model: type[Found], body: BaseModel | None = None, *, part: str = "", files: Sequence[FileUpload] = ()
    ) -> Found:
        content = to_wire(body) if body else None
        if not files or content is None:
            return _read(model, await self._send("PUT", path, json_body=content))
        parts: list[_Part] = [(part, ("", content.encode(), "application/json", {}))]
        parts += [(upload.role, (upload.name, upload.content, upload.media_type, _said_of(upload))) for upload in files]
        return _read(model, await self._send("PUT", path, parts=parts))

    async def _send(
        self,
        method: str,
        path: str,
        *,
        json_body: str | None = None,
        params: dict[str, Any] | None = None,
        parts: "list[_Part] | None" = None,
        repeatable: bool = False,
    ) -> httpx.Response:
        headers = self._headers | ({"Content-Type": "application/json"} if json_body is not None else {})
        request = _Request(method, path, headers, json_body, params, parts)
        until = asyncio.get_running_loop().time() + PATIENCE
        for pause in PAUSES:
            node = self._nodes.current
            try:
                return await self._attempt(node, request)
            except _NotSent:
                self._nodes.leave(node)
            except ServiceUnavailable:
                self._nodes.leave(node)
                if not (repeatable or method in REPEATABLE) or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads callers, hides nothing
        return await self._attempt(self._nodes.current, request)

    async def _attempt(self, node: str, request: "_Request") -> httpx.Response:
        try:
            answer = await self._http.request(
                request.method,
                f"{node}/intake/v1{request.path}",
                headers=request.headers,
                content=request.content,
                params=request.params,
                files=request.parts,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _NotSent("The intake service could not be reached; try again.", retry_after_sec=1) from error
        except httpx.HTTPError as error:
            raise ServiceUnavailable("The intake service did not answer; try again.", retry_after_sec=1) from error
        if answer.is_success:
            return answer
        raise _problem(answer)


_Part = tuple[str, tuple[str, bytes, str, dict[str, str]]]
"""A part of a multipart body, as httpx takes it."""


def _said_of(upload: FileUpload) -> dict[str, str]:
    said = {"Onthaal-Sniffed": upload.sniffed, "Onthaal-Virus": upload.virus}
    return {name: value for name, value in said.items() if value}


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]
    content: str | None
    params: dict[str, str] | None
    parts: "list[_Part] | None"


class _NotSent(ServiceUnavailable):
    """Nobody took the connection, so whatever was asked has not happened."""


def _read(model: type[Found], answer: httpx.Response) -> Found:
    return model.model_validate_json(answer.content)


def _problem(answer: httpx.Response) -> ProblemError:
    try:
        return ProblemError.of(Problem.model_validate_json(answer.content))
    except ValidationError:
        return ServiceUnavailable(f"The intake service answered {answer.status_code} without a problem; try again.")
