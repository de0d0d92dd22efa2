"""The work list: what a person must look at, and why."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from onthaal_schema.contact import ContactState
from onthaal_schema.wire import Resource


class WorkReason(StrEnum):
    """Why a contact is on the work list; `danger` comes first, then the order in which they arrived."""

    DANGER = "danger"
    UNSURE = "unsure"
    DOUBTED_VRAAG = "doubtedVraag"
    UNREADABLE = "unreadable"
    OVERSIZE = "oversize"
    """A mail that was too large to take in is waiting in the mailbox."""
    POSSIBLE_LINK = "possibleLink"
    """Somebody answered a mail of another contact from an address that the contact does not know."""
    POSSIBLE_DUPLICATE = "possibleDuplicate"
    """A mailbox was numbered anew, and this mail may have been taken in before."""
    BOUNCED = "bounced"
    """A mail of ours to this person did not arrive."""
    INFECTED = "infected"
    """The virus scanner found something in a file."""


class WorkItem(Resource):
    """One reason to look at one contact."""

    id: UUID
    reason: WorkReason
    since: AwareDatetime
    contact: ContactState


class WorkList(Resource):
    """What is still to be looked at, most urgent first."""

    items: tuple[WorkItem, ...]
