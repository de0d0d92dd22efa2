"""Bodies as they are read off the wire, whoever sends them."""

import time
import tracemalloc

import pytest
from starlette.requests import Request
from starlette.types import Message

from onthaal_schema.problems import InvalidInput, PayloadTooLarge
from services.intake_api.routes.reading import LARGEST_JSON, json_bytes, submission

MEGABYTE = 1_000_000


class Sender:
    """Sends a body in parts of a megabyte."""

    def __init__(self, parts: int) -> None:
        self.left = parts

    async def receive(self) -> Message:
        self.left -= 1
        return {"type": "http.request", "body": b"x" * MEGABYTE, "more_body": self.left > 0}


@pytest.mark.asyncio
async def test_a_body_that_is_too_large_is_read_to_its_end_and_not_kept() -> None:
    sender = Sender(50)
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge):
            await json_bytes(Request({"type": "http", "method": "POST", "headers": []}, sender.receive))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sender.left == 0, "so that the client gets to read the answer"
    assert most < 2 * LARGEST_JSON


@pytest.mark.asyncio
async def test_a_body_of_the_largest_size_is_read() -> None:
    body = await json_bytes(Request({"type": "http", "method": "POST", "headers": []}, Sender(LARGEST_JSON // MEGABYTE).receive))
    assert len(body) == LARGEST_JSON


MAIL = b'{"channel":"mail","receivedAt":"2024-01-01T00:00:00Z","details":'


@pytest.mark.parametrize(
    "raw",
    [
        MAIL + b'{"recipients":[' + b"1," * 1_900_000 + b"1]}}",
        b'{"' + b"k" * 1_900_000 + b'":[' + b"1," * 1_000_000 + b"null]}",
        b'{"a":"\\ud800","' + b"k" * 1_900_000 + b'":[' + b"1," * 1_000_000 + b"1]}",
    ],
    ids=["wrong items", "a null under a long name", "half a character beside a long name"],
)
def test_four_megabytes_of_faults_are_refused_in_time(raw: bytes) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        submission(raw)
    assert time.process_time() - began < 5
    assert len(str(refused.value.problem)) < 20_000


def test_the_place_of_a_fault_is_named_however_many_there_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        submission(MAIL + b'{"recipients":[' + b"1," * 5_000 + b"1]}}")
    issues = refused.value.problem.issues or ()
    assert [issue.name for issue in issues][:2] == ["details.recipients[0]", "details.recipients[1]"]
