"""Environments of the packages that creators know, where they are installed: docs/environments.md has the command."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.environments.installed import Installed, InstalledDialogue, check_environment
from cupel.protocol.spec.dialogue import read_spans
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


TALK = """
import verifiers.v1 as vf

class Data(vf.TaskData):
    number: int

class Guess(vf.Task[Data]):
    @vf.reward(weight=1.0)
    async def found(self, trace) -> float:
        said = [message.content for message in trace.assistant_messages]
        return 1.0 / len(said) if said[-1] == str(self.data.number) else 0.0

class Guesses(vf.Taskset[Guess, vf.TasksetConfig]):
    def load(self):
        for number in range(10):
            yield Guess(Data(prompt=None, system_prompt="Guess.", number=number), self.config.task)

class GuessesEnv(vf.SingleAgentEnv):
    async def run(self, task, agents):
        said = "a digit?"
        async with agents.agent.interaction(task) as talk:
            while True:
                segment = await talk.turn(said)
                if segment.terminated or segment.last_reply == str(task.data.number):
                    break
                if segment.last_reply == "break":
                    raise RuntimeError("out of order")
                said = "more" if segment.last_reply < str(task.data.number) else "less"

__all__ = ["Guesses", "GuessesEnv"]
"""


def opened(
    id_: str, package: str, prompt_tokens: int = 200, turns: int = 1, **arguments: object
) -> Installed:
    pinned, given = f"{package}=={version(package)}", canonical_json(arguments).decode()
    reference = EnvironmentRef(id_, 1, pinned, given, prompt_tokens, answer_tokens=24)
    if turns > 1:
        reference = dataclasses.replace(reference, turns=turns, reply_tokens=8)
    environment = check_environment(reference)
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
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    environment = opened("verifiers/cupel-sums", "verifiers", terms=3, limit=10)
    assert text.render(environment.prompt(4)) == "4+1+1"
    assert environment.reward(4, environment.answer(4)) == 1_000_000
    assert environment.reward(4, (*b"7", text.END)) == 250_000
    assert environment.reward(4, (*b"seven", text.END)) == 0
    environment.close()


def test_an_environment_of_verifiers_talks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own `run` scripts the user; nodes and verifiers get each reply by playing it again."""
    pytest.importorskip("verifiers")
    (tmp_path / "cupel_guesses.py").write_text(TALK)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    environment = opened("verifiers/cupel-guesses", "verifiers", turns=3)
    assert isinstance(environment, InstalledDialogue)
    assert text.render(environment.prompt(7)) == "Guess.\n\na digit?"

    def said(*turns: str) -> list[tuple[int, ...]]:
        return [(*turn.encode(), text.END) for turn in turns]

    assert text.render(environment.reply(7, said("5"))) == "more"
    assert text.render(environment.reply(7, said("5", "8"))) == "less"
    assert environment.reply(7, said("7")) == ()
    assert environment.reply(7, said("break")) == (), "what raises has said all it has to say"
    first, second = said("5", "7")
    whole = (*first, *environment.reply(7, [first]), *second)
    assert read_spans(environment, 7, whole) == (2, 5, 2)
    assert environment.reward(7, whole) == 500_000
    assert environment.reward(7, second) == 1_000_000
    assert environment.reward(7, first) == 0, "no dialogue of this environment ends here"
    environment.close()


def test_a_taskset_that_does_not_reply_is_no_dialogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("verifiers")
    (tmp_path / "cupel_sums.py").write_text(TASKSET)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(ConfigError, match="no environment that replies"):
        opened("verifiers/cupel-sums", "verifiers", turns=2)
