"""The trainer's state that a restart finds is that of the last update on the chain."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cupel.node.journal import Journal
from cupel.node.training.saved import SavedStates
from cupel.node.training.state import DamagedState, TrainerState, fresh_state


def state_of(round_index: int) -> TrainerState:
    """With the round's number in everything."""
    fresh = fresh_state(4)
    remainder = np.full(4, round_index, dtype=np.float32)
    return dataclasses.replace(fresh, remainder=remainder, steps=10 * round_index, round=round_index)


def restarted(folder: Path, committed: set[int]) -> int:
    """Round of the state that a new process finds."""
    state = SavedStates(Journal(folder)).load(committed, 4)
    assert state.steps == max(0, 10 * state.round)
    return state.round


def test_what_was_never_committed_to_is_forgotten(tmp_path: Path) -> None:
    assert restarted(tmp_path, set()) == -1
    states, committed = SavedStates(Journal(tmp_path)), set[int]()
    for round_index, is_committed in enumerate([True, True, False, False, True]):
        assert states.load(committed, 4).round == max(committed, default=-1)
        states.save(state_of(round_index))
        # Killed before the commitment: the round starts from the same state again, as often as it takes.
        assert restarted(tmp_path, committed) == max(committed, default=-1)
        states.load(committed, 4)
        states.save(state_of(round_index))
        if is_committed:
            committed.add(round_index)
        assert restarted(tmp_path, committed) == max(committed, default=-1)


def test_a_state_of_another_model_is_damage(tmp_path: Path) -> None:
    SavedStates(Journal(tmp_path)).save(state_of(0))
    with pytest.raises(DamagedState):
        SavedStates(Journal(tmp_path)).load({0}, 5)
