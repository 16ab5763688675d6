"""Guessing: replies lead to the number, whoever halves has it in three turns, and prompts differ."""

import pytest

from cupel.protocol.spec.environments.base import GUESSING, Dialogue, get_environment, longest_dialogue
from cupel.protocol.spec.environments.guessing import (
    ASK,
    BEGIN,
    END,
    FORM_REWARD,
    FULL_REWARD,
    LARGER,
    LEAST,
    MOST,
    NO_GUESS,
    SMALLER,
    Guessing,
    number,
)

ENVIRONMENT = Guessing()


def test_it_has_a_name_and_is_a_dialogue() -> None:
    environment = get_environment(GUESSING)
    assert isinstance(environment, Dialogue)
    assert longest_dialogue(environment) == 8


def test_all_numbers_occur_and_no_two_problems_have_one_prompt() -> None:
    assert {number(problem) for problem in range(200)} == set(range(LEAST, MOST + 1))
    prompts = {ENVIRONMENT.prompt(problem) for problem in range(5000)}
    assert len(prompts) == 5000
    assert {(len(prompt), prompt[0], prompt[-1]) for prompt in prompts} == {
        (ENVIRONMENT.prompt_tokens, BEGIN, ASK)
    }


@pytest.mark.parametrize("problem", range(30))
def test_whoever_halves_earns_all_in_three_turns(problem: int) -> None:
    low, high, turns, tokens = LEAST, MOST, [], ()
    while True:
        turns.append(((low + high) // 2, END))
        reply = ENVIRONMENT.reply(problem, turns)
        tokens += (*turns[-1], *reply)
        if not reply:
            break
        guess = turns[-1][0]
        low, high = (guess + 1, high) if reply == (LARGER,) else (low, guess - 1)
    assert turns[-1] == ENVIRONMENT.answer(problem)
    assert len(turns) <= ENVIRONMENT.turns
    assert ENVIRONMENT.reward(problem, tokens) == FULL_REWARD


@pytest.mark.parametrize("turn", [(END,), (0, END), (8, END), (4, 4), (LARGER, END)])
def test_what_is_no_guess_is_told_so(turn: tuple[int, ...]) -> None:
    assert ENVIRONMENT.reply(3, [turn]) == (NO_GUESS,)
    assert ENVIRONMENT.reward(3, (*turn, NO_GUESS, *turn, NO_GUESS, *turn)) == 0


def test_form_earns_a_little_and_less_than_the_number() -> None:
    problem = next(one for one in range(100) if number(one) == 7)
    guess = (1, END)
    assert ENVIRONMENT.reply(problem, [guess]) == (LARGER,)
    assert ENVIRONMENT.reward(problem, (*guess, LARGER, END, NO_GUESS, *guess)) == 2 * FORM_REWARD
    smaller = next(one for one in range(100) if number(one) == 1)
    assert ENVIRONMENT.reply(smaller, [(7, END)]) == (SMALLER,)
    assert 3 * FORM_REWARD < FULL_REWARD
