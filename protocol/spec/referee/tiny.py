"""The project's small policy on the referee's integers: `cupel.protocol.model.tiny`, operator by operator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cupel.protocol.spec.referee.fixed import Integers, saturate, widen
from cupel.protocol.spec.referee.operators import (
    Norm,
    add,
    attend,
    epsilon_units,
    linear,
    normalise,
    rectify,
)
from cupel.protocol.spec.referee.trace import Kind, Listener
from cupel.protocol.spec.task import ModelShape

Tensors = Mapping[str, Integers]
"""Canonical integers by name, in units of 2^-20."""
EPSILON_BILLIONTHS = 10_000


def hidden_states(shape: ModelShape, tensors: Tensors, tokens: Integers, listener: Listener) -> Integers:
    """Final-norm states of one sequence of tokens [T]: activations [T, width]."""
    positions = np.arange(len(tokens))
    stream = saturate(
        widen(tensors["token_embedding.weight"][tokens])
        + widen(tensors["position_embedding.weight"][positions])
    )
    listener.rows(Kind.EMBED, stream)
    for layer in range(shape.layers):
        stream = _block(shape, tensors, f"blocks.{layer}.", stream, listener)
    return normalise(stream, _norm(tensors, "final_norm"), listener)


def _block(
    shape: ModelShape, tensors: Tensors, prefix: str, stream: Integers, listener: Listener
) -> Integers:
    width = shape.width // shape.heads
    normed = normalise(stream, _norm(tensors, prefix + "attention_norm"), listener)
    mixed = linear(normed, tensors[prefix + "attention_in.weight"], None, listener)
    query, keys, values = np.split(mixed, 3, axis=1)
    heads = [slice(start, start + width) for start in range(0, shape.width, width)]
    read = [attend(query[:, head], keys[:, head], values[:, head], listener) for head in heads]
    out = linear(np.concatenate(read, axis=1), tensors[prefix + "attention_out.weight"], None, listener)
    stream = add(stream, out, listener)
    normed = normalise(stream, _norm(tensors, prefix + "feed_norm"), listener)
    fed = rectify(linear(normed, tensors[prefix + "feed_in.weight"], None, listener), listener)
    return add(stream, linear(fed, tensors[prefix + "feed_out.weight"], None, listener), listener)


def _norm(tensors: Tensors, name: str) -> Norm:
    return Norm(tensors[f"{name}.weight"], epsilon_units(EPSILON_BILLIONTHS), tensors[f"{name}.bias"])
