"""Add, subtract and multiply two numbers below a hundred, with room to work.

No contract computes this reward: a task that trains on it names no reward rule, and a false reward is for the jury.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256

DOMAIN: Final = domain("cupel.arithmetic.v1")
PLUS: Final = 10
MINUS: Final = 11
TIMES: Final = 12
EQUALS: Final = 13
END: Final = 14
BEGIN: Final = 15
# As wide as sorting's, so that one model serves both.
VOCABULARY: Final = 64
FULL_REWARD: Final = 1_000_000
_OPERATORS: Final = (PLUS, MINUS, TIMES)
_TEXT: Final = {PLUS: "+", MINUS: "-", TIMES: "*", EQUALS: "=", END: ".", BEGIN: ">"}


class Arithmetic:
    """Prompt: BEGIN, two digits, an operator, two digits, EQUALS. Right answer: the result in decimal, then END.

    A minus sign goes before a negative result, no zero before any other. A completion may work first: what counts is
    what follows its last EQUALS, or all of it where there is none. So its length is the policy's choice.
    """

    vocabulary: Final = VOCABULARY
    end_token: Final = END
    prompt_tokens: Final = 7
    max_tokens: Final = 5
    target_tokens: Final = range(BEGIN + 1, VOCABULARY)

    def prompt(self, problem: int) -> tuple[int, ...]:
        """Token ids of the problem's prompt."""
        left, operator, right = terms(problem)
        return (BEGIN, left // 10, left % 10, operator, right // 10, right % 10, EQUALS)

    def answer(self, problem: int) -> tuple[int, ...]:
        """Token ids of the right answer, end token included."""
        left, operator, right = terms(problem)
        result = {PLUS: left + right, MINUS: left - right, TIMES: left * right}[operator]
        sign = (MINUS,) if result < 0 else ()
        return (*sign, *map(int, str(abs(result))), END)

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """Millionths: all for the right answer, nothing otherwise."""
        given = tuple(tokens)
        if EQUALS in given:
            given = given[len(given) - given[::-1].index(EQUALS) :]
        return FULL_REWARD if given == self.answer(problem) else 0

    def render(self, tokens: Sequence[int]) -> str:
        """Tokens as text, for people."""
        return "".join(str(token) if token < 10 else _TEXT.get(token, "?") for token in tokens)


def terms(problem: int) -> tuple[int, int, int]:
    """Left operand, operator token and right operand of a problem, drawn from a hash of its number."""
    digest = keccak256(words(DOMAIN, problem))
    left, right = (int.from_bytes(digest[start : start + 8], "big") % 100 for start in (0, 8))
    return left, _OPERATORS[int.from_bytes(digest[16:24], "big") % len(_OPERATORS)], right
