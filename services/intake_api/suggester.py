"""Asks the model. Never fails an intake: what goes wrong there is an unsure melding, for a person to read."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from onthaal_schema.contact import ContactSubmission, Kind, Nature, Role, Sector, SectorGuess, Suggestion
from services.intake_api.measures import TAGGING, TAGGINGS
from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.suggestion import Suggestion as Found
from services.intake_api.tagging.suggestion import cautious
from services.kit.scheduling import interrupt_nobody

TOGETHER: Final = 8
"""How many texts are answered together at the most: the first of them waits for all."""


@dataclass(frozen=True, slots=True)
class _Asked:
    channel: str
    subject: str | None
    text: str
    joined: bool
    answer: "asyncio.Future[Found]"


class Suggester:
    """The model, off the event loop."""

    def __init__(self, tagger: Tagger) -> None:
        """Ask one tagger, in one thread: it is busy for milliseconds, and the intake must not wait for two."""
        self._tagger = tagger
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: Thread | None = None

    async def suggest(self, submission: ContactSubmission) -> Suggestion:
        """Say what the model makes of a submission."""
        return await self.suggest_text(submission.channel, submission.subject, submission.text or "")

    async def suggest_text(self, channel: str, subject: str | None, text: str, *, joined: bool = False) -> Suggestion:
        """Say what the model makes of a text; `joined`: it is what each of several messages adds."""
        if not (subject or "").strip() and not text.strip():
            return _typed(cautious(self._tagger.version))
        if self._thread is None:
            self._thread = Thread(target=self._work, name="tagging", daemon=True)
            self._thread.start()
        asked = _Asked(channel, subject, text, joined, asyncio.get_running_loop().create_future())
        self._asked.put(asked)
        found = await asked.answer
        TAGGINGS.labels(found.kind, "true" if found.unsure else "false").inc()
        return _typed(found)

    def sees_danger(self, channel: str, subject: str | None, text: str) -> bool:
        """Whether a text shows a sign of immediate danger: by rules, in some tens of microseconds."""
        return self._tagger.sees_danger(channel, subject, text)

    def _work(self) -> None:
        """Look at what was asked, and answer those together who asked meanwhile: each answer by itself wakes the event loop."""
        interrupt_nobody()
        while (asked := self._asked.get()) is not None:
            together = [asked, *self._who_waits()]
            found = [self._look(each) for each in together]
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                asked.answer.get_loop().call_soon_threadsafe(_tell, together, found)

    def _who_waits(self) -> Iterator[_Asked]:
        for _ in range(TOGETHER - 1):
            try:
                asked = self._asked.get_nowait()
            except Empty:
                return
            if asked is None:
                self.close()
                return
            yield asked

    @TAGGING.time()
    def _look(self, asked: _Asked) -> Found:
        return self._tagger.suggest(asked.channel, asked.subject, asked.text, joined=asked.joined)

    def close(self) -> None:
        """Let the thread go, after what was asked."""
        self._asked.put(None)


def _tell(together: Sequence[_Asked], found: Sequence[Found]) -> None:
    for asked, answer in zip(together, found, strict=True):
        if not asked.answer.done():  # else whoever asked has gone
            asked.answer.set_result(answer)


def _typed(found: Found) -> Suggestion:
    return Suggestion(
        kind=Kind(found.kind),
        unsure=found.unsure,
        kind_confidence=round(found.kind_confidence, 4),
        sector=Sector(found.sector) if found.sector else None,
        sector_confidence=round(found.sector_confidence, 4),
        sectors=tuple(
            SectorGuess(sector=Sector(sector) if sector else None, confidence=round(confidence, 4))
            for sector, confidence in found.sectors
        ),
        nature=Nature(found.nature),
        language=found.language,
        signals=tuple(found.signals),
        role=Role(found.role.role) if found.role else None,
        role_words=found.role.words if found.role else (),
        words=tuple(found.words),
        model_version=found.model_version,
    )
