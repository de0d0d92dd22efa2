"""The ready-made answers of the operators, by language. Nothing sends them but an operator, who may change them first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from services.chat_relay.frames import MAX_TEXT
from services.kit.settings import InvalidSettings

SHIPPED: Final = Path(__file__).parent / "desk" / "answers.json"


class ReadyAnswer(BaseModel):
    """An answer, and what it is called in the list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]


Answers = Mapping[str, tuple[ReadyAnswer, ...]]
ANSWERS: Final[TypeAdapter[Answers]] = TypeAdapter(Answers)


def read_answers(path: Path | None) -> Answers:
    """Read the answers, by language.

    Raises:
        InvalidSettings: the file is not there or not such a list.

    """
    try:
        return ANSWERS.validate_json((path or SHIPPED).read_bytes())
    except (OSError, ValueError) as error:
        message = f"ONTHAAL_CHAT_ANSWERS: {path} cannot be read as answers by language"
        raise InvalidSettings(message) from error
