"""Where else somebody can turn to: a list that is data, and that is never hidden."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.kit.settings import InvalidSettings


class OtherHelp(BaseModel):
    """An organisation that helps. Texts are Dutch."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    what: str
    audience: str
    phone: str | None = None
    site: str | None = None
    mail: str | None = None
    hours: str | None = None
    sectors: tuple[str, ...] = ()
    emergency: bool = False
    public: bool = False


def read(path: Path) -> tuple[OtherHelp, ...]:
    """Read the entries that the public may see, in the order of the list.

    Raises:
        InvalidSettings: the file is not there or not such a list.

    """
    try:
        entries = TypeAdapter(tuple[OtherHelp, ...]).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"ONTHAAL_OTHER_HELP: {path} cannot be read as a list of other help"
        raise InvalidSettings(message) from error
    return tuple(entry for entry in entries if entry.public)
