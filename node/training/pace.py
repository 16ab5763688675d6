"""How many inner steps a trainer does where the recipe lets slow nodes do fewer: as many as the round has time for.

Decided again after every step, by `another_fits`, and not once beforehand: the first step says how fast this machine is
on this round's rollouts, and each later one whether it still is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cupel.protocol.spec.diloco.pace import another_fits
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.training.trainer import Steps, exactly


def steps_in_time(recipe: Recipe, now: Callable[[], float], deadline: float | None) -> Steps:
    """The steps of one round. now: seconds of any clock; deadline: on that clock, None if there is none."""
    if not recipe.least_inner_steps or deadline is None:
        return exactly(recipe.inner_steps)
    return Steps(recipe.least_inner_steps, recipe.inner_steps, _Timed(now, deadline).another_fits)


class _Timed:
    """Times the steps of one round from the first on."""

    def __init__(self, now: Callable[[], float], deadline: float) -> None:
        self._now: Final = now
        self._deadline: Final = deadline
        self._began = self._last = now()

    def another_fits(self, done: int) -> bool:
        """See `Steps.another_fits`."""
        last, self._last = self._last, self._now()
        if done == 0:
            self._began = self._last
            return True
        return another_fits(self._last - self._began, self._last - last, self._deadline - self._began)
