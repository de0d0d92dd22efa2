"""The shipped tagger and the labelled messages, read once."""

import pytest

from services.intake_api.tagging.messages import Message, shipped_messages
from services.intake_api.tagging.model import Tagger


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    """Load the model that ships with the code."""
    return Tagger.load()


@pytest.fixture(scope="session")
def messages() -> tuple[Message, ...]:
    """Read every labelled message in the repository."""
    return shipped_messages()
