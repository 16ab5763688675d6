"""Which engine computes a task's model, by the first part of its architecture; and what else may run it here.

A node samples and a verifier prefills with the engine itself, on PyTorch, or with vLLM. The operator chooses; nobody
else can tell.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from cupel.protocol.config import ConfigError
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.transformers_engine import PREFIX, TransformersPolicy, head_channels
from cupel.protocol.model.vllm_loading import PROCESSOR_HEAD_CHANNELS, computes_heads
from cupel.protocol.spec.task import ModelShape

TORCH: Final = "torch"
VLLM: Final = "vllm"


def new_policy(shape: ModelShape) -> Policy:
    """A policy of this shape, with weights to be replaced.

    Rejected(TASK_SPEC) for a shape no engine builds, ConfigError for an engine that is not installed.
    """
    return TransformersPolicy(shape) if shape.architecture.startswith(PREFIX) else TinyPolicy(shape)


def check_engine(engine: str, shape: ModelShape) -> None:
    """ConfigError unless this machine can run such a model with the engine, TORCH or VLLM."""
    if engine == TORCH:
        return
    if engine != VLLM:
        raise ConfigError("engine", f"{engine!r} is no engine", f"Use {TORCH} or {VLLM}")
    if not shape.architecture.startswith(PREFIX):
        problem = f"{VLLM} does not compute {shape.architecture}"
        raise ConfigError("engine", problem, f"Set engine = {TORCH!r}, or join a task of {PREFIX}…")
    channels = head_channels(shape)
    if not computes_heads(channels):
        known = ", ".join(map(str, PROCESSOR_HEAD_CHANNELS))
        problem = (
            f"{VLLM} on the processor has no attention for heads of {channels} channels, only of {known}"
        )
        raise ConfigError("engine", problem, f"Set engine = {TORCH!r}, or run {VLLM} on a GPU")
    if find_spec("vllm") is None:
        remedy = f"Install it in an environment of its own (docs/engines.md), or set engine = {TORCH!r}"
        raise ConfigError("engine", "the package vllm is not installed", remedy)
