"""Trainer states on disk: the one that goes with the last update the chain has, whatever a crash came in between.

Two files take turns. A state counts once its round's commitment is on the chain; until then the one before it is kept,
so a round that is done again, or was never committed to, loses nothing of what the last published update left out.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cupel.node.journal import Journal
from cupel.node.training.state import TrainerState, fresh_state, state_from_bytes, state_to_bytes

_FILES: Final = ("trainer-0", "trainer-1")


class SavedStates:
    """The trainer states of one task."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._spare = _FILES[0]

    def load(self, committed: Collection[int], num_parameters: int) -> TrainerState:
        """State after the latest of the rounds `committed` to that one was saved of; fresh without any.

        DamagedState for a file of another model.
        """
        found = {
            name: state_from_bytes(data, num_parameters)
            for name in _FILES
            if (data := self._journal.load(name)) is not None
        }
        usable = [name for name, state in found.items() if state.round in committed]
        if not usable:
            return fresh_state(num_parameters)
        newest = max(usable, key=lambda name: found[name].round)
        self._spare = _FILES[1 - _FILES.index(newest)]
        return found[newest]

    def save(self, state: TrainerState) -> None:
        """Keep the state of a round, in place of the one that `load` did not give."""
        self._journal.save(self._spare, state_to_bytes(state))
