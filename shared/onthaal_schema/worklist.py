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


class WorkItem(Resource):
    """One reason to look at one contact."""

    id: UUID
    reason: WorkReason
    since: AwareDatetime
    contact: ContactState


class WorkList(Resource):
    """What is still to be looked at, most urgent first."""

    items: tuple[WorkItem, ...]
