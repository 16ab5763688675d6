"""Which engine computes a task's model: by the first part of its architecture."""

from __future__ import annotations

from cupel.protocol.model.policy import Policy
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.transformers_engine import PREFIX, TransformersPolicy
from cupel.protocol.spec.task import ModelShape


def new_policy(shape: ModelShape) -> Policy:
    """A policy of this shape, with weights to be replaced.

    Rejected(TASK_SPEC) for a shape no engine builds, ConfigError for an engine that is not installed.
    """
    return TransformersPolicy(shape) if shape.architecture.startswith(PREFIX) else TinyPolicy(shape)
