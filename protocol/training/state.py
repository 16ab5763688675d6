"""What a node's trainer keeps from round to round, and the file it survives a restart in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.codec import Codec

_ARRAYS: Final = ("first_moment", "second_moment", "remainder")


class DamagedState(Exception):
    """The file is not a trainer state of this task; training can start again from a fresh one."""


@dataclass(frozen=True, slots=True)
class TrainerState:
    """AdamW's two moments, what quantisation left out of the last update (each float32 [parameters]), and how many
    inner steps are behind them."""

    first_moment: npt.NDArray[np.float32]
    second_moment: npt.NDArray[np.float32]
    remainder: npt.NDArray[np.float32]
    steps: int


def fresh_state(num_parameters: int) -> TrainerState:
    """State of a node that has not trained yet."""
    first, second, remainder = (np.zeros(num_parameters, dtype=np.float32) for _ in _ARRAYS)
    return TrainerState(first, second, remainder, 0)


def quantise(
    pseudo_gradient: npt.NDArray[np.float32], state: TrainerState, max_exponent: int, codec: Codec
) -> tuple[Update, TrainerState]:
    """The update to publish, and the state with what it leaves out, which the next update makes up for."""
    update, remainder = codec.encode(pseudo_gradient + state.remainder, max_exponent)
    return update, replace(state, remainder=remainder)


def state_to_bytes(state: TrainerState) -> bytes:
    """The state's file (safetensors)."""
    arrays = {name: getattr(state, name) for name in _ARRAYS}
    return save({**arrays, "steps": np.array([state.steps], dtype=np.int64)})


def state_from_bytes(data: bytes, num_parameters: int) -> TrainerState:
    """Inverse of `state_to_bytes`. DamagedState for a torn file or one of another model."""
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedState(f"not a safetensors file: {error}") from None
    if set(arrays) != {*_ARRAYS, "steps"} or arrays["steps"].shape != (1,):
        raise DamagedState(f"unexpected arrays {sorted(arrays)}")
    if arrays["steps"].dtype != np.int64 or arrays["steps"][0] < 0:
        raise DamagedState("steps is no count")
    for name in _ARRAYS:
        if arrays[name].dtype != np.float32 or arrays[name].shape != (num_parameters,):
            raise DamagedState(f"{name} does not fit a model of {num_parameters} parameters")
    first, second, remainder = (arrays[name] for name in _ARRAYS)
    return TrainerState(first, second, remainder, int(arrays["steps"][0]))
