"""The model off the event loop: who asks at the same time is answered together, each for their own text."""

import asyncio

from services.intake_api.suggester import TOGETHER, Suggester
from services.intake_api.tagging.model import Tagger

TEXTS = [
    "Mijn trainer raakt mij aan in de kleedkamer.",
    "Waar vind ik de folder over grenzen in de sportclub?",
    "Help mij, hij staat voor de deur.",
    "Je voudrais savoir comment signaler un abus.",
]


async def test_each_is_answered_for_their_own_text() -> None:
    tagger = Tagger.load()
    suggester = Suggester(tagger)
    texts = [f"{text} {number}" for number in range(2 * TOGETHER) for text in TEXTS]
    found = await asyncio.gather(*(suggester.suggest_text("mail", "Vraag", text) for text in texts))
    for text, suggestion in zip(texts, found, strict=True):
        alone = tagger.suggest("mail", "Vraag", text)
        assert (suggestion.kind, suggestion.signals, suggestion.words) == (alone.kind, alone.signals, alone.words)
    assert len({suggestion.kind for suggestion in found}) == 2
    suggester.close()


async def test_who_goes_away_takes_nobody_along() -> None:
    suggester = Suggester(Tagger.load())
    asked = [asyncio.create_task(suggester.suggest_text("mail", None, TEXTS[0])) for _ in range(TOGETHER + 1)]
    await asyncio.sleep(0)
    asked[0].cancel()
    asked[-1].cancel()
    found = await asyncio.wait_for(asyncio.gather(*asked[1:-1]), 10)
    assert {suggestion.kind for suggestion in found} == {"melding"}
    suggester.close()


async def test_what_was_asked_before_the_end_is_answered() -> None:
    suggester = Suggester(Tagger.load())
    asked = [asyncio.create_task(suggester.suggest_text("mail", None, text)) for text in TEXTS]
    await asyncio.sleep(0)
    suggester.close()
    assert len(await asyncio.wait_for(asyncio.gather(*asked), 10)) == len(TEXTS)
