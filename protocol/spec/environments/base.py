"""An environment: prompts from problem numbers, rewards from completions. Pure, so that a reward is law.

`get_environment` resolves a TaskSpec's reference to one that is built in; an environment changes its version when any
output changes. Others are installed: `cupel.protocol.environments`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, runtime_checkable

from cupel.protocol.spec.assignment import Assigned
from cupel.protocol.spec.environments.arithmetic import Arithmetic
from cupel.protocol.spec.environments.guessing import Guessing
from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.recipe import SFT
from cupel.protocol.spec.task import EnvironmentRef, TaskParams, TaskSpec


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
        """Length of the longest right answer given without further words, end token included."""

    @property
    def target_tokens(self) -> range:
        """Ids that mean nothing else: the one at place i says that target length i of the task is asked for."""

    def prompt(self, problem: int) -> tuple[int, ...]:
        """Token ids of the problem's prompt."""

    def answer(self, problem: int) -> tuple[int, ...]:
        """Token ids of a right answer, end token included: what supervised training shows."""

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """Reward of a completion (end token included), in millionths."""

    def render(self, tokens: Sequence[int]) -> str:
        """Tokens as text, for people."""


@runtime_checkable
class Dialogue(Environment, Protocol):
    """An environment that replies, and is answered again: `spec.dialogue` has the rules."""

    @property
    def turns(self) -> int:
        """Most turns of the policy, 2 or more."""

    @property
    def turn_tokens(self) -> int:
        """Most tokens of a turn, its end token included."""

    @property
    def reply_tokens(self) -> int:
        """Most tokens of a reply."""

    def reply(self, problem: int, turns: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """Token ids of what the environment says after these turns, end tokens included; none if it is done."""


SORTING: Final = EnvironmentRef("cupel/sorting", 1)
ARITHMETIC: Final = EnvironmentRef("cupel/arithmetic", 1)
GUESSING: Final = EnvironmentRef("cupel/guessing", 1)
BUILT_IN: Final[dict[EnvironmentRef, Callable[[], Environment]]] = {
    SORTING: Sorting,
    ARITHMETIC: Arithmetic,
    GUESSING: Guessing,
}


def get_environment(reference: EnvironmentRef) -> Environment:
    """The environment a task names. Rejected(UNKNOWN_ENVIRONMENT) if this build does not have it."""
    try:
        return BUILT_IN[reference]()
    except KeyError:
        known = ", ".join(f"{known.id} v{known.version}" for known in BUILT_IN)
        detail = f"{reference.id} v{reference.version} is not installed (known: {known})"
        raise Rejected(Reason.UNKNOWN_ENVIRONMENT, detail) from None


def assigned_prompt(environment: Environment, assigned: Assigned) -> tuple[int, ...]:
    """Token ids of a rollout's prompt: the problem's, behind the target length where one is assigned."""
    prompt = environment.prompt(assigned.problem)
    return prompt if assigned.target is None else (environment.target_tokens[assigned.target], *prompt)


def longest_dialogue(dialogue: Dialogue) -> int:
    """Tokens of the longest one."""
    return dialogue.turns * dialogue.turn_tokens + (dialogue.turns - 1) * dialogue.reply_tokens


def check_fit(params: TaskParams, spec: TaskSpec, environment: Environment) -> None:
    """Whether model, environment, lengths and reward rule of a task go together. Rejected(TASK_PARAMETERS)."""
    num_targets = 0 if spec.length is None else spec.length.num_targets
    prompt_tokens = environment.prompt_tokens + (spec.length is not None)
    dialogue = environment if isinstance(environment, Dialogue) else None
    problems = {
        "the model has another vocabulary than the environment": (
            spec.model.vocabulary != environment.vocabulary
        ),
        "the model has too few positions for a prompt and the longest completion": (
            prompt_tokens + params.max_tokens - 1 > spec.model.positions
        ),
        f"the environment can state {len(environment.target_tokens)} target lengths": (
            num_targets > len(environment.target_tokens)
        ),
        "the longest answer of supervised training has more tokens than a completion": (
            spec.recipe.objective == SFT and environment.max_tokens > params.max_tokens
        ),
        "a completion has fewer tokens than all turns and replies of a dialogue": (
            dialogue is not None and params.max_tokens < longest_dialogue(dialogue)
        ),
        "supervised training shows one answer, and the environment asks for several turns": (
            dialogue is not None and spec.recipe.objective == SFT
        ),
        "spec.length counts the tokens of one answer, and the environment asks for several turns": (
            dialogue is not None and spec.length is not None
        ),
        # The rule would convict whoever commits to the environment's reward.
        "a reward rule is named, and no contract computes this environment's reward": (
            int(params.reward_rule.code, 16) != 0 and spec.environment != SORTING
        ),
    }
    for problem, present in problems.items():
        if present:
            raise Rejected(Reason.TASK_PARAMETERS, problem)
