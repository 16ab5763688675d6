"""The arithmetic environment pays for the right number, however it was found."""

import pytest

from cupel.protocol.spec.environments.arithmetic import (
    BEGIN,
    END,
    EQUALS,
    FULL_REWARD,
    MINUS,
    PLUS,
    TIMES,
    VOCABULARY,
    Arithmetic,
    terms,
)
from cupel.protocol.spec.environments.base import ARITHMETIC, get_environment

ENVIRONMENT = Arithmetic()
SIGNS = {PLUS: "+", MINUS: "-", TIMES: "*"}


def problem_with(operator: int, negative: bool = False) -> int:
    """The first problem of the kind."""
    return next(
        number
        for number in range(1000)
        if terms(number)[1] == operator and (terms(number)[0] < terms(number)[2]) is negative
    )


def test_it_has_a_name() -> None:
    assert isinstance(get_environment(ARITHMETIC), Arithmetic)


@pytest.mark.parametrize("number", range(200))
def test_prompts_and_answers_are_what_they_say(number: int) -> None:
    left, operator, right = terms(number)
    text = ENVIRONMENT.render(ENVIRONMENT.prompt(number))
    assert text == f">{left:02d}{SIGNS[operator]}{right:02d}="
    assert len(ENVIRONMENT.prompt(number)) == ENVIRONMENT.prompt_tokens
    answer = ENVIRONMENT.answer(number)
    assert ENVIRONMENT.render(answer) == f"{eval(f'{left}{SIGNS[operator]}{right}')}."
    assert len(answer) <= ENVIRONMENT.max_tokens
    assert ENVIRONMENT.reward(number, answer) == FULL_REWARD


def test_all_operators_and_two_digits_on_either_side_occur() -> None:
    drawn = [terms(number) for number in range(2000)]
    assert {operator for _, operator, _ in drawn} == {PLUS, MINUS, TIMES}
    assert {left for left, _, _ in drawn} == {right for _, _, right in drawn} == set(range(100))


def test_only_what_follows_the_last_equals_sign_counts() -> None:
    number = problem_with(PLUS)
    answer, wrong = ENVIRONMENT.answer(number), ENVIRONMENT.answer(problem_with(TIMES))
    assert answer != wrong
    assert ENVIRONMENT.reward(number, (1, 2, PLUS, EQUALS, *answer)) == FULL_REWARD
    assert ENVIRONMENT.reward(number, (*wrong[:-1], EQUALS, *answer)) == FULL_REWARD
    assert ENVIRONMENT.reward(number, (EQUALS, *answer)) == FULL_REWARD
    assert ENVIRONMENT.reward(number, (*answer[:-1], EQUALS, *wrong)) == 0


def test_a_number_has_one_spelling() -> None:
    number = problem_with(MINUS, negative=True)
    sign, *rest = ENVIRONMENT.answer(number)
    assert sign == MINUS
    assert ENVIRONMENT.reward(number, (sign, 0, *rest)) == 0
    assert ENVIRONMENT.reward(number, tuple(rest)) == 0
    positive = problem_with(PLUS)
    for wrong in (
        (PLUS, *ENVIRONMENT.answer(positive)),
        (0, *ENVIRONMENT.answer(positive)),
        ENVIRONMENT.answer(positive)[:-1],
        (*ENVIRONMENT.answer(positive), END),
        (EQUALS,),
        (),
        (VOCABULARY - 1,) * 9,
    ):
        assert ENVIRONMENT.reward(positive, wrong) == 0


def test_target_tokens_mean_nothing_else() -> None:
    assert max(SIGNS | {BEGIN: "", END: "", EQUALS: ""}) < min(ENVIRONMENT.target_tokens)
    assert max(ENVIRONMENT.target_tokens) == VOCABULARY - 1
