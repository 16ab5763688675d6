"""The tensors of the built-in policy, without PyTorch: what a checkpoint's reader has to know.

`tiny.py` builds the same tensors; a test compares the two. Asking PyTorch for them (its `meta` device) would load 800
modules more in every process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.manifest import TensorShape
from cupel.protocol.spec.task import ModelShape

ARCHITECTURE: Final = "cupel/tiny-transformer-v1"
# A task's document is a stranger's: bounds what building its model may cost.
MAX_DIMENSION: Final = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """A policy's tensors sorted by name, as its manifest lists them: the order of every flat array."""

    tensors: tuple[TensorShape, ...]

    @property
    def num_parameters(self) -> int:
        """Length of every flat array."""
        return sum(tensor.num_parameters for tensor in self.tensors)

    def split(self, flat: npt.NDArray[np.generic]) -> dict[str, npt.NDArray[np.generic]]:
        """Views of `flat` [parameters], one per tensor, in order."""
        ends = np.cumsum([tensor.num_parameters for tensor in self.tensors])
        pieces = np.split(flat, ends[:-1])
        return {
            tensor.name: piece.reshape(tensor.shape)
            for tensor, piece in zip(self.tensors, pieces, strict=True)
        }


def check_shape(shape: ModelShape) -> None:
    """Rejected(TASK_SPEC) unless `shape` is a `TinyPolicy` of sane size."""
    if shape.architecture != ARCHITECTURE:
        raise Rejected(Reason.TASK_SPEC, f"architecture {shape.architecture!r} is not {ARCHITECTURE!r}")
    for name in ("vocabulary", "layers", "width", "heads", "feed_forward", "positions"):
        if not 1 <= getattr(shape, name) <= MAX_DIMENSION:
            raise Rejected(
                Reason.TASK_SPEC, f"model {name} {getattr(shape, name)}, 1 to {MAX_DIMENSION} allowed"
            )
    if shape.width % shape.heads:
        raise Rejected(Reason.TASK_SPEC, f"width {shape.width} does not divide into {shape.heads} heads")


def layout_of(shape: ModelShape) -> Layout:
    """Layout of the policy of a task. Rejected(TASK_SPEC), ConfigError as `engines.new_policy`."""
    if shape.architecture.startswith("transformers/"):
        # Only the package knows its models' parameters.
        from cupel.protocol.model.transformers_engine import transformers_layout

        return transformers_layout(shape)
    check_shape(shape)
    width, feed_forward = shape.width, shape.feed_forward
    tensors: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (shape.vocabulary, width),
        "position_embedding.weight": (shape.positions, width),
        "final_norm.weight": (width,),
        "final_norm.bias": (width,),
        "head.weight": (shape.vocabulary, width),
    }
    for layer in range(shape.layers):
        tensors |= {
            f"blocks.{layer}.attention_norm.weight": (width,),
            f"blocks.{layer}.attention_norm.bias": (width,),
            f"blocks.{layer}.attention_in.weight": (3 * width, width),
            f"blocks.{layer}.attention_out.weight": (width, width),
            f"blocks.{layer}.feed_norm.weight": (width,),
            f"blocks.{layer}.feed_norm.bias": (width,),
            f"blocks.{layer}.feed_in.weight": (feed_forward, width),
            f"blocks.{layer}.feed_out.weight": (width, feed_forward),
        }
    return Layout(tuple(TensorShape(name, tensors[name]) for name in sorted(tensors)))
