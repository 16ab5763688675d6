"""A task's initial weights: drawn from a seed, or taken from a model's safetensors files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open

from cupel.protocol.config import ConfigError
from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.layout import Layout, layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten
from cupel.protocol.spec.diloco.outer import MAX_WEIGHT, WEIGHT_FRACTION_BITS
from cupel.protocol.spec.task import ModelShape

_WEIGHT_SCALE: Final = 2.0**WEIGHT_FRACTION_BITS
# An engine of `transformers` holds the package's model under this name.
_ENGINE_PREFIX: Final = "model."


def drawn(shape: ModelShape, seed: int) -> bytes:
    """A checkpoint of fresh weights, as the architecture initialises itself, from the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = new_policy(shape)
        if isinstance(policy, TinyPolicy):
            initialise(policy, generator)
    layout = layout_of(shape)
    return checkpoint_to_bytes(genesis(flatten(policy, layout)), layout)


def imported(shape: ModelShape, path: Path) -> bytes:
    """A checkpoint of the weights in a safetensors file, or in all of a folder's; other files are not looked at.

    Tensors are named as the architecture names its own. ConfigError for missing tensors, other shapes, and weights that
    no canonical checkpoint can hold.
    """
    layout = layout_of(shape)
    found = _read(path, layout)
    missing = [tensor.name for tensor in layout.tensors if tensor.name not in found]
    if missing:
        problem = f"{path} lacks {len(missing)} of {len(layout.tensors)} tensors, {missing[0]} the first"
        raise ConfigError("from", problem, "Make spec.model describe that model, tied embeddings included")
    return checkpoint_to_bytes(
        genesis(np.concatenate([found[t.name].reshape(-1) for t in layout.tensors])), layout
    )


def _read(path: Path, layout: Layout) -> Mapping[str, npt.NDArray[np.float32]]:
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(
            "from", f"{path} holds no .safetensors file", "Name the folder of the model's weights"
        )
    wanted = {tensor.name: tensor.shape for tensor in layout.tensors}
    found: dict[str, npt.NDArray[np.float32]] = {}
    for file in files:
        try:
            with safe_open(str(file), framework="pt") as tensors:
                for stored in tensors.keys():  # noqa: SIM118 - not a mapping
                    name = stored if stored in wanted else _ENGINE_PREFIX + stored
                    if name in wanted:
                        found[name] = _checked(name, tensors.get_tensor(stored), wanted[name])
        except (OSError, SafetensorError) as error:
            raise ConfigError("from", f"cannot read {file} ({error})", "Name a safetensors file") from None
    return found


def _checked(name: str, tensor: torch.Tensor, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    if tuple(tensor.shape) != shape:
        problem = f"{name} is {list(tensor.shape)}, spec.model makes it {list(shape)}"
        raise ConfigError("from", problem, "Correct spec.model")
    values: npt.NDArray[np.float32] = tensor.to(torch.float32).numpy()
    greatest = float(np.abs(values).max(initial=0.0))
    if not greatest * _WEIGHT_SCALE <= MAX_WEIGHT:
        problem = f"{name} holds {greatest}, canonical weights lie below {MAX_WEIGHT / _WEIGHT_SCALE:.0f}"
        raise ConfigError("from", problem, "Such a model cannot be a task's; rescale that tensor")
    return values
