"""How text becomes tokens where a task names no tokenizer: UTF-8, one token a byte. Pure.

A prompt is padded on the left to the task's length, so that every prompt of a task has as many tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isfinite
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256
from cupel.protocol.spec.units import MILLION

PROBLEM: Final = domain("cupel.text-problem.v1")
END: Final = 256
BEGIN: Final = 257
PADDING: Final = 258
VOCABULARY: Final = 320
TARGET_TOKENS: Final = range(PADDING + 1, VOCABULARY)
ATTEMPTS: Final = 64
"""Items that are tried for one problem: a data set most of whose items are too long is not for this task."""


def encode_prompt(question: str, prompt_tokens: int) -> tuple[int, ...] | None:
    """PADDING, BEGIN and the question's bytes: `prompt_tokens` ids; None if it does not fit."""
    data = question.encode()
    padding = prompt_tokens - 1 - len(data)
    return None if padding < 0 else (*padding * (PADDING,), BEGIN, *data)


def encode_answer(answer: str, answer_tokens: int) -> tuple[int, ...] | None:
    """The answer's bytes and END, at most `answer_tokens` ids; None if it does not fit."""
    data = answer.encode()
    return None if len(data) + 1 > answer_tokens else (*data, END)


def decode_completion(tokens: Sequence[int]) -> str:
    """The text of a completion up to its END; what is no text becomes U+FFFD, as in UTF-8 decoders."""
    given = list(tokens)
    if END in given:
        given = given[: given.index(END)]
    # 0xFF is in no UTF-8 text, so a token that is no byte stands as one replacement character.
    return bytes(token if token < END else 0xFF for token in given).decode(errors="replace")


def render(tokens: Sequence[int]) -> str:
    """Tokens as text, for people: without padding and without what begins and ends."""
    return decode_completion([token for token in tokens if token not in (PADDING, BEGIN)])


def item_of(problem: int, attempt: int, size: int) -> int:
    """The item of a data set of `size` that is tried for a problem: its own first, then drawn from a hash."""
    if attempt == 0:
        return problem % size
    return int.from_bytes(keccak256(words(PROBLEM, problem, attempt)), "big") % size


def millionths(score: object) -> int:
    """A score as a reward, rounded half to even, from 0 to a million; what is no finite number earns nothing."""
    if not isinstance(score, int | float) or not isfinite(score):
        return 0
    return round(Fraction(min(max(score, 0), 1)) * MILLION)
