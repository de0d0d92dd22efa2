"""What is said to the public in four languages: one file each, with the same keys. Here are the words that more than one room says."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


class PageLanguage(StrEnum):
    """The languages that the public can choose; Dutch unless chosen otherwise."""

    NL = "nl"
    FR = "fr"
    EN = "en"
    DE = "de"

    @classmethod
    def chosen(cls, value: str | None) -> "PageLanguage":
        """Return the language with this code, or Dutch."""
        return cls(value) if value in set(cls) else cls.NL


class Words:
    """The words in one language."""

    def __init__(self, language: PageLanguage, messages: Mapping[str, str | tuple[str, ...]]) -> None:
        """Hold messages by their dotted key."""
        self.language = language
        self._messages = messages

    def __call__(self, key: str, **values: object) -> str:
        """Give a message, with the values put in. An unknown key is a KeyError."""
        message = self._messages[key]
        if isinstance(message, tuple):
            raise TypeError(key)
        return message.format(**values) if values else message

    def all(self, key: str) -> tuple[str, ...]:
        """Give a list of messages: the days of the week, for instance."""
        messages = self._messages[key]
        return (messages,) if isinstance(messages, str) else messages

    @property
    def keys(self) -> frozenset[str]:
        """Every key there is."""
        return frozenset(self._messages)


def read_words(folder: Path, language: PageLanguage) -> Words:
    """Read the words that a room has in its folder, on top of those that are everybody's."""
    return Words(language, dict(_read(HERE, language)) | dict(_read(folder, language)))


def _read(folder: Path, language: PageLanguage) -> list[tuple[str, str | tuple[str, ...]]]:
    return _flat(tomllib.loads((folder / f"{language}.toml").read_text("utf-8")))


def _flat(tables: Mapping[str, object], prefix: str = "") -> list[tuple[str, str | tuple[str, ...]]]:
    found: list[tuple[str, str | tuple[str, ...]]] = []
    for name, value in tables.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            found.append((prefix + name, tuple(map(str, value))))
        else:
            found.append((prefix + name, str(value)))
    return found
