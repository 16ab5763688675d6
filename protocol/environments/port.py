"""What an installed environment offers: items with questions, and scores for what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

ENTRY_POINTS: Final = "cupel.environments"
"""A distribution that brings an environment names its opener here; `id` in a task is `NAME/REST`."""


class Environment(Protocol):
    """A set of items, the same on every machine that has the same distribution."""

    @property
    def size(self) -> int:
        """Number of items."""

    def question(self, item: int) -> str:
        """The text that a policy is asked."""

    def answer(self, item: int) -> str:
        """A right answer; empty if the environment has none to show."""

    def score(self, item: int, completion: str) -> float:
        """From 0 to 1, the same for the same completion."""


class Dialogue(Protocol):
    """A set of items that are talked about: the policy's turns as texts, the environment's replies between them.

    As `Environment`, but what is scored are the turns. It keeps nothing of one dialogue for the next question: it is
    asked about whole dialogues, in any order, by whoever generates and whoever checks.
    """

    @property
    def size(self) -> int:
        """Number of items."""

    def question(self, item: int) -> str:
        """The text that a policy is asked."""

    def answer(self, item: int) -> str:
        """Nothing: no answer to a dialogue is shown."""

    def reply(self, item: int, turns: Sequence[str]) -> str | None:
        """What is said after these turns, 1 or more; None, or no text, if that is all."""

    def score(self, item: int, turns: Sequence[str]) -> float:
        """From 0 to 1, the same for the same turns."""


@runtime_checkable
class Timed(Protocol):
    """An environment, as a task sees it, whose scores may take too long."""

    def accepted(self, problem: int, tokens: Sequence[int], claimed: int) -> tuple[int, ...]:
        """Rewards, millionths, that nobody can be blamed for claiming, more than one near the limit of time.

        What is claimed says how long to look: nothing is right for all that takes long.
        """


Opener = Callable[[str, Mapping[str, Any]], Environment | Dialogue]
"""From what follows the name in a task's `id`, and its arguments."""
