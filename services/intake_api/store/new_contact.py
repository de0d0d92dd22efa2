"""A contact that is to be written, with everything that belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.intake_api.store.taken import Taken

Row = dict[str, Any]


@dataclass(slots=True)
class NewContact:
    """A contact as it will be written, with everything that belongs to it."""

    row: Row
    event: Row
    index: Sequence[bytes] = ()
    files: Sequence[Row] = ()
    work: Sequence[Row] = ()
    conversation: Row | None = None
    mail: Taken | None = None

    @property
    def id(self) -> UUID:
        """The contact's id."""
        return self.row["id"]  # type: ignore[no-any-return]

    @property
    def has_more(self) -> bool:
        """Whether other tables than contact, event and index are written."""
        return bool(self.files or self.work or self.conversation or self.mail)
