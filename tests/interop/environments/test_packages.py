"""Environments of the packages that creators know, where they are installed: docs/environments.md has the command."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from cupel.protocol.environments.installed import Installed, check_environment
from cupel.protocol.spec.encoding import canonical_json
from cupel.protocol.spec.environments import text
from cupel.protocol.spec.task import EnvironmentRef

TASKSET = """
import verifiers.v1 as vf

class Data(vf.TaskData):
    answer: str

class Sum(vf.Task[Data]):
    @vf.reward(weight=0.75)
    async def right(self, trace) -> float:
        return float(trace.last_reply == self.data.answer)

    @vf.reward(weight=0.25)
    async def short(self, trace) -> float:
        return float(len(trace.last_reply) < 4)

class SumsConfig(vf.TasksetConfig):
    terms: int = 2

class Sums(vf.Taskset[Sum, SumsConfig]):
    def load(self):
        for first in range(20):
            prompt = "+".join([str(first), *["1"] * (self.config.terms - 1)])
            yield Sum(Data(prompt=prompt, answer=str(eval(prompt))), self.config.task)

__all__ = ["Sums"]
"""


def opened(id_: str, package: str, prompt_tokens: int = 200, **arguments: object) -> Installed:
    pinned = f"{package}=={version(package)}"
    environment = check_environment(
        EnvironmentRef(id_, 1, pinned, canonical_json(arguments).decode(), prompt_tokens, answer_tokens=24)
    )
    assert isinstance(environment, Installed)
    return environment


@pytest.fixture(params=["basic_arithmetic", "spell_backward", "leg_counting", "gcd"])
def data_set(request: pytest.FixtureRequest) -> Iterator[Installed]:
    pytest.importorskip("reasoning_gym")
    environment = opened(f"reasoning-gym/{request.param}", "reasoning-gym", prompt_tokens=400)
    yield environment
    environment.close()


def test_the_right_answer_of_a_reasoning_gym_item_earns_all(data_set: Installed) -> None:
    prompts = {text.render(data_set.prompt(problem)) for problem in range(5)}
    assert len(prompts) == 5
    for problem in range(5):
        assert data_set.reward(problem, data_set.answer(problem)) == 1_000_000
        assert data_set.reward(problem, (*b"no idea", text.END)) < 1_000_000


def test_two_processes_give_the_same_items() -> None:
    pytest.importorskip("reasoning_gym")
    first, second = (opened("reasoning-gym/word_sorting", "reasoning-gym", 600, seed=7) for _ in range(2))
    assert [first.prompt(problem) for problem in range(8)] == [second.prompt(problem) for problem in range(8)]
    first.close()
    second.close()


def test_a_taskset_of_verifiers_asks_and_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("verifiers")
    (tmp_path / "cupel_sums.py").write_text(TASKSET)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    environment = opened("verifiers/cupel-sums", "verifiers", terms=3, limit=10)
    assert text.render(environment.prompt(4)) == "4+1+1"
    assert environment.reward(4, environment.answer(4)) == 1_000_000
    assert environment.reward(4, (*b"7", text.END)) == 250_000
    assert environment.reward(4, (*b"seven", text.END)) == 0
    environment.close()
