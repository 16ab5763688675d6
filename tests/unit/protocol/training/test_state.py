"""The trainer's state as a file: what a stranger hands over is read or refused."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from cupel.protocol.training.state import DamagedState, fresh_state, state_from_bytes, state_to_bytes


def test_a_file_gives_its_state_back() -> None:
    file = state_to_bytes(fresh_state(5))
    assert state_to_bytes(state_from_bytes(file, 5)) == file


@pytest.mark.parametrize(
    "steps",
    [np.array([np.nan]), np.array([np.inf]), np.array([2.5]), np.array([-1]), np.array([1], np.uint8)],
)
def test_steps_are_a_count(steps: np.ndarray) -> None:
    arrays = load(state_to_bytes(fresh_state(5)))
    with pytest.raises(DamagedState, match="no count"):
        state_from_bytes(save({**arrays, "steps": steps}), 5)
