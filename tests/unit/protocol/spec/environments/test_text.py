from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.environments import text


@given(st.text(max_size=40))
def test_an_answer_decodes_to_what_it_was(answer: str) -> None:
    encoded = text.encode_answer(answer, 4 * 40 + 1)
    assert encoded is not None
    assert text.decode_completion(encoded) == answer
    assert encoded[-1] == text.END
    assert len(encoded) == len(answer.encode()) + 1


@given(st.text(max_size=20), st.integers(2, 100))
def test_prompts_have_one_length_or_do_not_fit(question: str, length: int) -> None:
    prompt = text.encode_prompt(question, length)
    assert (prompt is None) == (len(question.encode()) + 1 > length)
    if prompt is not None:
        assert len(prompt) == length
        assert text.render(prompt) == question
        assert prompt.count(text.BEGIN) == 1


@given(st.lists(st.integers(0, text.VOCABULARY - 1), max_size=30))
def test_any_completion_is_some_text(tokens: list[int]) -> None:
    assert isinstance(text.decode_completion(tokens), str)
    assert text.decode_completion([*tokens, text.END, 65]) == text.decode_completion([*tokens, text.END])


def test_what_is_no_byte_is_a_replacement_character() -> None:
    assert text.decode_completion([72, text.PADDING, 105]) == "H\ufffdi"
    assert text.decode_completion([72, 300, 105, text.END]) == "H\ufffdi"


@pytest.mark.parametrize(
    ("score", "reward"),
    [
        (1, 1_000_000),
        (0.5, 500_000),
        (2.5, 1_000_000),
        (-3, 0),
        (math.nan, 0),
        (math.inf, 0),
        (True, 1_000_000),
        ("1", 0),
        (None, 0),
        (0.1234565, 123_456),
    ],
)
def test_a_score_is_a_reward_from_nothing_to_a_million(score: object, reward: int) -> None:
    # 0.1234565 as a double lies just below the middle.
    assert text.millionths(score) == reward


@given(st.integers(0, 2**32), st.integers(1, 10**6))
def test_a_problem_tries_its_own_item_first_and_then_others(problem: int, size: int) -> None:
    items = [text.item_of(problem, attempt, size) for attempt in range(5)]
    assert items[0] == problem % size
    assert all(0 <= item < size for item in items)
    assert items == [text.item_of(problem, attempt, size) for attempt in range(5)]
