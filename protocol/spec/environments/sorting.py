"""Sort eight digits; twin of contracts/judges/SortingReward.sol, which computes the same reward on-chain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256

DOMAIN: Final = domain("cupel.sorting.v1")
NUM_DIGITS: Final = 8
SEPARATOR: Final = 10
END: Final = 11
BEGIN: Final = 12
PADDING: Final = 13
# Wider than the fourteen ids in use, so that random text is almost never right.
VOCABULARY: Final = 64
FULL_REWARD: Final = 1_000_000
_KEPT: Final = 1024
"""Problems kept drawn: a group asks for its own once a rollout, in sampling, scoring and training."""
_TEXT: Final = {SEPARATOR: "=", END: ".", BEGIN: ">", PADDING: "_"}


class Sorting:
    """Prompt: BEGIN, eight digits, SEPARATOR. Right answer: the digits ascending, then END."""

    vocabulary: Final = VOCABULARY
    end_token: Final = END
    prompt_tokens: Final = NUM_DIGITS + 2
    max_tokens: Final = NUM_DIGITS + 1
    target_tokens: Final = range(PADDING + 1, VOCABULARY)

    def prompt(self, problem: int) -> tuple[int, ...]:
        """Token ids of the problem's prompt."""
        return (BEGIN, *digits(problem), SEPARATOR)

    def answer(self, problem: int) -> tuple[int, ...]:
        """Token ids of the right answer, end token included."""
        return (*sorted(digits(problem)), END)

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """Millionths: all for exactly the right answer, nothing otherwise."""
        return FULL_REWARD if tuple(tokens) == self.answer(problem) else 0

    def render(self, tokens: Sequence[int]) -> str:
        """Tokens as text, for people."""
        return "".join(str(token) if token < 10 else _TEXT.get(token, "?") for token in tokens)


@lru_cache(_KEPT)
def digits(problem: int) -> tuple[int, ...]:
    """The eight digits of a problem, drawn from a hash of its number."""
    digest = keccak256(words(DOMAIN, problem))
    return tuple(byte % 10 for byte in digest[:NUM_DIGITS])
