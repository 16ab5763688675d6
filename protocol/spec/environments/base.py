"""An environment: prompts from problem numbers, rewards from completions. Pure, so that a reward is law.

`get_environment` resolves a TaskSpec's reference; an environment changes its version when any output changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import EnvironmentRef


class Environment(Protocol):
    """What a task trains on."""

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""

    @property
    def end_token(self) -> int:
        """Id that ends a completion."""

    @property
    def prompt_tokens(self) -> int:
        """Length of every prompt in tokens."""

    @property
    def max_tokens(self) -> int:
        """Length of the longest completion that can be right, end token included."""

    def prompt(self, problem: int) -> tuple[int, ...]:
        """Token ids of the problem's prompt."""

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """Reward of a completion (end token included), in millionths."""

    def render(self, tokens: Sequence[int]) -> str:
        """Tokens as text, for people."""


_REGISTRY: Final[dict[tuple[str, int], Callable[[], Environment]]] = {("cupel/sorting", 1): Sorting}


def get_environment(reference: EnvironmentRef) -> Environment:
    """The environment a task names. Rejected(UNKNOWN_ENVIRONMENT) if this build does not have it."""
    try:
        return _REGISTRY[reference.id, reference.version]()
    except KeyError:
        known = ", ".join(f"{name} v{version}" for name, version in _REGISTRY)
        detail = f"{reference.id} v{reference.version} is not installed (known: {known})"
        raise Rejected(Reason.UNKNOWN_ENVIRONMENT, detail) from None
