"""What is known of a folder under one numbering: what its server has, what of it is held, and what is still to be taken in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

FIRST_PAUSE: Final = 1.0
BATCH_MAILS: Final = 16
BATCH_BYTES: Final = 8_000_000


@dataclass
class Trial:
    """A mail that could not be taken in, and when it is tried again."""

    attempts: int
    due: float


@dataclass
class Holdings:
    """The books of a reader. Numbers are UIDs; nothing here outlives the process, for the intake service keeps the truth."""

    uid_validity: int
    held: set[int]
    """What is stored: it is not fetched again."""
    present: set[int] = field(default_factory=set)
    """What the server has."""
    older: set[int] = field(default_factory=set)
    """What is older than the day from which the mailbox is imported."""
    sizes: dict[int, int] = field(default_factory=dict)
    """What is to be taken in, with its size."""
    trials: dict[int, Trial] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)
    """What is held and stays on the server whatever the mode: it is too large, or it is not proved that these bytes are held."""
    suspects: set[int] = field(default_factory=set)
    """What was asked for when a connection broke: each is asked for alone."""
    unlisted: int = 0
    """How many more mails the server counts than it lists."""

    def saw_all(self, uids: Iterable[int], count: int) -> None:
        """Take over a whole list of the server's; what is not on it is gone."""
        self.present = set(uids)
        self.unlisted = max(0, count - len(self.present))
        self.older &= self.present
        self.left &= self.present
        self.suspects &= self.present
        waiting = self.present - self.held
        self.sizes = {uid: size for uid, size in self.sizes.items() if uid in waiting}
        self.trials = {uid: trial for uid, trial in self.trials.items() if uid in waiting}

    def saw(self, uids: Iterable[int]) -> None:
        """Add what is new on the server."""
        self.present.update(uids)

    def unknown(self, now: float) -> list[int]:
        """What is on the server and not held, and of which size and date are to be asked now; lowest first."""
        return sorted(uid for uid in self.present - self.held - self.older - self.sizes.keys() if self._is_due(uid, now))

    def due(self, now: float) -> list[int]:
        """What is to be taken in now, lowest first; what failed before comes after all that did not, when its moment is there."""
        return sorted((uid for uid in self.sizes if self._is_due(uid, now)), key=self._turn)

    def _turn(self, uid: int) -> tuple[float, int]:
        # else one that breaks the connection each time would come first each time
        return (self.trials[uid].due if uid in self.trials else -1.0, uid)

    def _is_due(self, uid: int, now: float) -> bool:
        return uid not in self.trials or self.trials[uid].due <= now

    def next_due(self) -> float | None:
        """When the next of what failed is to be tried again."""
        return min((trial.due for trial in self.trials.values()), default=None)

    def stored(self, uid: int) -> None:
        """Note that a mail is held."""
        self.held.add(uid)
        for waiting in (self.sizes, self.trials):
            waiting.pop(uid, None)
        self.suspects.discard(uid)

    def failed(self, uid: int, now: float, longest: float) -> Trial:
        """Note that a mail could not be taken in: it is tried again, less and less often."""
        attempts = self.trials[uid].attempts + 1 if uid in self.trials else 1
        self.trials[uid] = Trial(attempts, now + min(FIRST_PAUSE * 2.0 ** (attempts - 1), longest))
        return self.trials[uid]

    def gone(self, uids: Iterable[int]) -> None:
        """Note that mails are not on the server any more."""
        for uid in uids:
            self.present.discard(uid)
            self.older.discard(uid)
            self.suspects.discard(uid)
            self.sizes.pop(uid, None)
            self.trials.pop(uid, None)

    @property
    def missing(self) -> int:
        """What the server has and is not held, without what is older than the import: after a scan it is nothing."""
        return len(self.present - self.held - self.older) + self.unlisted

    def batches(self, uids: Sequence[int]) -> Iterator[list[int]]:
        """Divide what is to be fetched: so many mails and bytes at a time, and alone what may break a connection."""
        batch: list[int] = []
        size = 0
        for uid in uids:
            alone = uid in self.suspects or uid in self.trials
            if batch and (alone or len(batch) == BATCH_MAILS or size + self.sizes[uid] > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(uid)
            size += self.sizes[uid]
            if alone:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def chunks(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Divide numbers into parts of so many."""
    return (uids[start : start + size] for start in range(0, len(uids), size))


def sequences(count: int, size: int) -> list[str]:
    """Divide the sequence numbers of so many mails into sequence sets; the last one takes what came meanwhile as well."""
    return [f"{first}:{first + size - 1 if first + size <= count else '*'}" for first in range(1, count + 1, size)]


def numbers(sequence_set: str) -> set[int]:
    """Read an IMAP sequence set without `*`: `1:4,7`."""
    found: set[int] = set()
    for part in filter(None, sequence_set.split(",")):
        first, _, last = part.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found
