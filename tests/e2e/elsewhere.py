"""A server that is not ours, on loopback: counts whoever comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.serving import Silent, serving


@dataclass
class Elsewhere:
    """What was asked of it."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """Listen for the length of a block."""

    class Counting(Silent):
        def respond(self) -> None:
            visited.asked.append(f"{self.command} {self.path}")
            self.send_response(204)
            self.end_headers()

    with serving(Counting) as port:
        visited = Elsewhere(f"http://127.0.0.1:{port}")
        yield visited
