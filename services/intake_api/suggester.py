"""Asks the model. Never fails an intake: what goes wrong there is an unsure melding, for a person to read."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from onthaal_schema.contact import ContactSubmission, Kind, Nature, Role, Sector, SectorGuess, Suggestion
from services.intake_api.measures import TAGGING, TAGGINGS
from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.suggestion import Suggestion as Found
from services.intake_api.tagging.suggestion import cautious


class Suggester:
    """The model, off the event loop."""

    def __init__(self, tagger: Tagger) -> None:
        """Ask one tagger, in one thread: it is busy for milliseconds, and the intake must not wait for two."""
        self._tagger = tagger
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tagging")

    async def suggest(self, submission: ContactSubmission) -> Suggestion:
        """Say what the model makes of a submission."""
        return await self.suggest_text(submission.channel, submission.subject, submission.text or "")

    async def suggest_text(self, channel: str, subject: str | None, text: str) -> Suggestion:
        """Say what the model makes of a text."""
        if not (subject or "").strip() and not text.strip():
            return _typed(cautious(self._tagger.version))
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._look, channel, subject, text)
        TAGGINGS.labels(found.kind, "true" if found.unsure else "false").inc()
        return _typed(found)

    def sees_danger(self, submission: ContactSubmission) -> bool:
        """Whether a submission shows a sign of immediate danger: by rules, in some tens of microseconds."""
        return self._tagger.sees_danger(submission.channel, submission.subject, submission.text or "")

    @TAGGING.time()
    def _look(self, channel: str, subject: str | None, text: str) -> Found:
        return self._tagger.suggest(channel, subject, text)

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False, cancel_futures=True)


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
