"""Guess a number in three turns, told after each guess whether it is larger or smaller: a dialogue.

No contract computes this reward or these replies: false ones are for the jury.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256

DOMAIN: Final = domain("cupel.guessing.v1")
CASE_DIGITS: Final = 10
LEAST: Final = 1
MOST: Final = 7
LARGER: Final = 10
SMALLER: Final = 11
NO_GUESS: Final = 12
ASK: Final = 13
END: Final = 14
BEGIN: Final = 15
# As wide as sorting's, so that one model serves both.
VOCABULARY: Final = 64
FULL_REWARD: Final = 1_000_000
FORM_REWARD: Final = 50_000
"""Of every turn that is a guess, where none is right: what a policy from scratch learns first."""
_KEPT: Final = 1024
"""Problems kept drawn: a group asks for its own at every turn."""
_TEXT: Final = {LARGER: "<", SMALLER: ">", NO_GUESS: "?", ASK: "=", END: ".", BEGIN: ":"}


class Guessing:
    """Prompt: BEGIN, ten digits of the case, ASK. A turn: a digit, then END. The number is between 1 and 7.

    Reply: LARGER if the number is, SMALLER if it is, NO_GUESS to a turn that is none; nothing to the right guess. Three
    turns are enough for whoever halves. The digits of the case say nothing: they keep two problems from having one
    prompt, under which equal dialogues would have equal proofs (`spec.repetition`).
    """

    vocabulary: Final = VOCABULARY
    end_token: Final = END
    prompt_tokens: Final = CASE_DIGITS + 2
    max_tokens: Final = 2
    target_tokens: Final = range(BEGIN + 1, VOCABULARY)
    turns: Final = 3
    turn_tokens: Final = 2
    reply_tokens: Final = 1

    def prompt(self, problem: int) -> tuple[int, ...]:
        """Token ids of the problem's prompt."""
        digest = _digest(problem)
        return (BEGIN, *(byte % 10 for byte in digest[:CASE_DIGITS]), ASK)

    def answer(self, problem: int) -> tuple[int, ...]:
        """Token ids of the right guess, end token included."""
        return (number(problem), END)

    def reply(self, problem: int, turns: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """See `Dialogue.reply`."""
        guess = turns[-1]
        if guess == self.answer(problem):
            return ()
        if not _is_guess(guess):
            return (NO_GUESS,)
        return (LARGER if number(problem) > guess[0] else SMALLER,)

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """Millionths: all if the last turn is the right guess, else a little for every turn that is a guess."""
        turns = _turns(tuple(tokens))
        if turns[-1] == self.answer(problem):
            return FULL_REWARD
        return FORM_REWARD * sum(map(_is_guess, turns))

    def render(self, tokens: Sequence[int]) -> str:
        """Tokens as text, for people."""
        return "".join(str(token) if token < 10 else _TEXT.get(token, "?") for token in tokens)


def number(problem: int) -> int:
    """What has to be guessed, drawn from a hash of the problem's number; the bias of the remainder is below 2^-60."""
    return LEAST + int.from_bytes(_digest(problem)[CASE_DIGITS : CASE_DIGITS + 8], "big") % (MOST - LEAST + 1)


@lru_cache(_KEPT)
def _digest(problem: int) -> bytes:
    return keccak256(words(DOMAIN, problem))


def _is_guess(turn: tuple[int, ...]) -> bool:
    return len(turn) == 2 and LEAST <= turn[0] <= MOST and turn[1] == END


def _turns(tokens: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The turns of a dialogue, whose replies have one token each."""
    turns, place = [], 0
    while place < len(tokens):
        length = 1 if tokens[place] == END else 2
        turns.append(tokens[place : place + length])
        place += length + 1
    return turns
