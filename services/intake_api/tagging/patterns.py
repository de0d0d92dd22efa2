"""Regular expressions kept as data beside the code, joined and compiled once."""

import re
import tomllib
from functools import cache
from importlib import resources


@cache
def patterns(name: str) -> dict[str, re.Pattern[str]]:
    """Read the patterns of ``data/<name>.toml``; a list of them matches when any of them does."""
    source = resources.files(__package__).joinpath(f"data/{name}.toml")
    found: dict[str, str | list[str]] = tomllib.loads(source.read_text(encoding="utf-8"))
    return {key: _compiled([given] if isinstance(given, str) else given) for key, given in found.items()}


def _compiled(alternatives: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives))
