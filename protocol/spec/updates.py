"""The form of a task's updates."""

from __future__ import annotations

import numpy as np

from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.codec import Codec, get_codec
from cupel.protocol.spec.task import TaskSpec


def codec_of(spec: TaskSpec) -> Codec:
    """What a task's updates travel in."""
    return get_codec(spec.aggregation.codec)


def max_exponent_of(spec: TaskSpec) -> int:
    """Largest block exponent of a task's updates."""
    return spec.recipe.max_exponent_offset + MIN_EXPONENT


def empty_update(spec: TaskSpec, num_parameters: int) -> Update:
    """The update of a node that has nothing to add."""
    update, _ = codec_of(spec).encode(np.zeros(num_parameters, dtype=np.float32), max_exponent_of(spec))
    return update
