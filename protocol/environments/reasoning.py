"""Data sets of the `reasoning-gym` distribution: `id = "reasoning-gym/DATASET"`, arguments as its configuration's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Items are made when asked for, so a data set is as large as a problem number reaches.
_SIZE: Final = 2**31 - 1


class ReasoningGym:
    """One procedural data set."""

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        from reasoning_gym import create_dataset

        # Without a seed the package draws one, and no two machines would have the same problems.
        self._data = create_dataset(name, **{"seed": 0, "size": _SIZE, **arguments})
        self.size = len(self._data)

    def question(self, item: int) -> str:
        """As `Environment.question`."""
        return str(self._data[item]["question"])

    def answer(self, item: int) -> str:
        """As `Environment.answer`."""
        return str(self._data[item]["answer"] or "")

    def score(self, item: int, completion: str) -> float:
        """As `Environment.score`."""
        return float(self._data.score_answer(completion, self._data[item]))
