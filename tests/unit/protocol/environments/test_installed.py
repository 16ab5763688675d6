from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from cupel.node.rollout.worker import RolloutWorker
from cupel.protocol.config import ConfigError
from cupel.protocol.environments import installed, process
from cupel.protocol.environments.installed import Installed, check_environment, open_environment
from cupel.protocol.environments.process import EnvironmentFailed, EnvironmentProcess
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec.encoding import canonical_json
from cupel.protocol.spec.environments import text
from cupel.protocol.spec.environments.base import SORTING, check_fit
from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import NOTHING_PINNED, EnvironmentRef, TaskSpec
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.testing.waiting import HANG_SECONDS

REFERENCE = EnvironmentRef("echo/any", 1, "echo-environment==2.1", "{}", prompt_tokens=16, answer_tokens=4)


def reference(**arguments: object) -> EnvironmentRef:
    return dataclasses.replace(REFERENCE, arguments=canonical_json(arguments).decode())


@pytest.fixture
def echo(echo_package: str) -> Iterator[Installed]:
    environment = open_environment(REFERENCE)
    assert isinstance(environment, Installed)
    yield environment
    environment.close()


def failing(fault: str) -> Installed:
    chosen = reference(fault=fault)
    return Installed(chosen, EnvironmentProcess(chosen.id, chosen.arguments, HANG_SECONDS))


def test_a_problem_is_tokens_and_a_right_answer_earns_all(echo: Installed) -> None:
    assert text.render(echo.prompt(1)) == "say 1"
    assert len(echo.prompt(1)) == REFERENCE.prompt_tokens
    assert echo.answer(1) == (ord("1"), text.END)
    assert echo.reward(1, echo.answer(1)) == 1_000_000
    assert echo.reward(1, (ord("2"), text.END)) == 250_000


def test_an_item_that_does_not_fit_gives_way_to_another(echo: Installed) -> None:
    # Items that three divides have questions of 50 bytes.
    prompt = text.render(echo.prompt(3))
    assert prompt.startswith("say ")
    assert prompt != "say 3"
    assert echo.reward(3, tuple(prompt.removeprefix("say ").encode())) == 1_000_000


def test_a_node_s_round_in_it_earns_what_a_verifier_computes(echo_package: str) -> None:
    spec = dataclasses.replace(example_spec(), environment=REFERENCE)
    positions = REFERENCE.prompt_tokens + 4
    shape = dataclasses.replace(spec.model, vocabulary=text.VOCABULARY, positions=positions, layers=1)
    spec = dataclasses.replace(spec, model=shape)
    params = dataclasses.replace(
        example_params(), problems_per_round=4, group_size=2, max_tokens=4, reward_rule=NOTHING_PINNED
    )
    node, verifier = check_environment(REFERENCE), check_environment(REFERENCE)
    check_fit(params, spec, node)
    policy = TinyPolicy(shape)
    initialise(policy, torch.Generator().manual_seed(1))
    rollouts = RolloutWorker(params, spec, node).produce(policy.eval(), b"\7" * 32, lambda done, total: None)
    assert len(rollouts) == 8
    assert {verifier.reward(one.problem, one.tokens) for one in rollouts} == {250_000}
    assert [one.reward for one in rollouts] == [250_000] * 8


def test_a_built_in_environment_needs_no_process() -> None:
    assert isinstance(open_environment(SORTING), Sorting)


@pytest.mark.parametrize("fault", ["raise", "nan", "memory"])
def test_a_rubric_that_raises_or_has_no_number_earns_nothing(echo_package: str, fault: str) -> None:
    environment = failing(fault)
    assert environment.reward(1, (ord("1"), text.END)) == 0
    # It is up still: what it raises is an answer.
    assert text.render(environment.prompt(2)) == "say 2"
    environment.close()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("hang", "no answer within"),
        ("exit", "ended without an answer"),
        ("flood", "answered"),
        ("nest", "answered what is no JSON"),
    ],
)
def test_a_failing_process_is_killed_and_the_next_question_starts_another(
    echo_package: str, monkeypatch: pytest.MonkeyPatch, fault: str, message: str
) -> None:
    environment = failing(fault)
    environment.prompt(1)
    patience = 1.0 if fault == "hang" else HANG_SECONDS
    with monkeypatch.context() as patch:
        patch.setattr(environment._process, "_answer_seconds", patience)
        with pytest.raises(EnvironmentFailed, match=message):
            environment.reward(1, (ord("1"), text.END))
    assert text.render(environment.prompt(4)) == "say 4"
    environment.close()


def test_what_cannot_be_opened_is_a_mistake_of_the_operator(echo_package: str) -> None:
    with pytest.raises(ConfigError, match="no such data"):
        check_environment(reference(fault="opening"))
    with pytest.raises(ConfigError, match="has no items"):
        check_environment(reference(size=0))
    with pytest.raises(ConfigError, match="prompt_tokens = 2"):
        check_environment(dataclasses.replace(REFERENCE, prompt_tokens=2))


@pytest.mark.parametrize(
    ("package", "id_", "message"),
    [
        ("echo-environment==2.2", "echo/any", "2.1 is installed: pip install echo-environment==2.2"),
        ("no-such-environment==1", "echo/any", "nothing is installed"),
        ("echo-environment==2.1", "other/any", "no installed distribution opens other"),
    ],
)
def test_another_version_or_none_says_what_to_install(
    echo_package: str, package: str, id_: str, message: str
) -> None:
    with pytest.raises(Rejected, match=message) as refused:
        open_environment(dataclasses.replace(REFERENCE, package=package, id=id_))
    assert refused.value.reason is Reason.UNKNOWN_ENVIRONMENT


def test_an_environment_without_an_answer_cannot_teach_by_example(echo: Installed) -> None:
    echo._item = lambda problem: (0, (text.BEGIN,), (text.END,))  # type: ignore[assignment]  # its cache
    with pytest.raises(EnvironmentFailed, match="no answer"):
        echo.answer(0)


def test_an_item_without_texts_is_a_failure() -> None:
    with pytest.raises(EnvironmentFailed, match="item 7 has no question"):
        installed._texts({"question": 5, "answer": ""}, 7)


def timed(fault: str, seconds: int) -> Installed:
    chosen = dataclasses.replace(reference(fault=fault), score_seconds=seconds)
    return Installed(chosen, EnvironmentProcess(chosen.id, chosen.arguments, HANG_SECONDS))


def test_a_completion_that_takes_too_long_earns_nothing_for_node_and_verifier(
    echo_package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "MARGIN", 2)
    monkeypatch.setattr(process, "END_SECONDS", HANG_SECONDS)
    environment = timed("spin", 1)
    assert environment.reward(1, (ord("1"), text.END)) == 0
    assert environment.accepted(1, (ord("1"), text.END), 1_000_000) == (0,)
    assert environment.accepted(1, (ord("1"), text.END), 0) == (0,)
    quick = tuple(b"quick")
    assert environment.reward(1, quick) == 250_000
    assert environment.accepted(1, quick, 250_000) == (250_000,)
    environment.close()


def test_near_the_limit_nobody_is_blamed(echo_package: str) -> None:
    environment = timed("slow", 1)
    assert environment.reward(1, (ord("1"), text.END)) == 1_000_000
    assert environment.accepted(1, (ord("1"), text.END), 1_000_000) == (1_000_000, 0)
    environment.close()


def test_without_a_limit_time_says_nothing(echo_package: str) -> None:
    environment = timed("slow", 0)
    assert environment.accepted(1, (ord("1"), text.END), 1_000_000) == (1_000_000,)
    environment.close()


@pytest.mark.parametrize(("seconds", "package"), [(61, REFERENCE.package), (1, "")])
def test_a_limit_nobody_can_keep_is_refused(seconds: int, package: str) -> None:
    chosen = dataclasses.replace(REFERENCE if package else SORTING, score_seconds=seconds)
    with pytest.raises(Rejected, match="score_seconds"):
        TaskSpec.from_bytes(dataclasses.replace(example_spec(), environment=chosen).to_bytes())
