"""Dialogues: what is written step by step is read back whole, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from cupel.protocol.spec.dialogue import Spans, Writing, own_tokens, read_spans, turns_of
from cupel.protocol.spec.environments.base import longest_dialogue
from cupel.protocol.spec.environments.guessing import END, LARGER, NO_GUESS, Guessing, number
from cupel.protocol.spec.errors import Reason, Rejected

GUESSING = Guessing()
PROBLEM = next(problem for problem in range(100) if number(problem) == 5)
TEXT = (4, END, LARGER, END, NO_GUESS, 5, END)
SPANS = (2, 1, 1, 1, 2)

choices = some.lists(some.sampled_from([4, 5, END, 60]), min_size=8, max_size=8)


def written(problems: list[int], chosen: list[list[int]]) -> list[tuple[tuple[int, ...], Spans]]:
    """What comes of dialogues in which the policy would choose these tokens at each step."""
    writing, running = Writing(GUESSING, problems), np.ones(len(problems), dtype=bool)
    texts: list[list[int]] = [[] for _ in problems]
    for step in zip(*chosen, strict=True):
        tokens, goes_on = writing.write(np.array(step, dtype=np.int64), running)
        for text, token, is_running in zip(texts, tokens.tolist(), running.tolist(), strict=True):
            text += [token] * is_running
        running = goes_on
    assert not running.any(), "the longest dialogue is over"
    return [(tuple(text), spans) for text, spans in zip(texts, writing.spans(), strict=True)]


@given(some.lists(some.tuples(some.integers(0, 50), choices), min_size=1, max_size=4))
def test_what_is_written_is_read_back(rows: list[tuple[int, list[int]]]) -> None:
    problems, chosen = [problem for problem, _ in rows], [row for _, row in rows]
    for problem, row, (text, spans) in zip(problems, chosen, written(problems, chosen), strict=True):
        assert read_spans(GUESSING, problem, text) == spans
        assert len(text) == sum(spans) <= longest_dialogue(GUESSING)
        own = own_tokens(spans, len(text))
        # The policy's tokens are those it chose at their places, the others the environment's replies.
        assert [token for token, is_own in zip(text, own, strict=True) if is_own] == [
            token for token, is_own in zip(row, own, strict=False) if is_own
        ]
        turns = turns_of(spans, text)
        replies = [GUESSING.reply(problem, turns[: index + 1]) for index in range(len(turns) - 1)]
        assert [token for token, is_own in zip(text, own, strict=True) if not is_own] == [
            token for reply in replies for token in reply
        ]


def test_an_example() -> None:
    assert read_spans(GUESSING, PROBLEM, TEXT) == SPANS
    assert turns_of(SPANS, TEXT) == ((4, END), (END,), (5, END))
    assert own_tokens(SPANS, 8).tolist() == [True, True, False, True, False, True, True, True]
    assert own_tokens((), 3).tolist() == [True] * 3


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ((), Reason.TERMINATION, "0 tokens, the dialogue is not over"),
        (TEXT[:1], Reason.TERMINATION, "0 tokens, the dialogue is not over"),
        (TEXT[:3], Reason.TERMINATION, "3 tokens, the dialogue is not over"),
        (TEXT[:6], Reason.TERMINATION, "5 tokens, the dialogue is not over"),
        ((*TEXT, LARGER), Reason.TERMINATION, "8 tokens, the dialogue is over after 7"),
        (TEXT[:2], Reason.WRONG_REPLY, "token 2"),
        ((4, END, NO_GUESS, *TEXT[3:]), Reason.WRONG_REPLY, "token 2"),
        ((4, END, *TEXT[3:]), Reason.WRONG_REPLY, "token 2"),
        ((5, END, LARGER, 5, END), Reason.TERMINATION, "over after 2"),
        ((1, END, LARGER) * 3, Reason.TERMINATION, "9 tokens, the dialogue is over after 8"),
    ],
)
def test_any_other_text_is_refused(text: tuple[int, ...], reason: Reason, words: str) -> None:
    with pytest.raises(Rejected, match=words) as caught:
        read_spans(GUESSING, PROBLEM, text)
    assert caught.value.reason is reason
