"""The sorting environment pays for the sorted digits and nothing else."""

import pytest

from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import EnvironmentRef


def test_only_the_exact_answer_is_paid() -> None:
    environment = get_environment(EnvironmentRef("cupel/sorting", 1))
    prompt = environment.prompt(5)
    answer = (*sorted(prompt[1:-1]), environment.end_token)
    assert len(prompt) == environment.prompt_tokens
    assert len(answer) == environment.max_tokens
    assert environment.reward(5, answer) == 1_000_000
    for wrong in (answer[:-1], (*answer, 0), tuple(reversed(answer)), (), (63,) * 9):
        assert environment.reward(5, wrong) == 0
    assert environment.render(answer).endswith(".")


def test_an_unknown_environment_is_named() -> None:
    with pytest.raises(Rejected) as caught:
        get_environment(EnvironmentRef("cupel/sorting", 2))
    assert caught.value.reason is Reason.UNKNOWN_ENVIRONMENT
