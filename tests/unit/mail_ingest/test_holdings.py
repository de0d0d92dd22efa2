"""The books of a reader."""

import pytest

from services.mail_ingest.holdings import BATCH_BYTES, BATCH_MAILS, Holdings, numbers, sequences


def books(*uids: int, held: set[int] | None = None) -> Holdings:
    """Have books of small mails."""
    made = Holdings(1, held or set())
    made.saw_all(uids, len(uids))
    made.sizes = dict.fromkeys(sorted(made.present - made.held), 1000)
    return made


@pytest.mark.parametrize(("text", "expected"), [("", set()), ("7", {7}), ("1:3,7", {1, 2, 3, 7}), ("4294967295", {4294967295})])
def test_a_sequence_set_is_read(text: str, expected: set[int]) -> None:
    assert numbers(text) == expected


def test_what_failed_comes_last_and_waits_longer_each_time() -> None:
    made = books(1, 2, 3)
    assert made.failed(1, 0, 100).due == 1
    assert made.due(0) == [2, 3]
    assert made.due(1) == [2, 3, 1]
    assert made.failed(1, 1, 100).due == 3
    assert made.failed(1, 3, 2).due == 5
    assert (made.missing, made.next_due()) == (3, 5)


def test_of_two_that_fail_each_time_neither_stands_before_the_other_for_ever() -> None:
    made = books(1, 2)
    made.failed(1, 0, 0.1)
    made.failed(2, 0, 0.1)
    made.failed(1, 5, 0.1)
    assert made.due(6) == [2, 1]


def test_mails_are_fetched_together_up_to_a_size_and_alone_when_one_may_break_a_connection() -> None:
    made = books(*range(1, BATCH_MAILS + 3))
    assert [len(batch) for batch in made.batches(made.due(0))] == [BATCH_MAILS, 2]
    made.suspects.add(2)
    made.sizes[4] = BATCH_BYTES
    assert [*made.batches([1, 2, 3, 4, 5])] == [[1], [2], [3], [4], [5]]


def test_what_is_gone_from_the_server_is_not_missing() -> None:
    made = books(1, 2, 3, held={1})
    made.failed(2, 0, 100)
    made.saw_all([1, 3], 2)
    assert (made.missing, made.trials, made.due(0)) == (1, {}, [3])
    made.stored(3)
    assert made.missing == 0


def test_what_the_server_counts_and_does_not_list_is_missing() -> None:
    made = books(1, held={1})
    made.saw_all([1], 3)
    assert made.missing == 2


@pytest.mark.parametrize(
    ("count", "expected"), [(0, []), (1, ["1:*"]), (3, ["1:*"]), (4, ["1:3", "4:*"]), (7, ["1:3", "4:6", "7:*"])]
)
def test_a_large_folder_is_listed_in_parts_that_leave_nothing_out(count: int, expected: list[str]) -> None:
    assert sequences(count, 3) == expected
