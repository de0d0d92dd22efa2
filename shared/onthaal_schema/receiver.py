"""What a case service needs: trust an event, handle it once, fetch its contact, hand both to your code.

    async def on_contact(received: ReceivedContact) -> None: ...

    seen = SeenInFile(Path("seen.sqlite"))
    receiver = Receiver("whsec_…", "https://onthaal.example", "token", on_contact, seen)
    app = asgi(receiver, path="/events")

In a framework you already have, call `receiver.handle(headers, body)` instead of `asgi`. Both take single events and batches.
Needs the extra `receiver` (httpx, standardwebhooks) and no web framework.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import httpx
from pydantic import TypeAdapter, ValidationError

from onthaal_schema.contact import Contact
from onthaal_schema.events import ContactEvent, EventPage, EventType
from onthaal_schema.events_app import LARGEST_DELIVERY, asgi
from onthaal_schema.intake import IntakeClient
from onthaal_schema.problems import Erased, Problem, ProblemError, ServiceUnavailable
from onthaal_schema.seen_events import SeenEvents, SeenInFile, SeenInMemory
from onthaal_schema.signature import Signatures

__all__ = [
    "LARGEST_DELIVERY",
    "CatchUpStopped",
    "OnContact",
    "Receipt",
    "ReceivedContact",
    "Receiver",
    "SeenEvents",
    "SeenInFile",
    "SeenInMemory",
    "asgi",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReceivedContact:
    """An event and the state of its contact: at least the event's version, or a later one.

    `contact` is None when it was erased: destroy what you keep of it.
    """

    event: ContactEvent
    contact: Contact | None

    @property
    def erased(self) -> bool:
        """Whether the contact's content was destroyed."""
        return self.contact is None


OnContact = Callable[[ReceivedContact], Awaitable[None]]
"""Your code. When it returns, the event is handled; when it raises, the event is delivered again later.

It is called for one state of a contact at a time, in the order of `version`, and states may be skipped:
store by contact id and overwrite. After a crash the last event can come once more.
"""


class Receipt(StrEnum):
    """What became of a delivery. `status` is the HTTP status that tells the gateway."""

    HANDLED = "handled"
    ALREADY_HANDLED = "alreadyHandled"
    MALFORMED = "malformed"
    NOT_TRUSTED = "notTrusted"
    TOO_LARGE = "tooLarge"
    TRY_AGAIN = "tryAgain"

    @property
    def status(self) -> int:
        """Return 204 when the event is done with, 503 when it must come again, and 4xx when it is refused."""
        return _STATUS[self]


CONTACTS_AT_ONCE: Final = 8
"""Contacts of a batch that are fetched and handled at the same time."""

_EVENTS: Final[TypeAdapter[ContactEvent | list[ContactEvent]]] = TypeAdapter(ContactEvent | list[ContactEvent])

_STATUS: Final = {
    Receipt.HANDLED: 204,
    Receipt.ALREADY_HANDLED: 204,
    Receipt.MALFORMED: 400,
    Receipt.NOT_TRUSTED: 401,
    Receipt.TOO_LARGE: 413,
    Receipt.TRY_AGAIN: 503,
}


class CatchUpStopped(Exception):
    """An event of the feed could not be handled. Catch up again from `cursor`: nothing is handled twice."""

    def __init__(self, cursor: str | None) -> None:
        """Remember from where to go on."""
        super().__init__("an event of the feed could not be handled; catch up again later")
        self.cursor = cursor


class Receiver:
    """Receives events by webhook (`handle`) and from the feed (`catch_up`), with one memory for both."""

    def __init__(
        self,
        secrets: str | Iterable[str],
        gateway: str,
        token: str,
        on_contact: OnContact,
        seen: SeenEvents | None = None,
    ) -> None:
        """Trust what is signed with one of the `secrets` (give the old and the new one while you rotate).

        `gateway` is the address of Onthaal (`https://host`), `token` yours, with the scopes `contacts:read`
        and, to catch up, `events:read`. Without `seen`, what was handled is forgotten when the process ends.
        """
        self._signatures = Signatures([secrets] if isinstance(secrets, str) else secrets)
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(15, connect=5))
        self._intake = IntakeClient(gateway, token, http=self._http)
        self._feed = gateway.rstrip("/") + "/intake/v1/events"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._on_contact = on_contact
        self._seen = seen or SeenInMemory()
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        """Close the connections to the gateway."""
        await self._http.aclose()

    async def handle(self, headers: Mapping[str, str], body: bytes) -> Receipt:
        """Take a delivery: its headers, and the body's bytes as they came. Answer with the `status`.

        The body is one event, or a batch of them (CloudEvents batched mode) where your subscription allows batches. The answer
        counts for the whole batch: when one event must come again all do, and those that were handled are not handled twice.
        """
        if len(body) > LARGEST_DELIVERY:
            return Receipt.TOO_LARGE
        if not self._signatures.trust(headers, body):
            return Receipt.NOT_TRUSTED
        return await self.take(body)

    async def take(self, body: bytes) -> Receipt:
        """Take an event, or a batch, of a source that you trust already, such as a stream that only the gateway may write to."""
        if len(body) > LARGEST_DELIVERY:
            return Receipt.TOO_LARGE
        try:
            events = _EVENTS.validate_json(body)
        except ValidationError:
            return Receipt.MALFORMED
        return await self._receive_all([events] if isinstance(events, ContactEvent) else events)

    async def catch_up(self, cursor: str | None = None) -> str | None:
        """Handle what the feed holds after the cursor (None: everything); return the cursor to go on from.

        Raises:
            CatchUpStopped: an event could not be handled; those after it were left alone.
            InvalidInput: the cursor is of a database that was restored since; start again without one.
            ProblemError: the feed could not be read, or the token does not allow it.

        """
        while True:
            page = await self._page(cursor)
            for event in page.items:
                if (await self._receive(event)) is Receipt.TRY_AGAIN:
                    raise CatchUpStopped(cursor)
            cursor = page.cursor
            if not page.next:
                return cursor

    async def _receive_all(self, events: Sequence[ContactEvent]) -> Receipt:
        """Receive events of one contact in their order, and different contacts side by side."""
        by_contact: dict[UUID, list[ContactEvent]] = {}
        for event in events:
            by_contact.setdefault(event.subject, []).append(event)
        some = asyncio.Semaphore(CONTACTS_AT_ONCE)

        async def in_order(of_contact: Sequence[ContactEvent]) -> set[Receipt]:
            async with some:
                receipts: set[Receipt] = set()
                for event in of_contact:
                    receipts.add(await self._receive(event))
                    if Receipt.TRY_AGAIN in receipts:
                        break
                return receipts

        receipts = set().union(*await asyncio.gather(*map(in_order, by_contact.values())))
        return next((one for one in (Receipt.TRY_AGAIN, Receipt.HANDLED) if one in receipts), Receipt.ALREADY_HANDLED)

    async def _receive(self, event: ContactEvent) -> Receipt:
        turn = self._turns.setdefault(event.subject, asyncio.Lock())
        async with turn:
            try:
                return await self._handle_once(event)
            except Exception as error:  # noqa: BLE001 (whatever went wrong, the event must come again)
                what = (event.id, event.subject, _place(error))
                log.error("event %s of contact %s is not handled: %s", *what)  # noqa: TRY400 (no text)
                return Receipt.TRY_AGAIN

    async def _handle_once(self, event: ContactEvent) -> Receipt:
        if await self._seen.handled(event):
            return Receipt.ALREADY_HANDLED
        await self._on_contact(ReceivedContact(event, await self._contact(event)))
        await self._seen.remember(event)
        return Receipt.HANDLED

    async def _contact(self, event: ContactEvent) -> Contact | None:
        if event.type is EventType.ERASED:
            return None
        try:
            contact = await self._intake.contact(event.subject)
        except Erased:
            return None
        if contact.version < event.data.version:
            raise ServiceUnavailable("The gateway answered an earlier version than it announced; try again.")
        return contact

    async def _page(self, cursor: str | None) -> EventPage:
        params = {"after": cursor} if cursor else {}
        try:
            answer = await self._http.get(self._feed, params=params, headers=self._headers)
        except httpx.HTTPError as error:
            raise ServiceUnavailable("The feed could not be reached; try again.") from error
        if answer.is_success:
            return EventPage.model_validate_json(answer.content)
        raise _problem(answer)


def _problem(answer: httpx.Response) -> ProblemError:
    try:
        return ProblemError.of(Problem.model_validate_json(answer.content))
    except ValidationError:
        return ServiceUnavailable(f"The feed answered {answer.status_code} without a problem; try again.")


def _place(error: BaseException) -> str:
    # the text of an exception may hold what a person wrote: a log line names its class and place
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {last.filename}:{last.lineno}"
