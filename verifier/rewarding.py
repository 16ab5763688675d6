"""Rewards of one submission, computed in the sandbox: all at once, when the first is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from cupel.protocol.spec.environments.base import Environment, get_environment
from cupel.protocol.spec.task import EnvironmentRef
from cupel.verifier.checks.base import FetchedSubmission
from cupel.verifier.sandbox import Limits, rewards


def environment_reward(problem: int, tokens: Sequence[int], name: str, version: int) -> int:
    """What an environment gives; runs in the sandbox."""
    return get_environment(EnvironmentRef(name, version)).reward(problem, tokens)


class SandboxedEnvironment:
    """An environment whose reward function runs in a process with limits; everything else as it is."""

    def __init__(self, submission: FetchedSubmission, limits: Limits) -> None:
        self._inner: Environment = submission.rules.environment
        self._submission = submission
        self._limits = limits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """As the environment's. SandboxFailure, which says nothing about the node."""
        return self._rewards[problem, tuple(tokens)]

    @cached_property
    def _rewards(self) -> dict[tuple[int, tuple[int, ...]], int]:
        reference = self._submission.rules.spec.environment
        work = tuple({(one.problem, one.tokens): None for one in self._submission.rollouts})
        function = f"{__name__}:{environment_reward.__name__}"
        answers = rewards(function, work, self._limits, (reference.id, reference.version))
        return dict(zip(work, answers, strict=True))
