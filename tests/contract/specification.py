"""The hand-written specification of the intake service, as the tests read it."""

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

PATH: Final = Path(__file__).parents[2] / "services" / "intake_api" / "doc" / "openapi.yaml"
METHODS: Final = ("get", "put", "post", "delete", "patch")


class _Loader(yaml.SafeLoader):
    """YAML without dates and without keys that are given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Read a mapping, or refuse it."""
        names = [self.construct_object(name) for name, _ in node.value]
        twice = {name for name in names if names.count(name) > 1}
        assert not twice, f"given twice: {twice}, {node.start_mark}"
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read() -> dict[str, Any]:
    """Read the specification."""
    with PATH.open(encoding="utf-8") as file:
        document: dict[str, Any] = yaml.load(file, _Loader)  # noqa: S506 - a SafeLoader
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give method, path and description of every operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def parameters(document: dict[str, Any], path: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the parameters of an operation, those of its path included."""
    given = [*document["paths"][path].get("parameters", ()), *operation.get("parameters", ())]
    return [resolved(document, one) for one in given]


def resolved(document: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, if it is one."""
    while "$ref" in held:
        found: Any = document
        for name in held["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        held = found
    return held


def every(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every object of a document with its place, examples left out."""
    if isinstance(node, list):
        for number, held in enumerate(node):
            yield from every(held, f"{place}/{number}")
    if isinstance(node, dict):
        yield place, node
        for name, held in node.items():
            if name not in {"example", "examples"}:
                yield from every(held, f"{place}/{name}")
