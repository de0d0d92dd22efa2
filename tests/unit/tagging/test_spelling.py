"""Keys of stretches: the same wherever a stretch stands, found again among thousands."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.intake_api.tagging.lexicon import Lexicon
from services.intake_api.tagging.messages import Message
from services.intake_api.tagging.patterns import pattern, patterns
from services.intake_api.tagging.said import Said
from services.intake_api.tagging.spelling import LONGEST, KeyTable, Spelling, key_of
from services.intake_api.tagging.text import read

WORDS = st.lists(st.text(alphabet="abcé\U0001f600'-", min_size=1, max_size=9), min_size=1, max_size=12)


@given(words=WORDS)
def test_a_word_has_the_key_of_its_spelling_wherever_it_stands(words: list[str]) -> None:
    spelling = Spelling(words)

    keys = spelling.stretches(spelling.starts, spelling.lengths, 7)

    assert keys.tolist() == [key_of(word, 7) for word in words]


@given(words=WORDS, size=st.integers(2, 5))
def test_pieces_are_those_of_each_word_between_its_spaces(words: list[str], size: int) -> None:
    padded = [f" {word} " for word in words]
    expected = [key_of(word[at : at + size], 3) for word in padded for at in range(len(word) - size + 1)]

    assert sorted(set(Spelling(words).pieces(size, 3).tolist())) == sorted(set(expected))


def test_other_salts_give_other_keys() -> None:
    assert key_of("trainer", 1) != key_of("trainer", 2)


def test_what_stands_beyond_the_longest_text_is_left_out() -> None:
    spelling = Spelling(["woord"] * LONGEST)

    assert spelling.length == LONGEST
    assert (spelling.starts + spelling.lengths < LONGEST).all()


@given(keys=st.sets(st.integers(0, 2**32 - 1), min_size=1), others=st.lists(st.integers(0, 2**32 - 1)))
def test_a_table_finds_every_key_and_no_other(keys: set[int], others: list[int]) -> None:
    held = sorted(keys)
    table = KeyTable(np.array(held, np.uint32))

    rows = table.rows(np.array(held + others, np.uint32))

    assert rows.tolist() == [held.index(one) if one in keys else -1 for one in held + others]


def test_a_lexicon_finds_words_phrases_beginnings_and_inner_parts() -> None:
    lexicon = Lexicon({"hit": ["slaan", "doet pijn"], "place": ["trainer*", "*voetbal*"], "both": ["slaan"]})

    found = lexicon.found(
        Spelling(["trainers", "trainer", "train", "slaan", "jeugdvoetbalclub", "doet", "pijn", "verslaan", "strainer"])
    )

    assert found.tolist() == [
        [False, True, False],
        [False, True, False],
        [False, False, False],
        [True, False, True],
        [False, True, False],
        [True, False, False],
        [False, False, False],
        [False, False, False],
        [False, False, False],
    ]


def test_a_pattern_is_never_left_out_where_it_matches(messages: tuple[Message, ...]) -> None:
    signs = [sign for sort in patterns("signals").values() for sign in sort.each]
    texts = [read(message.channel, message.subject, message.text).body for message in messages]

    assert sum(sign.expression.search(text) is not None for sign in signs for text in texts) > 100
    assert all(sign.possible_in(text) for sign in signs for text in texts if sign.expression.search(text))


def test_of_patterns_that_are_looked_for_together_the_same_are_found(messages: tuple[Message, ...]) -> None:
    said = [read(message.channel, message.subject, message.text).said for message in messages]

    for sort in (*patterns("signals").values(), *patterns("roles").values()):
        each = [any(sign.expression.search(one.text) for sign in sort.each) for one in said]
        assert [sort.any_found(one) for one in said] == each
        assert any(each)
    assert not patterns("signals")["immediateDanger"].any_found(Said("\ud800h"))


def test_a_pattern_needs_one_of_everything_that_must_stand_there() -> None:
    assert pattern(r"\bin (?:\w+ )?(?:gevaar|levensnood)\b").needed == (("gevaar", "levensnood"), ("in ",))
    assert pattern(r"(?:slaat|sla|slaan) nu").needed == ((" nu",), ("sla",))
    assert pattern(r"\d+ (?:jaar)?").needed == ()
    assert pattern(r"(?:mes|\d)x?").needed == ()
